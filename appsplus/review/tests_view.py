"""Unit tests and solutions as the page shows them, from the record and from what the judge says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from appsplus.judge import UnitTestReport
from appsplus.problem import RawProblem, Verdict
from appsplus.review.code import CodeLine, code_lines
from appsplus.review.corrections import shown, value_text
from appsplus.review.differences import Difference, difference
from appsplus.review.judgement import Judgement

ALL = 12  # so many unit tests are shown all; of more, the failing ones, the first and those that a reason is about
FIRST = 4
FAILING = 16
PAGE = 50  # unit tests on a further page
SOLUTIONS = 20
EDITABLE_CHARS = 20_000  # a longer expected output is edited on request only
EXCERPT_CHARS = 4000


@dataclass(frozen=True, slots=True)
class TestView:
    """One unit test."""

    __test__ = False  # pytest, this is none of yours

    number: int
    verdict: Verdict | None  # of the solution that is shown; None: not run
    input: str
    expected: str
    report: UnitTestReport | None
    difference: Difference | None  # where the answer is wrong
    editable: str | None  # the expected output as a form takes it; None: too long, or there is none
    cut: bool  # input or expected output are longer than what is shown


@dataclass(frozen=True, slots=True)
class SolutionView:
    """One solution."""

    number: int
    verdict: Verdict | None
    passed: int
    failed: int | None  # index of the first unit test that it does not pass
    error: str
    lines: list[CodeLine]
    is_canonical: bool
    record_number: int | None  # index in the record, where it can be edited; None: not known
    code: str  # as the record has it


@dataclass(frozen=True, slots=True)
class JudgedView:
    """Everything below the description."""

    judgement: Judgement
    tests: list[TestView]
    total: int  # unit tests that there are
    passed: int
    solution: SolutionView | None
    others: list[SolutionView]
    more_solutions: int


def judged_view(
    raw: RawProblem, judgement: Judgement, *, mentioned: Iterable[int] = (), start: int | None = None, edit: int = -1
) -> JudgedView:
    """What the page shows. `mentioned`: unit tests that a reason is about; `start`: a page of unit tests from there on."""
    total = max(len(raw.inputs or ()), len(raw.outputs or ()))
    tests = [_test(raw, judgement, number, edit) for number in _chosen(judgement, total, {*mentioned, edit}, start)]
    solutions = _solutions(raw, judgement)
    passed = sum(t.verdict is Verdict.ACCEPTED for t in judgement.report.unit_tests) if judgement.report else 0
    return JudgedView(
        judgement=judgement,
        tests=tests,
        total=total,
        passed=passed,
        solution=next((s for s in solutions if s.number == judgement.shown), None),
        others=[s for s in solutions if s.number != judgement.shown],
        more_solutions=max(0, len(judgement.problem.solutions) - SOLUTIONS) if judgement.problem else 0,
    )


def _chosen(judgement: Judgement, total: int, mentioned: set[int], start: int | None) -> list[int]:
    if start is not None:
        return list(range(max(0, start), min(total, start + PAGE)))
    reports = judgement.report.unit_tests[:total] if judgement.report else ()
    failing = [i for i, report in enumerate(reports) if report.verdict is not Verdict.ACCEPTED][:FAILING]
    others = {*range(total if total <= ALL else FIRST), *(n for n in mentioned if 0 <= n < total)}
    return [*failing, *sorted(others.difference(failing))]


def _test(raw: RawProblem, judgement: Judgement, number: int, edit: int) -> TestView:
    problem, report = judgement.problem, judgement.report
    if problem is not None and number < len(problem.unit_tests):
        given, expected = problem.unit_tests[number].input, problem.unit_tests[number].output
    else:
        given, expected = (_raw_text(values, number, raw) for values in (raw.inputs, raw.outputs))
    own = report.unit_tests[number] if report is not None and number < len(report.unit_tests) else None
    wrong = own is not None and own.verdict is Verdict.WRONG_ANSWER
    editable = _raw_text(raw.outputs, number, raw) if number < len(raw.outputs or ()) else None
    if editable is not None and len(editable) > EDITABLE_CHARS and number != edit:
        editable = None
    return TestView(
        number=number,
        verdict=own.verdict if own else None,
        input=shown(given[:EXCERPT_CHARS]),
        expected=shown(expected[:EXCERPT_CHARS]),
        report=own,
        difference=difference(expected, own.actual) if own is not None and wrong else None,
        editable=editable,
        cut=max(len(given), len(expected)) > EXCERPT_CHARS,
    )


def _raw_text(values: tuple[Any, ...] | None, number: int, raw: RawProblem) -> str:
    if values is None or number >= len(values):
        return ""
    return value_text(values[number], raw.entry_point is None)


def _solutions(raw: RawProblem, judgement: Judgement) -> list[SolutionView]:
    """The solution that is shown and the first of the others, in the record's order."""
    if judgement.problem is None:
        return []
    wanted = [i for i in range(len(judgement.problem.solutions)) if i < SOLUTIONS or i == judgement.shown]
    numbers = {_cleaned(code): number for number, code in reversed([*enumerate(raw.solutions)])}
    return [_solution(raw, judgement, i, numbers) for i in wanted]


def _cleaned(code: str) -> str:
    """As the build reads it."""
    return code.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _solution(raw: RawProblem, judgement: Judgement, number: int, numbers: Mapping[str, int]) -> SolutionView:
    assert judgement.problem is not None
    report, solution = judgement.reports.get(number), judgement.problem.solutions[number]
    failed = report.first_failure if report else None
    coverage = judgement.coverage if number == judgement.shown else None
    points: Mapping[int, tuple[str, ...]] = judgement.split_points if number == judgement.shown else {}
    in_order = number if len(raw.solutions) == len(judgement.problem.solutions) else None
    record_number = numbers.get(solution.code, in_order)
    executed = [t.executed_lines or () for t in coverage.unit_tests] if coverage else []
    return SolutionView(
        number=number,
        verdict=judgement.verdict(solution, number),
        passed=sum(t.verdict is Verdict.ACCEPTED for t in report.unit_tests) if report else 0,
        failed=failed,
        error=report.unit_tests[failed].error if report and failed is not None else "",
        lines=code_lines(solution.code, (coverage and coverage.executable_lines) or (), executed, points),
        is_canonical=judgement.passes and number == judgement.shown,
        record_number=record_number,
        code=solution.code if record_number is None else shown(raw.solutions[record_number]),
    )
