"""Rulings that people made: the final word.

A ruling to reject is applied here, whatever the stages before found. A ruling to accept overrules what they only read out of
the description: `interactive_or_file_io` (the stage `complete`) and `ambiguous_output` (`determined`). One that was made with
`override` overrules `nondeterministic` (`passing`), too: the reviewer vouches for the solution that passed once. Nothing
overrules what was measured or counted: a missing part, a duplicate, or that no solution passes the unit tests. There, correct
the problem; an acceptance alone would publish a problem that no program is known to solve.
"""

from appsplus.problem import Problem, Reason, Rejection


def is_ruled_out(problem: Problem) -> bool:
    """Whether it will leave here: then no other is a duplicate of it."""
    ruling = problem.review.ruling if problem.review else None
    return ruling is not None and ruling.action == "reject"


def reviewed(problem: Problem) -> Problem | Rejection:
    """Reject what a reviewer ruled out, as the stage `corrected` has put it on record."""
    ruling = problem.review.ruling if problem.review else None
    if ruling is None or not is_ruled_out(problem):
        return problem
    by = f"{ruling.reviewer} ({ruling.reviewer_kind})"
    detail = f"{by} ruled it out: {ruling.reason}. {ruling.comment}".strip()
    return Rejection(Reason.RULED_OUT, detail, {"event_id": ruling.event_id})
