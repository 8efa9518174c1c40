"""What the ledger came to in a build, counted while problems pass; humans and models apart, always."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from appsplus.ledger.decision import REVIEWER_KINDS, RULINGS, Decision
from appsplus.ledger.ledger import Ledger
from appsplus.ledger.standing import BROKEN, DISPUTED, IN_FORCE, STALE
from appsplus.problem import Review

DISAGREEMENT, UNKNOWN = "disagreement", "unknown_problem"
ATTENTION = (DISAGREEMENT, BROKEN, STALE, UNKNOWN)  # what somebody should look at, the most pressing first
_IN_FORCE = {"correct": "corrections", "accept": "accepted", "reject": "rejected"}


def by_kind(kinds: Iterable[str]) -> dict[str, int]:
    """How many there are of each kind of reviewer; every kind is named, also where there is none."""
    counted = Counter(kinds)
    return {kind: counted[kind] for kind in REVIEWER_KINDS}


class Accounts:
    """The section `ledger` of the manifest, problem by problem."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._met: set[str] = set()  # problems of the ledger that the sources have
        self._in_force: dict[str, list[str]] = {name: [] for name in _IN_FORCE.values()}
        self._attention: list[tuple[str, str, list[Decision]]] = []

    def enter(self, problem_id: str, review: Review | None) -> None:
        """A problem has come to its end; without a review, because its record could not be read or nobody decided."""
        history = self._ledger.history(problem_id)
        if not history:
            return
        self._met.add(problem_id)
        effects = {event.event_id: event.effect for event in review.events} if review else {}
        found: dict[str, list[Decision]] = {DISPUTED: [], BROKEN: [], STALE: []}
        for decision in history:
            effect = effects.get(decision.event_id, STALE if self._counts(decision) else "")
            if effect == IN_FORCE:
                self._in_force[_IN_FORCE[decision.action]].append(decision.reviewer_kind)
            elif effect in found:
                found[effect].append(decision)
        for what, effect in ((DISAGREEMENT, DISPUTED), (BROKEN, BROKEN), (STALE, STALE)):
            if found[effect]:
                self._attention.append((what, problem_id, found[effect]))

    def to_json(self) -> dict[str, Any]:
        """The counts, and under `attention` what somebody should look at."""
        unknown = [(UNKNOWN, name, own) for name, own in self._ledger.decisions.items() if name not in self._met]
        attention = [
            (what, name, [d for d in own if self._counts(d)]) for what, name, own in (*self._attention, *unknown)
        ]
        attention = sorted(
            ((what, name, own) for what, name, own in attention if own),
            key=lambda entry: (ATTENTION.index(entry[0]), entry[1]),
        )
        every = [d for own in self._ledger.decisions.values() for d in own]
        return {
            "decisions": by_kind(d.reviewer_kind for d in every),
            "sha256": self._ledger.digest,
            **{name: by_kind(kinds) for name, kinds in self._in_force.items()},
            **{f"{what}s": self._problems(what, attention) for what in (DISAGREEMENT, UNKNOWN)},
            **{
                name: by_kind(d.reviewer_kind for what, _, own in attention if what == name for d in own)
                for name in (STALE, BROKEN)
            },
            "attention": [
                {
                    "what": what,
                    "problem_id": name,
                    "events": [
                        {
                            "event_id": d.event_id,
                            "reviewer": d.reviewer,
                            "reviewer_kind": d.reviewer_kind,
                            "action": d.action,
                        }
                        for d in own
                    ],
                }
                for what, name, own in attention
            ],
        }

    def _counts(self, decision: Decision) -> bool:
        return decision.action in RULINGS and decision.event_id not in self._ledger.undone

    @staticmethod
    def _problems(what: str, attention: list[tuple[str, str, list[Decision]]]) -> dict[str, int]:
        """Problems, each counted for the kind of its first decision that waits."""
        return by_kind(own[0].reviewer_kind for found, _, own in attention if found == what)
