"""Which decisions count: undo, staleness, two reviewers, humans and models, adjudication, chains of corrections."""

from collections.abc import Callable
from typing import Any

import pytest

from appsplus.ledger import Decision, Ledger
from appsplus.problem import RawProblem

Decide = Callable[..., Decision]
LedgerOf = Callable[..., Ledger]


def told(ledger: Ledger, raw: RawProblem) -> tuple[str, str | None, list[str]]:
    """(the second output, the ruling, what became of each decision)."""
    found = ledger.standing(raw)
    assert found.content.outputs is not None
    effects = [found.effects[decision.event_id] for decision in ledger.history(raw.problem_id)]
    return found.content.outputs[1], found.ruling and found.ruling.action, effects


def test_one_decision_is_in_force(raw: RawProblem, decide: Decide, ledger_of: LedgerOf) -> None:
    assert told(ledger_of(decide("ada", "correct")), raw) == ("4\n", None, ["in_force"])
    assert told(ledger_of(decide("ada", "reject")), raw) == ("5\n", "reject", ["in_force"])
    assert told(ledger_of(decide("ada", "skip"), decide("ada", "comment", comment="?")), raw) == (
        "5\n", None, ["noted", "noted"],
    )  # fmt: skip


def test_an_undone_decision_counts_as_not_made(raw: RawProblem, decide: Decide, ledger_of: LedgerOf) -> None:
    first, second = decide("ada", "reject"), decide("ada", "correct")
    undo = decide("ada", "undo", undoes=second.event_id)
    ledger = ledger_of(first, second, undo)
    assert ledger.undone == {second.event_id}
    assert ledger.history(raw.problem_id) == (first, second, undo)
    assert told(ledger, raw) == ("5\n", "reject", ["in_force", "undone", "noted"])
    assert ledger.ruling(raw.problem_id, raw.source_hash) == first


def test_nobody_undoes_the_decision_of_another_or_an_undo(raw: RawProblem, decide: Decide, ledger_of: LedgerOf) -> None:
    made = decide("ada", "reject")
    others = decide("ben", "undo", undoes=made.event_id)
    own = decide("ada", "undo", undoes=made.event_id)
    again = decide("ada", "undo", undoes=own.event_id)
    assert ledger_of(made, others).undone == frozenset()
    assert told(ledger_of(made, others), raw) == ("5\n", "reject", ["in_force", "noted"])
    assert ledger_of(made, own, again).undone == {made.event_id}


def test_two_who_agree_are_in_force_once(
    raw: RawProblem, decide: Decide, ledger_of: LedgerOf, seen_after: Callable[[str], str]
) -> None:
    rewritten = ({"op": "replace", "path": "/outputs", "value": ["3\n", "4\n"]},)  # another patch, the same content
    ledger = ledger_of(decide("ada", "correct"), decide("ben", "correct", patch=rewritten))
    assert told(ledger, raw) == ("4\n", None, ["in_force", "agreeing"])
    content = ledger.corrected(raw)
    assert len(content.changes) == 1
    assert content.seen_hash == seen_after("4\n")
    assert told(ledger_of(decide("ada", "reject"), decide("ben", "reject")), raw)[1:] == (
        "reject",
        ["in_force", "agreeing"],
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"action": "accept"}, {"action": "reject"}),
        ({"action": "correct"}, {"action": "accept"}),
        ({"action": "correct"}, {"action": "correct", "to": "04\n"}),
    ],
)
def test_of_two_who_disagree_neither_is_applied(
    raw: RawProblem, decide: Decide, ledger_of: LedgerOf, one: dict[str, Any], other: dict[str, Any]
) -> None:
    first, second = decide("ada", **one), decide("ben", **other)
    ledger = ledger_of(first, second)
    assert told(ledger, raw) == ("5\n", None, ["disputed", "disputed"])
    assert ledger.standing(raw).disagreement == (first, second)
    assert ledger.ruling(raw.problem_id, raw.source_hash) is None
    assert ledger.corrected(raw) == raw


def test_what_builds_on_a_disputed_correction_waits_with_it(
    raw: RawProblem, decide: Decide, ledger_of: LedgerOf, seen_after: Callable[[str], str]
) -> None:
    correction = decide("ada", "correct")
    later = decide("ada", "accept", seen_hash=seen_after("4\n"))
    dispute = decide("ben", "accept")
    assert told(ledger_of(correction, later), raw) == ("4\n", "accept", ["in_force", "in_force"])
    assert told(ledger_of(correction, later, dispute), raw) == ("5\n", None, ["disputed"] * 3)
    settled = decide("ada", "correct", resolves=(correction.event_id, dispute.event_id))
    assert told(ledger_of(correction, later, dispute, settled), raw) == (
        "4\n", "accept", ["replaced", "in_force", "replaced", "in_force"],
    )  # fmt: skip


