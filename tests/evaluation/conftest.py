"""Problems, a judge that knows without running anything, and files of samples; a test names only what it is about."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appsplus.engine import LocalEngine
from appsplus.errors import SandboxError
from appsplus.evaluation.results import DatasetFacts, Metric, ProblemResult
from appsplus.evaluation.suite import Suite, program_of
from appsplus.judge import Inspection, Job, Report, UnitTestReport
from appsplus.problem import Annotation, IOFormat, Problem, Solution, SplitPoint, UnitTest, Verdict

DOUBLE = "print(2 * int(input()))\n"


class KnowingJudge:
    """Says `accepted` of DOUBLE, whatever else a program names (`# wrong_answer`), and fails on `# fails`."""

    modules: tuple[str, ...] = ()
    workers = 2
    isolation = "strict"

    def __init__(self) -> None:
        self.rungs: dict[str, Any] = {"seccomp": True, "missing": {}}
        self.counts: Counter[str] = Counter()
        self.asked: list[str] = []

    def judge(self, jobs: Sequence[Job]) -> list[Report]:
        return [self._report(job) for job in jobs]

    def inspect(self, programs: Sequence[str]) -> list[Inspection]:
        raise NotImplementedError

    def _report(self, job: Job) -> Report:
        self.asked.append(job.program)
        self.counts["judged"] += 1
        if "# fails" in job.program:
            raise SandboxError("the worker has died")
        named = [verdict for verdict in Verdict if f"# {verdict}" in job.program]
        verdict = named[0] if named else Verdict.ACCEPTED if job.program == DOUBLE else Verdict.WRONG_ANSWER
        passed = UnitTestReport(Verdict.ACCEPTED, 0.0, 0.0, 1.0)
        first = passed if "# passes the first" in job.program else replace(passed, verdict=verdict)
        return Report(verdict, (first, *(replace(passed, verdict=verdict),) * (len(job.unit_tests) - 1)))


@pytest.fixture
def judge() -> KnowingJudge:
    return KnowingJudge()


@pytest.fixture(scope="session")
def engine() -> Iterator[LocalEngine]:
    with LocalEngine(workers=2, isolation="best-effort") as engine:
        yield engine


def made_problem(number: int, **changes: Any) -> Problem:
    points = tuple(SplitPoint("if", 0, 0, 1, 0, 0) for _ in range(number))
    fields: dict[str, Any] = {
        "problem_id": f"made/{number}",
        "source": "made for a test",
        "split": "test",
        "description": "Read a whole number and print its double on one line.",
        "io_format": IOFormat.STDIN,
        "entry_point": None,
        "starter_code": "",
        "solutions": (Solution(DOUBLE, Verdict.ACCEPTED),),
        "unit_tests": (UnitTest("1\n", "2\n"), UnitTest("2\n", "4\n")),
        "source_hash": "0" * 64,
        "difficulty": "introductory",
        "canonical": 0,
        "annotation": Annotation(points, (0,), (1,), ((1,), (1,))),
    }
    return Problem(**fields | changes)


@pytest.fixture(name="made_problem")
def made_problem_fixture() -> Callable[..., Problem]:
    return made_problem


@pytest.fixture
def make_suite() -> Callable[..., Suite]:
    """The problems made/1 to made/COUNT; `elsewhere` says in which other split an id is."""

    def make(count: int = 2, elsewhere: dict[str, str] | None = None, **changes: Any) -> Suite:
        problems = [made_problem(number) for number in range(1, count + 1)]
        fields: dict[str, Any] = {
            "facts": DatasetFacts("made", "", "5" * 64, "test", count),
            "problem_ids": tuple(problem.problem_id for problem in problems),
            "problems": lambda: iter(problems),
            "program": program_of,
            "known_as": lambda problem_id: problem_id,
            "elsewhere": lambda problem_id: (elsewhere or {}).get(problem_id, ""),
        }
        return Suite(**fields | changes)

    return make


@pytest.fixture
def write_samples(tmp_path: Path) -> Callable[..., Path]:
    """Write rows, or lines as they are, as JSON Lines."""

    def write(*rows: dict[str, Any] | str, name: str = "samples.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        return path

    return write


def sample_rows(programs: dict[str, Iterable[str]]) -> list[dict[str, str]]:
    """One sample for each program of each problem."""
    return [{"problem_id": i, "completion": f"```python\n{p}```\n"} for i, some in programs.items() for p in some]


@pytest.fixture(name="sample_rows")
def sample_rows_fixture() -> Callable[[dict[str, Iterable[str]]], list[dict[str, str]]]:
    return sample_rows


@pytest.fixture
def problem_result() -> Callable[..., ProblemResult]:
    def make(num_samples: int = 1, num_correct: int = 0, **changes: Any) -> ProblemResult:
        fields: dict[str, Any] = {
            "num_samples": num_samples,
            "num_correct": num_correct,
            "verdicts": {"accepted": num_correct, "wrong_answer": num_samples - num_correct},
            "test_case_average": num_correct / num_samples if num_samples else None,
            "num_unit_tests": 2,
            "difficulty": "introductory",
            "io_format": "stdin",
            "conditional_statements": 1,
        }
        return ProblemResult(**fields | changes)

    return make


@pytest.fixture
def metric() -> Metric:
    return Metric(0.5, 0.25, 0.75, 4)
