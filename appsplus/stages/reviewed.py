"""Rulings that people made: the final word."""

from appsplus.ledger import Ledger
from appsplus.problem import Problem, Reason, Rejection


def reviewed(problem: Problem, ledger: Ledger) -> Problem | Rejection:
    """Reject what a person ruled out. A ruling on other content is stale, and does not count."""
    ruling = ledger.ruling(problem.problem_id, problem.source_hash)
    if ruling is None or ruling.action != "reject":
        return problem
    detail = f"{ruling.reviewer} ({ruling.reviewer_kind}) ruled it out: {ruling.reason}. {ruling.comment}".strip()
    return Rejection(Reason.RULED_OUT, detail, {"event_id": ruling.event_id})
