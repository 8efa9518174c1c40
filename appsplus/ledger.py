"""What people ruled: an append-only ledger of JSON Lines, read here and applied to problems.

A line is one decision, a JSON object with these keys; more keys may follow in later versions and are ignored here:

    event_id       unique in the ledger
    time           UTC, ISO 8601
    reviewer, reviewer_kind ("human" or "model")
    problem_id     as in a build
    source_hash    of the content that the reviewer saw (`RawProblem.source_hash`, before any correction)
    action         "accept", "correct" or "reject"
    reason         a slug, or ""
    comment        a sentence
    patch          only for "correct": a JSON Patch (RFC 6902) on the document that `document` makes
    seconds        how long the reviewer took; null where it was not measured
    tool_version, previous_hash    kept as they are; the chain of hashes is not checked here

A decision counts only for the content it was made on. On any other it is stale: reported, never applied.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonpatch

from appsplus import jsonl
from appsplus.errors import LedgerError
from appsplus.problem import Change, Checker, RawProblem

ACTIONS = ("accept", "correct", "reject")
REVIEWER_KINDS = ("human", "model")

_REQUIRED = ("event_id", "time", "reviewer", "reviewer_kind", "problem_id", "source_hash", "action")
_OPTIONAL_TEXTS = ("reason", "comment", "tool_version", "previous_hash")
_SLUG = re.compile(r"[a-z0-9_]*")
_HASH = re.compile(r"[0-9a-f]{64}")
_PATCH_ERRORS = (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException)
_NONE = type(None)
_SHAPES: dict[str, tuple[tuple[type, ...], str]] = {
    "description": ((str,), "text"),
    "solutions": ((list,), "a list of texts"),
    "inputs": ((list, _NONE), "a list or null"),
    "outputs": ((list, _NONE), "a list or null"),
    "entry_point": ((str, _NONE), "text or null"),
    "starter_code": ((str,), "text"),
    "checker": ((dict, _NONE), "an object or null"),
}
"""The fields of `document`: their types, and these in words."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one reviewer ruled about one problem, and on which content."""

    event_id: str
    time: datetime  # UTC
    reviewer: str
    reviewer_kind: str  # one of REVIEWER_KINDS
    problem_id: str
    source_hash: str  # of the RawProblem as its source has it
    action: str  # one of ACTIONS
    reason: str = ""  # a slug
    comment: str = ""
    patch: tuple[dict[str, Any], ...] = ()  # JSON Patch; only for "correct"
    seconds: float | None = None  # None: not measured
    tool_version: str = ""
    previous_hash: str = ""
    where: str = field(default="", compare=False)  # "file:line", for messages

    def __post_init__(self) -> None:
        for name, allowed in (("reviewer_kind", REVIEWER_KINDS), ("action", ACTIONS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {getattr(self, name)!r}")
        if self.time.utcoffset() != timedelta(0):
            raise ValueError(f"time must be in UTC, e.g. 2025-01-31T12:00:00Z; got {self.time.isoformat()}")
        if not _HASH.fullmatch(self.source_hash):
            raise ValueError(f"source_hash must be 64 hexadecimal digits; got {self.source_hash!r}")
        if not _SLUG.fullmatch(self.reason):
            raise ValueError(f"reason must be a slug of a-z, 0-9 and _, or empty; got {self.reason!r}")
        if bool(self.patch) != (self.action == "correct"):
            raise ValueError(
                f"a patch belongs to the action correct and only there; got {self.action} with {self.patch}"
            )
        if self.seconds is not None and not 0 <= self.seconds < float("inf"):
            raise ValueError(f"seconds must be a number from 0, or null; got {self.seconds}")


@dataclass(frozen=True)
class Ledger:
    """Every decision, by problem."""

    decisions: Mapping[str, tuple[Decision, ...]] = field(default_factory=dict)  # by problem id, each in order of time
    digest: str = hashlib.sha256().hexdigest()  # SHA-256 (hex) over names and bytes of the files, not their folders

    @classmethod
    def read(cls, folders: Sequence[Path]) -> "Ledger":
        """Read every `*.jsonl` file of the folders, by folder and name; without any file the ledger is empty.

        Raises LedgerError for a folder that does not exist, and, with file and line, for a line that cannot be read or
        an event id that occurs twice.
        """
        combined = hashlib.sha256()
        found: dict[str, Decision] = {}
        for path in _files(folders):
            data = _bytes_of(path)
            combined.update(f"{path.name}\0{hashlib.sha256(data).hexdigest()}\n".encode("utf-8", "surrogateescape"))
            for decision in _decisions(path, data):
                first = found.setdefault(decision.event_id, decision)
                if first is not decision:
                    raise LedgerError(
                        f"{decision.where}: the event {decision.event_id!r} is already at {first.where}; expected every "
                        "event once. Remove one of the two lines."
                    )
        by_problem: dict[str, list[Decision]] = {}
        for decision in sorted(found.values(), key=lambda decision: decision.time):
            by_problem.setdefault(decision.problem_id, []).append(decision)
        return cls({problem_id: tuple(own) for problem_id, own in sorted(by_problem.items())}, combined.hexdigest())

    def __len__(self) -> int:
        """How many decisions there are."""
        return sum(map(len, self.decisions.values()))

    def corrected(self, raw: RawProblem) -> RawProblem:
        """Apply the corrections that were made on exactly this content, each on the result of the one before.

        Every correction leaves a `Change` on the problem; `source_hash` stays that of the content before them. Raises
        LedgerError where a patch does not fit, or leaves something that is no problem.
        """
        if raw.problem_id not in self.decisions:
            return raw
        source_hash = raw.source_hash
        for decision in self.decisions[raw.problem_id]:
            if decision.action == "correct" and decision.source_hash == source_hash:
                raw = _patched(raw, decision)
        return raw

    def ruling(self, problem_id: str, source_hash: str) -> Decision | None:
        """The last decision to accept or reject that was made on the content with this `source_hash`."""
        own = (d for d in reversed(self.decisions.get(problem_id, ())) if d.source_hash == source_hash)
        return next((d for d in own if d.action != "correct"), None)

    def stale(self, problem_id: str, source_hash: str) -> tuple[str, ...]:
        """Event ids of the problem's decisions, of any action, that were made on other content than this."""
        return tuple(d.event_id for d in self.decisions.get(problem_id, ()) if d.source_hash != source_hash)


def document(raw: RawProblem) -> dict[str, Any]:
    """What a patch is made on: the fields that a reviewer may correct, as plain JSON."""
    checker = raw.checker and {
        "kind": raw.checker.kind,
        "any_of": [*map(list, raw.checker.any_of)],
        "program": raw.checker.program,
    }
    return {
        "description": raw.description,
        "solutions": list(raw.solutions),
        "inputs": None if raw.inputs is None else list(raw.inputs),
        "outputs": None if raw.outputs is None else list(raw.outputs),
        "entry_point": raw.entry_point,
        "starter_code": raw.starter_code,
        "checker": checker,
    }


def _patched(raw: RawProblem, decision: Decision) -> RawProblem:
    try:
        patched = jsonpatch.apply_patch(document(raw), list(decision.patch))
        change = Change("ledger_correction", decision.comment, f"{decision.reviewer} ({decision.reviewer_kind})")
        return replace(raw, **_fields(patched), changes=(*raw.changes, change), original_hash=raw.source_hash)
    except (*_PATCH_ERRORS, ValueError, TypeError, LookupError) as error:
        raise LedgerError(
            f"{decision.where}: the patch of event {decision.event_id!r} cannot be applied to {raw.problem_id}: {error}. "
            "Expected a JSON Patch (RFC 6902) on that content, after the corrections before it. Mend or remove the line."
        ) from error


def _fields(patched: Any) -> dict[str, Any]:
    """The fields of a RawProblem from a patched document. Raises ValueError or TypeError for any other shape."""
    if not isinstance(patched, dict) or patched.keys() != _SHAPES.keys():
        raise ValueError(f"it must leave exactly the fields {', '.join(_SHAPES)}")
    for name, (types, words) in _SHAPES.items():
        if not isinstance(patched[name], types):
            raise TypeError(f"{name} must be {words}; got {type(patched[name]).__name__}")
    if not all(isinstance(solution, str) for solution in patched["solutions"]):
        raise TypeError("solutions must be a list of texts")
    lists = {name: tuple(value) if isinstance(value, list) else value for name, value in patched.items()}
    return lists | {"checker": _checker(patched["checker"])}


def _checker(value: Any) -> Checker | None:
    if value is None:
        return None
    any_of = value.get("any_of", [])
    rows = any_of if isinstance(any_of, list) else [None]
    if not all(isinstance(row, list) and all(isinstance(text, str) for text in row) for row in rows):
        raise ValueError("any_of of checker must be a list of lists of texts")
    if not value.keys() <= {"kind", "any_of", "program"} or not isinstance(value.get("program", ""), str):
        raise ValueError("checker must be an object with kind, any_of and, as text, program")
    return Checker(str(value.get("kind")), tuple(map(tuple, rows)), value.get("program", ""))


def _files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise LedgerError(f"{folder} is no folder; expected one with the ledger's *.jsonl files. Check the path.")
        yield from sorted(folder.glob("*.jsonl"))


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LedgerError(f"{path} cannot be read: {error.strerror}. Check the file and its permissions.") from error


def _decisions(path: Path, data: bytes) -> Iterator[Decision]:
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            where = f"{path}:{number}"
            try:
                yield _decision(jsonl.loads(line.decode("utf-8")), where)
            except (*_PATCH_ERRORS, ValueError, TypeError, RecursionError) as error:
                raise LedgerError(
                    f"{where}: not a decision: {error}. Expected one JSON object per line with at least "
                    f"{', '.join(_REQUIRED)}. Restore the line; a ledger is only ever appended to."
                ) from error


def _decision(line: Any, where: str) -> Decision:
    """A line as a Decision. Raises ValueError, TypeError or one of _PATCH_ERRORS."""
    if not isinstance(line, dict):
        raise TypeError(f"got {type(line).__name__}")
    texts = {name: line[name] for name in (*_REQUIRED, *_OPTIONAL_TEXTS) if name in line}
    for name in _REQUIRED:
        if not texts.get(name):
            raise ValueError(f"{name} is missing or empty")
    for name, text in texts.items():
        if not isinstance(text, str):
            raise TypeError(f"{name} must be text; got {type(text).__name__}")
    patch = [] if line.get("patch") is None else line["patch"]
    if not isinstance(patch, list):
        raise TypeError(f"patch must be a list of operations; got {type(patch).__name__}")
    jsonpatch.JsonPatch(patch)  # checks the shape of every operation
    seconds = line.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float | None):
        raise TypeError(f"seconds must be a number or null; got {type(seconds).__name__}")
    time = datetime.fromisoformat(texts.pop("time"))
    return Decision(
        **texts,
        time=time.astimezone(UTC) if time.utcoffset() == timedelta(0) else time,
        patch=tuple(patch),
        seconds=seconds,
        where=where,
    )
