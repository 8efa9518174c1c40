"""Every decision of some folders, and what they come to for a problem."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from appsplus.errors import LedgerError
from appsplus.ledger.decision import RULINGS, Decision, event_of
from appsplus.ledger.files import bytes_of, decisions_in, ledger_files, split_torn, torn_message
from appsplus.ledger.standing import Standing, counting, standing, undone
from appsplus.problem import RawProblem, Review


@dataclass(frozen=True, slots=True)
class LedgerFile:
    """The complete lines of one file, as they were read."""

    folder: int  # which of the folders
    name: str
    data: bytes


@dataclass(frozen=True)
class Ledger:
    """Every decision, by problem. Which of them count is said in `appsplus.ledger.standing`."""

    decisions: Mapping[str, tuple[Decision, ...]] = field(default_factory=dict)  # by problem id, each in order of time
    digest: str = hashlib.sha256().hexdigest()  # SHA-256 (hex) over names and bytes of the files, not their folders
    torn: tuple[str, ...] = ()  # what to say of the last lines that a power cut tore; they count as not written
    files: tuple[LedgerFile, ...] = ()  # in the order of the digest

    @classmethod
    def read(cls, folders: Sequence[Path]) -> "Ledger":
        """Read every `*.jsonl` file of the folders, by folder and name; without any file the ledger is empty.

        Raises LedgerError for a folder that does not exist, and, with file and line, for a line that cannot be read or
        an event id that occurs twice.
        """
        combined = hashlib.sha256()
        found: dict[str, Decision] = {}
        torn: list[str] = []
        files: list[LedgerFile] = []
        for number, path in ((n, path) for n, folder in enumerate(folders) for path in ledger_files([folder])):
            data, rest = split_torn(bytes_of(path))
            files.append(LedgerFile(number, path.name, data))
            if rest:
                torn.append(torn_message(path, data.count(b"\n") + 1, len(rest)))
            combined.update(f"{path.name}\0{hashlib.sha256(data).hexdigest()}\n".encode("utf-8", "surrogateescape"))
            for decision in decisions_in(path, data):
                first = found.setdefault(decision.event_id, decision)
                if first is not decision:
                    raise LedgerError(
                        f"{decision.where}: the event {decision.event_id!r} is already at {first.where}; expected every "
                        "event once. Remove one of the two lines."
                    )
        by_problem: dict[str, list[Decision]] = {}
        for decision in sorted(found.values(), key=lambda decision: decision.time):
            by_problem.setdefault(decision.problem_id, []).append(decision)
        decisions = {problem_id: tuple(own) for problem_id, own in sorted(by_problem.items())}
        return cls(decisions, combined.hexdigest(), tuple(torn), tuple(files))

    def __len__(self) -> int:
        """How many decisions there are, undone ones and what undid them included."""
        return sum(map(len, self.decisions.values()))

    @cached_property
    def undone(self) -> frozenset[str]:
        """The events that were undone: they count as not made."""
        return undone(decision for own in self.decisions.values() for decision in own)

    def history(self, problem_id: str) -> tuple[Decision, ...]:
        """Every decision about a problem in order of time, of any action, undone ones included."""
        return self.decisions.get(problem_id, ())

    def standing(self, raw: RawProblem) -> Standing:
        """What the decisions come to for a problem as its source has it."""
        return standing(raw, self.history(raw.problem_id), self.undone)

    def reviewed(self, raw: RawProblem) -> RawProblem:
        """`corrected`, with what the ledger did on record in `review`; a problem without decisions stays as it is."""
        history = self.history(raw.problem_id)
        if not history:
            return raw
        found = self.standing(raw)
        events = tuple(event_of(decision, found.effects[decision.event_id]) for decision in history)
        return replace(found.content, review=Review(found.content.seen_hash, events))

    def corrected(self, raw: RawProblem) -> RawProblem:
        """Apply the corrections in force, each made on exactly the content that the one before left.

        Every correction leaves a `Change` on the problem; `source_hash` stays that of the content before them.
        """
        return self.standing(raw).content

    def ruling(self, problem_id: str, source_hash: str, seen_hash: str = "") -> Decision | None:
        """The decision to accept or reject that is in force on the content with these hashes, if there is one.

        `seen_hash` is that of the corrected content; empty where there was no correction. From the hashes alone: `standing`
        also knows which corrections beside it are broken.
        """
        fresh = [d for d in self._made(problem_id) if d.source_hash == source_hash]
        count = counting(fresh, seen_hash or source_hash)
        return count[0] if len({d.action for d in count}) == 1 and count[0].action != "correct" else None

    def stale(self, problem_id: str, source_hash: str) -> tuple[str, ...]:
        """Event ids of the problem's decisions that were made when its source said something else than this."""
        made = self._made(problem_id)
        return tuple(d.event_id for d in made if d.action in RULINGS and d.source_hash != source_hash)

    def _made(self, problem_id: str) -> list[Decision]:
        """The decisions about a problem that were not undone, in order of time."""
        return [d for d in self.history(problem_id) if d.event_id not in self.undone]
