"""Samples to verdicts: each distinct program of a problem is judged once, and what is known is not judged again.

An engine with a cache on disk keeps every verdict as soon as it is there, under the hash of all that it depends on (program,
unit tests, limits, checker, the judge's version), so that a run that was stopped goes on where it was.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import Any, Protocol

from appsplus.engine.judging import Judging, program_hash
from appsplus.engine.ordered import in_order, threads, window_for
from appsplus.engine.strikes import InARow
from appsplus.errors import InputError, JudgingEndedError, SandboxError
from appsplus.evaluation.extraction import EXTRACTION_FAILED, NoProgram, Program
from appsplus.evaluation.results import JUDGE_ERROR, SampleVerdict
from appsplus.evaluation.samples import Sample, Samples
from appsplus.evaluation.suite import Suite, how, job_of
from appsplus.judge import Report
from appsplus.problem import Problem, Verdict

_WAITING = 8  # threads that wait for an answer, per worker: engines send in batches what is waited for


class Engine(Judging, Protocol):
    """What judges, several programs at a time (`appsplus.engine.LocalEngine`, for one)."""

    workers: int
    isolation: str
    rungs: dict[str, Any]  # of the isolation: which hold
    counts: Counter[str]  # answers by "judged" and "cached"


class Progress(Protocol):
    """Whom a long evaluation tells how far it is."""

    def start(self, what: str, total: int | None) -> None:
        """The work begins; `total` samples."""
        ...

    def advance(self, outcome: str) -> None:
        """One sample has its outcome."""
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """One sample, and what became of it."""

    problem: Problem
    verdict: SampleVerdict
    error: str = ""  # of the judge, where the verdict is JUDGE_ERROR


@dataclass(frozen=True, slots=True)
class _Group:
    """The samples of a problem that hold the same program, or none."""

    problem: Problem
    samples: tuple[Sample, ...]
    program: Program | NoProgram
    groups: int  # of this problem


def judge_samples(
    suite: Suite,
    samples: Samples,
    engine: Engine,
    *,
    only: Collection[tuple[str, int]] | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[Problem, list[Judged]]]:
    """Judge the samples of a suite's problems; problems in the suite's order, samples by index.

    Problems without samples are left out. `only`: (problem, sample index) of the samples to judge. A sample that the judge
    fails on comes back as JUDGE_ERROR. Raises JudgingEndedError where it fails on one program after the other
    (`appsplus.engine.strikes`), and InputError where the cache or the file of samples cannot be used any more.
    """
    failures = InARow()

    def judged(group: _Group) -> list[Judged]:
        return _judged(group, suite, engine, failures)

    with threads(_WAITING * engine.workers) as pool:
        found = in_order(
            pool,
            judged,
            _groups(suite, samples, only),
            **window_for(engine.workers, _text_bytes),
        )
        for _, items in groupby(_told(found, progress), key=lambda item: item.problem.problem_id):
            of_problem = sorted(items, key=lambda item: item.verdict.sample_index)
            yield of_problem[0].problem, of_problem


def _text_bytes(group: _Group) -> int:
    """About how much memory a group takes, in bytes: its texts, and its share of those of the unit tests."""
    tests = sum(len(test.input) + len(test.output) for test in group.problem.unit_tests)
    return tests // group.groups + sum(len(sample.text) for sample in group.samples)


def _told(found: Iterator[list[Judged]], progress: Progress | None) -> Iterator[Judged]:
    for item in chain.from_iterable(found):
        if progress is not None:
            progress.advance(item.verdict.verdict)
        yield item


def _groups(suite: Suite, samples: Samples, only: Collection[tuple[str, int]] | None) -> Iterator[_Group]:
    spelled = spellings(suite, samples)
    for problem in suite.problems():
        by_program: defaultdict[str, list[tuple[Sample, Program | NoProgram]]] = defaultdict(list)
        for sample in samples.of(spelled.get(problem.problem_id, problem.problem_id)):
            if only is None or (problem.problem_id, sample.sample_index) in only:
                program = suite.program(problem, sample)
                key = f"program {program.text}" if isinstance(program, Program) else f"none {program.detail}"
                by_program[key].append((replace(sample, problem_id=problem.problem_id), program))
        for same in by_program.values():
            yield _Group(problem, tuple(sample for sample, _ in same), same[0][1], len(by_program))


def spellings(suite: Suite, samples: Samples) -> dict[str, str]:
    """How the file of samples spells each problem. Raises InputError where it spells one in two ways."""
    spelled: dict[str, str] = {}
    for problem_id in samples.problem_ids:
        known = spelled.setdefault(suite.known_as(problem_id), problem_id)
        if known != problem_id:
            raise InputError(
                f"{samples.path}:{samples.line(problem_id)}: {problem_id} is the problem that line {samples.line(known)}"
                f" calls {known}; expected one name for each problem: rename one of the two"
            )
    return spelled


def _judged(group: _Group, suite: Suite, engine: Engine, failures: InARow) -> list[Judged]:
    if isinstance(group.program, NoProgram):
        return [_outcome(group, sample, EXTRACTION_FAILED, group.program.detail) for sample in group.samples]
    failures.check()
    try:
        [report] = engine.judge([job_of(group.problem, group.program.text, suite.modules)])
    except JudgingEndedError:
        raise
    except SandboxError as error:
        failures.count(error)
        return [replace(_outcome(group, s, JUDGE_ERROR, how(s)), error=str(error)) for s in group.samples]
    failures.reset()
    return [_outcome(group, sample, report.verdict.value, how(sample), report) for sample in group.samples]


def _outcome(group: _Group, sample: Sample, verdict: str, extraction: str, report: Report | None = None) -> Judged:
    tests = report.unit_tests if report else ()
    verdict_of_sample = SampleVerdict(
        problem_id=sample.problem_id,
        sample_index=sample.sample_index,
        program_sha256=program_hash(group.program.text) if isinstance(group.program, Program) else None,
        verdict=verdict,
        passed_tests=sum(test.verdict is Verdict.ACCEPTED for test in tests),
        num_tests=len(group.problem.unit_tests),
        extraction=extraction,
        near_limit=any(test.near_limit for test in tests),
    )
    return Judged(group.problem, verdict_of_sample)
