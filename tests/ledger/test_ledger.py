"""The ledger: which lines it takes, and what a decision does to a problem."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import LedgerError
from appsplus.ledger import Ledger, document
from appsplus.ledger.patch import patched
from appsplus.problem import Change, Checker, RawProblem

OTHER_HASH = "0" * 64


def make_raw(**changes: Any) -> RawProblem:
    fields: dict[str, Any] = {
        "problem_id": "apps/train/0001",
        "source": "APPS",
        "split": "train",
        "description": "Add two numbers.",
        "solutions": ("print(sum(map(int, input().split())))\n",),
        "inputs": ("1 2\n", "2 2\n"),
        "outputs": ("3\n", "5\n"),
    }
    return RawProblem(**fields | changes)


def make_line(**changes: Any) -> dict[str, Any]:
    line = {
        "event_id": "event-1",
        "time": "2025-03-01T12:00:00Z",
        "reviewer": "ada",
        "reviewer_kind": "human",
        "problem_id": "apps/train/0001",
        "source_hash": make_raw().source_hash,
        "action": "accept",
        "reason": "",
        "comment": "",
        "patch": [],
        "seconds": 12.5,
        "tool_version": "0.1.0",
        "previous_hash": "",
    }
    return line | changes


def write(path: Path, *lines: dict[str, Any]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path.parent


def read(tmp_path: Path, *lines: dict[str, Any]) -> Ledger:
    return Ledger.read([write(tmp_path / "ledger" / "a.jsonl", *lines)])


def correction(*operations: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return make_line(action="correct", comment="2 + 2 is 4", patch=list(operations), **changes)


FIX_OUTPUT = {"op": "replace", "path": "/outputs/1", "value": "4\n"}
AFTER_FIX = replace(make_raw(outputs=("3\n", "4\n")), original_hash=make_raw().source_hash).seen_hash


def test_a_line_is_read_with_every_field(tmp_path: Path) -> None:
    ledger = read(tmp_path, correction(FIX_OUTPUT, reason="wrong_output", previous_hash="ab"))
    (decision,) = ledger.decisions["apps/train/0001"]
    assert decision.event_id == "event-1"
    assert decision.time == datetime(2025, 3, 1, 12, tzinfo=UTC)
    assert (decision.reviewer, decision.reviewer_kind) == ("ada", "human")
    assert (decision.action, decision.reason, decision.comment) == ("correct", "wrong_output", "2 + 2 is 4")
    assert decision.patch == (FIX_OUTPUT,)
    assert decision.seconds == 12.5
    assert (decision.tool_version, decision.previous_hash) == ("0.1.0", "ab")
    assert decision.where == f"{tmp_path / 'ledger' / 'a.jsonl'}:1"


def test_what_a_later_version_adds_is_ignored_and_what_may_be_absent_has_a_default(tmp_path: Path) -> None:
    line = make_line(signature="later")
    for name in ("reason", "comment", "patch", "seconds", "tool_version", "previous_hash"):
        del line[name]
    (decision,) = read(tmp_path, line).decisions["apps/train/0001"]
    assert (decision.reason, decision.comment, decision.patch, decision.seconds) == ("", "", (), None)


def test_without_files_the_ledger_is_empty(tmp_path: Path) -> None:
    for ledger in (Ledger.read([tmp_path]), Ledger.read([]), Ledger()):
        assert len(ledger) == 0
        assert ledger.digest == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # SHA-256 of nothing
        assert ledger.ruling("apps/train/0001", make_raw().source_hash) is None
        assert ledger.corrected(make_raw()) == make_raw()


def test_all_files_of_all_folders_are_read(tmp_path: Path) -> None:
    first = write(tmp_path / "one" / "b.jsonl", make_line(event_id="1"), make_line(event_id="2"))
    write(tmp_path / "one" / "a.jsonl", make_line(event_id="3"))
    (first / "notes.txt").write_text("not a ledger")
    second = write(tmp_path / "two" / "a.jsonl", make_line(event_id="4", problem_id="apps/train/0002"))
    ledger = Ledger.read([first, second])
    assert len(ledger) == 4
    assert list(ledger.decisions) == ["apps/train/0001", "apps/train/0002"]


def test_decisions_are_in_order_of_time_whatever_their_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "x" / "a.jsonl", make_line(event_id="late", time="2025-03-02T00:00:00.5+00:00"))
    write(folder / "b.jsonl", make_line(event_id="early", time="2025-03-02T00:00:00Z"))
    decisions = Ledger.read([folder]).decisions["apps/train/0001"]
    assert [decision.event_id for decision in decisions] == ["early", "late"]


def test_the_digest_depends_on_names_and_bytes_and_not_on_the_folder(tmp_path: Path) -> None:
    def digest(path: Path, line: dict[str, Any]) -> str:
        return Ledger.read([write(path, line)]).digest

    here = digest(tmp_path / "here" / "a.jsonl", make_line())
    assert digest(tmp_path / "there" / "a.jsonl", make_line()) == here
    assert digest(tmp_path / "name" / "b.jsonl", make_line()) != here
    assert digest(tmp_path / "bytes" / "a.jsonl", make_line(comment="x")) != here


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"nowhere is no folder; expected one with the ledger's \*\.jsonl files"):
        Ledger.read([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Expecting property name"),
        ("[1]", "got list"),
        (b"\xff", "can't decode byte 0xff"),
        (make_line(action="drop"), "action must be one of accept, correct, reject, skip, comment, undo; got 'drop'"),
        (make_line(action="undo"), "the action undo must name the event that it undoes"),
        (make_line(undoes="event-0"), "undoes belongs to the action undo and only there; got accept"),
        (make_line(action="skip", resolves=["1"]), "resolves belongs to the action accept or correct or reject"),
        (make_line(resolves="1"), "resolves must be a list of event ids; got '1'"),
        (make_line(action="reject", override=True), "override belongs to the action accept or correct and only there"),
        (make_line(override=1), "override must be true or false; got 1"),
        (make_line(seen_hash="abc"), "seen_hash must be 64 hexadecimal digits, or empty; got 'abc'"),
        (make_line(action="comment"), "a comment must say something"),
        (make_line(reviewer_kind="robot"), "reviewer_kind must be one of human, model; got 'robot'"),
        (make_line(time="2025-03-01T12:00:00"), "time must be in UTC"),
        (make_line(time="2025-03-01T12:00:00+02:00"), "time must be in UTC"),
        (make_line(time="yesterday"), "Invalid isoformat string"),
        (make_line(source_hash="abc"), "source_hash must be 64 hexadecimal digits; got 'abc'"),
        (make_line(reason="Not good"), "reason must be a slug"),
        (make_line(reviewer=""), "reviewer is missing or empty"),
        (make_line(problem_id=7), "problem_id must be text; got int"),
        (make_line(seconds="12"), "seconds must be a number or null; got str"),
        (make_line(seconds=-1), "seconds must be a number from 0, or null; got -1"),
        (make_line(action="correct"), "a patch belongs to the action correct and only there"),
        (make_line(patch=[FIX_OUTPUT]), "a patch belongs to the action correct and only there"),
        (make_line(action="correct", patch={"op": "remove"}), "patch must be a list of operations; got dict"),
        (make_line(action="correct", patch=[{"op": "overwrite", "path": "/x"}]), "Unknown operation 'overwrite'"),
        (make_line(action="correct", patch=[{"op": "remove", "path": "x"}]), "Location must start with /"),
    ],
)
def test_a_line_that_is_no_decision_is_named_with_file_and_line(tmp_path: Path, text: Any, message: str) -> None:
    broken = text if isinstance(text, bytes) else (text if isinstance(text, str) else json.dumps(text)).encode()
    path = tmp_path / "a.jsonl"
    path.write_bytes(json.dumps(make_line(event_id="fine")).encode() + b"\n\n" + broken + b"\n")
    with pytest.raises(LedgerError) as caught:
        Ledger.read([tmp_path])
    assert str(caught.value).startswith(f"{path}:3: not a decision: ")
    assert message in str(caught.value)


def test_the_same_event_twice_is_an_error_that_names_both_lines(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"a\.jsonl:2: the event 'event-1' is already at .*a\.jsonl:1;"):
        read(tmp_path, make_line(), make_line(action="reject"))


def test_a_correction_changes_the_problem_and_leaves_a_change(tmp_path: Path) -> None:
    corrected = read(tmp_path, correction(FIX_OUTPUT)).corrected(make_raw())
    assert corrected.outputs == ("3\n", "4\n")
    assert corrected.changes == (Change("ledger_correction", "2 + 2 is 4", "ada (human)", "event-1"),)
    assert corrected.inputs == make_raw().inputs
    assert corrected.solutions == make_raw().solutions


def test_a_corrected_problem_keeps_the_hash_of_what_its_source_said(tmp_path: Path) -> None:
    corrected = read(tmp_path, correction(FIX_OUTPUT)).corrected(make_raw())
    assert corrected.source_hash == make_raw().source_hash
    assert make_raw(outputs=("3\n", "4\n")).source_hash != make_raw().source_hash


def test_every_field_of_the_document_can_be_corrected(tmp_path: Path) -> None:
    new = {
        "description": "Double it.",
        "solutions": ["def f(x):\n    return 2 * x\n"],
        "inputs": [[1]],
        "outputs": [2],
        "entry_point": "f",
        "starter_code": "def f(x):\n",
        "checker": {"kind": "any_of", "any_of": [["two"]], "program": ""},
    }
    assert new.keys() == document(make_raw()).keys()
    operations = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in new.items()]
    corrected = read(tmp_path, correction(*operations)).corrected(make_raw())
    assert document(corrected) == new
    assert corrected.checker == Checker("any_of", (("two",),))
    assert corrected.inputs == ([1],)


def test_corrections_build_on_one_another(tmp_path: Path) -> None:
    more = {"op": "add", "path": "/outputs/-", "value": "0\n"}
    test = {"op": "test", "path": "/outputs/1", "value": "4\n"}
    ledger = read(
        tmp_path,
        correction(test, more, event_id="2", reviewer="bot", reviewer_kind="model", seen_hash=AFTER_FIX),
        correction(
            FIX_OUTPUT, event_id="1", time="2025-03-02T00:00:00Z"
        ),  # the order is that of the content, not of time
    )
    corrected = ledger.corrected(make_raw())
    assert corrected.outputs == ("3\n", "4\n", "0\n")
    assert [change.by for change in corrected.changes] == ["ada (human)", "bot (model)"]
    assert corrected.source_hash == make_raw().source_hash


def test_a_correction_of_other_content_is_stale_and_not_applied(tmp_path: Path) -> None:
    ledger = read(
        tmp_path,
        correction(FIX_OUTPUT, event_id="old", source_hash=OTHER_HASH),
        make_line(event_id="old-too", source_hash=OTHER_HASH),
        make_line(event_id="fresh"),
    )
    raw = make_raw()
    assert ledger.corrected(raw) == raw
    assert ledger.stale(raw.problem_id, raw.source_hash) == ("old", "old-too")
    assert ledger.stale(raw.problem_id, OTHER_HASH) == ("fresh",)
    assert ledger.stale("apps/train/0002", raw.source_hash) == ()


def test_a_correction_of_another_problem_with_the_same_content_is_not_applied(tmp_path: Path) -> None:
    copy = make_raw(problem_id="apps/train/0002")
    assert copy.source_hash == make_raw().source_hash
    assert read(tmp_path, correction(FIX_OUTPUT)).corrected(copy) == copy


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"op": "replace", "path": "/outputs/7", "value": "4\n"}, "can't replace outside of list"),
        ({"op": "test", "path": "/outputs/1", "value": "9\n"}, "is not equal to tested value"),
        ({"op": "replace", "path": "/answers/0", "value": "4\n"}, "member 'answers' not found"),
        ({"op": "replace", "path": "/outputs/1"}, "does not contain a 'value' member"),
        ({"op": "add", "path": "/difficulty", "value": "interview"}, "it must leave exactly the fields description, "),
        ({"op": "remove", "path": "/checker"}, "it must leave exactly the fields description, "),
        ({"op": "replace", "path": "", "value": []}, "it must leave exactly the fields description, "),
        ({"op": "replace", "path": "/description", "value": None}, "description must be text; got NoneType"),
        ({"op": "replace", "path": "/inputs", "value": "1 2"}, "inputs must be a list or null; got str"),
        ({"op": "add", "path": "/solutions/-", "value": 1}, "solutions must be a list of texts"),
        (
            {"op": "replace", "path": "/checker", "value": {"kind": "any"}},
            "checker kind must be one of unordered, any_case, any_of",
        ),
        (
            {"op": "replace", "path": "/checker", "value": {"kind": "any_of", "any_of": ["4"]}},
            "a list of lists of texts",
        ),
        (
            {"op": "replace", "path": "/checker", "value": {"kind": "any_of", "x": 1}},
            "kind, any_of and, as text, program",
        ),
    ],
)
def test_a_patch_that_does_not_fit_is_an_error_that_names_event_and_line(
    tmp_path: Path, operation: dict[str, Any], message: str
) -> None:
    [decision] = read(tmp_path, correction(operation)).history("apps/train/0001")
    with pytest.raises(LedgerError) as caught:
        patched(make_raw(), decision)
    assert str(caught.value).startswith(f"{tmp_path / 'ledger' / 'a.jsonl'}:1: the patch of event 'event-1' cannot be")
    assert message in str(caught.value)


def test_a_correction_does_not_change_the_problem_it_was_given(tmp_path: Path) -> None:
    raw = make_raw(inputs=([[1], 2],), outputs=(5,), entry_point="f")
    patch = {"op": "replace", "path": "/inputs/0/0/0", "value": 3}
    corrected = read(tmp_path, correction(patch, source_hash=raw.source_hash)).corrected(raw)
    assert corrected.inputs == ([[3], 2],)
    assert raw.inputs == ([[1], 2],)


def test_a_reviewers_last_decision_on_the_content_counts(tmp_path: Path) -> None:
    source_hash = make_raw().source_hash
    ledger = read(
        tmp_path,
        make_line(event_id="1", action="accept", time="2025-03-01T00:00:00Z"),
        make_line(event_id="2", action="reject", time="2025-03-02T00:00:00Z", reason="two_answers"),
        make_line(event_id="3", action="skip", time="2025-03-03T00:00:00Z"),
        make_line(event_id="4", action="accept", time="2025-03-04T00:00:00Z", source_hash=OTHER_HASH),
    )
    ruling = ledger.ruling("apps/train/0001", source_hash)
    assert ruling is not None
    assert (ruling.event_id, ruling.action, ruling.reason) == ("2", "reject", "two_answers")
    stale = ledger.ruling("apps/train/0001", OTHER_HASH)
    assert stale is not None
    assert stale.event_id == "4"
    assert ledger.ruling("apps/train/0001", "f" * 64) is None
    assert ledger.ruling("apps/train/0009", source_hash) is None


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").mkdir()
    with pytest.raises(LedgerError, match=r"a\.jsonl cannot be read: Is a directory"):
        Ledger.read([tmp_path])
