"""Large unit tests of jobs, apart from them: they travel to a node once, however many programs are judged on them."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Generic, TypeVar

from appsplus.judge import Job
from appsplus.problem import UnitTest

LARGE_CHARS = 100_000  # from here on; smaller ones travel with their job
KEPT_CHARS = 256_000_000  # of large unit tests that the driver, and each node, keeps at hand

Kept = TypeVar("Kept")
_STAND_IN = (UnitTest("", ""),)


def without_tests(job: Job) -> Job:
    """The job as it travels, when its unit tests travel apart."""
    return replace(job, unit_tests=_STAND_IN)


def with_tests(job: Job, unit_tests: tuple[UnitTest, ...]) -> Job:
    """The job as it was asked."""
    return replace(job, unit_tests=unit_tests)


def digest(unit_tests: tuple[UnitTest, ...]) -> str:
    """What unit tests are known by, apart from their job."""
    found = hashlib.sha256()
    for text in (text for test in unit_tests for text in (test.input, test.output)):
        data = text.encode("utf-8", "surrogatepass")
        found.update(len(data).to_bytes(8) + data)
    return found.hexdigest()


class RecentTests(Generic[Kept]):
    """What was made of unit tests, by their digest: the most recently used, up to KEPT_CHARS characters."""

    def __init__(self, largest_chars: int = KEPT_CHARS) -> None:
        self._largest_chars = largest_chars
        self._kept: OrderedDict[str, tuple[Kept, int]] = OrderedDict()
        self._chars = 0

    def get(self, name: str, chars: int, make: Callable[[], Kept]) -> Kept:
        """What is kept by this name, else what `make` makes; the newest is kept, whatever its size."""
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name][0]
        made = make()
        self._kept[name] = (made, chars)
        self._chars += chars
        while self._chars > self._largest_chars and len(self._kept) > 1:
            _, (_, gone) = self._kept.popitem(last=False)
            self._chars -= gone
        return made

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._chars = 0
