"""One line of the ledger: what a reviewer decided about one problem, and on which content.

A line is a JSON object with these keys; more keys may follow in later versions and are ignored:

    event_id       unique in the ledger
    time           UTC, ISO 8601
    reviewer, reviewer_kind ("human" or "model")
    problem_id     as in a build
    source_hash    of the content as the source has it (`RawProblem.source_hash`)
    seen_hash      of the content that the reviewer saw, after the corrections then in force (`RawProblem.seen_hash`);
                   "" in old lines, where it was the source's
    action         one of ACTIONS
    reason         a slug of `appsplus.ledger.reasons`, or ""
    comment        a sentence
    patch          only for "correct": a JSON Patch (RFC 6902) on the document that `appsplus.ledger.document` makes
    override       true: saved although the canonical solution did not pass every unit test then
    undoes         only for "undo": the event that counts as not made from now on
    resolves       the disagreeing events that this decision settles
    seconds        how long the reviewer took; null where it was not measured
    tool_version   of the appsplus that wrote the line
    previous_hash  SHA-256 (hex) of the bytes of the line above, without its line break; "" in the first line
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonpatch

from appsplus import jsonl
from appsplus.problem import ReviewEvent

RULINGS = ("accept", "correct", "reject")  # what has an effect on a build
ACTIONS = (*RULINGS, "skip", "comment", "undo")
REVIEWER_KINDS = ("human", "model")
REQUIRED = ("event_id", "time", "reviewer", "reviewer_kind", "problem_id", "source_hash", "action")
PATCH_ERRORS = (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException)

_OPTIONAL_TEXTS = ("reason", "comment", "tool_version", "previous_hash", "seen_hash", "undoes")
_SLUG = re.compile(r"[a-z0-9_]*")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Decision:
    """What one reviewer decided about one problem, and on which content."""

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
    seen_hash: str = ""  # of the content that the reviewer saw; empty: the source's
    override: bool = False  # saved although the canonical solution did not pass every unit test
    undoes: str = ""  # event id; only for "undo"
    resolves: tuple[str, ...] = ()  # event ids of the disagreement that this decision settles

    def __post_init__(self) -> None:
        for name, allowed in (("reviewer_kind", REVIEWER_KINDS), ("action", ACTIONS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {getattr(self, name)!r}")
        if self.time.utcoffset() != timedelta(0):
            raise ValueError(f"time must be in UTC, e.g. 2025-01-31T12:00:00Z; got {self.time.isoformat()}")
        if not _HASH.fullmatch(self.source_hash):
            raise ValueError(f"source_hash must be 64 hexadecimal digits; got {self.source_hash!r}")
        if self.seen_hash and not _HASH.fullmatch(self.seen_hash):
            raise ValueError(f"seen_hash must be 64 hexadecimal digits, or empty; got {self.seen_hash!r}")
        if not _SLUG.fullmatch(self.reason):
            raise ValueError(f"reason must be a slug of a-z, 0-9 and _, or empty; got {self.reason!r}")
        if self.action == "comment" and not self.comment:
            raise ValueError("a comment must say something; got an empty one")
        if self.seconds is not None and not 0 <= self.seconds < float("inf"):
            raise ValueError(f"seconds must be a number from 0, or null; got {self.seconds}")
        for name, actions in (
            ("patch", ("correct",)),
            ("undoes", ("undo",)),
            ("override", ("accept", "correct")),
            ("resolves", RULINGS),
        ):
            if getattr(self, name) and self.action not in actions:
                what = f"a {name}" if name == "patch" else name
                raise ValueError(
                    f"{what} belongs to the action {' or '.join(actions)} and only there; got {self.action}"
                )
        if self.action == "correct" and not self.patch:
            raise ValueError("a patch belongs to the action correct and only there; got correct without one")
        if self.action == "undo" and not self.undoes:
            raise ValueError("the action undo must name the event that it undoes; got an empty undoes")

    @property
    def seen(self) -> str:
        """Hash of the content that the reviewer saw."""
        return self.seen_hash or self.source_hash

    @property
    def utc(self) -> str:
        """The time as the ledger writes it, e.g. 2025-01-31T12:00:00Z."""
        return self.time.isoformat().replace("+00:00", "Z")

    @property
    def by(self) -> str:
        """The reviewer, in words that never leave out the kind."""
        return f"{self.reviewer} ({self.reviewer_kind})"


def chain_hash(line: bytes) -> str:
    """What the next line holds as its `previous_hash`: SHA-256 (hex) of the line's bytes, without the line break."""
    return hashlib.sha256(line).hexdigest()


def event_of(decision: Decision, effect: str) -> ReviewEvent:
    """The decision as a dataset keeps it, with what became of it in the build."""
    return ReviewEvent(
        event_id=decision.event_id,
        time=decision.utc,
        reviewer=decision.reviewer,
        reviewer_kind=decision.reviewer_kind,
        action=decision.action,
        reason=decision.reason,
        comment=decision.comment,
        effect=effect,
        override=decision.override,
        resolves=decision.resolves,
    )


def line_of(decision: Decision) -> bytes:
    """The decision as a line of the ledger, without the line break; the inverse of `parse`."""
    fields = {name: getattr(decision, name) for name in Decision.__slots__ if name != "where"}
    return jsonl.dumps(
        fields | {"time": decision.utc, "patch": [*decision.patch], "resolves": [*decision.resolves]}
    ).encode()


def parse(line: bytes, where: str) -> Decision:
    """A line as a Decision. Raises ValueError, TypeError, RecursionError or one of PATCH_ERRORS where it is none."""
    return from_json(jsonl.loads(line.decode("utf-8")), where)


def from_json(value: Any, where: str) -> Decision:
    """A decoded line as a Decision. Raises ValueError, TypeError or one of PATCH_ERRORS where it is none."""
    if not isinstance(value, dict):
        raise TypeError(f"got {type(value).__name__}")
    texts = {name: value[name] for name in (*REQUIRED, *_OPTIONAL_TEXTS) if name in value}
    for name in REQUIRED:
        if not texts.get(name):
            raise ValueError(f"{name} is missing or empty")
    for name, text in texts.items():
        if not isinstance(text, str):
            raise TypeError(f"{name} must be text; got {type(text).__name__}")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise ValueError(f"{name} holds a lone surrogate; expected text that UTF-8 can hold")
    patch = [] if value.get("patch") is None else value["patch"]
    if not isinstance(patch, list):
        raise TypeError(f"patch must be a list of operations; got {type(patch).__name__}")
    jsonpatch.JsonPatch(patch)  # checks the shape of every operation
    resolves = value.get("resolves", [])
    if not isinstance(resolves, list) or not all(isinstance(event, str) for event in resolves):
        raise TypeError(f"resolves must be a list of event ids; got {resolves!r}")
    if not isinstance(value.get("override", False), bool):
        raise TypeError(f"override must be true or false; got {value['override']!r}")
    seconds = value.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float | None):
        raise TypeError(f"seconds must be a number or null; got {type(seconds).__name__}")
    time = datetime.fromisoformat(texts.pop("time"))
    return Decision(
        **texts,
        time=time.astimezone(UTC) if time.utcoffset() == timedelta(0) else time,
        patch=tuple(patch),
        seconds=seconds,
        override=value.get("override", False),
        resolves=tuple(resolves),
        where=where,
    )
