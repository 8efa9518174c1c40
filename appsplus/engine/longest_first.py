"""`--longest-first`: of what waits for a worker, that which is expected to take longest begins first.

So that no worker is left alone with a long job at the end. Order of execution only: who asks gets the same answers, in the
order asked.
"""

import heapq
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import Any


class LongestFirst:
    """The queue of a pool of threads. Safe to share among them."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._waiting: list[tuple[float, int, Future[Any], Callable[[], Any]]] = []
        self._numbers = count()  # of two that take the same, the first asked goes first

    def submit(self, expected_s: float, work: Callable[[], Any]) -> Future[Any]:
        """Let `work` wait for its turn. Raises RuntimeError where the pool was shut down."""
        future: Future[Any] = Future()
        with self._lock:
            heapq.heappush(self._waiting, (-expected_s, next(self._numbers), future, work))
        self._pool.submit(self._next)  # as many turns as there is work; whose turn it is shows when it comes
        return future

    def close(self) -> None:
        """Whoever waits for something that has not begun gets CancelledError."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for _, _, future, _ in waiting:
            future.cancel()

    def _next(self) -> None:
        with self._lock:
            if not self._waiting:  # closed meanwhile
                return
            _, _, future, work = heapq.heappop(self._waiting)
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = work()
        except BaseException as error:  # for whoever waits, as in any pool
            future.set_exception(error)
        else:
            future.set_result(result)
