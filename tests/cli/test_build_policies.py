"""`build --estimate`, `--max-solutions`, `--stop-at-first-failure` and `--longest-first`, from the command line."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from appsplus.cli.estimate import cost_lines, forecast_lines, hours
from appsplus.forecast import Forecast
from appsplus.release import folder_hash, load_problems, read_manifest

BEST_EFFORT = ["--isolation", "best-effort"]
Run = Callable[..., Any]
Copy = Callable[[Iterable[str]], Path]


def test_an_estimate_is_printed_and_nothing_is_built(run: Run, some_of_the_corpus: Copy, tmp_path: Path) -> None:
    corpus, options = some_of_the_corpus(["train/0000", "train/0911"]), ["--cache-dir", tmp_path / "c", *BEST_EFFORT]
    ran = run("build", corpus, "--estimate", *options)
    assert ran.status == 0
    first, estimate, memory = ran.out.splitlines()
    assert first.startswith("2 problems x ")
    assert "from 2 problems that were judged" in estimate
    assert memory.startswith("Memory: ")
    again = json.loads(run("build", corpus, "--estimate", "--json", *options).out)["estimate"]
    assert (again["problems"], again["sample"]) == (2, 2)
    assert 0 < again["core_s_interval"][0] <= again["core_s"] <= again["core_s_interval"][1]


def test_a_build_that_is_large_and_new_begins_with_its_estimate_and_ends_with_the_truth(
    run: Run, some_of_the_corpus: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appsplus.survey.FEW", 1)
    corpus, out = some_of_the_corpus(["train/0000", "train/0911"]), tmp_path / "out"
    options = ["--out", out, "--cache-dir", tmp_path / "c", *BEST_EFFORT]
    ran = run("build", corpus, *options)
    assert ran.status == 0
    assert "Estimate: " in ran.err
    assert "of CPU time; the estimate was" in " ".join(ran.out.split())
    cost = read_manifest(out).run["cost"]
    assert cost["estimate"]["problems"] == 2
    assert cost["ratio"] == pytest.approx(cost["truth"]["core_s"] / cost["estimate"]["core_s"], abs=0.01)
    assert cost["truth"]["spent"]["known"]["executions"] == 0  # the sample was everything, and judged by this process


def test_a_build_without_a_folder_to_write_is_refused(run: Run, some_of_the_corpus: Copy) -> None:
    ran = run("build", some_of_the_corpus(["train/0000"]))
    assert ran.status == 2
    assert "a build needs --out DIR" in ran.err


@pytest.fixture
def doubles(tmp_path: Path) -> Path:
    """Problems with solutions that pass, that answer otherwise, and that end with an error, early and late."""
    solutions = [
        "n = int(input())\nprint(2 * n if n < 9 else 1 // 0)\n",
        "n = int(input())\nprint(1 // n)\n",
        "n = int(input())\nprint(n + n)\n",
        "n = int(input())\nprint(2 * n if n < 5 else -1)\n",
        "n = int(input())\nprint(2 * n if n < 2 else 1 // 0)\n",
    ]
    failing = [f"{solution}# of a tree\n" for solution in solutions[:2]]
    tests = {"inputs": [f"{n}\n" for n in range(12)], "outputs": [f"{2 * n}\n" for n in range(12)]}
    rows = [
        {"question": text, "solutions": json.dumps(found), "input_output": json.dumps(tests)}
        for text, found in (
            ("Read a whole number and print its double on one line.", solutions),
            ("Given the age of a tree, tell how old it is when it is twice that.", failing),
        )
    ]
    path = tmp_path / "doubles.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_policies_that_save_work_write_the_same_dataset(
    run: Run, some_of_the_corpus: Copy, doubles: Path, tmp_path: Path
) -> None:
    corpus = some_of_the_corpus(["train/0000", "train/0104", "train/0919", "train/0920"])
    hashes, executions = [], []
    for number, policy in enumerate([[], ["--stop-at-first-failure"], ["--longest-first"]]):
        out = tmp_path / f"out{number}"
        ran = run("build", corpus, doubles, "--out", out, "--cache-dir", tmp_path / f"c{number}", *policy, *BEST_EFFORT)
        assert ran.status == 0
        facts = read_manifest(out).run
        hashes.append(folder_hash(out))
        executions.append(facts["cost"]["truth"]["spent"]["judged"]["executions"])
        assert facts["policies"] == {
            "stop_at_first_failure": number == 1,
            "longest_first": number == 2,
        }
    assert len(set(hashes)) == 1
    # Of the first problem's solutions that end with an error, the parts of 1, 4 and 7 unit tests are run until one fails:
    # all twelve, one, and five. The second's are run whole, as their answers are evidence.
    assert executions[0] - executions[1] == (12 - 12) + (12 - 1) + (12 - 5)
    assert executions[2] == executions[0]


def test_a_cap_of_solutions_is_on_record(run: Run, some_of_the_corpus: Copy, tmp_path: Path) -> None:
    out = tmp_path / "out"
    corpus = some_of_the_corpus(["train/0102", "train/0000"])
    cap = ["--max-solutions", 1, "--seed", 3]
    ran = run("build", corpus, "--out", out, "--cache-dir", tmp_path / "c", *cap, *BEST_EFFORT)
    assert ran.status == 0
    problems = {problem.problem_id: problem for problem in load_problems(out)}
    assert [len(problem.solutions) for problem in problems.values()] == [1, 1]
    change = problems["corpus/train/0102"].changes[-1]
    assert (change.what, change.detail.split(";")[0]) == ("solutions_capped", "1 of 2 solutions were drawn")
    assert read_manifest(out).options["max_solutions"] == 1


# ---- the words


def test_spans_of_time_are_told_in_the_unit_that_fits() -> None:
    told = [hours(seconds) for seconds in (0.25, 9.94, 42, 99.4, 100, 5990, 6000, 36_000_000)]
    assert told == ["0.2 s", "9.9 s", "42 s", "99 s", "1.7 min", "99.8 min", "1.7 h", "10,000.0 h"]


def test_an_estimate_and_the_truth_in_words() -> None:
    found = Forecast(200, 10_000, 230_000, 210_000, 4_830_000, 5_300_000, 72_000.0, (60_000.0, 84_000.0), 4500.0, 16,
                     0.004, 512.0, 80.0)  # fmt: skip
    assert list(forecast_lines(found)) == [
        "10,000 problems x 23.0 solutions x 21.0 unit tests: 4,830,000 executions, 5,300,000 runs with second and traced"
        " ones.",
        "Estimate: 20.0 h of CPU time (16.7 h to 23.3 h), about 75.0 min with 16 workers, from 200 problems that were"
        " judged.",
        "Memory: 512 MiB for this process, and up to 80 MiB for each worker's program. What the cache knows, and what the"
        " sample has taken, is not subtracted.",
    ]
    truth = {"core_s": 36_000.0, "known_core_s": 0.0, "driver_mib": 600.0, "program_mib": 90.0}
    lines = list(cost_lines({"cost": {"estimate": found.to_json(), "truth": truth, "ratio": 0.5}}))
    assert lines[0] == "It took 10.0 h of CPU time; the estimate was 20.0 h (0.50 of it)."
    assert list(cost_lines({})) == []
    assert list(cost_lines({"cost": {"estimate": None, "truth": truth, "ratio": None}})) == []
