"""The verdict benchmarks: what a comparison of runs calls a difference, and what a list of false verdicts lacks."""

import json
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import InputError
from benchmarks.verdicts.answers import CHECKS, is_right
from benchmarks.verdicts.compare import compared, expanded
from benchmarks.verdicts.false_verdicts import LIST, PAGE, counted, disagreements, is_false, joined, page, read_list
from benchmarks.verdicts.run import compressed, read_run

HEAD = {"judge": "j", "limits": {"cpu_s": 5.0}, "workers": 1, "load": False}


def row(name: str = "train/0001#0", **changes: Any) -> dict[str, Any]:
    verdict = {
        "id": name,
        "expected": "accepted",
        "is_solution": False,
        "sha256": "0",
        "verdict": "accepted",
        "unit_tests": "2A",
        "cpu_s_all": 1.0,
        "near": {},
    }
    return verdict | changes


def write_run(path: Path, *rows: dict[str, Any], head: dict[str, Any] = HEAD) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in ({"run": head}, *rows)))
    return path


def test_verdicts_are_compressed_and_expanded_again():
    letters = list("AAAWAT")
    assert compressed(letters) == "3A1W1A1T"
    assert expanded("3A1W1A1T") == "".join(letters)


def test_equal_runs_have_no_difference(tmp_path):
    runs = [write_run(tmp_path / name, row(), row("b")) for name in ("one", "two")]
    found = compared(runs)
    assert found["differences"] == []
    assert found["counts"]["judged_in_all"] == 2
    assert found["counts"]["unit_tests_judged_in_all"] == 4


def test_a_time_limit_verdict_of_a_program_that_once_ended_at_nine_tenths_is_near(tmp_path):
    one = write_run(tmp_path / "one", row(near={"1": 0.9}))
    two = write_run(tmp_path / "two", row(verdict="time_limit_exceeded", unit_tests="1A1T", near={"1": 1.0}))
    [difference] = compared([one, two])["differences"]
    assert difference["near_the_limit"] is True
    assert difference["unit_tests"] == [{"unit_test": 1, "verdicts": "AT", "cpu_of_limit": [0.9, 1.0]}]


def test_a_time_limit_verdict_of_a_program_that_once_ended_early_is_not_near(tmp_path):
    one = write_run(tmp_path / "one", row())
    two = write_run(tmp_path / "two", row(verdict="time_limit_exceeded", unit_tests="1A1T", near={"1": 1.0}))
    found = compared([one, two])
    assert found["counts"]["near_the_limit"] == 0
    assert found["counts"]["differing"] == 1


def test_a_unit_test_that_differs_under_one_verdict_is_a_difference(tmp_path):
    one = write_run(tmp_path / "one", row(verdict="wrong_answer", unit_tests="2W"))
    two = write_run(tmp_path / "two", row(verdict="wrong_answer", unit_tests="1W1A"))
    counts = compared([one, two])["counts"]
    assert (counts["differing"], counts["verdict_differs"]) == (1, 0)


def test_a_run_has_what_it_left_out_from_the_runs_after_it(tmp_path):
    left = {"id": "b", "left_out": None, "sha256": "0", "expected": "accepted", "is_solution": False}
    first = write_run(tmp_path / "first", row(), left, {**left, "id": "c"})
    slow = write_run(tmp_path / "slow", row(verdict="wrong_answer"), row("b", verdict="time_limit_exceeded"))
    head, rows = joined([first, slow])
    assert head == HEAD
    assert [(r["id"], r.get("verdict")) for r in rows] == [
        ("train/0001#0", "accepted"),
        ("b", "time_limit_exceeded"),
        ("c", None),
    ]
    other = write_run(tmp_path / "other", row(), head=HEAD | {"limits": {"cpu_s": 4.0}})
    with pytest.raises(InputError, match=r"other has limits .*; join like runs"):
        joined([first, other])


