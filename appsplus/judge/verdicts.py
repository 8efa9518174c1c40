"""From what the sandbox says of a run to a verdict. Decided in the parent process only; pure functions.

A limit of CPU seconds is multiplied by the worker's scale (`calibration`). A program is killed at LENIENCY times that, so
that what is over the limit by a little is known, and can be confirmed.
"""

import contextlib
import hashlib
from dataclasses import dataclass, replace
from typing import Any

from appsplus import jsonl
from appsplus.errors import InputError
from appsplus.judge import compare
from appsplus.judge.job import Job, Report, UnitTestReport
from appsplus.problem import IOFormat, Verdict

EXCERPT_CHARS = 2000
LENIENCY = 1.5  # a program is killed at so many times its CPU limit
NEAR = 0.7  # from so many times its CPU limit on, a verdict is near the limit
_STARVED = 0.25  # of the CPU limit: a program with less, when its wall time is over, has slept
_COVERAGE_COST = 20  # a traced program may take so many times its CPU limit
_TRACEBACK_LINES = 20


@dataclass(frozen=True, slots=True)
class Run:
    """One unit test, run once."""

    report: UnitTestReport
    fresh: bool  # its process had run no other unit test
    slept: bool = False  # its wall time was over, and it had used next to no CPU time
    output: Any = None  # what a checker program is to be asked about: text, or the value as tagged JSON; None: nothing

    @property
    def is_accepted(self) -> bool:
        """Right, and in time."""
        return self.report.verdict is Verdict.ACCEPTED

    @property
    def is_late(self) -> bool:
        """Over a time limit."""
        return self.report.verdict is Verdict.TIME_LIMIT_EXCEEDED


def cpu_limit_s(job: Job, scale: float) -> float:
    """CPU seconds beyond which a unit test has failed, on a machine of this scale."""
    return job.limits.cpu_s * scale * (_COVERAGE_COST if job.coverage else 1)


def wall_limit_s(job: Job, scale: float) -> float:
    """Wall seconds after which a program is killed."""
    return job.limits.wall_s * max(1.0, scale) * (_COVERAGE_COST if job.coverage else 1)


def run_of(job: Job, number: int, head: dict[str, Any], body: bytes, scale: float, *, keeps_output: bool) -> Run:
    """What a run of unit test `number` shows. `head`: how it ended; `body`: what the program wrote, not trusted.

    Raises InputError for an expected value that is no JSON.
    """
    limit_s, cpu_s = cpu_limit_s(job, scale), head["cpu_s"]
    traceback: tuple[tuple[int, str], ...] = ()
    output, actual = None, ""
    if head["ended"] == "cpu" or cpu_s >= limit_s:
        verdict, error = Verdict.TIME_LIMIT_EXCEEDED, f"more than {job.limits.cpu_s:g} s of CPU time"
    elif head["ended"] == "wall":
        verdict, error = Verdict.TIME_LIMIT_EXCEEDED, f"more than {job.limits.wall_s:g} s of wall time"
    elif head["ended"] == "output":
        verdict, error = Verdict.OUTPUT_LIMIT_EXCEEDED, f"more than {job.limits.output_mib} MiB of output"
    elif head["ended"] == "value" or (head["ended"] == "exit" and head["status"] == 0 and _is_stdin(job)):
        verdict, output, actual, error = _compared(job, number, body)
    else:
        verdict, error, traceback = _judged_error(head, body)
    is_over = head["ended"] == "wall" and verdict is Verdict.TIME_LIMIT_EXCEEDED
    starved = is_over and cpu_s >= _STARVED * limit_s
    executed = head.get("executed")
    report = UnitTestReport(
        verdict=verdict,
        cpu_s=cpu_s,
        wall_s=head["wall_s"],
        peak_mib=head["peak_mib"],
        actual=actual[:EXCERPT_CHARS],
        actual_hash=hashlib.sha256(actual.rstrip().encode("utf-8", "surrogatepass")).hexdigest() if actual else "",
        error=error,
        traceback=traceback,
        near_limit=NEAR * limit_s <= cpu_s < LENIENCY * limit_s or starved,
        executed_lines=None if executed is None else tuple(executed),
    )
    in_question = verdict is Verdict.WRONG_ANSWER and output is not None and asks_a_program(job)
    if in_question and not keeps_output:
        report = replace(report, error="the checker was not asked: it had too many long answers before")
    slept = is_over and not starved
    return Run(report, bool(head["fresh"]), slept, output if in_question and keeps_output else None)


def asks_a_program(job: Job) -> bool:
    """Whether a program has to say what answers are worth that the comparison does not accept."""
    return job.checker is not None and job.checker.kind == "program"


def _is_stdin(job: Job) -> bool:
    return job.io_format is IOFormat.STDIN


def _compared(job: Job, number: int, body: bytes) -> tuple[Verdict, Any, str, str]:
    """Verdict, what came out, the same as text, what is wrong with it beyond not being right."""
    expected = job.unit_tests[number].output
    if _is_stdin(job):
        text = body.decode("utf-8", "replace")
        right = compare.text_is_right(expected, text, job.checker, number)
        return (Verdict.ACCEPTED if right else Verdict.WRONG_ANSWER), text, text, ""
    try:
        value = compare.parse_actual(body.decode())
        right = compare.value_is_right(expected, value, job.checker, number)
        return (Verdict.ACCEPTED if right else Verdict.WRONG_ANSWER), value, jsonl.dumps(value), ""
    except compare.ExpectedValueError as error:
        raise InputError(
            f"the expected output of unit test {number + 1} is no JSON value ({error}); correct it"
        ) from None
    except (ValueError, TypeError, RecursionError, OverflowError):
        return Verdict.WRONG_ANSWER, None, "", "the answer is no value that the judge can read"


def _judged_error(head: dict[str, Any], body: bytes) -> tuple[Verdict, str, tuple[tuple[int, str], ...]]:
    """Verdict, what went wrong, and the program's own lines on the way there."""
    with contextlib.suppress(ValueError, TypeError, LookupError, RecursionError, OverflowError):
        kind, message, lines = compare.read_hostile(body.decode())
        traceback = tuple((int(line), str(name)[:60]) for line, name in lines[:_TRACEBACK_LINES])
        text = f"{kind}: {message}" if message else str(kind)
        if traceback:
            text += f" (line {traceback[-1][0]})"
        verdict = Verdict.MEMORY_LIMIT_EXCEEDED if kind == "MemoryError" else Verdict.RUN_TIME_ERROR
        return verdict, visible(text[:600]), traceback
    status = head["status"]
    return Verdict.RUN_TIME_ERROR, f"killed by signal {-status}" if status < 0 else f"exit status {status}", ()


def visible(text: str) -> str:
    """Text of a program's as people may see it on a terminal: what is not printed is written as its escape."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def report_of(runs: list[Run], executable: tuple[int, ...] | None, scale: float) -> Report:
    """The report of a program from its unit tests: accepted, or the verdict of the first that is not."""
    verdict = next((run.report.verdict for run in runs if not run.is_accepted), Verdict.ACCEPTED)
    return Report(verdict, tuple(run.report for run in runs), executable, round(scale, 3))


def not_compiled(job: Job, error: str) -> Report:
    """The report of a program that does not compile."""
    one = UnitTestReport(Verdict.COMPILE_ERROR, cpu_s=0.0, wall_s=0.0, peak_mib=0.0, error=visible(error))
    return Report(Verdict.COMPILE_ERROR, (one,) * len(job.unit_tests), () if job.coverage else None)
