"""The section `ledger` of the manifest: humans and models apart, and what somebody should look at."""

from collections.abc import Callable
from dataclasses import replace

from appsplus.ledger import Accounts, Decision, Ledger
from appsplus.problem import RawProblem

Decide = Callable[..., Decision]


def test_everything_is_counted_by_kind(raw: RawProblem, decide: Decide) -> None:
    ledger = Ledger(
        {
            "a": (decide("ada", "correct", problem_id="a"), decide("ben", "correct", problem_id="a")),
            "b": (decide("bot", "reject", problem_id="b"),),
            "c": (decide("ada", "accept", problem_id="c"), decide("ben", "reject", problem_id="c")),
            "d": (decide("bot", "accept", problem_id="d", source_hash="0" * 64),),
            "g": (decide("ada", "correct", problem_id="g", patch=({"op": "remove", "path": "/outputs/9"},)),),
            "e": (decide("ada", "accept", problem_id="e"), decide("ada", "skip", problem_id="e")),
            "f": (decide("ada", "skip", problem_id="f"),),
        }
    )
    accounts = Accounts(ledger)
    for problem_id in ("a", "b", "c", "d", "g"):
        problem = ledger.reviewed(replace(raw, problem_id=problem_id))
        accounts.enter(problem_id, problem.review)
    accounts.enter("x", None)
    found = accounts.to_json()
    attention = found.pop("attention")
    assert found == {
        "decisions": {"human": 8, "model": 2},
        "sha256": ledger.digest,
        "corrections": {"human": 1, "model": 0},
        "accepted": {"human": 0, "model": 0},
        "rejected": {"human": 0, "model": 1},
        "disagreements": {"human": 1, "model": 0},
        "unknown_problems": {"human": 1, "model": 0},
        "stale": {"human": 0, "model": 1},
        "broken": {"human": 1, "model": 0},
    }
    assert [(entry["what"], entry["problem_id"], [e["reviewer"] for e in entry["events"]]) for entry in attention] == [
        ("disagreement", "c", ["ada", "ben"]),
        ("broken", "g", ["ada"]),
        ("stale", "d", ["bot"]),
        ("unknown_problem", "e", ["ada"]),  # the skip beside it is no decision to look at, nor is "f"
    ]


def test_decisions_about_a_record_that_cannot_be_read_are_stale(raw: RawProblem, decide: Decide) -> None:
    ledger = Ledger({raw.problem_id: (decide("ada", "accept"), decide("ada", "comment", comment="!"))})
    accounts = Accounts(ledger)
    accounts.enter(raw.problem_id, None)
    assert accounts.to_json()["stale"] == {"human": 1, "model": 0}
