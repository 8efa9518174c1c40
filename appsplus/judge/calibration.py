"""How fast this machine runs Python: one number, measured when a worker starts. Standard library only.

Limits are CPU seconds of the reference machine. A machine that needs twice its time for the same work gives programs
twice their limit, so that a verdict is the program's, not the host's. What is measured is a mixture of what solutions do:
loops over integers, lists, dicts, strings, calls, sorting.

On a shared machine the speed changes from second to second, up to twice. A worker's scale is the best it has seen; when a
program exceeds its limit, the speed of that moment is measured too, and decides how far beyond the limit it was.
"""

import time

REFERENCE_S = 0.0070  # the best of `measure` on the reference machine: 2 vCPUs of 2026, CPython 3.11
LEAST, MOST = 0.4, 10.0  # beyond these a measurement is taken for a fault


def scale() -> float:
    """What to multiply limits by, between LEAST and MOST; above 1 where this machine is slower than the reference."""
    return min(MOST, max(LEAST, measure() / REFERENCE_S))


def measure(rounds: int = 5) -> float:
    """CPU seconds of the fixed work, the best of some rounds: what else runs here can only slow a round down."""
    return min(_timed() for _ in range(rounds))


def _timed() -> float:
    before = time.thread_time()
    _work()
    return time.thread_time() - before


def _work() -> int:
    total, words = 0, []
    seen: dict[int, int] = {}
    for i in range(40_000):
        total += i * i % 7
        seen[i % 1009] = seen.get(i % 1009, 0) + total
        if i % 3 == 0:
            words.append(str(total))
    words.sort(key=len)
    table = [[0] * 64 for _ in range(64)]
    for row in range(1, 64):
        for column in range(1, 64):
            table[row][column] = max(table[row - 1][column], table[row][column - 1]) + (row ^ column) % 5
    return total + len("".join(words)) + table[-1][-1] + _calls(18)


def _calls(n: int) -> int:
    return n if n < 2 else _calls(n - 1) + _calls(n - 2)
