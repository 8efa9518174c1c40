"""The audit sample: accepted problems drawn at random for people to look at, so that the build's own error rate is known.

The sample is drawn by a hash of seed, problem id and source hash from the problems that the build accepts without any
decision of people; so a decision moves no problem into or out of it. An error is a problem of the sample that was rejected or
corrected. Decisions of humans and of models are counted apart: the last one of each kind counts.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from appsplus.ledger import REVIEWER_KINDS, RULINGS, Ledger
from appsplus.release.worklist import WorkReason
from appsplus.worklist.case import Doubt
from appsplus.worklist.interval import wilson

SLUG = "audit_sample"
_CHANCE = 0.3  # worth more than a weak doubt: without decisions there is no estimate


def in_sample(problem_id: str, source_hash: str, share: float, seed: int) -> bool:
    """Whether a problem is in the sample, if the build accepts it: about `share` (0 to 1) of all problems are."""
    digest = hashlib.sha256(f"audit:{seed}:{problem_id}:{source_hash}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def doubt_of_sample(share: float, seed: int) -> Doubt:
    """The reason to look at a problem of the sample."""
    detail = f"drawn at random: {100 * share:g} % of the accepted problems, seed {seed}"
    words = "check description, unit tests and solution as if nothing were known: accept, correct or reject"
    return Doubt(WorkReason(SLUG, detail, {"share": share, "seed": seed}, (), words), _CHANCE)


def rulings(ledger: Ledger, problem_id: str, source_hash: str) -> Iterator[tuple[str, str]]:
    """(reviewer kind, action) of the decisions about the source's own content that were not undone, in order of time."""
    for decision in ledger.history(problem_id):
        made = decision.action in RULINGS and decision.event_id not in ledger.undone
        if made and decision.source_hash == source_hash == decision.seen:
            yield decision.reviewer_kind, decision.action


class AuditBooks:
    """The sample and what was decided about it, counted while the build goes on."""

    def __init__(self, share: float, seed: int) -> None:
        self._share, self._seed = share, seed
        self._accepted = self._sampled = 0
        self._decided: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()

    def enter(self, ledger: Ledger, problem_id: str, source_hash: str) -> None:
        """A problem that the build accepts without any decision."""
        self._accepted += 1
        if in_sample(problem_id, source_hash, self._share, self._seed):
            self._sampled += 1
            for kind, action in dict(rulings(ledger, problem_id, source_hash)).items():  # the last of each kind
                self._decided[kind] += 1
                self._errors[kind] += action != "accept"

    def to_json(self) -> dict[str, Any]:
        """For the manifest: the sample's size, and per reviewer kind the errors found with a 95 % interval."""
        return {
            "share": self._share,
            "accepted": self._accepted,
            "sampled": self._sampled,
            "decided": {
                kind: {
                    "decided": self._decided[kind],
                    "errors": self._errors[kind],
                    "interval": wilson(self._errors[kind], self._decided[kind]),
                }
                for kind in REVIEWER_KINDS
            },
        }
