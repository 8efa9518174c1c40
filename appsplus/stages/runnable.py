"""Programs can run at all: they parse, import what the judge offers, define their entry point, and need no files.

What a text says is found by parsing it inside the sandbox. Where a text is not proof (a name that only Python 2 has may
stand in a branch that is never taken; a file may be optional), the program is run, and its error decides.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from appsplus.engine.judging import Judging, job_for
from appsplus.judge import Inspection, Report
from appsplus.problem import IOFormat, Problem, Reason, Rejection, Verdict

_EVIDENCE_SOLUTIONS = 10


class _Flaw(NamedTuple):
    """Why one solution cannot run."""

    reason: Reason
    detail: str
    verdict: Verdict


def runnable(problem: Problem, judging: Judging) -> Problem | Rejection:
    """Give solutions that cannot run their verdict; reject the problem where none is left. Raises SandboxError."""
    inspections = judging.inspect([solution.code for solution in problem.solutions])
    flaws = [_flaw(problem, found) for found in inspections]
    suspected = [i for i, found in enumerate(inspections) if not flaws[i] and (found.python2 or found.file_reads)]
    reports = judging.judge([job_for(problem, i, judging.modules) for i in suspected]) if suspected else []
    for i, report in zip(suspected, reports, strict=True):
        flaws[i] = _proved(inspections[i], report)
    if all(flaws):
        return _rejection([flaw for flaw in flaws if flaw is not None])
    solutions = tuple(
        solution if flaw is None else replace(solution, verdict=flaw.verdict)
        for solution, flaw in zip(problem.solutions, flaws, strict=True)
    )
    return replace(problem, solutions=solutions)


def defines(found: Inspection, entry_point: str) -> bool:
    """Whether a program has the function, or the method of its class Solution, that is to be called."""
    return entry_point in found.functions or f"Solution.{entry_point}" in found.methods or _inherits(found)


def _inherits(found: Inspection) -> bool:
    return "*" in found.functions  # `from module import *` may define anything


def _flaw(problem: Problem, found: Inspection) -> _Flaw | None:
    """What the text alone proves."""
    if found.syntax_error:
        reason = Reason.PYTHON2 if found.python2 else Reason.SYNTAX_ERROR
        return _Flaw(reason, found.syntax_error, Verdict.COMPILE_ERROR)
    if found.missing_imports:
        names = ", ".join(found.missing_imports)
        return _Flaw(Reason.MISSING_DEPENDENCY, f"imports {names}", Verdict.RUN_TIME_ERROR)
    if problem.io_format is IOFormat.CALL and not defines(found, str(problem.entry_point)):
        names = ", ".join([*found.functions, *found.methods][:20]) or "nothing"
        detail = f"defines no {problem.entry_point!r}; it defines {names}"
        return _Flaw(Reason.MISSING_ENTRY_POINT, detail, Verdict.RUN_TIME_ERROR)
    return None


def _proved(found: Inspection, report: Report) -> _Flaw | None:
    """What the text suggests and a run proves."""
    failed = report.first_failure
    error = "" if failed is None or failed >= len(report.unit_tests) else report.unit_tests[failed].error
    if found.python2 and error.startswith("NameError:"):
        return _Flaw(Reason.PYTHON2, error, report.verdict)
    if found.file_reads and error.startswith("FileNotFoundError:"):
        return _Flaw(Reason.INTERACTIVE_OR_FILE_IO, error, report.verdict)
    return None


def _rejection(flaws: Sequence[_Flaw]) -> Rejection:
    counts = Counter(flaw.reason for flaw in flaws)
    reason = max(counts, key=lambda r: (counts[r], -[f.reason for f in flaws].index(r)))
    first = next(flaw for flaw in flaws if flaw.reason is reason)
    shown = [{"solution": i, "reason": f.reason.value, "detail": f.detail} for i, f in enumerate(flaws)]
    detail = f"none of {len(flaws)} solutions can run; {counts[reason]} of them: {first.detail}"
    return Rejection(reason, detail, {"solutions": shown[:_EVIDENCE_SOLUTIONS]})
