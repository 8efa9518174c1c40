"""Rulings that people made: the final word.

A ruling to reject is applied here, whatever the stages before found. A ruling to accept overrules what they only read out of
the description: `interactive_or_file_io` (the stage `complete`) and `ambiguous_output` (`determined`). One that was made with
`override` overrules `nondeterministic` (`passing`), too: the reviewer vouches for the solution that passed once. Nothing
overrules what was measured or counted: a missing part, a duplicate, or that no solution passes the unit tests. There, correct
the problem; an acceptance alone would publish a problem that no program is known to solve.
"""

from appsplus.ledger import Ledger
from appsplus.problem import Problem, Reason, Rejection


def reviewed(problem: Problem, ledger: Ledger) -> Problem | Rejection:
    """Reject what a reviewer ruled out. A ruling on other content is stale, and does not count."""
    seen_hash = problem.review.seen_hash if problem.review else ""
    ruling = ledger.ruling(problem.problem_id, problem.source_hash, seen_hash)
    if ruling is None or ruling.action != "reject":
        return problem
    detail = f"{ruling.by} ruled it out: {ruling.reason}. {ruling.comment}".strip()
    return Rejection(Reason.RULED_OUT, detail, {"event_id": ruling.event_id})
