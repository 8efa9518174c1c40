"""What is called near a time limit, of what the judge has asked about twice."""

from types import SimpleNamespace
from typing import Any

import pytest

from appsplus.judge import Report, UnitTestReport
from appsplus.problem import Limits, Reason, Verdict
from appsplus.worklist.near_time_limit import find

LIMIT_S, SCALE = 2.0, 1.5
TLE, ACCEPTED = Verdict.TIME_LIMIT_EXCEEDED, Verdict.ACCEPTED


def doubts(verdict: Verdict, cpu_s: float, *, near_limit: bool = True, rejected: bool = False) -> list[Any]:
    """Of a problem with one solution and one unit test."""
    test = UnitTestReport(verdict, cpu_s, cpu_s, 1.0, near_limit=near_limit)
    problem = SimpleNamespace(canonical=None if rejected else 0, limits=Limits(cpu_s=LIMIT_S))
    answers = SimpleNamespace(reports={0: Report(verdict, (test,), scale=SCALE)})
    reason = Reason.TIME_LIMIT_EXCEEDED if rejected else None
    case: Any = SimpleNamespace(problem=problem, reason=reason, answers=answers)
    return list(find(case))


@pytest.mark.parametrize("of_limit", [0.71, 0.99, 1.3])
def test_what_ends_around_its_limit_is_a_doubt(of_limit: float) -> None:
    [doubt] = doubts(ACCEPTED if of_limit < 1 else TLE, of_limit * LIMIT_S * SCALE, rejected=of_limit > 1)
    assert doubt.reason.evidence["runs"][0]["unit_test"] == 0


def test_a_program_that_was_held_up_once_and_is_quick_alone_is_none() -> None:
    assert not doubts(ACCEPTED, 0.3 * LIMIT_S * SCALE)


def test_a_program_that_got_no_cpu_in_its_wall_time_is_a_doubt() -> None:
    assert doubts(TLE, 0.4 * LIMIT_S * SCALE, rejected=True)


def test_what_the_judge_does_not_call_near_is_none() -> None:
    assert not doubts(ACCEPTED, 0.9 * LIMIT_S * SCALE, near_limit=False)