def test_programs_that_one_run_left_out_are_named_and_not_compared(tmp_path):
    left = {"id": "b", "left_out": 99.0, "sha256": "0", "expected": "accepted", "is_solution": False}
    one, two = write_run(tmp_path / "one", row(), row("b")), write_run(tmp_path / "two", row(), left)
    found = compared([one, two])
    assert found["left_out"] == ["b"]
    assert found["counts"]["judged_in_all"] == 1


def test_runs_under_other_limits_are_not_compared(tmp_path):
    one = write_run(tmp_path / "one", row())
    two = write_run(tmp_path / "two", row(), head=HEAD | {"limits": {"cpu_s": 1.0}})
    with pytest.raises(InputError, match="compare like runs"):
        compared([one, two])


def test_a_line_cut_off_by_an_interruption_is_not_read(tmp_path):
    path = write_run(tmp_path / "one", row())
    path.write_text(path.read_text() + '{"id": "ha')
    assert [found["id"] for found in read_run(path)[1]] == ["train/0001#0"]


@pytest.mark.parametrize(
    ("expected", "verdict", "false"),
    [
        ("accepted", "wrong_answer", True),
        ("wrong_answer", "accepted", True),
        ("wrong_answer", "run_time_error", False),
        ("unknown", "wrong_answer", False),
        ("accepted", "accepted", False),
    ],
)
def test_a_verdict_is_false_where_it_contradicts_the_record(expected, verdict, false):
    assert is_false(expected, verdict) is false


def test_the_list_must_hold_every_false_verdict_and_no_other():
    rows = [row("a", verdict="wrong_answer"), row("b"), row("c", verdict="run_time_error")]
    entries = [{"id": "b", "ours": "wrong_answer"}, {"id": "c", "ours": "wrong_answer"}]
    assert disagreements(rows, entries) == [
        "a: wrong_answer is false, and not in the list",
        "b: in the list, and not false",
        "c: run_time_error, the list has wrong_answer",
    ]


def test_the_counts_tell_what_solutions_cost_and_which_programs_are_near_the_limit():
    counts = counted(HEAD, [row("a", is_solution=True, near={"3": 0.8}), row("b", cpu_s_all=3.0, near={"0": 1.001})])
    assert counts["cpu_s"] == {"all": 4, "solutions": 1}
    assert counts["near_the_limit"] == ["a"]


def test_the_page_is_that_of_the_list():
    counts = json.loads(LIST.with_name("verdicts.json").read_text())
    assert PAGE.read_text() == page(counts, read_list(LIST))


@pytest.mark.parametrize(
    ("problem", "given", "expected", "right", "wrong"),
    [
        ("train/0005", "", "1\n2\n", "2\n1\n", "1\n1\n"),
        ("train/0033", "1\n4\n", "", "2\n3 4\n2 4\n1 3\n", "2\n3 4\n2 3\n1 4\n"),
        ("train/0041", "1\n2 1\n)(\n", "", "1\n1 2\n", "0\n"),
        ("train/0044", "1\n2\n", "8 6\n", "6 8\n", "4 8\n"),
        ("train/2023", "3\n", "3 2 1", "2 1 3\n", "1 3 3\n"),
        ("train/2025", "4\n", "3\n2 4 3\n", "3\n2 3 4\n", "3\n2 3 1\n"),
        ("train/2029", "3\n", "YES\n1 4 5 2 3 6\n", "YES\n1 6 3 2 5 4\n", "YES\n1 2 3 4 5 6\n"),
        ("train/2365", "1\n2\n2 1 2\n", "1 2\n", "2 1\n", "2 2\n"),
        ("train/2391", "1\n3\n2 3 1\n", "1\n1\n", "4\n1 1 1 1\n", "0\n\n"),
        ("train/2398", "1\n2\n1 1\n2 2\n", "1\n1\n", "1\n2\n", "2\n1 2\n"),
    ],
)
def test_a_checker_accepts_another_right_answer_and_refuses_a_wrong_one(problem, given, expected, right, wrong):
    check = CHECKS[problem]
    assert is_right(check, given, expected, right)
    assert not is_right(check, given, expected, wrong)


def test_an_answer_of_another_shape_is_wrong():
    assert not is_right(CHECKS["train/2023"], "3\n", "3 2 1", "no\n")
