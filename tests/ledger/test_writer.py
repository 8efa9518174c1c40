"""Appending: chained, whole or not at all, whoever else is writing and whatever the disk does."""

import errno
import hashlib
import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import LedgerError
from appsplus.ledger import Decision, Ledger, LedgerWriter
from appsplus.ledger import writer as module

HASH, SEEN = "a" * 64, "b" * 64
FIX = {"op": "replace", "path": "/outputs/1", "value": "4\n"}


def append(writer: LedgerWriter, **changes: Any) -> Decision:
    return writer.append(
        **{"problem_id": "apps/train/0001", "source_hash": HASH, "seen_hash": SEEN, "action": "accept"} | changes
    )


def lines(path: Path) -> list[bytes]:
    data = path.read_bytes()
    assert data.endswith(b"\n")
    return data[:-1].split(b"\n")


def test_what_was_appended_is_read_back_in_every_field(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path / "new" / "ledger", "ada", "human")
    correction = append(
        writer, action="correct", reason="wrong_output", comment="é \U0001f600", patch=[FIX], seconds=4.5, override=True
    )
    ruling = append(writer, resolves=["1", "2"])
    undo = append(writer, action="undo", undoes=ruling.event_id)
    ledger = Ledger.read([tmp_path / "new" / "ledger"])
    assert ledger.history("apps/train/0001") == (correction, ruling, undo)
    assert (correction.reviewer, correction.reviewer_kind, correction.seen_hash) == ("ada", "human", SEEN)
    assert (correction.patch, correction.seconds, correction.override) == ((FIX,), 4.5, True)
    assert (correction.comment, ruling.resolves) == ("é \U0001f600", ("1", "2"))
    assert ledger.undone == {ruling.event_id}
    assert [d.where.rpartition(":")[2] for d in (correction, ruling, undo)] == ["1", "2", "3"]


def test_every_line_holds_the_hash_of_the_bytes_above_it(tmp_path: Path) -> None:
    for _ in range(2):  # a new writer goes on where the last one ended
        writer = LedgerWriter(tmp_path, "ada", "human")
        append(writer)
        append(writer)
    found = lines(tmp_path / "ada.jsonl")
    hashes = [json.loads(line)["previous_hash"] for line in found]
    assert hashes == ["", *(hashlib.sha256(line).hexdigest() for line in found[:-1])]


def test_nothing_is_made_before_the_first_decision(tmp_path: Path) -> None:
    LedgerWriter(tmp_path, "ada", "human")
    assert list(tmp_path.iterdir()) == []


def test_two_writers_on_one_file_continue_each_others_chain(tmp_path: Path) -> None:
    one, two = (LedgerWriter(tmp_path, "ada", "human") for _ in range(2))
    first = append(one)
    append(two, action="undo", undoes=first.event_id)  # it has not made that event itself
    append(one, comment="again")
    found = lines(tmp_path / "ada.jsonl")
    assert [json.loads(line)["previous_hash"] for line in found[1:]] == [
        hashlib.sha256(line).hexdigest() for line in found[:-1]
    ]


def _append_many(folder: Path, count: int) -> None:
    writer = LedgerWriter(folder, "ada", "human")
    for number in range(count):
        append(writer, comment=str(number))


def test_processes_that_write_at_once_lose_nothing_and_break_no_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append_many, args=(tmp_path, 40)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    found = lines(tmp_path / "ada.jsonl")
    assert len(found) == 120
    assert [json.loads(line)["previous_hash"] for line in found[1:]] == [
        hashlib.sha256(line).hexdigest() for line in found[:-1]
    ]


def test_times_never_go_back_in_a_file(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path, "ada", "human")
    append(writer)
    [line] = lines(tmp_path / "ada.jsonl")
    late = json.dumps({**json.loads(line), "time": "2999-01-01T00:00:00Z"}).encode()
    (tmp_path / "ada.jsonl").write_bytes(late + b"\n")
    assert append(LedgerWriter(tmp_path, "ada", "human")).time.year == 2999


@pytest.mark.parametrize("torn", [b'{"event_id": "x', b"\0\0\0\0", b"{}"])
def test_a_torn_last_line_is_moved_away_and_said(tmp_path: Path, torn: bytes) -> None:
    before = append(LedgerWriter(tmp_path, "ada", "human"))
    path = tmp_path / "ada.jsonl"
    whole, digest = path.read_bytes(), Ledger.read([tmp_path]).digest
    path.write_bytes(whole + torn)
    read = Ledger.read([tmp_path])
    assert len(read) == 1
    assert read.torn[0].startswith(f"{path}:2: the last line is torn, as after a power cut: {len(torn)} bytes")
    assert read.digest == digest  # it counts as not written
    writer = LedgerWriter(tmp_path, "ada", "human")
    assert writer.recovered == read.torn[0]
    assert (path.read_bytes(), (tmp_path / "ada.jsonl.torn").read_bytes()) == (whole, torn + b"\n")
    after = append(writer)
    assert Ledger.read([tmp_path]).history("apps/train/0001") == (before, after)
    assert after.previous_hash == hashlib.sha256(whole[:-1]).hexdigest()
    assert LedgerWriter(tmp_path, "ada", "human").recovered == ""


