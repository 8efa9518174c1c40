"""`appsplus leaderboard` from samples to a site, with the real judge, and what it says of bad submissions."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appsplus.release import data_hash, load_problems

BEST_EFFORT = ("--isolation", "best-effort", "--workers", "1")
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def evaluated(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folders `right` and `wrong`, each with samples of the embedded test split and their results."""
    from appsplus.engine import LocalEngine
    from appsplus.evaluation.evaluate import evaluate
    from appsplus.evaluation.fit import fit
    from appsplus.evaluation.samples import Samples
    from appsplus.evaluation.suite import dataset_suite

    folder = tmp_path_factory.mktemp("evaluated")
    suite = dataset_suite(embedded)
    with LocalEngine(workers=1, isolation="best-effort") as engine:
        for name in ("right", "wrong"):
            (folder / name).mkdir()
            rows = [
                {"problem_id": p.problem_id, "solution": p.canonical_solution if name == "right" else "print(1 / 0)\n"}
                for p in load_problems(embedded, "test")
            ]
            samples_file = folder / name / "samples.jsonl"
            samples_file.write_text("".join(json.dumps(row) + "\n" for row in rows))
            with Samples(samples_file) as samples:
                fitting = fit(suite, samples, [1], partial=False)
                command = f"appsplus evaluate {embedded} --samples samples.jsonl"
                evaluate(suite, samples, fitting, engine, folder / name / "results.json", name=name, command=command)
    return folder


def lie(folder: Path) -> Path:
    """Hand in that every sample was accepted, consistently."""
    results, verdicts = folder / "results.json", folder / "results.verdicts.jsonl"
    rows = [json.loads(line) for line in verdicts.read_text().splitlines()]
    for row in rows:
        row |= {"verdict": "accepted", "passed_tests": row["num_tests"]}
    verdicts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    value = json.loads(results.read_text())
    value["verdicts_file"]["sha256"] = hashlib.sha256(verdicts.read_bytes()).hexdigest()
    for problem in value["problems"].values():
        problem |= {"num_correct": 1, "verdicts": {"accepted": 1}, "test_case_average": 1.0}
    for metric in value["metrics"].values():
        metric |= {"value": 1.0, "low": 1.0, "high": 1.0}
    results.write_text(json.dumps(value))
    return results


def test_results_become_a_site(run: Run, evaluated: Path, embedded: Path, tmp_path: Path) -> None:
    results = [evaluated / name / "results.json" for name in ("right", "wrong")]
    ran = run("leaderboard", *results, "--data", embedded, "--out", tmp_path / "site", "--no-cache", *BEST_EFFORT)
    assert ran.status == 0
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[1] == "1 right 100.0 [100.0, 100.0] 11 of 11".split()
    assert lines[2] == "2 wrong 0.0 [0.0, 0.0] 11 of 11".split()
    assert ran.out.splitlines()[-1] == f"2 models, 0 refused. Open {tmp_path / 'site' / 'index.html'}"
    assert "judging again right: 11 of 11 samples: 11 accepted" in ran.err
    assert "of 27 pages" in ran.err  # 12 tables, 2 models, 11 problems, and two more
    assert (tmp_path / "site" / "models" / "right.html").is_file()


def test_a_lie_is_refused_with_the_evidence_printed_and_written(
    run: Run, evaluated: Path, embedded: Path, tmp_path: Path
) -> None:
    shutil.copytree(evaluated / "wrong", tmp_path / "liar")
    cheat = lie(tmp_path / "liar")
    right = evaluated / "right" / "results.json"
    out = tmp_path / "site"
    ran = run("leaderboard", right, cheat, "--data", embedded, "--out", out, "--no-cache", *BEST_EFFORT)
    assert ran.status == 1
    assert "Refused: liar/results.json (wrong)" in ran.out
    assert "of 11 samples that were judged again, 11 came out differently" in ran.out
    assert (
        "corpus/test/0500, sample 0: claimed accepted (11 of 11 unit tests), found run_time_error (0 of 11)" in ran.out
    )
    assert "and 1 more, in leaderboard.json" in ran.out
    assert "1 models, 1 refused" in ran.out
    index = json.loads((out / "leaderboard.json").read_text())
    assert len(index["refused"][0]["mismatches"]) == 11
    assert "corpus/test/0500, sample 0" in (out / "refused.html").read_text()


