"""What the solutions of a problem answer to each unit test, and which of them are independent.

The reports are those that the build has asked for already, so they come out of the cache; the solutions of a problem that
left before it was judged are run here, a few of them. What is shown as evidence has been seen in two runs, so that no
random number gets into the dataset.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from appsplus.engine.judging import Judging, job_for
from appsplus.judge import Report, UnitTestReport
from appsplus.problem import Problem, Reason, Verdict
from appsplus.worklist.programs import fingerprint

SECOND_HASH_SEED = 1  # that of the stage `passing`, so that its answers serve here
_UNJUDGED = 6  # independent solutions that are run where the build has run none
_TWICE = 5  # solutions that are run a second time
_ANSWERING = (Verdict.ACCEPTED, Verdict.WRONG_ANSWER)
AT_THE_JUDGE = frozenset(
    {
        Reason.WRONG_ANSWER,
        Reason.RUN_TIME_ERROR,
        Reason.TIME_LIMIT_EXCEEDED,
        Reason.MEMORY_LIMIT_EXCEEDED,
        Reason.OUTPUT_LIMIT_EXCEEDED,
        Reason.NONDETERMINISTIC,
    }
)
"""Reasons of rejection for which the build has run every solution."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to a unit test, and who gave it."""

    accepted: bool
    actual: str  # as much of it as the judge's report holds
    whole: bool  # `actual` is all of it
    solutions: tuple[int, ...]  # independent ones, ascending


@dataclass(frozen=True)
class Answers:
    """The reports of some solutions, and what can be told from them."""

    reports: dict[int, Report] = field(default_factory=dict)  # by solution, ascending
    again: dict[int, Report] = field(default_factory=dict)  # a second run of some of them, under another hash seed
    copies: Mapping[int, int] = field(default_factory=dict)  # solution -> the first that is the same program
    _on: dict[int, list[Answer]] = field(default_factory=dict)  # what `on` has found

    @cached_property
    def independent(self) -> list[int]:
        """The solutions that are no copies of an earlier one."""
        return [i for i in self.reports if self.copies[i] == i]

    def differ(self, unit_test: int) -> bool:
        """Whether any solution answers otherwise than expected; to know that, nobody has to look for copies."""
        found = (_at(report, unit_test) for report in self.reports.values())
        return any(given is not None and given.verdict is Verdict.WRONG_ANSWER for given in found)

    def on(self, unit_test: int) -> list[Answer]:
        """The different answers of independent solutions, the commonest first. All that were accepted are one answer."""
        if unit_test not in self._on:
            self._on[unit_test] = self._different(unit_test)
        return self._on[unit_test]

    def _different(self, unit_test: int) -> list[Answer]:
        found: dict[str, list[int]] = {}
        for i in self.independent:
            given = _at(self.reports[i], unit_test)
            if given is not None and given.verdict in _ANSWERING and given.actual_hash:
                key = "accepted" if given.verdict is Verdict.ACCEPTED else given.actual_hash
                found.setdefault(key, []).append(i)
        return sorted(
            (self._answer(unit_test, solutions) for solutions in found.values()),
            key=lambda answer: (-len(answer.solutions), answer.solutions),
        )

    def _answer(self, unit_test: int, solutions: Sequence[int]) -> Answer:
        given = self.reports[solutions[0]].unit_tests[unit_test]
        whole = hashlib.sha256(given.actual.rstrip().encode("utf-8", "surrogatepass")).hexdigest() == given.actual_hash
        return Answer(given.verdict is Verdict.ACCEPTED, given.actual, whole, tuple(solutions))

    def passed(self, solution: int) -> int:
        """How many unit tests a solution passes."""
        return sum(t.verdict is Verdict.ACCEPTED for t in self.reports[solution].unit_tests)

    def best(self) -> int | None:
        """The solution that passes most unit tests, the first of them."""
        return max(self.reports, key=lambda i: (self.passed(i), -i), default=None)

    def unstable(self) -> Iterator[tuple[int, int]]:
        """(solution, unit test): the first unit test to which a solution answers differently in its second run."""
        for i, second in self.again.items():
            pairs = zip(self.reports[i].unit_tests, second.unit_tests, strict=False)
            for number, (one, two) in enumerate(pairs):
                if (one.verdict, one.actual_hash, one.error) != (two.verdict, two.actual_hash, two.error):
                    yield i, number
                    break

    def is_stable(self, solution: int, unit_test: int) -> bool:
        """Whether two runs of this solution gave the same on this unit test; False where there was no second run."""
        one, two = (_at(r, unit_test) if r else None for r in (self.reports[solution], self.again.get(solution)))
        return one is not None and two is not None and (one.verdict, one.actual_hash) == (two.verdict, two.actual_hash)


def _at(report: Report, unit_test: int) -> UnitTestReport | None:
    return report.unit_tests[unit_test] if unit_test < len(report.unit_tests) else None


def answers_of(problem: Problem | None, judging: Judging, reason: Reason | None) -> Answers:
    """The answers of the solutions that can run. Raises SandboxError."""
    if problem is None:
        return Answers()
    able = [i for i, s in enumerate(problem.solutions) if s.verdict is None or s.verdict in _ANSWERING]
    copies = _Copies(problem, able)
    if problem.canonical is None and reason not in AT_THE_JUDGE:
        able = sorted(set(copies.values()))[:_UNJUDGED]
    reports = dict(zip(able, judging.judge([job_for(problem, i, judging.modules) for i in able]), strict=True))
    twice = _to_be_run_twice(problem, reports, copies)
    jobs = [job_for(problem, i, judging.modules, hash_seed=SECOND_HASH_SEED) for i in twice]
    return Answers(reports, dict(zip(twice, judging.judge(jobs), strict=True)), copies)


class _Copies(Mapping[int, int]):
    """Of each of some solutions the first one that it is a copy of; of a solution without such, itself.

    To find it all solutions are parsed, so nothing is found before somebody asks: where all of them pass, nobody does.
    """

    def __init__(self, problem: Problem, solutions: Sequence[int]) -> None:
        self._problem, self._solutions = problem, solutions

    @cached_property
    def _firsts(self) -> dict[int, int]:
        if len(self._solutions) < 2:
            return {i: i for i in self._solutions}
        firsts: dict[str, int] = {}
        return {i: firsts.setdefault(fingerprint(self._problem.solutions[i].code), i) for i in self._solutions}

    def __getitem__(self, solution: int) -> int:
        return self._firsts[solution]

    def __iter__(self) -> Iterator[int]:
        return iter(self._solutions)

    def __len__(self) -> int:
        return len(self._solutions)


def _to_be_run_twice(problem: Problem, reports: dict[int, Report], copies: Mapping[int, int]) -> list[int]:
    """For a kept problem those that may be evidence against it, and its canonical solution; else the first few."""
    if problem.canonical is None:
        return list(reports)[:_TWICE]
    failing = [i for i, r in reports.items() if r.verdict is Verdict.WRONG_ANSWER and copies[i] == i]
    # A solution that passes and stands before the canonical one did not pass the second time.
    doubtful = [i for i, r in reports.items() if i < problem.canonical and r.verdict is Verdict.ACCEPTED]
    return sorted({*failing[:_TWICE], *doubtful[:_TWICE], problem.canonical} & reports.keys())
