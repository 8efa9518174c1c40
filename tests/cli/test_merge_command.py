"""`appsplus build --shard I/N` and `appsplus merge`, as their users run them."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from appsplus.release import folder_hash

SMALL = ["train/0000", "train/0911", "train/0941", "train/0910"]  # kept, rejected, repaired
Run = Callable[..., Any]


def test_two_shards_make_the_dataset_of_one_build(
    run: Run, some_of_the_corpus: Callable[[Iterable[str]], Path], tmp_path: Path
) -> None:
    source, cache = some_of_the_corpus(SMALL), tmp_path / "cache"
    options = ["--isolation", "best-effort", "--workers", 2, "--cache-dir", cache]
    told = [run("build", source, "--out", tmp_path / f"{n}", "--shard", f"{n}/2", *options) for n in (1, 2)]
    assert [ran.status for ran in told] == [0, 0]
    assert told[1].out.startswith(f"Shard 2/2: 2 of 4 problems, in {tmp_path / '2'}.\nJudged ")
    assert "appsplus merge FOLDER... --out DATASET" in told[1].out
    merged = run("merge", tmp_path / "2", tmp_path / "1", "--out", tmp_path / "merged", "--json")
    assert merged.status == 0
    assert "merging: 4 of 4 problems" in merged.err
    document = json.loads(merged.out)
    assert [row["shard"] for row in document["manifest"]["run"]["shards"]] == ["1/2", "2/2"]
    whole = run("build", source, "--out", tmp_path / "whole", "--json", *options)
    assert json.loads(whole.out)["manifest"]["run"]["judged"] == 0  # the shards have asked the same questions
    assert document["hash"] == json.loads(whole.out)["hash"] == folder_hash(tmp_path / "merged")


def test_a_merge_ends_with_the_books(
    run: Run, some_of_the_corpus: Callable[[Iterable[str]], Path], tmp_path: Path
) -> None:
    source = some_of_the_corpus(SMALL[:2])
    shard = run("build", source, "--out", tmp_path / "1", "--shard", "1/1", "--isolation", "best-effort", "--json")
    assert json.loads(shard.out)["shard"]["shard"] == "1/1"
    merged = run("merge", tmp_path / "1", "--out", tmp_path / "merged")
    assert "Kept 1 of 2 problems: train 1, validation 0, test 0." in merged.out
    assert f'load_dataset("{tmp_path / "merged"}")' in merged.out


@pytest.mark.parametrize("share", ["0/4", "5/4", "x"])
def test_what_is_no_shard_is_wrong_usage(share: str, run: Run, tmp_path: Path) -> None:
    ran = run("build", "--out", tmp_path / "out", "--shard", share)
    assert ran.status == 2
    assert f"--shard {share}: expected I/N with I from 1 to N" in ran.err
    assert not (tmp_path / "out").exists()


def test_a_dataset_is_no_shard(run: Run, embedded: Path, tmp_path: Path) -> None:
    ran = run("merge", embedded, "--out", tmp_path / "out")
    assert ran.status == 1
    assert "is a dataset, not a shard; expected a folder that `appsplus build --shard I/N" in ran.err