def test_without_judging_again_the_site_says_so(run: Run, evaluated: Path, embedded: Path, tmp_path: Path) -> None:
    right = evaluated / "right" / "results.json"
    ran = run("leaderboard", right, "--data", embedded, "--out", tmp_path / "site", "--share", 0, "--json")
    assert ran.status == 0
    answer = json.loads(ran.out)
    assert answer["site"] == str(tmp_path / "site")
    assert answer["rejudged"] == {"share": 0.0, "seed": ""}
    assert answer["rows"][0]["rejudged"] is None
    assert answer["dataset"]["sha256"] == data_hash(embedded)
    page = (tmp_path / "site" / "models" / "right.html").read_text()
    assert "No sample was judged again for this leaderboard." in page


def test_the_dataset_is_found_by_the_command_of_the_results(
    run: Run, evaluated: Path, embedded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = evaluated / "right" / "results.json"
    assert run("leaderboard", right, "--out", tmp_path / "site", "--share", 0).status == 0
    shutil.copytree(evaluated / "right", tmp_path / "moved")
    moved = tmp_path / "moved" / "results.json"
    moved.write_text(moved.read_text().replace(str(embedded), str(tmp_path)))
    ran = run("leaderboard", moved, "--out", tmp_path / "site2", "--share", 0)
    assert ran.status == 2
    assert "name it with --data DIR" in ran.err
    assert not (tmp_path / "site2").exists()


def test_results_of_another_dataset_are_refused_beside_the_others(
    run: Run, evaluated: Path, embedded: Path, tmp_path: Path
) -> None:
    shutil.copytree(evaluated / "wrong", tmp_path / "other")
    other = tmp_path / "other" / "results.json"
    other.write_text(other.read_text().replace(data_hash(embedded), "0" * 64))
    right = evaluated / "right" / "results.json"
    ran = run("leaderboard", right, other, "--data", embedded, "--out", tmp_path / "site", "--share", 0)
    assert ran.status == 1
    assert f"it was judged on the dataset '{embedded.name}' with the hash '{'0' * 64}'" in ran.out
    assert "1 models, 1 refused" in ran.out


def test_a_terminal_is_not_written_to_by_a_name(run: Run, evaluated: Path, embedded: Path, tmp_path: Path) -> None:
    shutil.copytree(evaluated / "right", tmp_path / "right")
    path = tmp_path / "right" / "results.json"
    value = json.loads(path.read_text())
    path.write_text(json.dumps(value | {"name": "\x1b[31m[red]red\u202e", "command": "x\x1b]0;owned\x07"}))
    ran = run("leaderboard", path, "--data", embedded, "--out", tmp_path / "site", "--share", 0)
    assert ran.status == 0
    assert "\x1b" not in ran.out
    assert "[31m[red]red" in ran.out


def test_a_file_that_is_not_there_leaves_the_site_as_it_was(run: Run, evaluated: Path, tmp_path: Path) -> None:
    right = evaluated / "right" / "results.json"
    for path, what in ((tmp_path / "nothing.json", "is no file"), (evaluated, "is a folder")):
        ran = run("leaderboard", right, path, "--out", tmp_path / "site", "--share", 0)
        assert ran.status == 1
        assert f"error: {path} {what}; expected results" in ran.err
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--benchmark", "unheard"], 2, "--benchmark unheard is not known"),
        (["--benchmark", "humaneval"], 2, "--benchmark humaneval needs --data"),
        (["--split", "best"], 1, "has no split 'best'"),
        (["--share", "2"], 2, "--share"),
        (["--out", "/proc/site"], 1, "/proc"),
    ],
)
def test_a_wrong_option_is_told(
    arguments: list[str], status: int, told: str, run: Run, evaluated: Path, tmp_path: Path
) -> None:
    ran = run("leaderboard", evaluated / "right" / "results.json", "--out", tmp_path / "site", *arguments)
    assert ran.status == status
    assert told in ran.err
    assert not (tmp_path / "site").exists()
