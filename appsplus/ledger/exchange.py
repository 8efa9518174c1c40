"""Decisions to and from other tools: CSV, JSON Lines, and records as Argilla exports them. All of a file, or nothing.

    csv      a row a decision, a column a field; patch and resolves as JSON
    jsonl    a line a decision, as in the ledger
    argilla  one JSON list of records, see `appsplus.ledger.argilla`

A row must have problem_id, source_hash and action, and reviewer and reviewer_kind unless the caller says these two. One
without event_id gets an id that follows from its content, so that importing a file twice adds nothing the second time; one
without time gets the time of the import. `previous_hash` is always made anew: the chain is that of the file written to.
"""

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appsplus import jsonl
from appsplus.errors import LedgerError
from appsplus.ledger import argilla
from appsplus.ledger.accounts import by_kind
from appsplus.ledger.decision import Decision, from_json, line_of
from appsplus.ledger.files import LINE_ERRORS, bytes_of, numbered
from appsplus.ledger.ledger import Ledger
from appsplus.ledger.standing import may_undo
from appsplus.ledger.writer import append_all, check_name

FORMATS = ("csv", "jsonl", "argilla")
COLUMNS = tuple(name for name in Decision.__slots__ if name not in ("where", "previous_hash"))
_JSON_COLUMNS = ("patch", "resolves", "override", "seconds")
_SHOWN = 20
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to."""

    added: dict[str, int]  # by kind of reviewer
    known: int  # rows whose decision was in the ledger already


def in_order(ledger: Ledger) -> list[Decision]:
    """Every decision, in order of time."""
    return sorted((d for own in ledger.decisions.values() for d in own), key=lambda d: (d.time, d.event_id))


def to_csv(ledger: Ledger) -> bytes:
    """Every decision as a row, in order of time."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for decision in in_order(ledger):
        row = jsonl.loads(line_of(decision))
        empty = {name for name in _JSON_COLUMNS if not row[name] and row[name] != 0} | {"previous_hash"}
        cells = {name: jsonl.dumps(value) if name in _JSON_COLUMNS else value for name, value in row.items()}
        writer.writerow({name: value for name, value in cells.items() if name not in empty})
    return text.getvalue().encode()


def to_jsonl(ledger: Ledger) -> bytes:
    """Every decision as a line, in order of time."""
    return b"".join(line_of(replace(decision, previous_hash="")) + b"\n" for decision in in_order(ledger))


def import_file(
    path: Path,
    form: str,
    folder: Path,
    *,
    reviewer: str = "",
    reviewer_kind: str = "",
    users: Mapping[str, str] | None = None,  # Argilla's user ids: reviewers
) -> Imported:
    """Add the decisions of a file, in one of FORMATS, to the ledger in `folder`; all of them, or none.

    `reviewer` and `reviewer_kind` stand for rows that do not say theirs. Raises LedgerError, with every bad row (at most 20),
    where a row is no decision, or says of a known event something else than the ledger; and where the ledger cannot be
    written.
    """
    defaults = {"reviewer": reviewer, "reviewer_kind": reviewer_kind}
    present = Ledger.read([folder] if folder.exists() else [])
    events = {d.event_id: d for own in present.decisions.values() for d in own}
    kinds = {d.reviewer: d.reviewer_kind for d in events.values()}
    found: list[Decision] = []
    bad: list[str] = []
    known = 0
    for place, row in _rows(path, form, users or {}):
        if isinstance(row, str):
            bad.append(f"{place}: {row}")
            continue
        try:
            decision = _decision(row, f"{path}, {place}", defaults)
            if _is_known(decision, events, timeless=not row.get("time")):
                known += 1
                continue
            check_name(decision.reviewer)
            if kinds.setdefault(decision.reviewer, decision.reviewer_kind) != decision.reviewer_kind:
                raise ValueError(
                    f"{decision.by} is a {kinds[decision.reviewer]} elsewhere; expected one kind for a reviewer"
                )
        except (*LINE_ERRORS, LedgerError) as error:
            bad.append(f"{place}: {error}")
        else:
            events[decision.event_id] = decision
            found.append(decision)
    bad += (
        f"{d.where}: it undoes {d.undoes!r}, which is no decision of {d.reviewer}"
        for d in found
        if _undoes_nothing(d, events)
    )
    if bad:
        listed = "".join(f"\n    {text}" for text in bad[:_SHOWN])
        more = f"\n    and {len(bad) - _SHOWN:,} more" if len(bad) > _SHOWN else ""
        raise LedgerError(f"{path}: {len(bad):,} bad rows, so that nothing was imported. Correct them:{listed}{more}")
    append_all(folder, found)
    return Imported(by_kind(d.reviewer_kind for d in found), known)


def _is_known(decision: Decision, events: Mapping[str, Decision], *, timeless: bool) -> bool:
    """Whether the ledger has this decision; raises ValueError where it has another one under its event id."""
    same = events.get(decision.event_id)
    if same is None:
        return False
    time = same.time if timeless else decision.time
    if same != replace(decision, previous_hash=same.previous_hash, time=time):
        raise ValueError(f"the event {decision.event_id!r} is at {same.where} too, and says something else there")
    return True


def _undoes_nothing(decision: Decision, events: Mapping[str, Decision]) -> bool:
    undoes = decision.undoes
    return bool(undoes) and (undoes not in events or not may_undo(decision.reviewer, events[undoes]))


def _rows(path: Path, form: str, users: Mapping[str, str]) -> Iterator[tuple[str, Row | str]]:
    """Each row of a file with its place; a text where it cannot be read, and says why."""
    data = bytes_of(path)
    if form == "argilla":
        return argilla.rows(data, users)
    return _csv_rows(data) if form == "csv" else _json_rows(data)


def _decision(row: Row, where: str, defaults: Row) -> Decision:
    """Raises one of LINE_ERRORS where a row is no decision."""
    given = defaults | {name: value for name, value in row.items() if value not in ("", None)}
    event_id = hashlib.sha256(jsonl.dumps(given).encode()).hexdigest()[:32]
    now = datetime.now(UTC).isoformat()
    return from_json({"event_id": event_id, "time": now} | given | {"previous_hash": ""}, where)


def _json_rows(data: bytes) -> Iterator[tuple[str, Row | str]]:
    for number, line in numbered(data):
        try:
            row = jsonl.loads(line.decode("utf-8"))
            yield f"line {number}", row if isinstance(row, dict) else f"got {type(row).__name__}, expected an object"
        except (ValueError, RecursionError) as error:
            yield f"line {number}", str(error)


def _csv_rows(data: bytes) -> Iterator[tuple[str, Row | str]]:
    csv.field_size_limit(2**31 - 1)  # a patch may be as long as a unit test
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        lacking = {"problem_id", "source_hash", "action"}.difference(reader.fieldnames or ())
    except (UnicodeDecodeError, csv.Error) as error:
        yield "line 1", str(error)
        return
    if lacking:
        yield "line 1", f"the header lacks {', '.join(sorted(lacking))}"
        return
    line = reader.line_num + 1
    try:
        for row in reader:
            yield f"line {line}", _csv_row(row)
            line = reader.line_num + 1
    except csv.Error as error:
        yield f"line {line}", str(error)


def _csv_row(row: dict[str | Any, str | Any]) -> Row | str:
    if None in row:
        return "it has more cells than the header"
    try:
        return {name: jsonl.loads(text) if name in _JSON_COLUMNS and text else text for name, text in row.items()}
    except (ValueError, RecursionError) as error:
        return f"one of {', '.join(_JSON_COLUMNS)} is no JSON: {error}"
