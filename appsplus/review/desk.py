"""What one reviewer has on the desk: the worklist, the ledger as it is now, and the pen that writes into it.

Thread-safe. The ledger is read anew when somebody else has written into it; what this desk writes is added to what it knows.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

from appsplus.errors import DatasetError, InputError
from appsplus.ledger import Decision, Ledger, LedgerWriter, Standing
from appsplus.ledger.decision import RULINGS, line_of
from appsplus.ledger.patch import patched
from appsplus.ledger.standing import may_undo
from appsplus.problem import RawProblem
from appsplus.release.manifest import NAME as MANIFEST
from appsplus.release.worklist import WorkItem, load_work_item, load_worklist_index
from appsplus.review.worklist_view import WorklistView, seconds_of, states_of

MAX_SECONDS = 3600.0  # a page that was open for longer was not looked at all the time


@dataclass(frozen=True)
class Case:
    """One item as the reviewer may see it."""

    item: WorkItem
    history: tuple[Decision, ...]  # that the reviewer may see, in order of time
    standing: Standing  # of those decisions
    content: RawProblem  # after those of them that are in force


@dataclass(frozen=True)
class Snapshot:
    """The ledger at one moment, and what it says of the worklist."""

    ledger: Ledger
    states: Mapping[str, str]
    seconds: Sequence[float]

    @cached_property
    def contested(self) -> tuple[str, ...]:
        """Problems about which more than one reviewer has decided: the candidates for adjudication."""
        return tuple(
            problem_id
            for problem_id, own in self.ledger.decisions.items()
            if len({d.reviewer for d in own if d.event_id not in self.ledger.undone}) > 1
        )


class Desk:
    """A dataset folder, ledger folders and a reviewer. Decisions go into the first ledger folder."""

    def __init__(
        self, dataset: Path, ledgers: Sequence[Path], reviewer: str, kind: str, *, blind: bool = False
    ) -> None:
        """Raises DatasetError for a folder without a worklist, LedgerError for a ledger that cannot be read or written."""
        self.dataset, self.reviewer, self.kind, self.blind = dataset, reviewer, kind, blind
        self._lock = threading.RLock()
        self._snapshot: Snapshot | None = None
        self._read_worklist(self._stamp(dataset / MANIFEST))
        self._writer = LedgerWriter(ledgers[0], reviewer, kind)
        self.notes = [self._writer.recovered] if self._writer.recovered else []
        self._folders = tuple(ledgers)
        self._stamps: dict[Path, tuple[int, int] | None] = {}
        self.notes += self.snapshot().ledger.torn

    @property
    def path(self) -> Path:
        """The file that the reviewer's decisions go to."""
        return self._writer.path

    def view(self) -> WorklistView:
        """The worklist; read anew after a build."""
        with self._lock:
            stamp = self._stamp(self.dataset / MANIFEST)
            if stamp != self._built:
                self._read_worklist(stamp)
            return self._view

    def snapshot(self) -> Snapshot:
        """The ledger as it is now. Raises LedgerError where a file of it is broken."""
        with self._lock:
            view, stamps = self.view(), self._ledger_stamps()
            if self._snapshot is None or stamps != self._stamps:
                self._snapshot, self._stamps = self._taken(Ledger.read(self._folders), view), stamps
            return self._snapshot

    def case(self, problem_id: str) -> Case:
        """One item. Raises DatasetError where it is not on the worklist, LedgerError where a correction does not fit."""
        history = self.snapshot().ledger.history(problem_id)  # it reads the worklist anew where that is needed
        item = self._item(problem_id)
        seen = tuple(d for d in history if not self.blind or d.reviewer == self.reviewer)
        ledger = Ledger({problem_id: seen})
        return Case(item, seen, ledger.standing(item.record), ledger.reviewed(item.record))

    def disagreements(self) -> list[Case]:
        """The adjudication queue: items whose reviewers disagree, in order of value; none for a blind reviewer."""
        if self.blind:
            return []
        places = self.view().places
        contested = sorted((p for p in self.snapshot().contested if p in places), key=places.__getitem__)
        return [case for case in map(self.case, contested) if case.standing.disagreement]

    def corrected(self, case: Case, patch: Sequence[Mapping[str, Any]], comment: str = "") -> RawProblem:
        """What a correction would make of an item. Raises LedgerError for a patch that does not fit."""
        return replace(
            patched(case.content, self._draft(case, patch, comment)), review=None
        )  # an acceptance was of before

    def decide(self, case: Case, action: str, *, opened: float | None, **fields: Any) -> Decision:
        """Save a decision on what the reviewer saw. `opened`: when the page was made (seconds since 1970).

        Raises LedgerError where nothing was saved.
        """
        seconds = None if opened is None else round(time.time() - opened, 1)
        if seconds is not None and not 0 <= seconds <= MAX_SECONDS:
            seconds = None
        resolves = tuple(d.event_id for d in case.standing.disagreement) if action in RULINGS else ()
        return self._append(
            problem_id=case.item.problem_id,
            source_hash=case.item.record.source_hash,
            seen_hash=case.content.seen_hash,
            action=action,
            seconds=seconds,
            resolves=resolves,
            **fields,
        )

    def undo(self) -> Decision:
        """Take back the reviewer's last decision that still counts; returns that decision.

        Raises InputError where there is none, LedgerError where the undo could not be saved.
        """
        with self._lock:
            ledger = self.snapshot().ledger
            own = [
                d
                for decisions in ledger.decisions.values()
                for d in decisions
                if d.reviewer == self.reviewer and d.event_id not in ledger.undone and may_undo(self.reviewer, d)
            ]
            if not own:
                raise InputError(
                    "there is nothing to undo: none of your decisions counts any more, or none was made yet"
                )
            last = max(own, key=lambda d: d.time)
            self._append(
                problem_id=last.problem_id,
                source_hash=last.source_hash,
                seen_hash=last.seen_hash,
                action="undo",
                undoes=last.event_id,
            )
            return last

    def _read_worklist(self, stamp: tuple[int, int] | None) -> None:
        self._view, self._built = WorklistView(load_worklist_index(self.dataset)), stamp
        self._item: Callable[[str], WorkItem] = lru_cache(maxsize=64)(
            partial(load_work_item, self.dataset)
        )  # a problem is asked for several times
        self._snapshot = None

    def _append(self, **fields: Any) -> Decision:
        with self._lock:
            before, snapshot = self._ledger_stamps(), self.snapshot()
            decision = self._writer.append(**fields)
            after = self._ledger_stamps()
            others = {path: stamp for path, stamp in after.items() if path != self.path}
            alone = others == {path: stamp for path, stamp in before.items() if path != self.path}
            if alone and _grown(before.get(self.path), after.get(self.path)) == len(line_of(decision)) + 1:
                own = (*snapshot.ledger.history(decision.problem_id), decision)
                ledger = Ledger({**snapshot.ledger.decisions, decision.problem_id: own})
                self._snapshot, self._stamps = self._taken(ledger, self._view), after
            return decision

    def _taken(self, ledger: Ledger, view: WorklistView) -> Snapshot:
        hashes = {row.problem_id: row.source_hash for row in view.rows if row.source_hash}
        states = states_of(ledger, self.reviewer, self.kind, blind=self.blind, hashes=hashes)
        return Snapshot(ledger, states, seconds_of(ledger, self.reviewer))

    def _draft(self, case: Case, patch: Sequence[Mapping[str, Any]], comment: str) -> Decision:
        if not patch:
            raise InputError("nothing is changed: edit a field, or accept the problem as it is")
        return Decision(
            event_id="draft",
            time=datetime.now(UTC),
            reviewer=self.reviewer,
            reviewer_kind=self.kind,
            problem_id=case.item.problem_id,
            source_hash=case.item.record.source_hash,
            seen_hash=case.content.seen_hash,
            action="correct",
            comment=comment,
            patch=tuple(map(dict, patch)),
            where="this correction",
        )

    def _ledger_stamps(self) -> dict[Path, tuple[int, int] | None]:
        return {path: self._stamp(path) for folder in self._folders for path in sorted(folder.glob("*.jsonl"))}

    @staticmethod
    def _stamp(path: Path) -> tuple[int, int] | None:
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DatasetError(
                f"{path} cannot be read ({error.strerror}); check the file and its permissions"
            ) from None
        return found.st_mtime_ns, found.st_size


def _grown(before: tuple[int, int] | None, after: tuple[int, int] | None) -> int:
    return (after or (0, 0))[1] - (before or (0, 0))[1]
