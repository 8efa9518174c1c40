"""The binary search: it ends at the place where completions stop to pass, in as few rounds as it says."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepcoder.prm.search import Question, labels, rounds_for, transitions


@given(st.lists(st.integers(0, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), max_size=12))
def test_every_planted_transition_is_found_in_so_many_rounds(planted: list[tuple[int, int]]) -> None:
    rounds = 0

    def ask(questions: Sequence[Question]) -> list[int]:
        nonlocal rounds
        rounds += 1
        assert len({i for i, _ in questions}) == len(questions)  # one question a response and round
        return [int(given <= planted[i][1]) for i, given in questions]

    found = transitions([n for n, _ in planted], [False] * len(planted), ask)
    assert [one.low for one in found] == [transition for _, transition in planted]
    assert rounds <= max([rounds_for(n) for n, _ in planted], default=0)


def test_a_response_that_passes_is_good_to_its_end_and_asked_nothing() -> None:
    def ask(questions: Sequence[Question]) -> list[int]:
        raise AssertionError(questions)

    [found] = transitions([9], [True], ask)
    assert (found.low, found.done, found.passes) == (9, True, {})


@pytest.mark.parametrize(("ends", "rounds"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4), (100, 7)])
def test_the_rounds_are_the_logarithm_of_the_places_where_it_may_end(ends: int, rounds: int) -> None:
    assert rounds_for(ends) == rounds


def test_what_was_asked_is_kept_with_its_passes() -> None:
    [found] = transitions([4], [False], lambda questions: [5 if given <= 3 else 0 for _, given in questions])
    assert found.passes == {2: 5, 3: 5, 4: 0}
    assert found.low == 3


def test_lines_of_code_are_good_up_to_the_transition_and_others_neutral() -> None:
    #          code   comment code  blank  code
    assert labels(2, [True, False, True, False, True]) == [1, 0, 1, 0, -1]
    assert labels(0, [False, True]) == [0, -1]
    assert labels(3, [True, False, True, False, True]) == [1, 0, 1, 0, 1]
