"""Checkers that are programs: what they say of answers that the comparison ladder does not accept."""

import pytest

from appsplus.errors import InputError
from appsplus.judge import Job, Judge, Report
from appsplus.problem import Checker, IOFormat, Limits, UnitTest, Verdict

AC, WA = Verdict.ACCEPTED, Verdict.WRONG_ANSWER
DIVISOR = (
    "def check(given, expected, actual):\n    return 1 < int(actual) < int(given) and int(given) % int(actual) == 0"
)


def judged(judge: Judge, program: str, checker: str, *, given: str = "12", expected: str = "2") -> Report:
    job = Job(
        program,
        IOFormat.STDIN,
        (UnitTest(given, expected), UnitTest("35", "5")),
        checker=Checker("program", program=checker),
        limits=Limits(cpu_s=0.5, wall_s=2, memory_mib=256, output_mib=1),
    )
    return judge.run(job)


def test_an_answer_that_the_checker_accepts_is_right(judge: Judge) -> None:
    program = "n = int(input())\nprint(max(d for d in range(2, n) if n % d == 0))"
    assert [t.verdict for t in judged(judge, program, DIVISOR).unit_tests] == [AC, AC]


def test_an_answer_that_the_checker_refuses_is_wrong(judge: Judge) -> None:
    report = judged(judge, "print(7)", DIVISOR)
    assert [t.verdict for t in report.unit_tests] == [WA, AC]
    assert report.unit_tests[0].error == ""


def test_an_answer_that_breaks_the_checker_is_wrong_and_says_so(judge: Judge) -> None:
    report = judged(judge, "print('seven')", DIVISOR)
    assert report.verdict is WA
    assert report.unit_tests[0].error.startswith("the checker failed: ValueError: invalid literal for int()")


def test_a_checker_that_answers_something_else_than_true_or_false_accepts_nothing(judge: Judge) -> None:
    report = judged(judge, "print(7)", "def check(given, expected, actual):\n    return 1")
    assert report.verdict is WA
    assert report.unit_tests[0].error == "the checker failed: it returned 1; expected true or false"


def test_a_checker_that_never_ends_is_stopped(judge: Judge) -> None:
    report = judged(judge, "print(7)", "def check(given, expected, actual):\n    while True: pass")
    assert report.unit_tests[0].error == "the checker failed: more than 0.5 s of CPU time"


def test_a_checker_that_does_not_compile_is_an_error_of_its_author(judge: Judge) -> None:
    with pytest.raises(InputError, match=r"does not compile \(SyntaxError.*correct it in the ledger"):
        judged(judge, "print(7)", "def check(:")


def test_the_answer_of_a_program_cannot_reach_into_its_checker(judge: Judge) -> None:
    program = "print(\"__import__('builtins').int = lambda x: 2\")\nimport builtins\nbuiltins.int = lambda x: 2"
    assert judged(judge, program, DIVISOR).verdict is WA


def test_values_reach_the_checker_of_the_call_format(judge: Judge) -> None:
    job = Job(
        "def f(n):\n    return (n, n + 1)",
        IOFormat.CALL,
        (UnitTest("[3]", "[1, 6]"), UnitTest("[4]", "[0, 7]")),
        entry_point="f",
        checker=Checker("program", program="def check(given, expected, actual): return sum(actual) == sum(expected)"),
    )
    assert [t.verdict for t in judge.run(job).unit_tests] == [AC, WA]


def test_only_the_kind_program_has_a_program() -> None:
    with pytest.raises(ValueError, match="a checker of kind 'program' has a program"):
        Checker("program")
    with pytest.raises(ValueError, match="got kind 'unordered'"):
        Checker("unordered", program="x")
