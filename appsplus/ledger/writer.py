"""Appending to a ledger: one file a reviewer, a line a decision, whole or not at all, whoever else is writing."""

import fcntl
import os
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from appsplus import jsonl
from appsplus.errors import LedgerError
from appsplus.ledger.decision import REVIEWER_KINDS, Decision, chain_hash, line_of, parse
from appsplus.ledger.files import LINE_ERRORS, decisions_in, numbered, split_torn, torn_message, torn_path
from appsplus.ledger.standing import may_undo

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")


def check_name(reviewer: str) -> None:
    """Raise LedgerError where a reviewer's name cannot be that of a file."""
    if not _NAME.fullmatch(reviewer):
        raise LedgerError(
            f"{reviewer!r} cannot be a reviewer's name: it names a file. Expected at most 100 letters, digits and . _ @ + -, "
            "of which the first is a letter or digit. Choose another name."
        )


class LedgerWriter:
    """Appends the decisions of one reviewer to `FOLDER/REVIEWER.jsonl`, which the first decision makes.

    Several writers, in one process or in many, may share a file: each takes a lock, reads what the others have added, and
    chains its line to theirs. A line is on the disk when `append` returns. A torn last line (power cut) is moved to
    `REVIEWER.jsonl.torn`, and `recovered` says so.
    """

    def __init__(self, folder: Path, reviewer: str, reviewer_kind: str) -> None:
        """Open the reviewer's file, or see that it can be made.

        Raises LedgerError where name or kind cannot be, the folder cannot be written, a line of the file is broken, or
        the reviewer is of the other kind there.
        """
        check_name(reviewer)
        if reviewer_kind not in REVIEWER_KINDS:
            raise LedgerError(f"the reviewer kind {reviewer_kind!r} is not known; expected human or model")
        self.path = folder / f"{reviewer}.jsonl"
        self.recovered = ""  # what to say of a torn last line that was moved away
        self._reviewer, self._kind = reviewer, reviewer_kind
        self._forget()
        with _explained(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            if not self.path.exists() and not os.access(folder, os.W_OK):
                raise PermissionError(13, "Permission denied")
        if self.path.exists():
            with self._locked() as file:
                self._catch_up(file)

    def append(
        self,
        *,
        problem_id: str,
        source_hash: str,
        seen_hash: str,
        action: str,
        reason: str = "",
        comment: str = "",
        patch: Sequence[Mapping[str, Any]] = (),
        seconds: float | None = None,
        override: bool = False,
        undoes: str = "",
        resolves: Sequence[str] = (),
    ) -> Decision:
        """Save one decision, and return it as it stands in the ledger.

        Raises LedgerError where it is none that a ledger could hold, where `undoes` is no decision of this reviewer that
        still counts, or where it cannot be saved; the file is then as it was.
        """
        with self._locked() as file:
            self._catch_up(file)
            if undoes:
                self._check_undo(undoes, problem_id)
            decision = self._checked(
                event_id=uuid.uuid4().hex,
                time=max(datetime.now(UTC), self._time),  # never before the line above, whatever the clock does
                reviewer=self._reviewer,
                reviewer_kind=self._kind,
                problem_id=problem_id,
                source_hash=source_hash,
                seen_hash=seen_hash,
                action=action,
                reason=reason,
                comment=comment,
                patch=tuple(map(dict, patch)),
                seconds=seconds,
                override=override,
                undoes=undoes,
                resolves=tuple(resolves),
                tool_version=metadata.version("appsplus"),
                previous_hash=self._last_hash,
                where=f"{self.path}:{self._lines + 1}",
            )
            self._write(file, [decision])
        return decision

    def _forget(self) -> None:
        self._inode, self._size, self._lines = -1, 0, 0
        self._last_hash, self._time = "", datetime.min.replace(tzinfo=UTC)
        self._made: dict[str, Decision] = {}
        self._undone: set[str] = set()

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The file, open and locked for this writer alone; made where it is not there."""
        with _explained(self.path):
            while True:
                file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
                fcntl.flock(file, fcntl.LOCK_EX)
                if _still_there(file, self.path):
                    break
                os.close(file)  # another file has taken its place, as `git checkout` does, while we waited for the lock
        try:
            yield file
        finally:
            if not os.fstat(file).st_size:
                self.path.unlink(
                    missing_ok=True
                )  # nothing came of it; an empty file would be part of the ledger's digest
            fcntl.flock(file, fcntl.LOCK_UN)  # closing may not do: a process forked meanwhile has the file open, too
            os.close(file)

    def _catch_up(self, file: int) -> None:
        """Read what was appended since the last time, by whomever; move a torn end away."""
        with _explained(self.path):
            found = os.fstat(file)
            if found.st_ino != self._inode or found.st_size < self._size:
                self._forget()
                self._inode = found.st_ino
            data = os.pread(file, found.st_size - self._size, self._size)
            data, torn = split_torn(data)
            if torn:
                self.recovered = torn_message(self.path, self._lines + data.count(b"\n") + 1, len(torn))
                _move_away(file, self.path, self._size + len(data), torn)
        for decision in decisions_in(self.path, b"\n" * self._lines + data):
            if decision.reviewer == self._reviewer and decision.reviewer_kind != self._kind:
                raise LedgerError(
                    f"{self._reviewer} is a {decision.reviewer_kind} at {decision.where}, and cannot be a {self._kind}; "
                    "expected one kind for a reviewer. Choose another name."
                )
            self._enter(decision)
        for _, line in numbered(data):
            self._last_hash = chain_hash(line)
        self._size, self._lines = self._size + len(data), self._lines + data.count(b"\n")
        if data and not data.endswith(b"\n"):
            with _explained(self.path):
                jsonl.append_whole(file, b"\n")
            self._size, self._lines = self._size + 1, self._lines + 1

    def _enter(self, decision: Decision) -> None:
        self._made[decision.event_id] = decision
        self._time = max(self._time, decision.time)
        if decision.undoes:
            self._undone.add(decision.undoes)

    def _check_undo(self, event_id: str, problem_id: str) -> None:
        made = self._made.get(event_id)
        if made is None or made.problem_id != problem_id:
            raise LedgerError(
                f"the event {event_id!r} is no decision about {problem_id} in {self.path}, and cannot be undone; expected "
                "a decision of the same reviewer about the same problem"
            )
        if event_id in self._undone or not may_undo(self._reviewer, made):
            raise LedgerError(f"the event {event_id!r} is undone already, or an undo itself; decide anew instead")

    def _checked(self, **fields: Any) -> Decision:
        """The decision as a reader will find it, so that no line is written that cannot be read."""
        try:
            decision = Decision(**fields)
            return parse(line_of(decision), decision.where)
        except LINE_ERRORS as error:
            raise LedgerError(
                f"the decision about {fields['problem_id']} cannot be saved: {error}. Nothing was written; correct it."
            ) from error

    def _write(self, file: int, decisions: Sequence[Decision]) -> None:
        """Append decisions that are chained to each other and to what is there."""
        lines = [line_of(decision) for decision in decisions]
        data = b"".join(line + b"\n" for line in lines)
        with _explained(self.path):
            jsonl.append_whole(file, data)
            if not self._size:
                _sync_folder(self.path.parent)
        for decision in decisions:
            self._enter(decision)
        self._last_hash = chain_hash(lines[-1])
        self._size, self._lines = self._size + len(data), self._lines + len(lines)

    def _chained(self, decisions: Sequence[Decision]) -> list[Decision]:
        above, found = self._last_hash, []
        for decision in decisions:
            found.append(replace(decision, previous_hash=above))
            above = chain_hash(line_of(found[-1]))
        return found


def append_all(folder: Path, decisions: Sequence[Decision]) -> None:
    """Append decisions of any reviewers as they are, but for the chain, which is made anew; all of them, or none.

    A reviewer must be of one kind in them. Raises LedgerError as LedgerWriter does.
    """
    by_reviewer: dict[str, list[Decision]] = {}
    for decision in decisions:
        by_reviewer.setdefault(decision.reviewer, []).append(decision)
    writers = [(LedgerWriter(folder, name, own[0].reviewer_kind), own) for name, own in sorted(by_reviewer.items())]
    with ExitStack() as stack:
        opened = [(writer, stack.enter_context(writer._locked()), own) for writer, own in writers]
        for writer, file, _ in opened:
            writer._catch_up(file)
        sizes = [os.fstat(file).st_size for _, file, _ in opened]
        try:
            for writer, file, own in opened:
                writer._write(file, writer._chained(own))
        except BaseException:
            for (_, file, _), size in zip(opened, sizes, strict=True):
                os.ftruncate(file, size)
            raise


def _move_away(file: int, path: Path, size: int, torn: bytes) -> None:
    with torn_path(path).open("ab") as kept:
        kept.write(torn + b"\n")
        kept.flush()
        os.fsync(kept.fileno())
    os.ftruncate(file, size)
    os.fsync(file)


def _sync_folder(folder: Path) -> None:
    """A new file is in its folder for certain only when the folder is on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _still_there(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into a LedgerError that says what to do."""
    try:
        yield
    except OSError as error:
        raise LedgerError(
            f"{path} cannot be written: {error.strerror}. Nothing was saved, and what was there is untouched. Make room or "
            "permit writing there, or choose another folder; then decide again."
        ) from error
