"""Submissions whose worth is known: false positives and false negatives, before and after verification."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import InputError
from appsplus.worklist.submissions import Submissions

Make = Callable[..., Any]
RIGHT = "print(int(input()) * 2)\n"
WRONG = "n = int(input())\nprint(2 * n if n < 7 else 15)\n"


def line(expected: str, code: str, problem_id: str = "made/1") -> dict[str, Any]:
    return {"id": problem_id, "expected": expected, "code": code, "origin": "ignored"}


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: Any) -> Path:
        path = tmp_path / "submissions.jsonl"
        path.write_text("".join((found if isinstance(found, str) else json.dumps(found)) + "\n" for found in lines))
        return path

    return write


def test_wrong_ones_that_pass_and_right_ones_that_are_refused_are_counted(
    built: Make, make_raw: Make, file: Make
) -> None:
    path = file(
        line("accepted", RIGHT),
        line("accepted", "print(2)\n"),  # said to be right
        line("wrong_answer", WRONG),
        line("rejected", "n = int(input())\nprint(2 * n if n < 100 else 0)\n"),  # no unit test is that large
        line("unknown", "print(1)\n"),
    )
    desk = built(make_raw(), submissions=path)
    found = desk.manifest.counts["submissions"]
    expected = {
        "wrong": {"judged": 2, "accepted": 1, "interval": [0.0945, 0.9055]},
        "right": {"judged": 2, "refused": 1, "interval": [0.0945, 0.9055]},
        "by_expected": {
            "accepted": {"accepted": 1, "refused": 1},
            "rejected": {"accepted": 1, "refused": 0},
            "wrong_answer": {"accepted": 0, "refused": 1},
        },
    }
    assert found["before"] == expected
    assert found["after"] == expected
    assert (found["lines"]["labelled"], found["lines"]["unlabelled"]) == (4, 1)
    reason = desk.reason("weak_tests")
    assert reason.detail == "1 of 2 submissions that are known to be wrong pass every unit test"
    assert [shown["line"] for shown in reason.evidence["submissions"]] == [4]
    refused = desk.reason("output_mismatch")
    assert refused.detail == "1 of 2 submissions that are known to be right are refused"
    assert refused.evidence["submissions"] == [{"line": 2, "verdict": "wrong_answer", "program": "print(2)\n"}]


def test_a_correction_is_seen_in_the_difference_of_before_and_after(built: Make, make_raw: Make, file: Make) -> None:
    knows = "n = int(input())\nprint(15 if n == 7 else 2 * n)\n"
    path = file(line("accepted", RIGHT), line("wrong_answer", WRONG))
    desk = built(make_raw(solutions=(knows, RIGHT), outputs=("2\n", "4\n", "15\n")), submissions=path)
    desk.decide("correct", patch=({"op": "replace", "path": "/outputs/2", "value": "14\n"},))
    found = desk.build(path).manifest.counts["submissions"]
    assert (found["before"]["wrong"]["accepted"], found["before"]["right"]["refused"]) == (1, 1)
    assert (found["after"]["wrong"]["accepted"], found["after"]["right"]["refused"]) == (0, 0)
    card = (desk.out / "README.md").read_text()
    assert "| before | 1 | 1 (100.0 %; 20.6 % to 100.0 %) | 1 | 1 (100.0 %; 20.6 % to 100.0 %) |" in card
    assert "| after | 1 | 0 (0.0 %; 0.0 % to 79.3 %) | 1 | 0 (0.0 %; 0.0 % to 79.3 %) |" in card


def test_a_problem_that_was_ruled_out_counts_before_and_not_after(built: Make, make_raw: Make, file: Make) -> None:
    other = make_raw(problem_id="made/2", description="What is left, so that something is.", solutions=(RIGHT,))
    path = file(line("wrong_answer", WRONG))
    desk = built(make_raw(), other, submissions=path)
    desk.decide("reject")
    found = desk.build(path).manifest.counts["submissions"]
    assert (found["before"]["wrong"]["judged"], found["after"]["wrong"]["judged"]) == (1, 0)


def test_a_repaired_problem_counts_after_and_not_before(built: Make, make_raw: Make, file: Make) -> None:
    path = file(line("accepted", RIGHT))
    desk = built(make_raw(outputs=("2\n", "4\n", "15\n")), submissions=path)
    assert desk.manifest.counts["submissions"]["lines"]["rejected_problem"] == 1
    desk.decide("correct", patch=({"op": "replace", "path": "/outputs/2", "value": "14\n"},))
    found = desk.build(path).manifest.counts["submissions"]
    assert (found["before"]["right"]["judged"], found["after"]["right"]["judged"]) == (0, 1)
    assert found["lines"]["rejected_problem"] == 0


def test_an_id_without_the_source_is_found_and_an_unknown_or_ambiguous_one_is_counted(
    built: Make, make_raw: Make, file: Make
) -> None:
    texts = {"a/x": "Print the double of n.", "b/x": "Two times a whole number.", "b/y": "Add a number to itself."}
    records = [make_raw(problem_id=problem_id, description=text) for problem_id, text in texts.items()]
    path = file(*(line("accepted", RIGHT, problem_id) for problem_id in ("x", "y", "a/x", "nowhere/z")))
    found = built(*records, submissions=path).manifest.counts["submissions"]
    assert found["after"]["right"] == {"judged": 2, "refused": 0, "interval": [0.0, 0.6576]}  # y and a/x
    assert (found["lines"]["unknown_problem"], found["lines"]["several_problems"]) == (1, 1)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{", "line 2: no JSON"),
        ("[1]", "line 2: expected an object; got list"),
        ({"id": "made/1", "expected": "accepted"}, "line 2: code must be text; got NoneType"),
        ({"id": 1, "expected": "accepted", "code": ""}, "line 2: id must be text; got int"),
        ({"id": "made/1", "expected": "good", "code": ""}, "expected must be one of accepted, unknown, wrong_answer,"),
        ("[" * 100_000, "line 2: "),
        ('{"id": "\\ud800', "line 2: no JSON"),
    ],
)
def test_a_bad_line_is_named_by_its_number(file: Make, bad: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        Submissions(file(line("accepted", RIGHT), bad))
    assert "1 lines that are no submissions" in str(error.value)
    assert message in str(error.value)
    assert "mend or remove" in str(error.value)


def test_many_bad_lines_are_counted_and_the_first_are_named(file: Make) -> None:
    with pytest.raises(InputError, match=r"has 5 lines .*line 1: .*line 3: .*, and 2 more\."):
        Submissions(file(*["x"] * 5))


def test_a_file_that_is_not_there_is_an_error_that_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.jsonl cannot be read: No such file or directory; check --submissions"):
        Submissions(tmp_path / "gone.jsonl")


def test_empty_lines_and_lone_surrogates_in_a_program_do_no_harm(built: Make, make_raw: Make, file: Make) -> None:
    path = file("", line("wrong_answer", "print('\ud800')\n"), "", line("wrong_answer", "(" * 100_000))
    assert built(make_raw(), submissions=path).manifest.counts["submissions"]["after"]["wrong"]["accepted"] == 0
