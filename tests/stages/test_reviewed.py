"""Rulings: what was ruled out leaves, with who did it; nothing else does."""

from typing import Any

import pytest

from appsplus.problem import Reason, Rejection, Review, ReviewEvent
from appsplus.stages.reviewed import reviewed

Make = Any


def event(action: str, effect: str) -> ReviewEvent:
    return ReviewEvent("7", "2025-03-01T12:00:00Z", "bot", "model", action, "duplicate", "See 0001.", effect)


def test_what_was_ruled_out_leaves_and_says_by_whom_and_of_which_kind(make_problem: Make) -> None:
    review = Review("0" * 64, (event("correct", "in_force"), event("reject", "in_force")))
    assert reviewed(make_problem(review=review)) == Rejection(
        Reason.RULED_OUT, "bot (model) ruled it out: duplicate. See 0001.", {"event_id": "7"}
    )


@pytest.mark.parametrize("events", [(), (event("accept", "in_force"),), (event("reject", "disputed"),)])
def test_every_other_problem_stays(make_problem: Make, events: tuple[ReviewEvent, ...]) -> None:
    problem = make_problem(review=Review("0" * 64, events))
    assert reviewed(problem) is problem
    assert reviewed(make_problem()).review is None
