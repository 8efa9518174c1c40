"""Corrections: what a JSON Patch is made on, and what it leaves."""

from dataclasses import replace
from typing import Any

import jsonpatch

from appsplus import jsonl
from appsplus.errors import LedgerError
from appsplus.ledger.decision import PATCH_ERRORS, Decision
from appsplus.problem import Change, Checker, RawProblem

CORRECTION = "ledger_correction"  # `Change.what` of a correction that was applied
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


def patched(raw: RawProblem, decision: Decision) -> RawProblem:
    """The problem after one correction, with a `Change` that says so; `source_hash` stays the source's.

    Raises LedgerError where the patch does not fit, or leaves something that is no problem.
    """
    try:
        after = jsonpatch.apply_patch(document(raw), list(decision.patch))
        change = Change(CORRECTION, decision.comment, decision.by, decision.event_id)
        return replace(raw, **_fields(after), changes=(*raw.changes, change), original_hash=raw.source_hash)
    except (*PATCH_ERRORS, ValueError, TypeError, LookupError) as error:
        raise LedgerError(
            f"{decision.where}: the patch of event {decision.event_id!r} cannot be applied to {raw.problem_id}: {error}. "
            "Expected a JSON Patch (RFC 6902) on the content that the reviewer saw. Undo that event in the review app."
        ) from error


def same_patch(one: Decision, other: Decision) -> bool:
    """Whether two decisions change the same, as far as that can be told without the content."""
    return jsonl.dumps(one.patch) == jsonl.dumps(other.patch)


def _fields(after: Any) -> dict[str, Any]:
    """The fields of a RawProblem from a patched document. Raises ValueError or TypeError for any other shape."""
    if not isinstance(after, dict) or after.keys() != _SHAPES.keys():
        raise ValueError(f"it must leave exactly the fields {', '.join(_SHAPES)}")
    for name, (types, words) in _SHAPES.items():
        if not isinstance(after[name], types):
            raise TypeError(f"{name} must be {words}; got {type(after[name]).__name__}")
    if not all(isinstance(solution, str) for solution in after["solutions"]):
        raise TypeError("solutions must be a list of texts")
    lists = {name: tuple(value) if isinstance(value, list) else value for name, value in after.items()}
    return lists | {"checker": _checker(after["checker"])}


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
