"""Samples to results, with a judge that only knows: what is counted, what is not, and what stays when things break."""

import errno
import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appsplus import jsonl
from appsplus.engine.strikes import MOST_IN_A_ROW
from appsplus.errors import InputError, JudgingEndedError, SandboxError
from appsplus.evaluation.evaluate import evaluate
from appsplus.evaluation.fit import fit
from appsplus.evaluation.judging import judge_samples
from appsplus.evaluation.results import Results, read_results, read_verdicts, verdicts_path
from appsplus.evaluation.samples import Samples
from appsplus.evaluation.suite import Suite
from appsplus.judge import Job, Report
from appsplus.problem import Limits

RIGHT = "print(2 * int(input()))\n"
Write = Callable[..., Path]
Rows = Callable[[dict[str, Iterable[str]]], list[dict[str, str]]]
MakeSuite = Callable[..., Suite]


def evaluated(suite: Suite, path: Path, judge: Any, out: Path, *ks: int, **options: Any) -> Results:
    with Samples(path) as samples:
        return evaluate(suite, samples, fit(suite, samples, ks or (1,), partial=False), judge, out, **options)


@pytest.fixture
def some(make_suite: MakeSuite, write_samples: Write, sample_rows: Rows) -> tuple[Suite, Path]:
    """Two problems, three samples each: 2 of 3 right, and none right."""
    rows = sample_rows({"made/1": [RIGHT, "x\n", RIGHT], "made/2": ["# run_time_error\n", "# passes the first\n"]})
    return make_suite(2), write_samples(*rows, {"problem_id": "made/2", "completion": "I cannot do that."})


def test_the_figures_are_worked_by_hand(some: tuple[Suite, Path], judge: Any, tmp_path: Path) -> None:
    found = evaluated(*some, judge, tmp_path / "r.json", 1, 2)
    assert found.metrics["pass@1"].value == pytest.approx((2 / 3 + 0) / 2)
    assert found.metrics["pass@2"].value == pytest.approx((1 + 0) / 2)  # no two of three are both wrong
    assert found.metrics["test_case_average"].value == pytest.approx((2 / 3 + (1 / 2) / 3) / 2)
    assert found.num_samples == 3
    assert found.problems["made/1"].verdicts == {"accepted": 2, "wrong_answer": 1}
    assert found.problems["made/2"].verdicts == {"extraction_failed": 1, "run_time_error": 1, "wrong_answer": 1}
    assert found.extraction_failed == 1
    assert found.breakdowns.verdict == {
        "accepted": 2, "wrong_answer": 2, "run_time_error": 1, "extraction_failed": 1,
    }  # fmt: skip
    assert {kind: group.num_problems for kind, group in found.breakdowns.conditional_statements.items()} == {"1-2": 2}
    assert (found.unscored, found.missing_problems, found.warnings) == ((), (), ())
    assert found.name == "samples"


