"""`flaky`: a program that gives two answers to one unit test in two runs, though the problem was not rejected for that."""

from collections.abc import Iterator

from appsplus.problem import Reason, Verdict
from appsplus.release.worklist import WorkReason
from appsplus.worklist.answers import AT_THE_JUDGE
from appsplus.worklist.case import Case, Doubt

SLUG = "flaky"
_TIMED = {Verdict.TIME_LIMIT_EXCEEDED, Verdict.MEMORY_LIMIT_EXCEEDED}  # the host may be to blame
_REASONS = AT_THE_JUDGE - {Reason.NONDETERMINISTIC} | {Reason.AMBIGUOUS_OUTPUT}


def find(case: Case) -> Iterator[Doubt]:
    """The doubt about solutions that differ from run to run. What they print is left out: it differs."""
    if case.problem is None or (case.rejection is not None and case.reason not in _REASONS):
        return
    answers = case.answers
    unstable = [
        (i, n)
        for i, n in answers.unstable()
        if not _TIMED.intersection(run.unit_tests[n].verdict for run in (answers.reports[i], answers.again[i]))
    ]
    if not unstable:
        return
    canonical = case.problem.canonical in dict(unstable)
    detail = (
        f"{len(unstable)} of the {len(answers.again)} solutions that were run twice, under two hash seeds, answer"
        " differently in the second run"
    )
    if canonical:
        detail += ", the canonical one among them; the checker accepts both answers"
    evidence = {"solutions": [{"solution": i, "unit_test": n} for i, n in unstable]}
    words = "find out what it depends on: chance, time, or the order of a set; fix or leave out the solution, or reject"
    yield Doubt(WorkReason(SLUG, detail, evidence, (), words), 0.5 if canonical else 0.25)
