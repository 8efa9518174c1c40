"""Labels where completions are exhaustive: the first line that cannot be saved is found exactly; nothing is written twice."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("transformers", reason="the trainer's tests need transformers: pip install '.[train]'")

from appsplus.problem import Problem
from stepcoder.prm.dataset import line_rows, response_row
from stepcoder.rollouts import Task
from tests.stepcoder.prm.conftest import LINES, Everything, Tongue

ALL = list(product((0, 1), repeat=LINES))
K = len(ALL)  # attempts: every completion there is

Attempts = Callable[..., Any]


def task(problem: Problem) -> Task:
    return Task(problem, 1, "", (5, 5, 5))


def good_lines(program: tuple[int, ...], right: set[tuple[int, ...]]) -> int:
    """By brute force: lines that the program shares from its start with some program that passes."""
    return max((n for n in range(LINES + 1) for other in right if program[:n] == other[:n]), default=0)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(right=st.sets(st.sampled_from(ALL), min_size=1))
def test_the_first_bad_line_of_every_program_is_found(
    attempts: Attempts, problem: Problem, right: set[tuple[int, ...]]
) -> None:
    made = attempts(sorted(right))
    responses = made.responses([task(problem)], K)  # each program there is, once
    labelled = made.labelled(responses, K)
    found = {tuple(t for t in one.response.judged.completion.ids if t in (0, 1)): one.found.low for one in labelled}
    assert found == {program: good_lines(program, right) for program in ALL}


def test_a_program_with_a_planted_first_bad_line_is_labelled_line_by_line(attempts: Attempts, problem: Problem) -> None:
    made = attempts([(0, 0, 0, 0)])
    responses = made.responses([task(problem)], K)
    rows = {}
    for one in made.labelled(responses, K):
        row = response_row(one, "update-000001", "hash", K, Tongue())
        rows[tuple(t for t in row["token_ids"] if t in (0, 1))] = (row, one)
    row, one = rows[0, 0, 1, 0]
    assert (row["verdict"], row["transition"], row["labels"]) == ("wrong_answer", 2, [1, 1, -1, -1])
    assert row["passes"] == [
        None,
        4,
        0,
        None,
    ]  # of the four completions of two lines one passes; each was tried four times
    lines = list(line_rows(row, one.response.offsets))
    assert [line["prefix"] for line in lines] == [
        "a = 1\n",
        "a = 1\na = 1\n",
        "a = 1\na = 1\nb = 1\n",
        "a = 1\na = 1\nb = 1\na = 1\n",
    ]
    assert [line["label"] for line in lines] == [1, 1, -1, -1]
    assert rows[0, 0, 0, 0][0]["labels"] == [1, 1, 1, 1]
    assert rows[1, 0, 0, 0][0]["labels"] == [-1, -1, -1, -1]


def test_what_the_judge_fails_on_labels_nothing(attempts: Attempts, problem: Problem) -> None:
    """Of two attempts at 0, 0, 1 one is wrong and one is never judged: whether that prefix is bad, nobody knows."""
    made = attempts([(0, 0, 0, 0)], fails_on=[(0, 0, 1, 1)])
    labelled = made.labelled(made.responses([task(problem)], K), 2)
    found = {tuple(t for t in one.response.judged.completion.ids if t in (0, 1)): one.found.low for one in labelled}
    known = [program for program in ALL if program[:3] != (0, 0, 1)]
    assert found == {program: good_lines(program, {(0, 0, 0, 0)}) for program in known}
    assert made.judge_failures == 2


def test_an_interruption_loses_no_completion(attempts: Attempts, problem: Problem) -> None:
    right = [(0, 1, 0, 1), (1, 1, 1, 1)]
    whole = Everything()
    unbroken = attempts(right, whole)
    wanted = [one.found.low for one in unbroken.labelled(unbroken.responses([task(problem)], K), K)]
    total = whole.asked
    assert unbroken.written == total > K

    for stop_after in range(0, total, 3 * Everything.batch):
        writer = Everything()
        writer.checkpoint = f"other weights {stop_after}"  # so that nothing is known of it
        writer.stop_after = stop_after
        broken = attempts(right, writer)
        with pytest.raises(KeyboardInterrupt):
            broken.labelled(broken.responses([task(problem)], K), K)
        before, writer.stop_after = writer.asked, -1
        again = attempts(right, writer)
        assert [one.found.low for one in again.labelled(again.responses([task(problem)], K), K)] == wanted
        assert writer.asked == total  # over both runs: none was written twice
        assert again.written == total - before


def test_within_a_batch_it_loses_none_that_was_whole(attempts: Attempts, problem: Problem) -> None:
    writer = Everything()
    writer.stop_within = 5
    with pytest.raises(KeyboardInterrupt):
        attempts([(0, 1, 0, 1)], writer).responses([task(problem)], K)
    writer.stop_within = -1
    assert len(attempts([(0, 1, 0, 1)], writer).responses([task(problem)], K)) == K
    assert writer.asked == K  # over both runs


def test_what_is_known_is_not_written_again_and_other_weights_are(attempts: Attempts, problem: Problem) -> None:
    writer = Everything()
    attempts([(0, 0, 0, 0)], writer).responses([task(problem)], K)
    assert writer.asked == K
    again = attempts([(0, 0, 0, 0)], writer)
    assert len(again.responses([task(problem)], K)) == K
    assert (writer.asked, again.written, again.known) == (K, 0, K)
    writer.checkpoint = "trained on"
    attempts([(0, 0, 0, 0)], writer).responses([task(problem)], K)
    assert writer.asked == 2 * K