def test_what_is_written_is_what_is_returned(some: tuple[Suite, Path], judge: Any, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "r.json"
    found = evaluated(*some, judge, out, name="A model", command="appsplus evaluate ...")
    assert read_results(out) == found
    assert (found.name, found.command) == ("A model", "appsplus evaluate ...")
    verdicts = list(read_verdicts(verdicts_path(out)))
    assert [(v.problem_id, v.sample_index, v.verdict) for v in verdicts] == [
        ("made/1", 0, "accepted"),
        ("made/1", 1, "wrong_answer"),
        ("made/1", 2, "accepted"),
        ("made/2", 0, "run_time_error"),
        ("made/2", 1, "wrong_answer"),
        ("made/2", 2, "extraction_failed"),
    ]
    assert [v.passed_tests for v in verdicts] == [2, 0, 2, 0, 1, 0]
    assert verdicts[0].program_sha256 == hashlib.sha256(RIGHT.encode()).hexdigest()
    assert (verdicts[0].extraction, verdicts[5].program_sha256) == ("extracted", None)
    assert "prose" in verdicts[5].extraction
    assert found.verdicts_file.sha256 == hashlib.sha256(verdicts_path(out).read_bytes()).hexdigest()
    assert found.samples_file.sha256 == hashlib.sha256(some[1].read_bytes()).hexdigest()


def test_a_program_that_is_there_twice_is_judged_once(some: tuple[Suite, Path], judge: Any, tmp_path: Path) -> None:
    found = evaluated(*some, judge, tmp_path / "r.json")
    assert sorted(judge.asked) == sorted([RIGHT, "x\n", "# run_time_error\n", "# passes the first\n"])
    assert found.time["judged"] == 4


def test_a_failure_of_the_judge_is_unscored_and_told(
    make_suite: MakeSuite, write_samples: Write, sample_rows: Rows, judge: Any, tmp_path: Path
) -> None:
    path = write_samples(*sample_rows({"made/1": [RIGHT, "# fails\n"], "made/2": ["# fails\n", "# fails 2\n"]}))
    found = evaluated(make_suite(2), path, judge, tmp_path / "r.json", 1, 2)
    assert found.metrics["pass@1"].value == 1.0  # of made/1 alone, from its one scored sample
    assert found.metrics["pass@1"].num_problems == 1
    assert "pass@2" not in found.metrics
    assert (found.problems["made/2"].num_samples, found.problems["made/2"].num_unscored) == (0, 2)
    assert found.problems["made/2"].test_case_average is None
    assert [(u.problem_id, u.sample_index, u.error) for u in found.unscored] == [
        ("made/1", 1, "the worker has died"),
        ("made/2", 0, "the worker has died"),
        ("made/2", 1, "the worker has died"),
    ]
    assert found.warnings[0].startswith("the judge failed on 3 samples of 2 problems; they are in no figure")
    verdicts = [v.verdict for v in read_verdicts(verdicts_path(tmp_path / "r.json"))]
    assert verdicts == ["accepted", "judge_error", "judge_error", "judge_error"]


def test_where_every_sample_is_unscored_there_are_no_results(
    make_suite: MakeSuite, write_samples: Write, sample_rows: Rows, judge: Any, tmp_path: Path
) -> None:
    path = write_samples(*sample_rows({"made/1": ["# fails\n"]}))
    with pytest.raises(SandboxError, match="failed on every sample, at last with: the worker has died"):
        evaluated(make_suite(1), path, judge, tmp_path / "r.json")
    assert not (tmp_path / "r.json").exists()


def test_a_judge_that_fails_again_and_again_ends_the_run(
    make_suite: MakeSuite, write_samples: Write, sample_rows: Rows, judge: Any, tmp_path: Path
) -> None:
    path = write_samples(*sample_rows({"made/1": [f"# fails {i}\n" for i in range(10 * MOST_IN_A_ROW)]}))
    with pytest.raises(SandboxError, match=f"the judge failed on {MOST_IN_A_ROW} programs in a row"):
        evaluated(make_suite(1), path, judge, tmp_path / "r.json")
    assert len(judge.asked) < 5 * MOST_IN_A_ROW


def test_how_samples_were_made_goes_into_the_results(some: tuple[Suite, Path], judge: Any, tmp_path: Path) -> None:
    meta = {"model": {"name": "M", "revision": "abc"}, "sampling": {"temperature": 0.8}, "template": {"version": 3}}
    (tmp_path / "samples.meta.json").write_text(json.dumps(meta))
    found = evaluated(*some, judge, tmp_path / "r.json")
    assert (found.name, found.model) == ("M", {"name": "M", "revision": "abc"})
    assert found.sampling == {"temperature": 0.8, "template": {"version": 3}}


def test_limits_that_differ_are_kept_by_problem(
    make_suite: MakeSuite,
    made_problem: Callable[..., Any],
    write_samples: Write,
    sample_rows: Rows,
    judge: Any,
    tmp_path: Path,
) -> None:
    problems = [made_problem(i, reference_cpu_s=3.0 if i == 2 else 0.1) for i in (1, 2, 3)]
    suite = replace(make_suite(3), problems=lambda: iter(problems))
    path = write_samples(*sample_rows({f"made/{i}": [RIGHT] for i in (1, 2, 3)}))
    found = evaluated(suite, path, judge, tmp_path / "r.json")
    assert found.limits.cpu_s == Limits().cpu_s
    assert {i: limits.cpu_s for i, limits in found.limits_by_problem.items()} == {"made/2": 12.0}  # 4 x 3.0 s


def test_missing_isolation_is_told(some: tuple[Suite, Path], judge: Any, tmp_path: Path) -> None:
    judge.rungs, judge.isolation = {"seccomp": False, "user": True, "missing": {"seccomp": "old kernel"}}, "best-effort"
    found = evaluated(*some, judge, tmp_path / "r.json")
    assert (found.judge.isolation, found.judge.missing) == ("best-effort", ("seccomp",))
    assert found.warnings == ("programs ran with --isolation best-effort, without seccomp",)


def test_another_file_is_not_replaced_and_old_results_are(some: tuple[Suite, Path], judge: Any, tmp_path: Path) -> None:
    other = tmp_path / "notes.json"
    other.write_text("{}")
    with pytest.raises(InputError, match=r"notes.json holds something else than results"):
        evaluated(*some, judge, other)
    moved = some[1].rename(some[1].with_name("r.verdicts.jsonl"))
    for out in (moved, moved.with_name("r.json")):
        with pytest.raises(InputError, match=r"r.verdicts.jsonl belongs to the samples, and would be overwritten"):
            evaluated(some[0], moved, judge, out)
    assert judge.asked == []
    moved.rename(some[1])
    evaluated(*some, judge, tmp_path / "r.json", name="old")
    evaluated(*some, judge, tmp_path / "r.json", name="new")
    assert read_results(tmp_path / "r.json").name == "new"


def test_a_full_disk_is_an_error_that_names_the_file(
    some: tuple[Suite, Path], judge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(jsonl, "write_atomically", full)
    with pytest.raises(InputError, match=r"r.verdicts.jsonl \(No space left on device\): the disk is full"):
        evaluated(*some, judge, tmp_path / "r.json")


def test_only_the_samples_that_are_asked_for_are_judged(some: tuple[Suite, Path], judge: Any) -> None:
    with Samples(some[1]) as samples:
        found = list(judge_samples(some[0], samples, judge, only={("made/1", 1), ("made/2", 0)}))
    assert [(p.problem_id, [j.verdict.sample_index for j in judged]) for p, judged in found] == [
        ("made/1", [1]),
        ("made/2", [0]),
    ]
    assert len(judge.asked) == 2


def test_of_problems_with_large_unit_tests_fewer_are_in_memory(
    make_suite: MakeSuite, write_samples: Write, sample_rows: Rows, judge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = make_suite(40)
    rows = sample_rows({f"made/{n}": [RIGHT, "x\n"] for n in range(1, 41)})
    read: list[str] = []
    wanted: list[int] = []

    def counted() -> Any:
        for problem in suite.problems():
            read.append(problem.problem_id)
            if len(read) >= wanted[-1]:
                full.set()
            yield problem

    full, judged = threading.Event(), judge.judge

    def slow(jobs: Sequence[Job]) -> list[Report]:
        assert full.wait(60), "nothing is read while the first is judged"
        return judged(jobs)

    monkeypatch.setattr(judge, "judge", slow)
    size = sum(len(t.input) + len(t.output) for t in next(iter(suite.problems())).unit_tests)
    ahead = {}
    for most, enough in ((10**9, 40), (6 * (size + 2 * len(RIGHT)), 3)):
        monkeypatch.setattr("appsplus.engine.ordered.WINDOW_BYTES", most // judge.workers)
        read.clear()
        wanted.append(enough)
        full.clear()
        with Samples(write_samples(*rows)) as samples:
            told = [
                len(read) - number
                for number, _ in enumerate(judge_samples(replace(suite, problems=counted), samples, judge), 1)
            ]
        assert len(told) == 40
        ahead[most] = max(told)
    few, many = sorted(ahead.values())
    assert 1 <= few <= 8
    assert many >= 30


def test_each_sample_is_told_once(some: tuple[Suite, Path], judge: Any, tmp_path: Path) -> None:
    told: list[Any] = []

    class Told:
        def start(self, what: str, total: int | None) -> None:
            told.append((what, total))

        def advance(self, outcome: str) -> None:
            told.append(outcome)

    evaluated(*some, judge, tmp_path / "r.json", progress=Told())
    assert told[0] == ("judging", 6)
    assert sorted(told[1:]) == sorted(["accepted"] * 2 + ["wrong_answer"] * 2 + ["run_time_error", "extraction_failed"])


def test_a_problem_that_is_spelled_in_two_ways_is_refused(
    make_suite: MakeSuite, write_samples: Write, judge: Any, tmp_path: Path
) -> None:
    suite = make_suite(1, known_as=lambda problem_id: problem_id.lower())
    path = write_samples({"problem_id": "made/1", "completion": "x"}, {"problem_id": "MADE/1", "completion": "y"})
    with pytest.raises(InputError, match=r"samples.jsonl:2: MADE/1 is the problem that line 1 calls made/1"):
        evaluated(suite, path, judge, tmp_path / "r.json")


def test_an_engine_that_has_ended_ends_the_run_at_once(
    make_suite: MakeSuite, write_samples: Write, sample_rows: Rows, judge: Any, tmp_path: Path
) -> None:
    path = write_samples(*sample_rows({"made/1": [f"# {i}\n" for i in range(60)]}))

    def ended(jobs: Any) -> Any:
        raise JudgingEndedError("the engine is closed")

    judge.judge = ended
    with pytest.raises(JudgingEndedError, match=r"^the engine is closed$"):
        evaluated(make_suite(1), path, judge, tmp_path / "r.json")
