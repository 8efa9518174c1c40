"""`appsplus evaluate`, `compare` and `results`, as their users run them."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsplus import load_problems
from appsplus.evaluation.results import read_results, read_verdicts, verdicts_path
from appsplus.release import data_hash

BEST_EFFORT = ["--isolation", "best-effort"]
PROBLEMS = Path(__file__).resolve().parents[1] / "problems"  # <problem id>/<verdict it must earn>/<name>.py

Run = Callable[..., Any]


def completion(program: str) -> str:
    return f"Sure! Here is my solution:\n\n```python\n{program}\n```\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, rows: list[dict[str, Any]]) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


@pytest.fixture
def canonical(embedded: Path, write: Callable[..., Path]) -> Path:
    """The canonical solution of every problem of the test split, as a chat model would give it."""
    return write(
        "canonical.jsonl",
        [
            {"problem_id": problem.problem_id, "completion": completion(problem.canonical_solution)}
            for problem in load_problems(embedded, "test")
        ],
    )


@pytest.fixture
def wrong(write: Callable[..., Path]) -> Path:
    """A wrong program for every problem of the test split."""
    programs = sorted(PROBLEMS.rglob("*.py"))
    return write(
        "wrong.jsonl",
        [
            {"problem_id": path.parents[1].relative_to(PROBLEMS).as_posix(), "completion": completion(path.read_text())}
            for path in programs
        ],
    )


@pytest.fixture
def evaluated(run: Run, embedded: Path, tmp_path: Path) -> Run:
    def evaluate(samples: Path, *options: object) -> Any:
        out = tmp_path / f"{samples.stem}.json"
        cache = ["--cache-dir", tmp_path / "cache"]
        return run("evaluate", embedded, "--samples", samples, "--out", out, *cache, *BEST_EFFORT, *options)

    return evaluate


def test_the_canonical_solutions_score_100_percent(
    evaluated: Run, canonical: Path, tmp_path: Path, embedded: Path
) -> None:
    ran = evaluated(canonical)
    assert ran.status == 0
    count = len(list(load_problems(embedded, "test")))
    assert ran.err.splitlines()[0] == f"split test of appsplus: {count} problems; {count} samples, 1 a problem"
    assert re.search(rf"^all +{count} +100.0 \[100.0, 100.0\] +100.0 \[100.0, 100.0\]$", ran.out, re.MULTILINE)
    assert f"{count} samples scored: {count} accepted (100.0 %)." in ran.out
    found = read_results(tmp_path / "canonical.json")
    assert {name: metric.value for name, metric in found.metrics.items()} == {
        "pass@1": 1.0, "strict_accuracy": 1.0, "test_case_average": 1.0,
    }  # fmt: skip
    assert (found.dataset.sha256, found.dataset.split) == (data_hash(embedded), "test")
    assert found.command.startswith(f"appsplus evaluate {embedded} --samples ")


def test_wrong_programs_score_nothing_and_earn_the_verdict_of_their_folder(
    evaluated: Run, wrong: Path, tmp_path: Path
) -> None:
    ran = evaluated(wrong, "--json")
    assert ran.status == 0
    answer = json.loads(ran.out)
    assert answer["metrics"]["pass@1"]["value"] == 0.0
    assert 0 < answer["metrics"]["test_case_average"]["value"] < 1
    assert len(answer["problems"]) == answer["dataset"]["num_problems"]
    expected = {path.parents[1].relative_to(PROBLEMS).as_posix(): path.parent.name for path in PROBLEMS.rglob("*.py")}
    verdicts = read_verdicts(verdicts_path(tmp_path / "wrong.json"))
    assert {verdict.problem_id: verdict.verdict for verdict in verdicts} == expected


def test_a_second_run_knows_every_verdict(evaluated: Run, canonical: Path, tmp_path: Path) -> None:
    evaluated(canonical)
    first = read_results(tmp_path / "canonical.json")
    ran = evaluated(canonical)
    assert re.search(r"^Judged 0 programs, knew 11 already;", ran.out, re.MULTILINE)
    again = read_results(tmp_path / "canonical.json")
    assert (again.metrics, again.problems, again.verdicts_file) == (first.metrics, first.problems, first.verdicts_file)


def test_two_results_are_compared(run: Run, evaluated: Run, canonical: Path, wrong: Path, tmp_path: Path) -> None:
    evaluated(canonical)
    evaluated(wrong)
    ran = run("compare", tmp_path / "wrong.json", tmp_path / "canonical.json")
    assert (ran.status, ran.err) == (0, "")
    assert re.search(r"^pass@1 +0.0 +100.0 +\+100.0 +\+100.0 to \+100.0 +B is better$", ran.out, re.MULTILINE)
    # 11 of 11 on one side: p = 2 / 2^11
    assert "only A 0, only B 11, neither 0; McNemar's exact test: p = 0.000977" in ran.out
    answer = json.loads(run("compare", tmp_path / "canonical.json", tmp_path / "wrong.json", "--json").out)
    assert (answer["differences"][0]["value"], answer["mcnemar"]["only_a"]) == (-1.0, 11)
    verdicts_path(tmp_path / "wrong.json").unlink()
    ran = run("compare", tmp_path / "wrong.json", tmp_path / "canonical.json")
    assert f"McNemar's test needs {tmp_path}/wrong.verdicts.jsonl, which is not there." in ran.out


def test_results_are_shown_again_and_written_for_others(
    run: Run, evaluated: Run, canonical: Path, tmp_path: Path
) -> None:
    told = evaluated(canonical, "--name", "The author").out
    ran = run("results", tmp_path / "canonical.json")
    assert ran.status == 0
    assert ran.out.splitlines()[0] == "The author on appsplus, split test"
    assert told.startswith(ran.out)
    as_json = run("results", tmp_path / "canonical.json", "--json").out
    assert json.loads(as_json) == json.loads((tmp_path / "canonical.json").read_text())
    hub = tmp_path / ".eval_results" / "apps_plus.yaml"
    ran = run("results", tmp_path / "canonical.json", "--to", "hub", "--dataset", "lab/apps-plus", "--out", hub)
    assert (ran.status, ran.out) == (0, f"{hub}\n")
    assert hub.read_text().startswith("- dataset:\n    id: lab/apps-plus\n    task_id: default\n  value: 100.0\n")
    others = ["--model", "lab/model", "--organization", "Lab", "--out", tmp_path / "eee"]
    ran = run("results", tmp_path / "canonical.json", "--to", "every-eval-ever", *others)
    written = Path(ran.out.strip())
    assert written.relative_to(tmp_path / "eee").parts[:4] == ("data", "appsplus-appsplus", "lab", "model")
    assert json.loads(written.read_text())["model_info"]["id"] == "lab/model"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--split", "none"], "has no split 'none'; expected one of train, validation, test, all"),
        (["--split", "train"], "has samples for no problem of the split train"),
        (["--split", "all"], "has no sample for 51 of 62 problems"),
        (["--k", "1,2"], "pass@2 needs at least 2 samples per problem; got 1 (corpus/test/0500)"),
    ],
)
def test_what_does_not_fit_is_an_error_before_anything_runs(
    options: list[str], told: str, evaluated: Run, canonical: Path, tmp_path: Path
) -> None:
    ran = evaluated(canonical, *options)
    assert (ran.status, ran.out) == (1, "")
    assert told in ran.err
    assert not (tmp_path / "canonical.json").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--k", "ten"], "--k ten is no list of numbers"),
        (["--k", "0"], "--k 0 asks for pass@0"),
        (["--data", "x"], "--data goes with --benchmark"),
        (["--benchmark", "humaneval"], "expected a dataset folder, or --benchmark with --data, and not both"),
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], told: str, evaluated: Run, canonical: Path) -> None:
    ran = evaluated(canonical, *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert told in ran.err


def test_bad_samples_are_named_by_file_and_line(evaluated: Run, write: Callable[..., Path], embedded: Path) -> None:
    good = {"problem_id": "corpus/test/0500", "completion": "x", "sample_index": 0}
    twice = write("twice.jsonl", [good, good])
    assert f"{twice}:2: sample 0 of corpus/test/0500 is in line 1 already" in evaluated(twice).err
    unknown = write("unknown.jsonl", [good, {"problem_id": "corpus/test/9999", "completion": "x"}])
    assert "not in appsplus (corpus/test/9999 in line 2)" in evaluated(unknown).err
    rejected = write("rejected.jsonl", [good, {"problem_id": "corpus/train/0911", "completion": "x"}])
    assert "the build rejected 1 of them, such as corpus/train/0911" in evaluated(rejected).err
    broken = write("broken.jsonl", [good])
    broken.write_text(broken.read_text() + "{\n")
    assert f"{broken} has 1 lines that are no samples: line 2: no JSON" in evaluated(broken).err


def test_a_run_that_is_interrupted_goes_on_and_loses_no_verdict(
    start: Callable[..., "subprocess.Popen[str]"], embedded: Path, write: Callable[..., Path], tmp_path: Path
) -> None:
    programs = [f"# {i}\nimport time\ntime.sleep(0.1)\nprint({i})\n" for i in range(8)]
    rows = [{"problem_id": "corpus/test/0500", "completion": completion(program)} for program in programs]
    samples, out, cache = write("slow.jsonl", rows), tmp_path / "slow.json", tmp_path / "cache"
    arguments = ["evaluate", embedded, "--samples", samples, "--out", out, "--cache-dir", cache, "--partial"]
    process = start(*arguments, "--workers", "1", *BEST_EFFORT)
    deadline = time.monotonic() + 60
    while known(cache) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told.endswith("interrupted; started again, the command goes on from where it was\n")
    kept = known(cache)
    assert kept >= 2
    assert not out.exists()
    process = start(*arguments, "--workers", "2", *BEST_EFFORT)
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert (read_results(out).time["cached"], read_results(out).time["judged"]) == (kept, 8 - kept)


def known(cache: Path) -> int:
    """How many answers the cache holds."""
    import sqlite3
    from contextlib import closing

    if not (cache / "judged.sqlite").exists():
        return 0
    with closing(sqlite3.connect(cache / "judged.sqlite", timeout=10)) as database:
        try:
            return int(database.execute("SELECT count(*) FROM answers").fetchone()[0])
        except sqlite3.OperationalError:
            return 0  # the table is not there yet
