"""One thread at a time, but for those that wait for the judge.

Python runs one thread at a time anyway. Where nothing has to be waited for, since everything is known, threads that pass the
interpreter on every few microseconds cost a sixth of all CPU time; so each keeps its turn until it has to wait.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turn:
    """A lock that its holder can give up for a while, without knowing who took it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mine = threading.local()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Nobody else has the turn meanwhile. Not to be taken twice by one thread."""
        self._take()
        try:
            yield
        finally:
            self._give()

    @contextmanager
    def given_up(self) -> Iterator[None]:
        """Whoever waits does so here, having the turn or not."""
        if not getattr(self._mine, "held", False):
            yield
            return
        self._give()
        try:
            yield
        finally:
            self._take()

    def _take(self) -> None:
        self._lock.acquire()
        self._mine.held = True

    def _give(self) -> None:
        self._mine.held = False
        self._lock.release()


TURN = Turn()
"""Of this process, as its interpreter is."""
