"""A real judge for the stages: evidence is what programs do."""

from collections.abc import Iterator
from typing import Any

import pytest

from appsplus.engine import LocalEngine
from appsplus.problem import IOFormat, Problem, RawProblem, Solution, UnitTest


@pytest.fixture(scope="session")
def engine() -> Iterator[LocalEngine]:
    with LocalEngine(workers=1, isolation="best-effort") as engine:
        yield engine


def make_raw(**changes: Any) -> RawProblem:
    fields: dict[str, Any] = {
        "problem_id": "made/1",
        "source": "made for a test",
        "split": "train",
        "description": "Read a whole number and print its double on one line.",
        "solutions": ("print(2 * int(input()))\n",),
        "inputs": ("1\n", "2\n"),
        "outputs": ("2\n", "4\n"),
    }
    return RawProblem(**(fields | changes))


def make_call(**changes: Any) -> RawProblem:
    fields: dict[str, Any] = {"entry_point": "f", "solutions": ("def f(x):\n    return x\n",)}
    return make_raw(**(fields | {"inputs": ([1], [2]), "outputs": (1, 2)} | changes))


def make_problem(**changes: Any) -> Problem:
    fields: dict[str, Any] = {
        "problem_id": "made/1",
        "source": "made for a test",
        "split": "train",
        "description": "Read a whole number and print its double on one line.",
        "io_format": IOFormat.STDIN,
        "entry_point": None,
        "starter_code": "",
        "solutions": (Solution("print(2 * int(input()))\n"),),
        "unit_tests": (UnitTest("1\n", "2\n"),),
        "source_hash": "0" * 64,
    }
    if isinstance(changes.get("solutions"), list):
        changes["solutions"] = tuple(Solution(code) for code in changes["solutions"])
    return Problem(**(fields | changes))


@pytest.fixture(name="make_raw")
def make_raw_fixture() -> Any:
    return make_raw


@pytest.fixture(name="make_call")
def make_call_fixture() -> Any:
    return make_call


@pytest.fixture(name="make_problem")
def make_problem_fixture() -> Any:
    return make_problem
