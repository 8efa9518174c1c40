"""A program's verdict and the lines it executed, in one report, where the verdict is the one it has without coverage.

With coverage the judge gives a program twenty times its time, for it wants the lines, and its verdict on a slow program is
not one to pay for: an endless loop would be paid twenty times the wait, and a program twenty times too slow would pass.
Here both runs have the same limits. A run with coverage is only slower than one without, so what it does well within the
limits stands; the verdict on anything close to a limit is that of a second run, without coverage, which is confirmed alone as
always.
"""

from collections.abc import Sequence
from dataclasses import replace

from appsplus.engine.judging import Judging
from appsplus.judge import Job, Report, UnitTestReport
from appsplus.judge.verdicts import NEAR, cpu_limit_s
from appsplus.problem import Verdict

_IN_DOUBT = (Verdict.TIME_LIMIT_EXCEEDED, Verdict.MEMORY_LIMIT_EXCEEDED)


def verdict_and_lines(judging: Judging, job: Job) -> Report:
    """The report on a job without coverage, with the executed lines of each unit test. Raises SandboxError."""
    traced = replace(job, coverage=True)
    share = job.limits.cpu_s / cpu_limit_s(traced, 1.0)  # of its limits, so that what the judge makes of them is them
    limits = replace(job.limits, cpu_s=job.limits.cpu_s * share, wall_s=job.limits.wall_s * share)
    [found] = judging.judge([replace(traced, limits=limits)])
    if not any(_in_doubt(unit_test, job, found.scale) for unit_test in found.unit_tests):
        return found
    [decided] = judging.judge([replace(job, coverage=False)])
    tests = tuple(replace(t, executed_lines=_lines(found.unit_tests, i)) for i, t in enumerate(decided.unit_tests))
    return replace(decided, unit_tests=tests, executable_lines=found.executable_lines)


def _in_doubt(unit_test: UnitTestReport, job: Job, scale: float) -> bool:
    """Whether coverage may have made a difference: a limit was met, or nearly."""
    slow = unit_test.cpu_s > NEAR * job.limits.cpu_s * scale or unit_test.wall_s > NEAR * job.limits.wall_s
    return slow or unit_test.verdict in _IN_DOUBT


def _lines(unit_tests: Sequence[UnitTestReport], number: int) -> tuple[int, ...]:
    return (unit_tests[number].executed_lines or ()) if number < len(unit_tests) else ()
