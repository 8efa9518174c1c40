"""What counts as the same program, and which constants a program holds."""

from types import SimpleNamespace
from typing import Any

import pytest

from appsplus.judge import Report, UnitTestReport
from appsplus.problem import UnitTest, Verdict
from appsplus.worklist import ambiguous_output, output_mismatch
from appsplus.worklist.answers import Answers
from appsplus.worklist.programs import LONGEST_CHARS, fingerprint, literals
from appsplus.worklist.starter_code_mismatch import signatures

PROGRAM = 'def f(n):\n    """Doc."""\n    total = n + 1  # more\n    return total\n'


@pytest.mark.parametrize(
    "other",
    [
        "def g(k):\n  t = k+1\n  return t\n",
        PROGRAM.replace("\n", "\n\n"),
        "# a comment\n" + PROGRAM,
        PROGRAM.replace("n + 1", "n \\\n        + 1"),
    ],
    ids=["names and layout", "empty lines", "comment", "continued line"],
)
def test_a_copy_has_the_same_fingerprint(other: str) -> None:
    assert fingerprint(other) == fingerprint(PROGRAM)


@pytest.mark.parametrize(
    "other",
    [
        "def f(n):\n    total = n + 2\n    return total\n",
        "def f(n):\n    return n + 1\n",
        "def f(n):\n    total = n + 1\n    return n\n",
        "def f(n):\n    total = 1 + n\n    return total\n",
    ],
    ids=["constant", "structure", "which name", "order"],
)
def test_another_program_has_another_fingerprint(other: str) -> None:
    assert fingerprint(other) != fingerprint(PROGRAM)


def test_numbers_on_lines_of_their_own_are_not_one_number() -> None:
    assert fingerprint("1\n2\n") != fingerprint("12\n")


def test_a_program_that_is_too_long_is_compared_as_text() -> None:
    data = "x = '" + "7" * LONGEST_CHARS + "'\n"
    assert fingerprint(data) == fingerprint(data.replace(" ", "  "))
    assert fingerprint(data) != fingerprint(data + "y = 1\n")


@pytest.mark.parametrize("hostile", ["(" * 100_000, "[" * 50_000 + "]" * 50_000, "\ud800", "\0", ""])
def test_a_hostile_program_has_a_fingerprint_too(hostile: str) -> None:
    assert len(fingerprint(hostile)) == 64


def test_the_constants_of_a_program() -> None:
    assert literals("x = 12\ny = ['ab', 1.5, f'c{12}d', 0x1F]\n") == {"12", "ab", "1.5", "c", "d", "0x1F"}


@pytest.mark.parametrize(
    ("starter_code", "found"),
    [
        ("def f(a, b):\n    pass\n", {"f": (2, 2)}),
        ("def f(a: int, b=1, c: int = 2) -> int:", {"f": (1, 3)}),
        ("class Solution:\n    def f(self, a: List[int]) -> int:\n        ", {"f": (1, 1)}),
        ("def f(*a):\n    pass", {"f": None}),
        ("x = 1\n", {}),
        ("function f(a) {}", {}),
    ],
)
def test_the_signatures_of_starter_code(starter_code: str, found: dict[str, tuple[int, int] | None]) -> None:
    assert signatures(starter_code) == found


def test_where_all_answers_are_the_expected_ones_nobody_looks_for_copies() -> None:
    right, wrong = (Report(v, (UnitTestReport(v, 0.0, 0.0, 0.0),)) for v in (Verdict.ACCEPTED, Verdict.WRONG_ANSWER))
    nowhere: Any = None  # no mapping of copies
    case: Any = SimpleNamespace(answers=Answers({0: right, 1: right}, copies=nowhere))
    problem: Any = SimpleNamespace(unit_tests=(UnitTest("", ""),))
    assert not case.answers.differ(0)
    assert output_mismatch._agreed(case, 0) is None
    assert ambiguous_output._disagreed(case, problem) == []
    case.answers = Answers({0: right, 1: wrong}, copies=nowhere)
    assert case.answers.differ(0)
    with pytest.raises(TypeError):
        output_mismatch._agreed(case, 0)
