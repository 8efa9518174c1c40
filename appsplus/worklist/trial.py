"""Whether programs pass the unit tests of a problem: the first few unit tests first, as most wrong programs fail there."""

from collections.abc import Sequence
from dataclasses import replace

from appsplus.engine.judging import Judging, job_for
from appsplus.judge import Job
from appsplus.problem import Limits, Problem, Verdict

FIRST_TESTS = 3


def verdicts_of(problem: Problem, programs: Sequence[str], judging: Judging, limits: Limits) -> list[Verdict]:
    """The verdict of each program, accepted or that of its first failure. Raises SandboxError.

    A program that is a solution of the problem has its verdict already.
    """
    found = {s.code: s.verdict for s in problem.solutions if s.verdict is not None}
    left = [code for code in dict.fromkeys(programs) if code not in found]
    for unit_tests in sorted({min(FIRST_TESTS, len(problem.unit_tests)), len(problem.unit_tests)}):
        reports = judging.judge([_job(problem, code, judging, limits, unit_tests) for code in left])
        found |= {code: report.verdict for code, report in zip(left, reports, strict=True)}
        left = [code for code in left if found[code] is Verdict.ACCEPTED]
    return [found[code] for code in programs]


def _job(problem: Problem, code: str, judging: Judging, limits: Limits, unit_tests: int) -> Job:
    job = job_for(problem, problem.canonical or 0, judging.modules)
    tests = problem.unit_tests[:unit_tests]  # from the first on: a checker knows unit tests by their number
    return replace(job, program=code, unit_tests=tests, limits=limits, stop_after_timeouts=1)
