"""Lines are had at the price of one run, and no verdict is softer for them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from appsplus.engine.verdict_and_lines import verdict_and_lines
from appsplus.judge import Inspection, Job, Report, UnitTestReport
from appsplus.judge.verdicts import cpu_limit_s, wall_limit_s
from appsplus.problem import IOFormat, Limits, UnitTest, Verdict

JOB = Job("a()", IOFormat.STDIN, (UnitTest("1", "1"), UnitTest("2", "2")), limits=Limits(cpu_s=3.0, wall_s=8.0))


class TwoFaced:
    """A judge that says one thing with coverage and another without."""

    modules: tuple[str, ...] = ()

    def __init__(self, traced: Report, plain: Report | None = None) -> None:
        self._traced, self._plain, self.asked = traced, plain, list[Job]()

    def judge(self, jobs: Sequence[Job]) -> list[Report]:
        self.asked += jobs
        found = self._traced if jobs[0].coverage else self._plain
        assert found is not None
        return [found]

    def inspect(self, programs: Sequence[str]) -> list[Inspection]:
        raise NotImplementedError


def report(*unit_tests: tuple[Verdict, float, float], lines: bool = True, scale: float = 1.0) -> Report:
    tests = tuple(
        UnitTestReport(verdict, cpu_s, wall_s, 1.0, executed_lines=(1, i + 2) if lines else None)
        for i, (verdict, cpu_s, wall_s) in enumerate(unit_tests)
    )
    first = next((v for v, _, _ in unit_tests if v is not Verdict.ACCEPTED), Verdict.ACCEPTED)
    return Report(first, tests, executable_lines=(1, 2, 3, 4) if lines else None, scale=scale)


PASSED, WRONG, LATE, BIG = (
    Verdict.ACCEPTED,
    Verdict.WRONG_ANSWER,
    Verdict.TIME_LIMIT_EXCEEDED,
    Verdict.MEMORY_LIMIT_EXCEEDED,
)


def test_a_quick_program_is_run_once_under_limits_that_come_out_as_its_own() -> None:
    said = report((PASSED, 2.0, 5.0), (WRONG, 0.1, 0.1))
    judge = TwoFaced(said)
    assert verdict_and_lines(judge, JOB) == said
    [asked] = judge.asked
    assert cpu_limit_s(asked, 1.0) == pytest.approx(cpu_limit_s(JOB, 1.0)) == 3.0
    assert wall_limit_s(asked, 1.0) == pytest.approx(wall_limit_s(JOB, 1.0)) == 8.0
    assert replace(asked, coverage=False, limits=JOB.limits) == JOB


@pytest.mark.parametrize(
    "slow",
    [(LATE, 0.1, 0.1), (BIG, 0.1, 0.1), (PASSED, 2.2, 3.0), (PASSED, 60.0, 70.0), (PASSED, 0.1, 6.0)],
    ids=["late", "big", "near the limit", "far beyond", "asleep"],
)
def test_what_is_close_to_a_limit_is_decided_without_coverage(slow: tuple[Verdict, float, float]) -> None:
    judge = TwoFaced(report((PASSED, 0.1, 0.1), slow), report((PASSED, 0.1, 0.1), (WRONG, 0.2, 0.2), lines=False))
    found = verdict_and_lines(judge, JOB)
    assert found.verdict is WRONG
    assert [t.verdict for t in found.unit_tests] == [PASSED, WRONG]
    assert [t.executed_lines for t in found.unit_tests] == [(1, 2), (1, 3)]
    assert found.executable_lines == (1, 2, 3, 4)
    assert [job.coverage for job in judge.asked] == [True, False]
    assert judge.asked[1] == JOB


def test_limits_follow_the_speed_of_the_machine() -> None:
    assert len((judge := TwoFaced(report((PASSED, 4.0, 4.0), scale=2.0))).asked) == 0
    assert verdict_and_lines(judge, JOB).verdict is PASSED  # 4 s of 6: not near
    assert len(judge.asked) == 1


def test_unit_tests_that_only_the_second_run_came_to_have_no_lines() -> None:
    judge = TwoFaced(report((LATE, 9.0, 9.0)), report((PASSED, 0.1, 0.1), (PASSED, 0.1, 0.1), lines=False))
    assert [t.executed_lines for t in verdict_and_lines(judge, JOB).unit_tests] == [(1, 2), ()]
