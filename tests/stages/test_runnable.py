"""What cannot run is named; what may run is left to the judge."""

from typing import Any

import pytest

from appsplus.engine import LocalEngine
from appsplus.problem import IOFormat, Problem, Reason, Rejection, UnitTest, Verdict
from appsplus.stages.runnable import runnable

Make = Any
GOOD = "print(2 * int(input()))\n"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print(2 * int(input())\n", Reason.SYNTAX_ERROR),
        ("print 2 * input()\n", Reason.PYTHON2),
        ("print(2 * int(raw_input()))\n", Reason.PYTHON2),
        ("import sortedcontainers\nprint(2 * int(input()))\n", Reason.MISSING_DEPENDENCY),
        ("import sys\nsys.stdin = open('input.txt')\nprint(2 * int(input()))\n", Reason.INTERACTIVE_OR_FILE_IO),
    ],
)
def test_a_problem_whose_only_solution_cannot_run_is_rejected(
    make_problem: Make, engine: LocalEngine, code: str, reason: Reason
) -> None:
    result = runnable(make_problem(solutions=[code]), engine)
    assert isinstance(result, Rejection)
    assert result.reason is reason
    assert result.evidence["solutions"][0]["reason"] == reason.value


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nif sys.version_info[0] < 3:\n    input = raw_input\nprint(2 * int(input()))\n",
        "import os, sys\nif os.path.exists('input.txt'):\n    sys.stdin = open('input.txt')\nprint(2 * int(input()))\n",
        "try:\n    import numpy_of_mine\nexcept ImportError:\n    pass\nprint(2 * int(input()))\n",
    ],
)
def test_a_suspicion_that_no_run_confirms_does_not_count(make_problem: Make, engine: LocalEngine, code: str) -> None:
    result = runnable(make_problem(solutions=[code]), engine)
    assert isinstance(result, Problem)
    assert result.solutions[0].verdict is None


def test_solutions_that_cannot_run_stay_with_their_verdict(make_problem: Make, engine: LocalEngine) -> None:
    result = runnable(make_problem(solutions=["(", "import sortedcontainers\n", GOOD]), engine)
    assert isinstance(result, Problem)
    assert [s.verdict for s in result.solutions] == [Verdict.COMPILE_ERROR, Verdict.RUN_TIME_ERROR, None]


def test_the_commonest_reason_names_the_rejection_and_the_first_of_equals(
    make_problem: Make, engine: LocalEngine
) -> None:
    lacking = "import sortedcontainers\n"
    most = runnable(make_problem(solutions=["(", lacking, lacking + "\n"]), engine)
    tie = runnable(make_problem(solutions=["(", lacking]), engine)
    assert isinstance(most, Rejection) and isinstance(tie, Rejection)
    assert (most.reason, tie.reason) == (Reason.MISSING_DEPENDENCY, Reason.SYNTAX_ERROR)


@pytest.mark.parametrize(
    ("code", "defined"),
    [
        ("def f(x):\n    return x\n", True),
        ("f = lambda x: x\n", True),
        ("class Solution:\n    def f(self, x):\n        return x\n", True),
        ("class Other:\n    def f(self, x):\n        return x\n", False),
        ("def g(x):\n    return x\n", False),
    ],
)
def test_the_entry_point_must_be_defined(make_problem: Make, engine: LocalEngine, code: str, defined: bool) -> None:
    problem = make_problem(
        solutions=[code], io_format=IOFormat.CALL, entry_point="f", unit_tests=(UnitTest("[1]", "1"),)
    )
    result = runnable(problem, engine)
    assert isinstance(result, Problem) is defined
    if isinstance(result, Rejection):
        assert result.reason is Reason.MISSING_ENTRY_POINT
