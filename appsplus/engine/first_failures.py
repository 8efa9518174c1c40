"""`--stop-at-first-failure`: a program whose verdict alone counts is run until its first failing unit test.

The judge is asked about a growing number of unit tests, 1, then 4, then 20, and so on, until one fails. Only programs of the
stdin format are asked so: each of their unit tests has a process of its own, so that what the parts say, put together, is
what the judge says of the whole, and is kept as that. A call costs little beside the start of its process, and calls share
one.

What is asked whole after all (a program that passes, or whose answers are evidence) goes on from where it was left: no unit
test is run twice.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from appsplus.engine.cache import Cache, key_of
from appsplus.engine.judging import Judging
from appsplus.judge import Inspection, Job, Report, UnitTestReport
from appsplus.problem import Checker, IOFormat, Verdict

_GROWTH = 4


class Engine(Judging, Protocol):
    """An engine, as a build needs it."""

    workers: int
    isolation: str
    counts: Counter[str]

    @property
    def rungs(self) -> dict[str, Any]:
        """Of the isolation, as `Judge.rungs` has them."""
        ...


def up_to_failure(judging: Judging, jobs: Sequence[Job]) -> list[Report]:
    """Reports in the order of the jobs: right in their verdict, and whole up to the first failure.

    Whole in everything, unless the engine is a `FirstFailures`. Raises SandboxError.
    """
    return judging.up_to_failure(jobs) if isinstance(judging, FirstFailures) else judging.judge(jobs)


def completed(judging: Judging, jobs: Sequence[Job], reports: Sequence[Report]) -> list[Report]:
    """What `judge` says of the jobs that `up_to_failure` has answered so. Raises SandboxError."""
    return judging.judge(jobs) if isinstance(judging, FirstFailures) else list(reports)


class FirstFailures:
    """An engine that saves unit tests where it may; `cache` is that of the engine, where the parts are found again."""

    def __init__(self, engine: Engine, cache: Cache) -> None:
        self._engine, self._cache = engine, cache
        self.modules, self.workers, self.isolation = engine.modules, engine.workers, engine.isolation
        self.counts = engine.counts

    @property
    def rungs(self) -> dict[str, Any]:
        """The engine's, which a node that comes may lower."""
        return self._engine.rungs

    def inspect(self, programs: Sequence[str]) -> list[Inspection]:
        """As the engine does."""
        return self._engine.inspect(programs)

    def judge(self, jobs: Sequence[Job]) -> list[Report]:
        """As the engine does; jobs that were begun are finished."""
        begun = {n: _Begun(job) for n, job in enumerate(jobs) if self._is_begun(job)}
        whole = iter(self._engine.judge([job for n, job in enumerate(jobs) if n not in begun]))
        self._go_on(list(begun.values()), until_failure=False)
        return [begun[n].report() if n in begun else next(whole) for n in range(len(jobs))]

    def up_to_failure(self, jobs: Sequence[Job]) -> list[Report]:
        """See the function of this name."""
        by_parts = {
            n for n, job in enumerate(jobs) if self._is_begun(job) or (_is_divisible(job) and not self._knows(job))
        }
        begun = {n: _Begun(jobs[n]) for n in sorted(by_parts)}
        whole = iter(self._engine.judge([job for n, job in enumerate(jobs) if n not in begun]))
        self._go_on(list(begun.values()), until_failure=True)
        return [begun[n].report() if n in begun else next(whole) for n in range(len(jobs))]

    def _is_begun(self, job: Job) -> bool:
        """Whether it was asked about in parts before: then so again, as they are on the books of what was spent."""
        return _is_divisible(job) and self._knows(_Begun(job).next_part())

    def _knows(self, job: Job) -> bool:
        return self._cache.report(key_of(job)) is not None

    def _go_on(self, begun: Sequence["_Begun"], *, until_failure: bool) -> None:
        """Ask about the next part of each, until there is none, or, where that is enough, until one fails."""
        while waiting := [one for one in begun if one.goes_on and not (until_failure and one.has_failed)]:
            parts = self._engine.judge([one.next_part() for one in waiting])
            for one, part in zip(waiting, parts, strict=True):
                one.add(part)
                if not one.goes_on and not self._knows(one.job):
                    self._cache.store(key_of(one.job), one.report())


@dataclass
class _Begun:
    """A job, and what is known of its unit tests so far."""

    job: Job
    found: list[UnitTestReport] = field(default_factory=list)
    scale: float = 1.0

    @property
    def late(self) -> int:
        return sum(test.verdict is Verdict.TIME_LIMIT_EXCEEDED for test in self.found)

    @property
    def goes_on(self) -> bool:
        """Whether the judge would run a further unit test."""
        return len(self.found) < len(self.job.unit_tests) and self.late < self.job.stop_after_timeouts

    @property
    def has_failed(self) -> bool:
        return any(test.verdict is not Verdict.ACCEPTED for test in self.found)

    def next_part(self) -> Job:
        """The job that asks about the next unit tests."""
        start, checker = len(self.found), self.job.checker
        end = min(len(self.job.unit_tests), start + max(1, _GROWTH * start))
        return replace(
            self.job,
            unit_tests=self.job.unit_tests[start:end],
            checker=checker and _part_of(checker, start, end),
            stop_after_timeouts=self.job.stop_after_timeouts - self.late,
        )

    def add(self, part: Report) -> None:
        if not self.found:
            self.scale = part.scale
        self.found += part.unit_tests

    def report(self) -> Report:
        """The report as far as it is known."""
        verdicts: Iterator[Verdict] = (test.verdict for test in self.found)
        verdict = next((verdict for verdict in verdicts if verdict is not Verdict.ACCEPTED), Verdict.ACCEPTED)
        return Report(verdict, tuple(self.found), None, self.scale)


def _part_of(checker: Checker, start: int, end: int) -> Checker:
    """A checker knows unit tests by their number."""
    return replace(checker, any_of=checker.any_of[start:end])


def _is_divisible(job: Job) -> bool:
    return job.io_format is IOFormat.STDIN and not job.coverage and len(job.unit_tests) > 1
