"""To other tools and back: nothing lost, bad rows named by line, and nothing half imported."""

import csv
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import LedgerError
from appsplus.ledger import Decision, Ledger, LedgerWriter, argilla, exchange
from appsplus.ledger import writer as module
from appsplus.ledger.check import check

Decide = Callable[..., Decision]
HASH, SEEN = "a" * 64, "b" * 64
FIX = {"op": "replace", "path": "/outputs/1", "value": '4, "four"\n'}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger of a human and a model, with something of everything."""
    ada, bot = LedgerWriter(tmp_path / "ledger", "ada", "human"), LedgerWriter(tmp_path / "ledger", "bot", "model")
    on = {"problem_id": "a/1", "source_hash": HASH, "seen_hash": ""}
    one = ada.append(
        **on, action="correct", patch=[FIX], reason="wrong_output", comment='Line\nbreak, "quote", é', seconds=2.5
    )
    two = bot.append(**on, action="reject", override=False)
    ada.append(**on, action="correct", patch=[FIX], resolves=[one.event_id, two.event_id], override=True)
    ada.append(**on | {"seen_hash": SEEN}, action="accept", seconds=0)
    bot.append(**on | {"problem_id": "b/2"}, action="accept")
    bot.append(**on | {"problem_id": "b/2"}, action="comment", comment="=1+1")
    ada.append(**on, action="undo", undoes=one.event_id)
    return tmp_path / "ledger"


def content(folder: Path) -> dict[str, tuple[Decision, ...]]:
    """Every decision, chain apart."""
    decisions = Ledger.read([folder]).decisions
    fields = [name for name in Decision.__slots__ if name not in ("previous_hash", "where")]
    return {name: tuple(tuple(getattr(d, f) for f in fields) for d in own) for name, own in decisions.items()}  # type: ignore[misc]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_nothing_is_lost_on_the_way_there_and_back(folder: Path, tmp_path: Path, form: str) -> None:
    ledger = Ledger.read([folder])
    (tmp_path / "file").write_bytes({"csv": exchange.to_csv, "jsonl": exchange.to_jsonl}[form](ledger))
    found = exchange.import_file(tmp_path / "file", form, tmp_path / "new")
    assert (found.added, found.known) == ({"human": 4, "model": 3}, 0)
    assert content(tmp_path / "new") == content(folder)
    assert check([tmp_path / "new"]).findings == ()
    again = exchange.import_file(tmp_path / "file", form, tmp_path / "new")
    assert (again.added, again.known) == ({"human": 0, "model": 0}, 7)
    assert content(tmp_path / "new") == content(folder)


def test_argilla_gets_what_counts_in_the_shape_of_its_export(folder: Path) -> None:
    ledger = Ledger.read([folder])
    made = [d for d in exchange.in_order(ledger) if d.event_id not in ledger.undone]
    records, left_out = argilla.records(made, {"ada": "7c9e6679-7425-40de-944b-e07fc1f90ae7"})
    assert left_out == 0
    assert [record["id"] for record in records] == [f"a/1@{HASH}", f"a/1@{SEEN}", f"b/2@{HASH}"]
    first = records[0]
    assert first.keys() == {"id", "fields", "metadata", "suggestions", "responses", "vectors"}
    assert first["metadata"] == {"problem_id": "a/1", "source_hash": HASH, "seen_hash": HASH}
    assert first["responses"]["action"] == [{"value": "correct", "user_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7"}]
    assert json.loads(first["responses"]["patch"][0]["value"]) == [FIX]
    assert first["suggestions"]["action"] == {"value": "reject", "score": None, "agent": "bot"}


def test_what_counts_comes_back_from_argilla(folder: Path, tmp_path: Path) -> None:
    ledger = Ledger.read([folder])
    made = [d for d in exchange.in_order(ledger) if d.event_id not in ledger.undone]
    records, _ = argilla.records(made, {"ada": "7c9e6679"})
    (tmp_path / "file").write_text(json.dumps(records))
    exchange.import_file(tmp_path / "file", "argilla", tmp_path / "new", users={"7c9e6679": "ada"})
    wanted = [d for d in made if d.action in ("accept", "correct", "reject")]
    found = exchange.in_order(Ledger.read([tmp_path / "new"]))
    assert [replace(d, previous_hash="") for d in found] == [replace(d, previous_hash="") for d in wanted]


def test_of_several_models_argilla_gets_the_last(decide: Decide) -> None:
    [record], left_out = argilla.records([decide("bot-1", "accept"), decide("bot-2", "reject")], {})
    assert (record["suggestions"]["action"]["agent"], left_out) == ("bot-2", 1)
    assert record["responses"] == {}


def test_records_annotated_in_argilla_become_decisions(tmp_path: Path) -> None:
    record = {
        "id": "1",
        "fields": {"problem": "a/1", "text": "…"},
        "metadata": {"problem_id": "a/1", "source_hash": HASH},
        "responses": {"action": [{"value": "accept", "user_id": "u1"}, {"value": "reject", "user_id": "u2"}]},
        "suggestions": {"action": {"value": "accept", "score": 0.5, "agent": None}},  # of nobody: a hint
        "vectors": {},
        "_server_id": "9",
    }
    (tmp_path / "file").write_text(json.dumps([record]))
    with pytest.raises(LedgerError, match=r"2 bad rows.*\n    record 1, u1: reviewer_kind is missing or empty"):
        exchange.import_file(tmp_path / "file", "argilla", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    found = exchange.import_file(tmp_path / "file", "argilla", tmp_path / "new", reviewer_kind="human")
    assert found.added == {"human": 2, "model": 0}
    assert [(d.reviewer, d.action) for d in Ledger.read([tmp_path / "new"]).history("a/1")] == [
        ("u1", "accept"),
        ("u2", "reject"),
    ]


def write_csv(path: Path, *rows: dict[str, Any]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(
            file,
            ["problem_id", "source_hash", "action", "comment", "patch", "note", "reviewer", "reviewer_kind", "time"],
        )
        writer.writeheader()
        writer.writerows({"problem_id": "a/1", "source_hash": HASH} | row for row in rows)
    return path


def test_a_table_made_elsewhere_needs_only_what_a_decision_is(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "file", {"action": "accept", "note": "ignored"}, {"action": "skip", "problem_id": "b/2"}
    )
    before = datetime.now(UTC)
    for added, known in (({"human": 2, "model": 0}, 0), ({"human": 0, "model": 0}, 2)):
        found = exchange.import_file(path, "csv", tmp_path / "ledger", reviewer="ada", reviewer_kind="human")
        assert (found.added, found.known) == (added, known)
    [decision] = Ledger.read([tmp_path / "ledger"]).history("a/1")
    assert (decision.reviewer, decision.action, decision.seen) == ("ada", "accept", HASH)
    assert before <= decision.time <= datetime.now(UTC)


def test_every_bad_row_is_named_by_its_line_and_nothing_is_imported(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "file",
        {"action": "accept", "comment": "two\nlines"},
        {"action": "approve"},
        {"action": "correct"},
        {"action": "correct", "patch": "[{]"},
        {"action": "accept", "source_hash": "x"},
        {"action": "accept", "reviewer": "Ada Lovelace"},
        {"action": "accept", "reviewer": "ben"},
        {"action": "accept", "reviewer": "ben", "reviewer_kind": "model"},
    )
    with pytest.raises(LedgerError) as caught:
        exchange.import_file(path, "csv", tmp_path / "ledger", reviewer="ada", reviewer_kind="human")
    first, *rest = str(caught.value).splitlines()
    assert first == f"{path}: 6 bad rows, so that nothing was imported. Correct them:"
    assert [line.partition(":")[0].strip() for line in rest] == [
        "line 4",
        "line 5",
        "line 6",
        "line 7",
        "line 8",
        "line 10",
    ]
    assert "action must be one of accept, correct" in rest[0]
    assert "'Ada Lovelace' cannot be a reviewer's name" in rest[4]
    assert "ben (model) is a human elsewhere" in rest[5]
    assert not (tmp_path / "ledger").exists()


@pytest.mark.parametrize(
    ("form", "data", "message"),
    [
        ("csv", b"", "line 1: the header lacks action, problem_id, source_hash"),
        ("csv", b"a,b\n1,2\n", "line 1: the header lacks action, problem_id, source_hash"),
        ("csv", b"problem_id,source_hash,action\na,b,c,d\n", "line 2: it has more cells than the header"),
        ("csv", b'problem_id,source_hash,action\n"a,b,c\n', "line 2: unexpected end of data"),
        ("csv", b"\xff", "line 1: 'utf-8' codec can't decode"),
        ("jsonl", b'{"problem_id": 1\n', "line 1: Expecting"),
        ("jsonl", b"[1]\n", "line 1: got list, expected an object"),
        ("jsonl", b'\n{"action": "accept"}\n', "line 2: reviewer is missing or empty"),
        ("argilla", b"{}", "the file: got dict, expected a list of records"),
        ("argilla", b"[1]", "record 1: no record of Argilla"),
        ("argilla", b'[{"responses": {"action": {"value": 1}}}]', "record 1: no record of Argilla"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, form: str, data: bytes, message: str) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(LedgerError) as caught:
        exchange.import_file(tmp_path / "file", form, tmp_path / "ledger")
    assert message in str(caught.value)
    assert not (tmp_path / "ledger").exists()


def test_a_known_event_that_says_something_else_is_refused(folder: Path, tmp_path: Path) -> None:
    lines = exchange.to_jsonl(Ledger.read([folder])).splitlines()
    (tmp_path / "file").write_bytes(lines[0].replace(b"wrong_output", b"weak_tests") + b"\n")
    before = content(folder)
    with pytest.raises(
        LedgerError, match=r"line 1: the event '\w+' is at .*ada\.jsonl:1 too, and says something else there"
    ):
        exchange.import_file(tmp_path / "file", "jsonl", folder)
    assert content(folder) == before


def test_an_undo_without_what_it_undoes_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(exchange.to_jsonl(Ledger.read([folder])).splitlines()[-1] + b"\n")
    with pytest.raises(LedgerError, match=r"it undoes '\w+', which is no decision of ada"):
        exchange.import_file(tmp_path / "file", "jsonl", tmp_path / "new")


def test_a_disk_that_is_full_in_the_middle_leaves_every_file_as_it_was(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(exchange.to_jsonl(Ledger.read([folder])))
    LedgerWriter(tmp_path / "new", "ada", "human").append(
        problem_id="x", source_hash=HASH, seen_hash="", action="accept"
    )
    before = (tmp_path / "new" / "ada.jsonl").read_bytes()
    write = os.write

    def second_fails(file: int, data: bytes) -> int:
        if b'"reviewer":"bot"' in data:
            raise OSError(28, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(module.os, "write", second_fails)
    with pytest.raises(LedgerError, match=r"bot\.jsonl cannot be written: No space left on device"):
        exchange.import_file(tmp_path / "file", "jsonl", tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["ada.jsonl"]
    assert (tmp_path / "new" / "ada.jsonl").read_bytes() == before
