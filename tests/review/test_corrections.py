"""What is typed into the form becomes a JSON Patch, and what is not touched does not."""

from typing import Any

import jsonpatch
import pytest

from appsplus.errors import InputError
from appsplus.ledger import document
from appsplus.problem import Checker, RawProblem
from appsplus.review.corrections import patch_from_form, shown, value_text


def make_record(**changes: Any) -> RawProblem:
    fields: dict[str, Any] = {
        "problem_id": "a/1",
        "source": "a",
        "split": "train",
        "description": "Say.\r\nIt.",
        "solutions": ("print(1)\n", "print(2)\n", "print(3)\n"),
        "inputs": ("1\n", "2\n", "3\n"),
        "outputs": ("a\n", "b\n", "c\n"),
    }
    return RawProblem(**fields | changes)


def untouched(raw: RawProblem) -> dict[str, str]:
    """The form as a browser sends it back: every line end is two characters."""
    form = {"description": raw.description, "starter_code": raw.starter_code, "entry_point": raw.entry_point or ""}
    form |= {f"output_{i}": value_text(v, raw.entry_point is None) for i, v in enumerate(raw.outputs or ())}
    form |= {f"solution_{i}": code for i, code in enumerate(raw.solutions)}
    form["checker_kind"] = raw.checker.kind if raw.checker else "none"
    return {name: shown(text).replace("\n", "\r\n") for name, text in form.items()}


def applied(raw: RawProblem, **typed: str) -> dict[str, Any]:
    form = untouched(raw) | typed
    return dict(jsonpatch.apply_patch(document(raw), list(patch_from_form(raw, form))))


@pytest.mark.parametrize(
    "raw",
    [
        make_record(),
        make_record(outputs=("\0", "\ud800", "\r\n x \r")),
        make_record(entry_point="f", outputs=(1, "x", {"b": 1, "a": [None, 10**5000]})),
        make_record(outputs=(["a", "b"], 3, "c")),
        make_record(inputs=None, outputs=None, solutions=()),
    ],
)
def test_a_form_that_nobody_touched_changes_nothing(raw: RawProblem) -> None:
    assert patch_from_form(raw, untouched(raw)) == ()


def test_an_expected_output_is_replaced_with_its_line_ends() -> None:
    raw = make_record()
    assert patch_from_form(raw, untouched(raw) | {"output_1": "x\r\ny\r\n"}) == (
        {"op": "replace", "path": "/outputs/1", "value": "x\ny\n"},
    )


def test_a_value_of_a_call_is_json() -> None:
    raw = make_record(entry_point="f", inputs=([1], [2], [3]), outputs=(1, "x", [1]))
    assert applied(raw, output_0="2", output_1='"y"', output_2="[1, 2]")["outputs"] == [2, "y", [1, 2]]
    with pytest.raises(InputError, match="the output of unit test 1 is not JSON"):
        patch_from_form(raw, {"output_1": "y"})


def test_unit_tests_are_dropped_with_input_and_output() -> None:
    after = applied(make_record(), drop_test_0="1", drop_test_2="1", output_1="z\n")
    assert (after["inputs"], after["outputs"]) == (["2\n"], ["z\n"])


def test_dropping_a_unit_test_drops_its_further_outputs_too() -> None:
    raw = make_record(checker=Checker("any_of", (("x",), ("y",), ("z",))))
    form = untouched(raw) | {"drop_test_1": "1", "checker_any_of": '[["x"],["y"],["z"]]'}
    after = jsonpatch.apply_patch(document(raw), list(patch_from_form(raw, form)))
    assert after["checker"]["any_of"] == [["x"], ["z"]]


def test_a_unit_test_is_added() -> None:
    after = applied(make_record(), new_input="4\r\n", new_output="d\r\n")
    assert (after["inputs"][3], after["outputs"][3]) == ("4\n", "d\n")
    after = applied(make_record(inputs=None, outputs=None), new_input="4", new_output="d")
    assert (after["inputs"], after["outputs"]) == (["4"], ["d"])


def test_solutions_are_edited_dropped_and_added() -> None:
    after = applied(make_record(), solution_1="print(9)\n", drop_solution_0="1", new_solution="print(4)\n")
    assert after["solutions"] == ["print(9)\n", "print(3)\n", "print(4)\n"]


def test_texts_and_the_entry_point_are_replaced() -> None:
    after = applied(make_record(entry_point="f"), description="Do.", entry_point=" g ", starter_code="def g(): ...")
    assert (after["description"], after["entry_point"], after["starter_code"]) == ("Do.", "g", "def g(): ...")
    assert applied(make_record(entry_point="f"), entry_point="  ")["entry_point"] is None


def test_a_checker_is_set_and_taken_away() -> None:
    raw = make_record()
    assert applied(raw, checker_kind="unordered")["checker"] == {"kind": "unordered", "any_of": [], "program": ""}
    program = "def check(input, expected, actual):\n    return True\n"
    assert applied(raw, checker_kind="program", checker_program=program)["checker"]["program"] == program
    checked = make_record(checker=Checker("unordered"))
    assert applied(checked, checker_kind="none")["checker"] is None


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"checker_kind": "best"}, "the checker 'best' is not known"),
        ({"checker_kind": "program"}, "needs a program that defines check"),
        ({"checker_kind": "any_of", "checker_any_of": "[1]"}, "needs a JSON list"),
        ({"checker_kind": "any_of", "checker_any_of": "x"}, "needs a JSON list"),
    ],
)
def test_a_checker_that_cannot_be_is_refused(typed: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        patch_from_form(make_record(), typed)


def test_numbers_that_do_not_exist_are_ignored() -> None:
    assert (
        patch_from_form(make_record(), {"output_9": "x", "drop_test_9": "1", "solution_99": "y", "drop_test_x": "1"})
        == ()
    )
