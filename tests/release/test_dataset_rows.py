"""A problem survives the way into a row and back, whole."""

import pytest

from appsplus.problem import RawProblem, Reason, Rejection, Review, ReviewEvent, Solution, Verdict
from appsplus.release import RejectedProblem, prompt_text
from appsplus.release.rows import problem_from_row, problem_row, rejected_from_row, rejected_row, subtask_rows
from appsplus.sources.record import Rejected


def test_the_canonical_solution_keeps_its_place_among_the_others(make_problem):
    solutions = (
        Solution("bad", Verdict.RUN_TIME_ERROR),
        Solution("good", Verdict.ACCEPTED),
        Solution("x", Verdict.ACCEPTED),
    )
    problem = make_problem(solutions=solutions, canonical=1)
    row = problem_row(problem)
    assert row["canonical_solution"] == "good"
    assert row["other_solutions"] == [
        {"code": "bad", "verdict": "run_time_error"},
        {"code": "x", "verdict": "accepted"},
    ]
    assert problem_from_row(row, "train") == problem


def test_a_validation_problem_comes_from_the_sources_train_split(make_problem):
    problem = make_problem()
    assert problem_from_row(problem_row(problem), "validation") == problem
    with pytest.raises(ValueError, match="split must be one of"):
        problem_from_row(problem_row(problem), "dev")


def test_each_level_splits_the_canonical_solution_in_two(make_problem):
    rows = list(subtask_rows(make_problem()))
    assert [(row["level"], row["levels"], row["prefix"]) for row in rows] == [(1, 2, "n = int(input())\n"), (2, 2, "")]
    assert rows[0]["remainder"] == "if n > 2:\n    print(1)\nelse:\n    print(0)\n"
    assert rows[0]["prompt"] == "Say whether n is above two.\n\nn = int(input())\n"
    assert rows[1]["prompt"] == "Say whether n is above two.\n\n"


def test_a_level_is_cut_by_characters_not_bytes(make_problem):
    code = "s = 'é'\nif s:\n    print(s)\n"
    annotation = make_problem().annotation
    problem = make_problem(solutions=(Solution(code, Verdict.ACCEPTED),))
    assert annotation.subtask_chars == (17, 0)
    row = next(subtask_rows(problem))
    assert (row["prefix"], row["remainder"]) == ("s = 'é'\nif s:\n   ", " print(s)\n")


def test_the_prompt_shows_starter_code_between_description_and_prefix(make_problem):
    problem = make_problem(description="Add.\n\n", starter_code="def add(a, b):\n")
    assert prompt_text(problem, "def add(a, b):\n    ") == "Add.\n\ndef add(a, b):\n\ndef add(a, b):\n    "


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annotation": None}, "only an annotated problem"),
        ({"canonical": None}, "accepted canonical solution"),
        ({"solutions": (Solution("x", Verdict.WRONG_ANSWER),)}, "accepted canonical solution"),
        ({"solutions": (Solution("x", Verdict.ACCEPTED), Solution("y"))}, "not judged"),
    ],
)
def test_an_unfinished_problem_has_no_row(make_problem, changes, message):
    with pytest.raises(ValueError, match=f"apps/1: .*{message}"):
        problem_row(make_problem(**changes))


def test_a_rejected_problem_keeps_its_evidence_exactly(make_rejected):
    evidence = {"expected": 10**5000, "actual": [float("inf"), None, "é\ud800"]}
    rejected = make_rejected(rejection=Rejection(Reason.WRONG_ANSWER, "differs", evidence))
    assert rejected_from_row(rejected_row(rejected)) == rejected


def test_lone_surrogates_of_a_rejected_problem_are_replaced(make_rejected):
    rejected = make_rejected(description="a\ud800b\udfffc\U0001f600", problem_id="apps/\udc00")
    row = rejected_row(rejected)
    assert (row["description"], row["problem_id"]) == ("a\ufffdb\ufffdc\U0001f600", "apps/\ufffd")


def test_a_rejected_row_is_made_of_a_record_of_any_stage(make_problem):
    rejection = Rejection(Reason.DUPLICATE, "the same as apps/0")
    assert RejectedProblem.of(make_problem(), "unique", rejection) == RejectedProblem(
        problem_id="apps/1",
        source="APPS",
        split="train",
        stage="unique",
        rejection=rejection,
        description="Say whether n is above two.\n",
        license="MIT",
        difficulty="introductory",
        source_hash="5" * 64,
    )
    raw = RawProblem("apps/2", "APPS", "test", "text", (), None, None)
    assert RejectedProblem.of(raw, "complete", rejection).source_hash == raw.source_hash
    unread = Rejected("apps/3", "APPS", "test", rejection)
    assert RejectedProblem.of(unread, "read", rejection).source_hash == ""


def test_what_the_ledger_did_comes_back_with_kept_and_rejected_problems(make_problem, make_rejected):
    event = ReviewEvent(
        "2", "2025-03-01T12:00:00Z", "ada", "human", "correct", "wrong_tests", "é", "in_force", True, ("0", "1")
    )
    before = ("passing", Rejection(Reason.WRONG_ANSWER, "differs", {"solutions": [1, None]}))
    for review in (Review("7" * 64, (event,), before), Review("7" * 64, ()), None):
        problem = make_problem(review=review)
        assert problem_from_row(problem_row(problem), "train") == problem
        rejected = make_rejected(review=review)
        assert rejected_from_row(rejected_row(rejected)) == rejected


def test_lone_surrogates_of_what_was_before_are_replaced(make_problem):
    before = ("complete", Rejection(Reason.INTERACTIVE_OR_FILE_IO, "… \ud800 …", {"quote": "\ud800"}))
    row = problem_row(make_problem(review=Review("7" * 64, (), before)))
    assert row["review"]["before"]["detail"] == "… \ufffd …"
    assert row["review"]["before"]["evidence"] == '{"quote":"\\ud800"}'  # JSON escapes it
