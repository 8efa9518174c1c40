"""Tiny problems without end, and an engine that only says yes: builds without a judge, in milliseconds a problem."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from appsplus.errors import SandboxError
from appsplus.judge import Inspection, Job, Report, UnitTestReport
from appsplus.problem import RawProblem, Verdict


class Yes:
    """An engine for which every program is right, until `fails_after` programs were judged."""

    def __init__(self, *, workers: int = 1, fails_after: int | None = None) -> None:
        self.workers, self.isolation, self.modules = workers, "none", ()
        self.rungs: dict[str, Any] = {}
        self.counts: Counter[str] = Counter()
        self._fails_after = fails_after
        self._lock = threading.Lock()

    def judge(self, jobs: Sequence[Job]) -> list[Report]:
        with self._lock:
            self.counts["judged"] += len(jobs)
        if self._fails_after is not None and self.counts["judged"] > self._fails_after:
            raise SandboxError("the worker has died")
        return [self._report(job) for job in jobs]

    def inspect(self, programs: Sequence[str]) -> list[Inspection]:
        return [Inspection() for _ in programs]

    def _report(self, job: Job) -> Report:
        lines = (1,) if job.coverage else None
        one = UnitTestReport(Verdict.ACCEPTED, 0.0, 0.0, 1.0, executed_lines=lines)
        return Report(Verdict.ACCEPTED, (one,) * len(job.unit_tests), lines)


class Counted(RawProblem):
    """A problem that knows how many of its kind are in memory."""

    alive = 0
    _lock = threading.RLock()

    def __new__(cls, *_: Any, **__: Any) -> "Counted":
        with cls._lock:
            cls.alive += 1
        return super().__new__(cls)

    def __del__(self) -> None:
        with type(self)._lock:
            type(self).alive -= 1


def made(number: int, kind: type[RawProblem] = RawProblem) -> RawProblem:
    return kind(
        problem_id=f"made/{number}",
        source="made",
        split="train",
        description=f"Print the number {number}, which is what {number * 7919} divided by 7919 gives, on a line.",
        solutions=(f"print({number})\n",),
        inputs=("",),
        outputs=(f"{number}\n",),
    )


class Made:
    """Tiny problems, one at a time."""

    def __init__(self, count: int, *, ends_with: Exception | None = None, kind: type[RawProblem] = RawProblem) -> None:
        self.count, self.ends_with, self.kind, self.taken = count, ends_with, kind, 0

    def read(self) -> Iterator[RawProblem]:
        for number in range(self.count):
            self.taken += 1
            yield made(number, self.kind)
        if self.ends_with is not None:
            raise self.ends_with

    def inputs(self) -> Iterator[Any]:
        return iter(())
