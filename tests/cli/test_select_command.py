"""`appsplus select` as its users run it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsplus.release import folder_hash, load_problems, read_manifest

pytest.importorskip("sklearn", reason="selection needs scikit-learn: pip install '.[select]'")

Run = Callable[..., Any]


def test_a_share_of_train_is_kept_and_said(embedded: Path, run: Run, tmp_path: Path) -> None:
    out, given = tmp_path / "half", read_manifest(embedded).counts["splits"]
    ran = run("select", embedded, "--method", "diversity", "--share", 0.5, "--out", out)
    assert ran.status == 0
    kept = round(given["train"] * 0.5 + 0.001)
    assert (
        ran.out.splitlines()[0] == f"Kept {kept} of {given['train']} problems in train; validation and test are whole."
    )
    assert ran.out.splitlines()[-1] == f"hash {folder_hash(out)}"
    assert read_manifest(out).counts["splits"] == {**given, "train": kept}
    left_out = {p.problem_id for p in load_problems(embedded, "train")} - {p.problem_id for p in load_problems(out)}
    told = run("explain", out, min(left_out)).out
    assert told.count("✓ annotated") == 1
    assert "✗ selected    not_selected: the distance to its nearest neighbour" in told
    assert run("stats", out).status == 0


def test_one_json_document_with_the_options(embedded: Path, run: Run, tmp_path: Path) -> None:
    ran = run("select", embedded, "--method", "density", "--share", 0.25, "--out", tmp_path / "q", "--json")
    answer = json.loads(ran.out)
    assert (answer["hash"], answer["options"]["method"]) == (folder_hash(tmp_path / "q"), "density")
    assert answer["kept"] == read_manifest(tmp_path / "q").counts["splits"]["train"]


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--method", "best", "--share", "0.5"], 2, "error: --method best is not known; expected one of diversity"),
        (["--method", "density", "--share", "1.5"], 2, "error: --share must be above 0 and at most 1; got 1.5"),
        (["--method", "density", "--share", "0.001"], 1, "leaves none; raise --share"),
    ],
)
def test_what_cannot_be_is_said_without_a_traceback(
    embedded: Path, run: Run, tmp_path: Path, options: list[str], status: int, words: str
) -> None:
    ran = run("select", embedded, *options, "--out", tmp_path / "out")
    assert (ran.status, ran.out) == (status, "")
    assert words in ran.err
    assert not (tmp_path / "out").exists()
