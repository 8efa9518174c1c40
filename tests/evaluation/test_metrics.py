"""The metrics against brute force and against figures worked by hand."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from appsplus.errors import InputError
from appsplus.evaluation.breakdowns import breakdowns
from appsplus.evaluation.metrics import bootstrap_interval, bootstrap_means, metrics_of, pass_at_k, value_of
from appsplus.evaluation.results import ProblemResult

MakeResult = Callable[..., ProblemResult]


def test_pass_at_k_is_the_share_of_all_draws_that_hold_a_correct_sample() -> None:
    for num_samples in range(1, 8):
        for num_correct in range(num_samples + 1):
            samples = [1] * num_correct + [0] * (num_samples - num_correct)
            for k in range(1, num_samples + 1):
                draws = list(combinations(samples, k))
                share = sum(map(any, draws)) / len(draws)
                assert pass_at_k(num_samples, num_correct, k) == pytest.approx(share, abs=1e-12)


def test_pass_at_k_is_exact_for_many_samples() -> None:
    assert pass_at_k(10_000, 1, 100) == pytest.approx(0.01)  # one in a hundred draws holds the only correct one
    assert pass_at_k(10_000, 0, 100) == 0.0
    assert pass_at_k(10_000, 9_901, 100) == 1.0  # 99 wrong ones cannot fill a draw of 100


def test_more_than_there_are_samples_is_refused_with_numbers() -> None:
    with pytest.raises(InputError, match="pass@10 needs at least 10 samples per problem; got 4"):
        pass_at_k(4, 1, 10)
    with pytest.raises(InputError, match="at least 1; got 0"):
        pass_at_k(4, 1, 0)
    with pytest.raises(ValueError, match="5 correct of 4"):
        pass_at_k(4, 5, 1)


def test_apps_pair_is_worked_by_hand(problem_result: MakeResult) -> None:
    # APPS's own example: 5 problems, of which one is solved; shares 0, 0, 1, 0.5, 0
    shares = [0.0, 0.0, 1.0, 0.5, 0.0]
    problems = [problem_result(1, int(share == 1.0), test_case_average=share) for share in shares]
    found = metrics_of(problems, [1], seed=0)
    assert found["test_case_average"].value == pytest.approx(0.3)
    assert found["strict_accuracy"].value == pytest.approx(0.2)
    assert found["pass@1"] == found["strict_accuracy"]
    assert list(found) == ["pass@1", "strict_accuracy", "test_case_average"]


def test_a_problem_with_too_few_scored_samples_is_in_no_mean(problem_result: MakeResult) -> None:
    problems = [problem_result(4, 2), problem_result(1, 1), problem_result(0, 0)]
    found = metrics_of(problems, [1, 4], seed=0)
    assert (found["pass@1"].value, found["pass@1"].num_problems) == (0.75, 2)
    assert (found["pass@4"].value, found["pass@4"].num_problems) == (1.0, 1)
    assert value_of("test_case_average", problems[2]) is None


def test_no_score_is_not_zero(problem_result: MakeResult) -> None:
    assert metrics_of([problem_result(0, 0)], [1], seed=0) == {}


def test_the_bootstrap_agrees_with_a_loop_over_the_same_draws() -> None:
    values = np.array([0.0, 1.0, 0.25, 0.5, 1.0, 0.0, 0.75])
    draws = np.random.default_rng(3).integers(0, 7, (50, 7))
    by_hand = [sum(values[i] for i in draw) / 7 for draw in draws]
    assert bootstrap_means(values, seed=3, resamples=50) == pytest.approx(by_hand)


def test_the_interval_is_that_of_the_binomial_for_yes_and_no() -> None:
    values = np.array([1.0] * 30 + [0.0] * 70)
    low, high = bootstrap_interval(values, seed=0)
    # 30 of 100: standard error sqrt(.3 * .7 / 100) = 0.0458, so 0.3 -+ 0.09
    assert low == pytest.approx(0.21, abs=0.011)
    assert high == pytest.approx(0.39, abs=0.011)
    assert bootstrap_interval(values, seed=0) == (low, high)
    assert bootstrap_interval(np.ones(5), seed=0) == (1.0, 1.0)


def test_large_sets_are_drawn_in_pieces() -> None:
    values = np.arange(300_000, dtype=np.float64)
    means = bootstrap_means(values, seed=0, resamples=20)
    assert means.shape == (20,)
    assert len(set(means)) == 20
    assert means.mean() == pytest.approx(149_999.5, rel=0.005)


def test_breakdowns_split_the_problems_without_losing_one(problem_result: MakeResult) -> None:
    problems = [
        problem_result(2, 2, difficulty="competition", io_format="call", conditional_statements=0),
        problem_result(2, 0, difficulty="introductory", conditional_statements=5),
        problem_result(2, 1, difficulty="introductory", conditional_statements=6),
        problem_result(2, 1, difficulty="unknown", conditional_statements=None),
        problem_result(2, 1, difficulty="interview", conditional_statements=40),
    ]
    found = breakdowns(problems, [1], seed=0)
    assert list(found.difficulty) == ["introductory", "interview", "competition", "unknown"]
    assert found.difficulty["introductory"].num_problems == 2
    assert found.difficulty["introductory"].metrics["pass@1"].value == 0.25
    assert {kind: group.num_problems for kind, group in found.io_format.items()} == {"stdin": 4, "call": 1}
    bins = {kind: group.num_problems for kind, group in found.conditional_statements.items()}
    assert bins == {"0": 1, "3-5": 1, "6-10": 1, "11+": 1, "unknown": 1}
    assert found.verdict == {"accepted": 5, "wrong_answer": 5}
