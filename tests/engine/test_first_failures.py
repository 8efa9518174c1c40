"""A program is run until its first failing unit test; put together, the parts are what the judge says of the whole."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appsplus.engine import Cache, LocalEngine
from appsplus.engine.first_failures import FirstFailures, completed, up_to_failure
from appsplus.judge import BEST_EFFORT, Job, Report
from appsplus.problem import Checker, IOFormat, Limits, UnitTest, Verdict

TESTS = tuple(UnitTest(f"{n}\n", f"{2 * n}\n") for n in range(12))
RIGHT = Job("print(2 * int(input()))", IOFormat.STDIN, TESTS)


def failing(at: int, how: str = "print(-1)") -> Job:
    """A program that does something else from unit test `at` on."""
    return replace(RIGHT, program=f"n = int(input())\nif n >= {at}:\n    {how}\nelse:\n    print(2 * n)\n")


LATE = replace(failing(3, "while True: pass"), limits=Limits(cpu_s=0.05))
JOBS = {
    "right": RIGHT,
    "first": failing(0),
    "second": failing(1),
    "last": failing(11),
    "error": failing(6, "1 // 0"),
    "late": LATE,
    "syntax": replace(RIGHT, program="print("),
    "any_of": replace(failing(4), checker=Checker("any_of", tuple((("-1",) if n < 9 else ()) for n in range(12)))),
    "checker": replace(
        failing(4),
        checker=Checker("program", program="def check(i, e, a):\n    return int(i) < 8 or e.split() == a.split()\n"),
    ),
}


@pytest.fixture(scope="module")
def plain() -> Iterator[LocalEngine]:
    with LocalEngine(workers=1, isolation=BEST_EFFORT) as engine:
        yield engine


@pytest.fixture
def saving(tmp_path: Path) -> Iterator[FirstFailures]:
    with Cache(tmp_path) as cache, LocalEngine(workers=1, isolation=BEST_EFFORT, cache=cache) as engine:
        yield FirstFailures(engine, cache)


def told(report: Report) -> list[Any]:
    """What of a report does not depend on time."""
    tests = [(t.verdict, t.actual, t.actual_hash, t.error, t.traceback) for t in report.unit_tests]
    return [report.verdict, report.executable_lines, tests]


def test_the_rungs_are_those_that_the_engine_has_now(saving: FirstFailures) -> None:
    """A node that comes may have less than those before."""
    engine: Any = saving._engine
    engine.rungs = {**engine.rungs, "seccomp": False}
    assert saving.rungs["seccomp"] is False


def test_put_together_the_parts_are_what_the_judge_says_of_the_whole(plain: LocalEngine, saving: FirstFailures) -> None:
    jobs = list(JOBS.values())
    wholes = [told(report) for report in plain.judge(jobs)]
    first = saving.up_to_failure(jobs)
    assert [report.verdict for report in first] == [whole[0] for whole in wholes]
    assert [told(report) for report in saving.judge(jobs)] == wholes
    for report, (_, _, tests) in zip(first, wholes, strict=True):
        found = [(t.verdict, t.actual, t.actual_hash, t.error, t.traceback) for t in report.unit_tests]
        assert found == tests[: len(found)]


def test_a_program_that_fails_is_not_run_to_its_end(saving: FirstFailures) -> None:
    names = ["first", "second", "error", "right"]
    ran = [len(report.unit_tests) for report in saving.up_to_failure([JOBS[name] for name in names])]
    assert ran == [1, 5, 12, 12]  # parts of 1, 4 and then 20


def test_what_was_run_is_not_run_again(saving: FirstFailures) -> None:
    engine: Any = saving._engine
    saving.up_to_failure([JOBS["second"]])
    assert engine.spent.judged.executions == 5
    saving.judge([JOBS["second"]])
    assert engine.spent.judged.executions == 12
    saving.judge([JOBS["second"]])
    saving.up_to_failure([JOBS["second"]])
    assert engine.spent.judged.executions == 12


def test_the_whole_is_kept_for_engines_that_know_nothing_of_parts(saving: FirstFailures) -> None:
    engine: Any = saving._engine
    saving.up_to_failure([RIGHT])
    before = engine.spent.judged.executions
    [report] = engine.judge([RIGHT])
    assert (report.verdict, len(report.unit_tests)) == (Verdict.ACCEPTED, 12)
    assert engine.spent.judged.executions == before


def test_calls_and_traced_programs_are_asked_whole(saving: FirstFailures) -> None:
    call = Job("def f(x):\n    return 1\n", IOFormat.CALL, (UnitTest("[2]", "2"),) * 6, "f")
    reports = saving.up_to_failure([call, replace(failing(0), coverage=True)])
    assert [len(report.unit_tests) for report in reports] == [6, 12]


def test_without_the_policy_everything_is_asked_whole_and_once(plain: LocalEngine) -> None:
    judged = plain.counts["judged"]
    jobs = [failing(0), RIGHT]
    reports = up_to_failure(plain, jobs)
    assert completed(plain, jobs, reports) == reports
    assert [len(report.unit_tests) for report in reports] == [12, 12]
    assert plain.counts["judged"] == judged + 2