def test_an_adjudicated_decision_takes_the_place_of_those_it_names(
    raw: RawProblem, decide: Decide, ledger_of: LedgerOf
) -> None:
    one, other = decide("ada", "accept"), decide("ben", "reject")
    both = decide("cleo", "correct", resolves=(one.event_id, other.event_id))
    assert told(ledger_of(one, other, both), raw) == ("4\n", None, ["replaced", "replaced", "in_force"])
    half = decide("cleo", "accept", resolves=(one.event_id,))
    assert told(ledger_of(one, other, half), raw) == ("5\n", None, ["replaced", "disputed", "disputed"])
    undo = decide("cleo", "undo", undoes=both.event_id)
    assert told(ledger_of(one, other, both, undo), raw)[2] == ["disputed", "disputed", "undone", "noted"]


def test_a_reviewers_last_decision_takes_the_place_of_the_earlier_ones(
    raw: RawProblem, decide: Decide, ledger_of: LedgerOf
) -> None:
    ledger = ledger_of(decide("ada", "accept"), decide("ben", "reject"), decide("ada", "reject"), decide("ben", "skip"))
    assert told(ledger, raw) == ("5\n", "reject", ["replaced", "in_force", "agreeing", "noted"])


def test_a_humans_decision_outranks_models_on_the_same_content(
    raw: RawProblem, decide: Decide, ledger_of: LedgerOf, seen_after: Callable[[str], str]
) -> None:
    model, second = decide("bot-1", "correct"), decide("bot-2", "correct")
    human = decide("ada", "reject")
    assert told(ledger_of(model, second), raw) == ("4\n", None, ["in_force", "agreeing"])
    assert told(ledger_of(model, second, human), raw) == ("5\n", "reject", ["replaced", "replaced", "in_force"])
    # On other content, it does not: here the human has seen, and confirmed, what the model made.
    confirmed = decide("ada", "accept", seen_hash=seen_after("4\n"))
    assert told(ledger_of(model, confirmed), raw) == ("4\n", "accept", ["in_force", "in_force"])


def test_a_model_cannot_settle_what_humans_dispute(raw: RawProblem, decide: Decide, ledger_of: LedgerOf) -> None:
    one, other = decide("ada", "accept"), decide("ben", "reject")
    model = decide("bot", "reject", resolves=(one.event_id, other.event_id))
    assert told(ledger_of(one, other, model), raw) == ("5\n", None, ["disputed", "disputed", "replaced"])


def test_a_correction_is_applied_only_to_the_content_that_was_seen(
    raw: RawProblem, decide: Decide, ledger_of: LedgerOf, seen_after: Callable[[str], str]
) -> None:
    first = decide("ada", "correct", to="6\n")
    second = decide("ben", "correct", seen_hash=seen_after("6\n"))
    assert told(ledger_of(first, second), raw) == ("4\n", None, ["in_force", "in_force"])
    changes = ledger_of(first, second).corrected(raw).changes
    assert [(change.by, change.event_id) for change in changes] == [
        ("ada (human)", first.event_id),
        ("ben (human)", second.event_id),
    ]
    undo = decide("ada", "undo", undoes=first.event_id)
    assert told(ledger_of(first, second, undo), raw) == ("5\n", None, ["undone", "stale", "noted"])


def test_a_correction_back_to_what_the_source_said_is_content_of_its_own(
    raw: RawProblem, decide: Decide, ledger_of: LedgerOf, seen_after: Callable[[str], str]
) -> None:
    there = decide("ada", "correct")
    back = decide("ada", "correct", to="5\n", seen_hash=seen_after("4\n"))
    forth = decide("ada", "correct", to="4\n", seen_hash=seen_after("5\n"))
    assert seen_after("5\n") != raw.seen_hash
    assert told(ledger_of(there, back), raw)[0] == "5\n"
    assert told(ledger_of(there, back, forth), raw) == ("4\n", None, ["in_force"] * 3)  # and it ends


def test_a_checker_is_part_of_what_was_seen(raw: RawProblem, decide: Decide, ledger_of: LedgerOf) -> None:
    checker = {"kind": "unordered", "any_of": [], "program": ""}
    set_it = decide("ada", "correct", patch=({"op": "replace", "path": "/checker", "value": checker},))
    blind = decide("ben", "correct")
    assert ledger_of(set_it).corrected(raw).seen_hash != raw.seen_hash
    assert told(ledger_of(set_it, blind), raw)[2] == ["disputed", "disputed"]


def test_a_decision_on_an_older_source_is_stale(raw: RawProblem, decide: Decide, ledger_of: LedgerOf) -> None:
    old = decide("ada", "reject", source_hash="0" * 64)
    skipped = decide("ada", "skip", source_hash="0" * 64)
    ledger = ledger_of(old, skipped)
    assert told(ledger, raw) == ("5\n", None, ["stale", "noted"])
    assert ledger.stale(raw.problem_id, raw.source_hash) == (old.event_id,)


def test_a_patch_that_does_not_fit_is_not_applied_and_stands_in_nobodys_way(
    raw: RawProblem, decide: Decide, ledger_of: LedgerOf
) -> None:
    broken = decide("ada", "correct", patch=({"op": "remove", "path": "/outputs/9"},))
    assert told(ledger_of(broken), raw) == ("5\n", None, ["broken"])
    assert told(ledger_of(broken, decide("ben", "reject")), raw) == ("5\n", "reject", ["broken", "in_force"])
