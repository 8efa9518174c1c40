"""Checking a ledger: file and line of whatever is broken, and nothing touched."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import LedgerError
from appsplus.ledger import Decision, LedgerWriter
from appsplus.ledger.check import check
from appsplus.ledger.decision import chain_hash, line_of

Decide = Callable[..., Decision]
ROOT = Path(__file__).resolve().parents[2]


def write(path: Path, *decisions: Decision) -> None:
    """A file whose chain is whole."""
    above, lines = "", []
    for decision in decisions:
        lines.append(line_of(replace(decision, previous_hash=above)))
        above = chain_hash(lines[-1])
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def findings(folder: Path) -> list[str]:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    found = [f"{finding.path.name}:{finding.line}: {finding.text}" for finding in check([folder]).findings]
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    return found


@pytest.mark.parametrize("folder", ["verification/ledger", "appsplus/corpus/ledger"])
def test_the_ledgers_of_the_project_are_whole(folder: str) -> None:
    found = check([ROOT / folder])
    assert found.findings == ()
    assert sum(found.decisions.values()) > 0


def test_what_the_writer_writes_is_whole(tmp_path: Path) -> None:
    for name, kind in (("ada", "human"), ("bot", "model")):
        writer = LedgerWriter(tmp_path, name, kind)
        for _ in range(3):
            made = writer.append(problem_id="a/1", source_hash="a" * 64, seen_hash="", action="accept")
        writer.append(problem_id="a/1", source_hash="a" * 64, seen_hash="", action="undo", undoes=made.event_id)
    found = check([tmp_path])
    assert (found.files, found.decisions, found.findings) == (2, {"human": 4, "model": 4}, ())


def test_a_changed_a_missing_and_an_unreadable_line_are_named(tmp_path: Path, decide: Decide) -> None:
    path = tmp_path / "ada.jsonl"
    write(path, *(decide("ada", "accept") for _ in range(6)))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"accept"', b'"reject"')
    lines[3] = b"{}\n"
    del lines[5:]
    path.write_bytes(b"".join(lines) + b'{"torn')
    found = findings(tmp_path)
    assert [text.partition(". ")[0][:72] for text in found] == [
        "ada.jsonl:3: the chain is broken: previous_hash is "
        + json.loads(lines[2])["previous_hash"][:12]
        + "…, expect",
        "ada.jsonl:4: not a decision: event_id is missing or empty",
        "ada.jsonl:5: the chain is broken: previous_hash is "
        + json.loads(lines[4])["previous_hash"][:12]
        + "…, expect",
        "ada.jsonl:6: the last line is torn, as after a power cut: 6 bytes withou",
    ]


def test_a_first_line_that_was_removed_is_seen(tmp_path: Path, decide: Decide) -> None:
    path = tmp_path / "ada.jsonl"
    write(path, decide("ada", "accept"), decide("ada", "accept"))
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[1])
    assert "expected none, as it is the first line" in findings(tmp_path)[0]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({"event_id": "ada-1"}, "b.jsonl:1: the event 'ada-1' is already at "),
        ({"reviewer_kind": "model"}, "b.jsonl:1: ada (model) is a human at "),
        ({}, "b.jsonl:1: ada has a file here already, a.jsonl; expected a file a reviewer"),
        ({"reviewer": "ben", "action": "undo", "undoes": "ada-1"}, "b.jsonl:1: it undoes the event 'ada-1', which is of"),
        ({"action": "undo", "undoes": "x"}, "it undoes the event 'x', which is not in this ledger; the undo has no effect"),
        ({"reviewer": "ben", "resolves": ("x",)}, "it resolves the event 'x', which is no decision about apps/train/0001"),
        ({"reviewer": "ben", "resolves": ("ada-1",), "problem_id": "b"}, "it resolves the event 'ada-1', which is no"),
        (
            {"reviewer": "bot", "reviewer_kind": "model", "resolves": ("ada-1",)},
            "b.jsonl:1: a model cannot settle the decision 'ada-1' of a human; a human has to",
        ),
    ],
)  # fmt: skip
def test_what_two_lines_cannot_both_say_is_named(
    tmp_path: Path, decide: Decide, second: dict[str, Any], expected: str
) -> None:
    write(tmp_path / "a.jsonl", decide("ada", "accept"))
    changes = dict(second)
    write(
        tmp_path / "b.jsonl",
        replace(decide("ada", changes.pop("action", "accept"), undoes=changes.pop("undoes", "")), **changes),
    )
    assert any(expected in finding for finding in findings(tmp_path)), findings(tmp_path)


def test_two_reviewers_in_one_file_are_named(tmp_path: Path, decide: Decide) -> None:
    write(tmp_path / "a.jsonl", decide("ada", "accept"), decide("ben", "accept"))
    assert findings(tmp_path) == ["a.jsonl:2: a decision of ben in the file of ada; expected a file a reviewer"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="nowhere is no folder"):
        check([tmp_path / "nowhere"])
