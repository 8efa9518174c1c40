"""Ranks are ranges, as wide as the intervals overlap."""

from appsplus.evaluation.leaderboard.standings import standings
from appsplus.evaluation.results import Metric


def ranked(**intervals: tuple[float, float, float]) -> dict[str, tuple[int, int, tuple[str, ...]]]:
    """{row: (first, last, tied)} in order, for {row: (low, value, high)}."""
    metrics = {key: {"pass@1": Metric(value, low, high, 10)} for key, (low, value, high) in intervals.items()}
    return {s.key: (s.first, s.last, s.tied) for s in standings(metrics, {key: key for key in intervals})}


def test_rows_whose_intervals_are_apart_have_a_rank_each() -> None:
    found = ranked(low=(0.1, 0.2, 0.3), high=(0.7, 0.8, 0.9), mid=(0.4, 0.5, 0.6))
    assert list(found.items()) == [("high", (1, 1, ())), ("mid", (2, 2, ())), ("low", (3, 3, ()))]


def test_overlap_is_not_transitive_and_so_is_no_group() -> None:
    found = ranked(a=(0.6, 0.7, 0.8), b=(0.4, 0.55, 0.65), c=(0.3, 0.4, 0.5))
    assert found == {"a": (1, 2, ("b",)), "b": (1, 3, ("a", "c")), "c": (2, 3, ("b",))}


def test_intervals_that_touch_overlap() -> None:
    found = ranked(a=(1.0, 1.0, 1.0), b=(0.5, 0.8, 1.0), c=(0.0, 0.1, 0.4))
    assert found == {"a": (1, 2, ("b",)), "b": (1, 2, ("a",)), "c": (3, 3, ())}


def test_ends_that_differ_by_rounding_touch() -> None:
    assert ranked(a=(0.1 + 0.2, 0.5, 0.6), b=(0.1, 0.2, 0.3))["a"] == (1, 2, ("b",))  # 0.30000000000000004


def test_equal_values_stand_by_name() -> None:
    assert list(ranked(b=(0.0, 0.0, 0.0), a=(0.0, 0.0, 0.0), C=(0.0, 0.0, 0.0))) == ["a", "b", "C"]


def test_a_rank_is_as_wide_as_the_rows_that_it_is_tied_with() -> None:
    found = ranked(a=(0.5, 0.6, 0.7), b=(0.1, 0.5, 0.9), c=(0.2, 0.3, 0.4), d=(0.0, 0.0, 0.05))
    for first, last, tied in found.values():
        assert last - first == len(tied)


def test_without_rows_there_is_no_rank() -> None:
    assert ranked() == {}
