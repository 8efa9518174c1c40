"""What judging costs: what a question may take (`Expectation`), what answers have taken (`Spent`), and what the machine says.

CPU seconds of programs are those of the judge's reports: the kernel's count for the processes that ran the unit tests,
without what it costs to start them. `tree_cpu_s` counts everything: this process (reading, comparing, writing), the judge's
workers, and the programs that they have run and waited for. The difference of the two is overhead.
"""

import os
import resource
import threading
from collections import OrderedDict
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from appsplus.judge import Inspection, Job, Report
from appsplus.problem import IOFormat, Verdict

_UNIT_TEST_S = {IOFormat.STDIN: 0.02, IOFormat.CALL: 0.004}  # the first guess, until answers say better
_INSPECTION_S = 0.005
_CHARS_PER_S = 20e6  # of input
_TRACED = 1.2  # a traced program, per one that is not: benchmarks/results/judge.json, coverage
_REMEMBERED = 512  # sets of unit tests
_WEIGHT = 0.2  # of the newest answer in a mean
_MARKS = 2**26  # bits: the question that was met before is counted once


class Expectation:
    """How long questions may take: learned from the answers to others on the same unit tests, else of the same format.

    A problem's solutions take about the same time on its unit tests, so the first answer tells much of the others, and any
    answer of a second run, or a traced one. Safe to share among threads: a race costs a little precision.
    """

    def __init__(self) -> None:
        self._by_tests: OrderedDict[int, float] = OrderedDict()  # seconds of a unit test
        self._by_format = dict(_UNIT_TEST_S)

    def of(self, question: Job | tuple[str, tuple[str, ...]]) -> float:
        """Seconds that a worker may be busy with a question."""
        if not isinstance(question, Job):
            return _INSPECTION_S
        count = len(question.unit_tests)
        per_test_s = self._by_tests.get(_tests_of(question))
        if per_test_s is None:
            chars = sum(len(test.input) for test in question.unit_tests)
            per_test_s = self._by_format[question.io_format] + chars / count / _CHARS_PER_S
        return count * per_test_s * (_TRACED if question.coverage else 1.0)

    def learn(self, question: Job | tuple[str, tuple[str, ...]], answer: Report | Inspection) -> None:
        """What a question took, by its answer."""
        if not isinstance(question, Job) or not isinstance(answer, Report) or question.coverage or not _ran(answer):
            return
        took_s = sum(test.wall_s for test in answer.unit_tests) / len(answer.unit_tests)
        took_s += _UNIT_TEST_S[question.io_format] / 4  # what starts and ends it
        tests, usual_s = _tests_of(question), self._by_format[question.io_format]
        before_s = self._by_tests.pop(tests, took_s)
        self._by_tests[tests] = before_s + _WEIGHT * (took_s - before_s)
        self._by_format[question.io_format] = usual_s + _WEIGHT / 4 * (took_s - usual_s)
        if len(self._by_tests) > _REMEMBERED:
            self._by_tests.popitem(last=False)


def expected_s(question: Job | tuple[str, tuple[str, ...]]) -> float:
    """Seconds that a question may take, before any answer: by its format, and the number and size of its unit tests."""
    return Expectation().of(question)


def _tests_of(job: Job) -> int:
    return hash((job.io_format, job.unit_tests))


def _ran(report: Report) -> bool:
    return bool(report.unit_tests) and report.verdict is not Verdict.COMPILE_ERROR


@dataclass(slots=True)
class Sum:
    """What some answers come to."""

    programs: int = 0  # run on unit tests
    executions: int = 0  # of a program on a unit test
    inspections: int = 0
    cpu_s: float = 0.0  # of the programs
    wall_s: float = 0.0  # that they ran, waiting included
    peak_mib: float = 0.0  # of the largest

    def add(self, answer: Report | Inspection) -> None:
        """One more answer."""
        if isinstance(answer, Inspection):
            self.inspections += 1
        elif _ran(answer):
            self.programs += 1
            self.executions += len(answer.unit_tests)
            self.cpu_s += sum(test.cpu_s for test in answer.unit_tests)
            self.wall_s += sum(test.wall_s for test in answer.unit_tests)
            self.peak_mib = max(self.peak_mib, *(test.peak_mib for test in answer.unit_tests))

    def copy(self) -> "Sum":
        """As it is now."""
        return replace(self)

    def minus(self, before: "Sum") -> "Sum":
        """What has come since; of the largest program, the largest of all."""
        counted = ("programs", "executions", "inspections", "cpu_s", "wall_s")
        return replace(self, **{name: getattr(self, name) - getattr(before, name) for name in counted})


class Spent:
    """What the answers of an engine have cost: those it judged, and those it knew from before. Threads may share it.

    A question is counted once, however often it is asked; of very many that were known before, a few per cent may be missed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._met = bytearray(_MARKS // 8)
        self.judged, self.known = Sum(), Sum()

    def enter(self, key: str, answer: Report | Inspection, *, known: bool) -> None:
        """An answer was judged, or found in the cache."""
        with self._lock:
            if self._meet(key) and known:
                return
            (self.known if known else self.judged).add(answer)

    def _meet(self, key: str) -> bool:
        """Whether the question was met before; from now on it was."""
        place = int(key[:12], 16) % _MARKS
        met = bool(self._met[place // 8] >> place % 8 & 1)
        self._met[place // 8] |= 1 << place % 8
        return met

    def to_json(self) -> dict[str, Any]:
        """`judged` and `known`, in figures."""
        with self._lock:
            return {name: _rounded(asdict(found)) for name, found in (("judged", self.judged), ("known", self.known))}


def _rounded(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 1) if isinstance(value, float) else value for name, value in figures.items()}


def tree_cpu_s(root: int | None = None) -> float:
    """CPU seconds of a process (default: this one), of all that it has started and that run, and of those it waited for.

    Of a process that was killed, what its own children had used until then may be missing. 0 where there is no /proc.
    """
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        children.setdefault(int(fields[1]), []).append(int(entry.name))
        ticks[int(entry.name)] = sum(map(int, fields[11:15]))  # user, system, and both of the children waited for
    found, i = [root or os.getpid()], 0
    while i < len(found):
        found += children.get(found[i], [])
        i += 1
    return sum(ticks.get(pid, 0) for pid in found) / os.sysconf("SC_CLK_TCK")


def peak_mib() -> float:
    """The most memory that this process has had resident."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
