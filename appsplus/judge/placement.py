"""On which CPU the processes of a job run: on one, as long as they are quick. Standard library only; runs in the worker.

A short program is a chain of processes, of which one runs while the others wait for it. On one CPU, whose caches know them,
that costs less than over several, and leaves the other CPUs to other workers. What takes longer may go where it likes, but
for threads that it has started before: they stay.
"""

import contextlib
import os

from appsplus.judge.isolation import libc

SHORT_MS = 10.0  # what takes no longer stays


class Placement:
    """Where the worker is, and who is with it."""

    def __init__(self) -> None:
        self._everywhere = os.sched_getaffinity(0)
        self._stays = len(self._everywhere) == 1 or not hasattr(libc, "sched_getcpu")
        self._here: set[int] = set()
        self._with_it: set[int] = set()

    def settle(self, pid: int) -> None:
        """Have the worker stay on the CPU that it is on, and a process, and what that starts, run there."""
        if self._stays or pid in self._with_it:
            return
        with contextlib.suppress(OSError):
            if not self._here:
                self._here = {libc.sched_getcpu()}
                os.sched_setaffinity(0, self._here)
            os.sched_setaffinity(pid, self._here)
            self._with_it.add(pid)

    def leave(self, *pids: int) -> None:
        """Let the worker, and these processes, run on any CPU again."""
        if self._stays:
            return
        self._here, self._with_it = set(), set()
        with contextlib.suppress(OSError):
            for pid in (0, *pids):
                os.sched_setaffinity(pid, self._everywhere)
