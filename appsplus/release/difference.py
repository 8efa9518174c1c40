"""Two versions of a dataset: which problems came, went, were repaired, rejected or kept after all, and why.

Problems are the same where their ids are. Memory holds digests of each, not the problems. The reasons are those on
record: the stage and reason of a rejection, the changes that the build noted, the decisions of the ledger in force.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appsplus import jsonl
from appsplus.release.manifest import Manifest, read_manifest
from appsplus.release.reader import load_rows
from appsplus.release.rows import Row
from appsplus.release.schema import REJECTED_SPLIT, SPLITS

KINDS = {
    "added": "kept now, and not in the old version at all",
    "removed": "kept before, and not in the new version at all",
    "repaired": "kept in both, with another content",
    "newly_kept": "rejected before, kept now",
    "newly_rejected": "kept before, rejected now",
    "rejected_otherwise": "rejected in both, for another reason",
    "moved": "kept in both, in another split",
    "annotated_otherwise": "kept in both with the same content, but with another annotation or label",
    "added_rejected": "rejected now, and not in the old version at all",
    "removed_rejected": "rejected before, and not in the new version at all",
}
_CONTENT = (
    *("description", "io_format", "entry_point", "starter_code", "canonical_solution", "other_solutions"),
    *("unit_tests", "checker", "limits"),
)
_LABELS = "source url license difficulty split_points subtask_chars executable_lines executed_lines".split()


@dataclass(frozen=True, slots=True)
class ProblemChange:
    """What is different about one problem."""

    problem_id: str
    kinds: tuple[str, ...]  # of KINDS; "moved" may come with another
    fields: tuple[str, ...]  # columns that differ; () where it was not kept in both
    before: str  # its split, "rejected", or "" where the old version has it not
    now: str
    reasons: tuple[str, ...]  # sentences


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that is different, and how much is not."""

    changes: tuple[ProblemChange, ...]  # by kind in the order of KINDS, then by id
    unchanged: int  # kept in both, alike in every column that is compared
    rejected_alike: int
    counts: dict[str, int]  # problems of each kind; all of KINDS


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is remembered of a problem."""

    where: str  # its split, or "rejected"
    digests: Mapping[str, bytes] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()  # in force
    rejection: str = ""
    source_hash: str = ""


def compare(old: Path, new: Path) -> Difference:
    """Compare two dataset folders. Raises DatasetError where one is none, or damaged."""
    manifests = read_manifest(old), read_manifest(new)
    before, now = _seen(old), _seen(new)
    found, alike, rejected_alike = [], 0, 0
    for problem_id in sorted(before.keys() | now.keys()):
        was, is_ = before.get(problem_id), now.get(problem_id)
        change = _change(problem_id, was, is_, manifests)
        if change is not None:
            found.append(change)
        elif is_ is not None:
            alike += is_.where != REJECTED_SPLIT
            rejected_alike += is_.where == REJECTED_SPLIT
    order = list(KINDS)
    found.sort(key=lambda change: (order.index(change.kinds[0]), change.problem_id))
    counted = Counter(kind for change in found for kind in change.kinds)
    return Difference(tuple(found), alike, rejected_alike, {kind: counted[kind] for kind in KINDS})


def _seen(folder: Path) -> dict[str, _Seen]:
    found = {}
    for split in SPLITS:
        for row in load_rows(folder, "default", split):
            found[row["problem_id"]] = _Seen(
                where=split,
                digests={name: _digest(row.get(name)) for name in (*_CONTENT, *_LABELS)},
                changes=tuple(f"{c['what']} by {c['by']}: {c['detail']}" for c in row["changes"]),
                decisions=tuple(_decisions(row)),
                source_hash=row["source_hash"],
            )
    for row in load_rows(folder, "rejected", REJECTED_SPLIT):
        found[row["problem_id"]] = _Seen(
            where=REJECTED_SPLIT,
            decisions=tuple(_decisions(row)),
            rejection=f"{row['stage']}: {row['reason']}: {row['detail']}",
            source_hash=row["source_hash"],
        )
    return found


def _digest(value: Any) -> bytes:
    return hashlib.sha256(jsonl.dumps(value).encode()).digest()


def _decisions(row: Row) -> Iterator[str]:
    for event in (row.get("review") or {}).get("events", ()):
        if event["effect"] == "in_force":
            why = ": ".join(filter(None, (event["reason"], event["comment"])))
            yield f"{event['action']} by {event['reviewer']} ({event['reviewer_kind']}){why and f': {why}'}"


def _change(
    problem_id: str, was: _Seen | None, now: _Seen | None, manifests: tuple[Manifest, Manifest]
) -> ProblemChange | None:
    kinds: tuple[str, ...]
    differing: tuple[str, ...] = ()
    reasons: Iterator[str] = iter(())
    match was, now:
        case None, _Seen(where="rejected"):
            kinds, reasons = ("added_rejected",), _why_rejected(None, now)
        case None, _Seen():
            kinds, reasons = ("added",), _why_here(problem_id, manifests[0], "the old")
        case _Seen(), None:
            kinds = ("removed_rejected" if was.where == REJECTED_SPLIT else "removed",)
            reasons = _why_here(problem_id, manifests[1], "the new")
        case _Seen(where="rejected"), _Seen(where="rejected"):
            if was.rejection == now.rejection:
                return None
            kinds, reasons = ("rejected_otherwise",), iter((f"before: {was.rejection}", f"now: {now.rejection}"))
        case _Seen(where="rejected"), _Seen():
            kinds, reasons = ("newly_kept",), _why_kept(was, now)
        case _Seen(), _Seen(where="rejected"):
            kinds, reasons = ("newly_rejected",), _why_rejected(was, now)
        case _Seen(), _Seen():
            differing = tuple(name for name in (*_CONTENT, *_LABELS) if was.digests[name] != now.digests[name])
            kinds = _kinds_of_kept(was, now, differing)
            if not kinds:
                return None
            reasons = _why_other(was, now, kinds, manifests)
    return ProblemChange(
        problem_id, kinds, differing, was.where if was else "", now.where if now else "", tuple(reasons)
    )


def _kinds_of_kept(was: _Seen, now: _Seen, differing: tuple[str, ...]) -> tuple[str, ...]:
    kinds = []
    if set(differing).intersection(_CONTENT):
        kinds.append("repaired")
    if was.where != now.where:
        kinds.append("moved")
    if differing and "repaired" not in kinds:
        kinds.append("annotated_otherwise")
    return tuple(kinds)


def _why_here(problem_id: str, other: Manifest, which: str) -> Iterator[str]:
    """Why only one version has a problem: its source is not in the other one, or says something else there."""
    source = problem_id.partition("/")[0]
    if source not in {entry.get("name") for entry in other.inputs}:
        yield f"the source {source!r} is not in {which} version"
    else:
        yield f"the source {source!r} does not have it in {which} version"


def _why_rejected(was: _Seen | None, now: _Seen) -> Iterator[str]:
    yield now.rejection
    yield from _new(was.decisions if was else (), now.decisions)


def _why_kept(was: _Seen, now: _Seen) -> Iterator[str]:
    yield f"before: {was.rejection}"
    yield from _new(was.decisions, now.decisions)
    yield from now.changes
    if was.source_hash != now.source_hash:
        yield "its source says something else now"


def _why_other(was: _Seen, now: _Seen, kinds: tuple[str, ...], manifests: tuple[Manifest, Manifest]) -> Iterator[str]:
    if kinds != ("moved",):
        found = [*_new(was.decisions, now.decisions), *_new(was.changes, now.changes)]
        found += [f"no longer: {change}" for change in _new(now.changes, was.changes)]
        if was.source_hash != now.source_hash:
            found.append("its source says something else now")
        yield from found or [_made_otherwise(manifests)]
    if "moved" in kinds:
        options = [{name: m.options.get(name) for name in ("validation_share", "seed")} for m in manifests]
        if options[0] != options[1]:
            yield f"validation was drawn with {options[1]}, before with {options[0]}"
        elif "repaired" in kinds:
            yield "validation is drawn by the content, which has changed"
        else:
            yield "its source has it in another split"


def _new(before: tuple[str, ...], now: tuple[str, ...]) -> Iterator[str]:
    return (text for text in now if text not in before)


def _made_otherwise(manifests: tuple[Manifest, Manifest]) -> str:
    """What differs between two builds that made different things of the same source."""
    old, new = manifests
    facts: list[tuple[str, Any, Any]] = [("appsplus", old.appsplus, new.appsplus)]
    facts += [(name, old.versions.get(name), version) for name, version in new.versions.items()]
    facts += [(name, old.options.get(name), value) for name, value in new.options.items()]
    told = [f"{name} {after} instead of {before}" for name, before, after in facts if before != after]
    return f"the same source, built with {', '.join(told)}" if told else "the same source, built by the same version"
