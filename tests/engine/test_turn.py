"""Threads take turns, and whoever waits lets the others go on."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from appsplus.engine.ordered import in_order, threads
from appsplus.engine.turn import TURN, Turn


def test_one_thread_works_at_a_time() -> None:
    inside, most = 0, 0

    def work(item: int) -> int:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.001)  # another thread would come in now
        inside -= 1
        return item * item

    with threads(8) as pool:
        assert list(in_order(pool, work, range(40), window=20)) == [n * n for n in range(40)]
    assert most == 1


def test_those_who_wait_wait_together() -> None:
    everybody = threading.Barrier(4)

    def work(_: int) -> bool:
        with TURN.given_up():
            everybody.wait(timeout=60)  # is passed only when all four are here
        return True

    with threads(4) as pool:
        assert list(in_order(pool, work, range(8), window=8)) == [True] * 8


def test_the_turn_is_had_again_after_waiting_whatever_is_raised() -> None:
    turn = Turn()
    with turn.taken():
        with pytest.raises(KeyError), turn.given_up():
            assert not turn._lock.locked()
            raise KeyError
        assert turn._lock.locked()
    assert not turn._lock.locked()


def test_a_thread_without_the_turn_gives_nothing_up() -> None:
    turn = Turn()
    with ThreadPoolExecutor(1) as pool, turn.taken():

        def wait() -> bool:
            with turn.given_up():
                return turn._lock.locked()

        assert pool.submit(wait).result(timeout=60)
