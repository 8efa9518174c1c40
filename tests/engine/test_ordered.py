"""In order, several at a time, and never far ahead."""

import threading
import time
from collections.abc import Iterator

import pytest

from appsplus.engine.ordered import in_order, threads


def test_results_come_in_the_order_of_the_items_whatever_takes_longest() -> None:
    def work(number: int) -> int:
        time.sleep(0.002 * (7 - number % 8))
        return number * number

    with threads(4) as pool:
        assert list(in_order(pool, work, range(40), window=8)) == [n * n for n in range(40)]


@pytest.mark.parametrize("window", [1, 5])
def test_items_are_read_no_further_ahead_than_the_window(window: int) -> None:
    read = []

    def items() -> Iterator[int]:
        for number in range(30):
            read.append(number)
            yield number

    with threads(2) as pool:
        for done, _ in enumerate(in_order(pool, lambda n: n, items(), window=window)):
            assert len(read) - done <= window
    assert len(read) == 30


def test_heavy_items_are_not_read_ahead_whatever_the_window() -> None:
    weights, read = [1, 1, 1, 50, 1, 1, 9, 9, 9, 1], []

    def items() -> Iterator[int]:
        for weight in weights:
            read.append(weight)
            yield weight

    with threads(2) as pool:
        done = 0
        for result in in_order(pool, lambda n: n, items(), window=100, weight=lambda n: n, budget=10):
            assert result == weights[done]
            on_their_way = read[done:]
            assert sum(on_their_way[:-1]) <= 10  # and the one that was read last
            done += 1
    assert (done, len(read)) == (10, 10)


def test_a_failure_is_raised_in_its_turn() -> None:
    with threads(2) as pool:
        results = in_order(pool, lambda n: 12 // (3 - n), range(9), window=4)
        assert [next(results), next(results), next(results)] == [4, 6, 12]
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_items_that_cannot_be_read_end_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("line 2 is broken")

    with threads(2) as pool, pytest.raises(ValueError, match="line 2"):
        list(in_order(pool, abs, items(), window=4))


def test_what_has_not_begun_when_the_block_ends_never_does() -> None:
    begun, go = [], threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        go.wait(10)

    with pytest.raises(KeyError), threads(2) as pool:
        for number in range(20):
            pool.submit(work, number)
        raise KeyError
    go.set()
    time.sleep(0.05)
    assert len(begun) <= 2
