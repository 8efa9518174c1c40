"""A dataset of three small problems, completions whose worth is known, and the judge with whatever isolation there is."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from appsplus.engine import LocalEngine
from appsplus.errors import SandboxError
from appsplus.integrations import judges
from appsplus.integrations.export import export
from appsplus.integrations.settings import Settings
from appsplus.judge import Job, Report
from appsplus.problem import Annotation, Checker, IOFormat, Problem, Solution, UnitTest, Verdict
from appsplus.release import DatasetWriter, Manifest
from appsplus.release.seal import seal

SETTINGS = Settings(isolation="best-effort", workers=2)
CODE = "n = int(input())\nif n > 2:\n    print('big')\nelse:\n    print('small')\n"


def problem(problem_id: str, **changes: Any) -> Problem:
    """Whether n is above two, read from standard input."""
    lines = (1, 2, 3, 5)
    base = Problem(
        problem_id=problem_id,
        source="made",
        split="train",
        description=f"Question {problem_id}: is n above two?",
        io_format=IOFormat.STDIN,
        entry_point=None,
        starter_code="",
        solutions=(Solution(CODE, Verdict.ACCEPTED),),
        unit_tests=(UnitTest("3\n", "big\n"), UnitTest("2\n", "small\n")),
        source_hash="0" * 64,
        license="MIT",
        canonical=0,
        annotation=Annotation((), (0,), lines, (lines, lines)),
    )
    return replace(base, **changes)


STDIN = problem("made/stdin")
CALL = problem(
    "made/call",
    description="Define add, which adds two numbers.",
    io_format=IOFormat.CALL,
    entry_point="add",
    starter_code="def add(a, b):\n",
    solutions=(Solution("def add(a, b):\n    return a + b\n", Verdict.ACCEPTED),),
    unit_tests=(UnitTest("[1,2]", "3"), UnitTest('["a","b"]', '"ab"')),
)
CHECKED = problem(
    "made/checked",
    description="Print 1 and 2, each on a line, in any order.",
    solutions=(Solution("print(1)\nprint(2)\n", Verdict.ACCEPTED),),
    unit_tests=(UnitTest("", "1\n2\n"), UnitTest("\n", "1\n2\n")),
    checker=Checker("unordered"),
)


@dataclass(frozen=True)
class Case:
    """A completion, and what it must earn everywhere, by the paper's table."""

    problem: Problem
    completion: str
    reward: float
    outcome: str


def fenced(code: str) -> str:
    return f"Here you are:\n```python\n{code}\n```\nIt is right."


CASES = {
    "canonical, stdin": Case(STDIN, fenced(CODE), 1.0, "accepted"),
    "canonical, call": Case(CALL, fenced("def add(a, b):\n    return a + b"), 1.0, "accepted"),
    "another order, allowed by the checker": Case(CHECKED, fenced("print(2)\nprint(1)"), 1.0, "accepted"),
    "another order, where it matters": Case(STDIN, fenced("print('small')\nprint('big')"), -0.3, "wrong_answer"),
    "right on one test of two": Case(STDIN, fenced("input()\nprint('big')"), -0.3, "wrong_answer"),
    "raises": Case(CALL, fenced("def add(a, b):\n    return a / 0"), -0.6, "run_time_error"),
    "does not compile": Case(STDIN, fenced("print('big'"), -1.0, "compile_error"),
    "is prose": Case(STDIN, "The answer is that I do not know.", -1.0, "extraction_failed"),
    "thinks, and never ends": Case(STDIN, f"<think>{fenced(CODE)}", -1.0, "extraction_failed"),
}

SELECTED = list(CASES.values())


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the environment counts, and no test finds what another has judged."""
    for name in [name for name in os.environ if name.startswith("APPSPLUS_") and "REQUIRE" not in name]:
        monkeypatch.delenv(name)
    judges.configure(SETTINGS)
    yield
    judges.configure(None)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three problems in train, the first also in test. Do not change it."""
    folder = tmp_path_factory.mktemp("integrations") / "data"
    folder.mkdir()
    with DatasetWriter(folder) as writer:
        for each in (STDIN, CALL, CHECKED):
            writer.add(each, "train")
        writer.add(problem("made/test", split="test", description="Another question: is n above two?"), "test")
    seal(folder, Manifest("0.1.0", [], {}, {}, {}, writer.statistics.counts(), ()))
    return folder


@pytest.fixture
def exported(dataset: Path, tmp_path: Path) -> Callable[..., Path]:
    """Export the dataset in a format; the folder with the files."""

    def write(to: str, **options: Any) -> Path:
        export(dataset, tmp_path / to, to, **options)
        return tmp_path / to

    return write


@pytest.fixture
def judge_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge fails on programs in which its name is taken in vain."""
    judge = LocalEngine.judge

    def failing(engine: LocalEngine, jobs: Sequence[Job]) -> list[Report]:
        if any("SandboxError" in job.program for job in jobs):
            raise SandboxError("the worker is gone")
        return judge(engine, jobs)

    monkeypatch.setattr(LocalEngine, "judge", failing)


BREAKS = fenced("# SandboxError")
