"""The curriculum of a problem, worked by hand."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appsplus.annotate.split_points import find_split_points
from appsplus.annotate.subtasks import DEFAULT_KINDS, Subtask, subtask_chars, subtasks
from appsplus.problem import SplitPoint

APPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "apps"


def make_point(char: int, kind: str = "if") -> SplitPoint:
    return SplitPoint(kind, byte=char, char=char, line=1, column=char, depth=0)


def make_points(number: int) -> list[SplitPoint]:
    """s_1 at 10, s_2 at 20, ..."""
    return [make_point(10 * i) for i in range(1, number + 1)]


# L = ceil(sqrt(E)); from s_E down to 0 in L - 1 steps of E / (L - 1) split points, rounded up.
@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, (0,)),  # L = 1
        (1, (0,)),  # L = 1: the plain task alone
        (2, (20, 0)),  # L = 2: s_2, then nothing
        (3, (30, 0)),  # L = 2
        (4, (40, 0)),  # L = 2
        (5, (50, 30, 0)),  # L = 3: 5, 2.5 -> 3
        (6, (60, 30, 0)),  # L = 3: 6, 3
        (7, (70, 40, 0)),  # L = 3: 7, 3.5 -> 4
        (8, (80, 40, 0)),  # L = 3: 8, 4
        (9, (90, 50, 0)),  # L = 3: 9, 4.5 -> 5
        (10, (100, 70, 40, 0)),  # L = 4: 10, 6.67 -> 7, 3.33 -> 4
        (16, (160, 110, 60, 0)),  # L = 4: 16, 10.67 -> 11, 5.33 -> 6
        (17, (170, 130, 90, 50, 0)),  # L = 5: 17, 12.75 -> 13, 8.5 -> 9, 4.25 -> 5
    ],
)
def test_levels_are_the_root_of_the_conditional_statements_evenly_spread(
    number: int, expected: tuple[int, ...]
) -> None:
    assert subtask_chars(make_points(number)) == expected


def test_only_if_for_and_while_count_by_default() -> None:
    assert frozenset({"if", "for", "while"}) == DEFAULT_KINDS
    kinds = ["for", "else", "if", "elif", "while", "case", "match", "conditional_expression", "comprehension_condition"]
    points = [make_point(10 * i, kind) for i, kind in enumerate(kinds, start=1)]
    assert subtask_chars(points) == (50, 0)  # E = 3
    assert subtask_chars(points, frozenset({"case", "match"})) == (70, 0)
    assert subtask_chars(points, frozenset(kinds)) == (90, 50, 0)  # E = 9


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (1, (0,)),
        (2, (40, 0)),
        (3, (40, 20, 0)),
        (4, (40, 30, 20, 0)),  # 4, 2.67 -> 3, 1.33 -> 2
        (5, (40, 30, 20, 10, 0)),
        (6, (40, 30, 20, 10, 0)),  # no more than E + 1
    ],
)
def test_the_number_of_levels_can_be_chosen(levels: int, expected: tuple[int, ...]) -> None:
    assert subtask_chars(make_points(4), levels=levels) == expected


def test_levels_chosen_for_a_problem_without_conditional_statements_change_nothing() -> None:
    assert subtask_chars([], levels=5) == (0,)


def test_no_level_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one level, the plain task; got 0"):
        subtask_chars(make_points(4), levels=0)


def test_a_split_point_at_the_very_start_is_the_plain_task() -> None:
    points = [make_point(0), make_point(10), make_point(20)]
    assert subtask_chars(points) == (20, 0)
    assert subtask_chars(points, levels=4) == (20, 10, 0)
    assert subtask_chars([make_point(0)], levels=2) == (0,)


def test_the_order_of_the_split_points_does_not_matter() -> None:
    assert subtask_chars(make_points(9)[::-1]) == (90, 50, 0)


def test_a_level_gives_the_prefix_and_leaves_the_remainder() -> None:
    program = "n = int(input())\nfor i in range(n):\n    if i % 2:\n        print(i)\n"
    chars = subtask_chars(find_split_points(program))
    assert chars == (40, 0)  # E = 2, L = 2
    assert subtasks(program, chars) == [
        Subtask(1, "n = int(input())\nfor i in range(n):\n    ", "if i % 2:\n        print(i)\n"),
        Subtask(2, "", program),
    ]


@settings(deadline=None)
@given(st.sets(st.integers(0, 10_000)), st.none() | st.integers(1, 50))
def test_levels_strictly_decrease_to_the_plain_task(chars: set[int], levels: int | None) -> None:
    result = subtask_chars([make_point(char) for char in sorted(chars)], levels=levels)
    assert result[-1] == 0
    assert all(easier > harder for easier, harder in pairwise(result))
    assert set(result) <= chars | {0}
    if levels is None and len(chars) > 1:
        assert result[0] == max(chars)
        assert (len(result) - 1) ** 2 < len(chars) <= len(result) ** 2  # exactly ceil(sqrt(E)) of them


@pytest.mark.real_data
@pytest.mark.skipif(not APPS.exists(), reason="the real problems are not beside this checkout")
def test_the_subtasks_of_every_real_solution_put_it_together_again() -> None:
    levels = 0
    for path in sorted(APPS.glob("*/*/solutions.json")):
        for solution in json.loads(path.read_bytes()):
            rows = subtasks(solution, subtask_chars(find_split_points(solution)))
            assert all(row.prefix + row.remainder == solution for row in rows)
            assert rows[-1].prefix == ""
            levels += len(rows)
    assert levels > 19000
