"""`nondeterministic`: rejected, as the one solution that passes does not pass every time."""

from collections.abc import Iterator

from appsplus.problem import Reason
from appsplus.release.worklist import WorkReason
from appsplus.worklist import patches
from appsplus.worklist.case import Case, Doubt

SLUG = "nondeterministic"


def find(case: Case) -> Iterator[Doubt]:
    """The doubt whether it is the solution or the problem that has several answers."""
    if case.rejection is None or case.reason is not Reason.NONDETERMINISTIC:
        return
    unstable = [{"solution": i, "unit_test": n} for i, n in case.answers.unstable()]
    words = (
        "if the description accepts several answers, give the problem a checker (proposed: any order); else make the"
        " solution deterministic, or reject"
    )
    proposal = patches.checker("unordered") if case.raw.checker is None else ()
    reason = WorkReason(SLUG, case.rejection.detail, {"solutions": unstable}, proposal, words)
    yield Doubt(reason, 0.5)