def test_a_last_line_that_only_lacks_its_line_break_is_a_decision(tmp_path: Path) -> None:
    append(LedgerWriter(tmp_path, "ada", "human"))
    path = tmp_path / "ada.jsonl"
    line = path.read_bytes()[:-1]
    path.write_bytes(line)
    assert len(Ledger.read([tmp_path])) == 1
    writer = LedgerWriter(tmp_path, "ada", "human")
    assert writer.recovered == ""
    assert append(writer).previous_hash == hashlib.sha256(line).hexdigest()
    assert len(Ledger.read([tmp_path])) == 2


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_full_disk_leaves_the_file_as_it_was_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    writer = LedgerWriter(tmp_path, "ada", "human")
    append(writer)
    before = (tmp_path / "ada.jsonl").read_bytes()
    write = os.write
    full = OSError(errno.ENOSPC, "No space left on device")

    def write_half(file: int, data: bytes) -> int:
        if len(data) < 100:
            raise full
        return write(file, data[: len(data) // 2])

    def refuse(file: int) -> None:
        raise full

    with monkeypatch.context() as patched:
        patched.setattr(module.os, failing, write_half if failing == "write" else refuse)
        with pytest.raises(
            LedgerError, match=r"ada\.jsonl cannot be written: No space left on device\. Nothing was saved"
        ):
            append(writer, comment="lost?")
    assert (tmp_path / "ada.jsonl").read_bytes() == before
    append(writer, comment="now there is room")
    assert len(Ledger.read([tmp_path])) == 2


def test_a_folder_that_cannot_be_written_is_an_error_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(LedgerError, match=r"ada\.jsonl cannot be written: Permission denied\. Nothing was saved"):
        LedgerWriter(tmp_path, "ada", "human")
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match=r"cannot be written: (File exists|Not a directory)"):
        LedgerWriter(tmp_path / "file", "ada", "human")


@pytest.mark.parametrize("name", ["", "../ada", "a b", ".ada", "a/b", "a\n", "x" * 101])
def test_a_name_that_cannot_be_a_files_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LedgerError, match="cannot be a reviewer's name"):
        LedgerWriter(tmp_path, name, "human")


def test_a_reviewer_is_of_one_kind(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="the reviewer kind 'robot' is not known; expected human or model"):
        LedgerWriter(tmp_path, "ada", "robot")
    append(LedgerWriter(tmp_path, "ada", "model"))
    with pytest.raises(LedgerError, match=r"ada is a model at .*ada\.jsonl:1, and cannot be a human"):
        LedgerWriter(tmp_path, "ada", "human")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"action": "correct"}, "a patch belongs to the action correct"),
        ({"action": "correct", "patch": [{"op": "overwrite", "path": "/x"}]}, "Unknown operation 'overwrite'"),
        ({"problem_id": ""}, "problem_id is missing or empty"),
        ({"source_hash": "x"}, "source_hash must be 64 hexadecimal digits"),
        ({"comment": "\ud800"}, "comment holds a lone surrogate"),
        ({"seconds": float("nan")}, "seconds must be a number from 0"),
        ({"action": "undo", "undoes": "nothing"}, "the event 'nothing' is no decision about apps/train/0001 in "),
    ],
)
def test_what_is_no_decision_is_not_written(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    writer = LedgerWriter(tmp_path, "ada", "human")
    append(writer)
    before = (tmp_path / "ada.jsonl").read_bytes()
    with pytest.raises(LedgerError, match=message):
        append(writer, **changes)
    assert (tmp_path / "ada.jsonl").read_bytes() == before


def test_a_first_decision_that_is_refused_leaves_no_file(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path, "ada", "human")
    with pytest.raises(LedgerError):
        append(writer, action="correct")
    assert list(tmp_path.iterdir()) == []
    append(writer)
    assert len(lines(tmp_path / "ada.jsonl")) == 1


def test_an_undo_is_about_the_problem_of_what_it_undoes(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path, "ada", "human")
    made = append(writer)
    with pytest.raises(LedgerError, match="is no decision about apps/train/0002 in"):
        append(writer, action="undo", undoes=made.event_id, problem_id="apps/train/0002")


def test_a_decision_is_undone_once_and_an_undo_never(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path, "ada", "human")
    made = append(writer)
    undo = append(writer, action="undo", undoes=made.event_id)
    for event in (made, undo):
        with pytest.raises(LedgerError, match="is undone already, or an undo itself; decide anew instead"):
            append(writer, action="undo", undoes=event.event_id)


def test_a_file_that_another_one_has_replaced_is_read_anew(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path, "ada", "human")
    append(writer)
    append(writer)
    path = tmp_path / "ada.jsonl"
    first = lines(path)[0]
    other = tmp_path / "other"
    other.write_bytes(first + b"\n")  # as `git checkout` of an older state does
    other.rename(path)
    assert append(writer).previous_hash == hashlib.sha256(first).hexdigest()
    assert len(lines(path)) == 2


def test_a_broken_line_in_the_file_is_named_and_nothing_is_added(tmp_path: Path) -> None:
    path = tmp_path / "ada.jsonl"
    path.write_text("{broken\n")
    with pytest.raises(LedgerError, match=r"ada\.jsonl:1: not a decision: "):
        LedgerWriter(tmp_path, "ada", "human")
    assert path.read_text() == "{broken\n"
