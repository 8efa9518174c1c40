"""Order of execution, and nothing else: what takes longest begins first, and nobody is left waiting."""

import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Any

import pytest

from appsplus.engine import LocalEngine
from appsplus.engine.longest_first import LongestFirst
from appsplus.judge import BEST_EFFORT, Job
from appsplus.problem import IOFormat, UnitTest


class Gate:
    """Holds the only thread of a pool until it is opened; notes what runs then, in its order."""

    def __init__(self, queue: LongestFirst) -> None:
        self.ran: list[str] = []
        self.open, self.entered = threading.Event(), threading.Event()
        self.held = queue.submit(99.0, self._hold)
        assert self.entered.wait(10)

    def _hold(self) -> None:
        self.entered.set()
        assert self.open.wait(10)

    def noting(self, name: str) -> Any:
        def note() -> str:
            self.ran.append(name)
            return name

        return note


def test_what_takes_longest_begins_first_and_equals_keep_their_order() -> None:
    with ThreadPoolExecutor(1) as pool:
        queue = LongestFirst(pool)
        gate = Gate(queue)
        expected_s = {"short": 1.0, "long": 3.0, "first": 2.0, "second": 2.0}
        waiting = [queue.submit(seconds, gate.noting(name)) for name, seconds in expected_s.items()]
        gate.open.set()
        assert [future.result(10) for future in waiting] == list(expected_s)
    assert gate.ran == ["long", "first", "second", "short"]


def test_an_error_reaches_whoever_waits_and_a_cancelled_one_does_not_run() -> None:
    with ThreadPoolExecutor(1) as pool:
        queue = LongestFirst(pool)
        gate = Gate(queue)
        failing: Future[Any] = queue.submit(1.0, lambda: 1 // 0)
        cancelled = queue.submit(2.0, gate.noting("cancelled"))
        assert cancelled.cancel()
        gate.open.set()
        with pytest.raises(ZeroDivisionError):
            failing.result(10)
    assert gate.ran == []


def test_closing_ends_the_wait_of_everybody() -> None:
    with ThreadPoolExecutor(1) as pool:
        queue = LongestFirst(pool)
        gate = Gate(queue)
        waiting = queue.submit(1.0, gate.noting("never"))
        pool.shutdown(wait=False, cancel_futures=True)
        queue.close()
        with pytest.raises(CancelledError):
            waiting.result(10)
        with pytest.raises(RuntimeError):
            queue.submit(1.0, gate.noting("too late"))
        gate.open.set()
    assert gate.ran == []


def test_an_engine_answers_in_the_order_asked_whatever_it_runs_first() -> None:
    jobs = [Job(f"print({n})", IOFormat.STDIN, (UnitTest("", f"{n}"),) * (n + 1)) for n in range(5)]
    with LocalEngine(workers=1, isolation=BEST_EFFORT, longest_first=True) as engine:
        reports = engine.judge(jobs)
        first = engine.expectation.of(jobs[0])
        assert engine.expectation.of(jobs[4]) > first
    assert [len(report.unit_tests) for report in reports] == [1, 2, 3, 4, 5]
    assert [report.unit_tests[0].actual for report in reports] == ["0\n", "1\n", "2\n", "3\n", "4\n"]
