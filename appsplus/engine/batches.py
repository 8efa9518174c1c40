"""Questions that wait for an engine elsewhere, and how many of them make a batch: by what they are expected to cost.

A batch is a share of what waits (guided self-scheduling): large while much waits, so that sending it costs little, and
small towards the end, so that nobody waits for one that holds the last of the work.
"""

import heapq
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count
from typing import Any

from appsplus.engine.bulk import Question
from appsplus.judge import Job

LARGEST_S = 1.0  # of expected work in a batch: what is lost, at most, with the process that works on it
LARGEST_CHARS = 4_000_000  # of programs and unit tests that travel within a batch


@dataclass(eq=False)
class Waiting:
    """A question, and the future of its answer."""

    key: str
    question: Question
    future: Future[Any]
    expected_s: float
    chars: int  # that travel with it
    tests: str = ""  # the digest of its unit tests, where they travel apart
    tests_chars: int = 0
    losses: int = 0  # processes that died while it was in flight there
    avoids: object = None  # the machine whose judge failed on it last
    travels_alone: bool = False  # in a batch of its own, so that it brings nobody else to grief

    def begins(self) -> bool:
        """Whether it is still wanted; from now on it cannot be cancelled."""
        return self.future.running() or self.future.set_running_or_notify_cancel()


class Pending:
    """What waits, in the order asked, or the longest first. Not safe to share among threads."""

    def __init__(self, *, longest_first: bool = False) -> None:
        self._longest_first = longest_first
        self._waiting: list[tuple[float, int, Waiting]] = []
        self._numbers = count()
        self._expected_s = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, waiting: Waiting, *, first: bool = False) -> None:
        """Let it wait; `first`: before all others, because it has waited before."""
        order = float("-inf") if first else -waiting.expected_s if self._longest_first else 0.0
        heapq.heappush(self._waiting, (order, next(self._numbers), waiting))
        self._expected_s += waiting.expected_s

    def take(self, takers: int) -> list[Waiting]:
        """The next batch, where `takers` share what waits; empty where nothing is wanted any more."""
        share_s = min(LARGEST_S, self._expected_s / max(1, takers))
        batch: list[Waiting] = []
        taken_s, chars = 0.0, 0
        while self._waiting:
            one = self._waiting[0][-1]
            full = taken_s + one.expected_s > share_s or chars + one.chars > LARGEST_CHARS
            if batch and (full or one.travels_alone or batch[0].travels_alone):
                break
            heapq.heappop(self._waiting)
            self._expected_s = max(0.0, self._expected_s - one.expected_s) if self._waiting else 0.0
            if one.begins():
                batch.append(one)
                taken_s, chars = taken_s + one.expected_s, chars + one.chars
        return batch

    def drain(self) -> list[Waiting]:
        """Everything; nothing waits any more."""
        found = [waiting for _, _, waiting in sorted(self._waiting)]
        self._waiting.clear()
        self._expected_s = 0.0
        return found


def chars_of(question: Question) -> int:
    """Characters of a question: its program and its unit tests."""
    if not isinstance(question, Job):
        return len(question[0])
    return len(question.program) + sum(len(test.input) + len(test.output) for test in question.unit_tests)
