"""`near_time_limit`: a verdict that another host may not share, as the time it hangs on is close to the limit.

The judge says which unit tests may be those (`UnitTestReport.near_limit`), also of one that was late and, asked again alone,
is not any more. What the second run took decides here, so that the worklist does not depend on how busy the machine was.
No seconds are shown: times are no part of a dataset.
"""

from collections.abc import Iterator

from appsplus.judge import UnitTestReport
from appsplus.judge.verdicts import NEAR
from appsplus.problem import Reason, Verdict
from appsplus.release.worklist import WorkReason
from appsplus.worklist.case import Case, Doubt

SLUG = "near_time_limit"


def find(case: Case) -> Iterator[Doubt]:
    """The doubt about a canonical solution that is nearly too slow, or a problem that is rejected for a little time."""
    problem = case.problem
    if problem is None or case.reason not in (None, Reason.TIME_LIMIT_EXCEEDED):
        return
    reports = case.answers.reports
    looked_at = list(reports) if problem.canonical is None else [problem.canonical]
    near = [
        {"solution": i, "unit_test": n, "verdict": str(test.verdict)}
        for i in looked_at
        for n, test in enumerate(reports[i].unit_tests)
        if _is_near(test, problem.limits.cpu_s * reports[i].scale)
        and (problem.canonical is not None or test.verdict is Verdict.TIME_LIMIT_EXCEEDED)
    ]
    if not near:
        return
    if problem.canonical is None:
        detail = f"rejected for its time, but {len(near)} of the runs over the limit exceeded it by less than half"
    else:
        detail = f"the canonical solution takes more than 0.7 of the CPU time it may use on {len(near)} unit tests"
    evidence = {"runs": near[:50], "cpu_limit_s": problem.limits.cpu_s}
    words = "give a faster canonical solution, or drop the unit tests that take so long"
    yield Doubt(WorkReason(SLUG, detail, evidence, (), words), 0.3)


def _is_near(test: UnitTestReport, limit_s: float) -> bool:
    """Whether a unit test ended near its limit of CPU seconds, or got too few of them in its wall time."""
    is_late = test.verdict is Verdict.TIME_LIMIT_EXCEEDED
    return test.near_limit and (is_late or test.cpu_s >= NEAR * limit_s)
