"""The worklist as one reviewer walks through it: filters, what is done, what comes next, how long it will take."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from statistics import median
from typing import Self
from urllib.parse import urlencode

from appsplus.ledger import RULINGS, Ledger
from appsplus.release.worklist import IndexRow

OPEN, DECIDED, SKIPPED = "open", "decided", "skipped"
STATES = (OPEN, DECIDED, SKIPPED)
_ENOUGH_TIMES = 3  # decisions that were timed, before the remaining time is guessed


@dataclass(frozen=True, slots=True)
class Filters:
    """Which items to walk through; an empty field does not filter."""

    reason: str = ""
    difficulty: str = ""
    source: str = ""
    state: str = ""
    q: str = ""  # part of an id or a title

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Self:
        """From a query string or a form, which may hold more."""
        return cls(**{field.name: given.get(field.name, "").strip() for field in fields(cls)})

    def query(self, **changes: str) -> str:
        """As a query string, "?..." or empty."""
        changed = replace(self, **changes)
        pairs = [(field.name, getattr(changed, field.name)) for field in fields(changed)]
        text = urlencode([pair for pair in pairs if pair[1]])
        return f"?{text}" if text else ""

    def items(self) -> list[tuple[str, str]]:
        """The fields that filter, for hidden inputs of a form."""
        return [(field.name, getattr(self, field.name)) for field in fields(self) if getattr(self, field.name)]

    def accept(self, row: IndexRow) -> bool:
        """Whether an item is among those to walk through, whatever its state."""
        return (
            (not self.reason or self.reason in row.slugs)
            and (not self.difficulty or self.difficulty == row.difficulty)
            and (not self.source or self.source == row.source)
            and (not self.q or self.q.lower() in row.problem_id.lower() or self.q.lower() in row.title.lower())
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one is among the items that are walked through."""

    total: int
    done: int  # decided or skipped
    left_s: float | None  # guessed from the median of the reviewer's own decisions; None: too few of them were timed


class WorklistView:
    """The rows of the worklist in order of value, with the state of each for one reviewer."""

    def __init__(self, rows: Sequence[IndexRow]) -> None:
        self.rows = rows
        self.places = {row.problem_id: place for place, row in enumerate(rows)}
        self.reasons = sorted({slug for row in rows for slug in row.slugs})
        self.difficulties = sorted({row.difficulty for row in rows})
        self.sources = sorted({row.source for row in rows})

    def matching(self, filters: Filters, states: Mapping[str, str]) -> list[IndexRow]:
        """The rows that the filters let through, by state, too."""
        return [
            row for row in self.rows if filters.accept(row) and filters.state in ("", states.get(row.problem_id, OPEN))
        ]

    def neighbour(self, problem_id: str, step: int, filters: Filters) -> str | None:
        """The item after (`step` 1) or before (-1) this one that the filters let through, in any state."""
        place = self.places.get(problem_id, -1)
        rows = self.rows[place + 1 :] if step > 0 else self.rows[: max(place, 0)][::-1]
        return next((row.problem_id for row in rows if filters.accept(row)), None)

    def next_open(self, problem_id: str | None, filters: Filters, states: Mapping[str, str]) -> str | None:
        """The next item to decide after this one, then from the top; with a filter by state, the next in that state."""
        place = self.places.get(problem_id or "", -1)
        wanted = filters.state or OPEN
        for row in (*self.rows[place + 1 :], *self.rows[:place]):
            if states.get(row.problem_id, OPEN) == wanted and filters.accept(row):
                return row.problem_id
        return None

    def progress(self, filters: Filters, states: Mapping[str, str], seconds: Sequence[float]) -> Progress:
        """`seconds`: what the reviewer's own decisions took, as far as they were timed."""
        rows = [row for row in self.rows if filters.accept(row)]
        done = sum(row.problem_id in states for row in rows)  # an open item has no state
        left_s = median(seconds) * (len(rows) - done) if len(seconds) >= _ENOUGH_TIMES else None
        return Progress(len(rows), done, left_s)


def states_of(ledger: Ledger, reviewer: str, kind: str, *, blind: bool, hashes: Mapping[str, str]) -> dict[str, str]:
    """The state of every item that somebody has decided, for this reviewer; all others are open.

    Blind, only the reviewer's own decisions count; else everyone's of the same kind, and a human's for a model, too. A
    decision on content that the source has changed since (`hashes`: its hash now, by item) does not count.
    """
    found: dict[str, str] = {}
    for problem_id, decisions in ledger.decisions.items():
        for decision in decisions:
            if (
                decision.event_id not in ledger.undone
                and decision.action in (*RULINGS, "skip")
                and decision.source_hash == hashes.get(problem_id, decision.source_hash)
                and (decision.reviewer == reviewer or (not blind and decision.reviewer_kind in ("human", kind)))
            ):
                skipped = decision.action == "skip" and decision.reviewer == reviewer
                if skipped or decision.action != "skip":
                    found[problem_id] = SKIPPED if skipped else DECIDED
    return found


def seconds_of(ledger: Ledger, reviewer: str) -> list[float]:
    """What this reviewer's decisions took."""
    own: Iterable[float | None] = (
        decision.seconds
        for decisions in ledger.decisions.values()
        for decision in decisions
        if decision.reviewer == reviewer and decision.action in RULINGS
    )
    return [seconds for seconds in own if seconds is not None]
