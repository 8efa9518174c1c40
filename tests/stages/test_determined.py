"""Descriptions that accept several answers are told from those that merely speak of any order."""

from dataclasses import replace

import pytest

from appsplus.problem import Checker, RawProblem, Reason, Rejection
from appsplus.stages.determined import determined


def make_raw(description: str) -> RawProblem:
    return RawProblem("t/1", "test", "train", description, ("print(1)",), ("",), ("1",))


@pytest.mark.parametrize(
    "description",
    [
        "Print the plan. If there are multiple answers, print any of them.",
        "If there are several optimal schedules,\nprint any.",
        "If there exist many such strings, you may output any one of them.",
        "When there is more than one solution, return any.",
        "If there are multiple ways to satisfy the condition, any of those is accepted.",
        "Any valid answer will be accepted.",
        "Any of them is acceptable.",
        "Print any suitable permutation of the numbers.",
        "You may return the answer in any order.",
        "Return the indices of the two numbers in any order.",
        "The cuts can be printed in any order.",
        "You can print each letter in any case (upper or lower).",
        "The letters in words can be printed in any register.",
        "Print YES (case insensitive) if there is one.",
    ],
)
def test_several_right_answers_need_a_checker(description: str) -> None:
    rejection = determined(make_raw(description))
    assert isinstance(rejection, Rejection)
    assert rejection.reason is Reason.AMBIGUOUS_OUTPUT
    decided = replace(make_raw(description), checker=Checker("unordered"))
    assert determined(decided) is decided


@pytest.mark.parametrize(
    "description",
    [
        "You can solve the exercises in any order. Print the least number of minutes.",
        "If there is more than one pile with the most gifts, choose any of them and leave the square root behind.",
        "She may choose any valid cell and moves there. Print who wins.",
        "If there are several roads between two towns, she takes any of them.",
        "Do not print any extra spaces.",
        "So, in any case, we win. Print the number of wins.",
        "Words are case-insensitive. Print how many there are.",
        "If there are multiple answers, print the smallest one.",
        "There are several ways to pour the wine. Print their number.",
        "Any two valid stops lie apart. Print any number of times the word that follows.",
    ],
)
def test_a_choice_on_the_way_is_no_choice_of_the_answer(description: str) -> None:
    raw = make_raw(description)
    assert determined(raw) is raw


def test_the_sentence_is_quoted() -> None:
    rejection = determined(make_raw("Find a plan. If there are several answers, print any of them. Good luck."))
    assert isinstance(rejection, Rejection)
    assert rejection.evidence["quote"] == "Find a plan. If there are several answers, print any of them. Good luck."
