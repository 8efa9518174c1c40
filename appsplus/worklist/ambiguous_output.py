"""`ambiguous_output`: the description accepts several answers, or solutions that the source calls right disagree.

The evidence is their outputs, side by side. The proposal is the narrowest checker under which most solutions pass every unit
test; the others are in `evidence["alternatives"]`: `unordered`, `any_case`, a program with a tolerance, `any_of` with the
outputs that were seen. Dropping the unit tests, and rejecting, are open in every case.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

from appsplus.judge import compare
from appsplus.problem import Checker, IOFormat, Problem, Reason, Verdict
from appsplus.release.worklist import WorkReason
from appsplus.worklist import patches
from appsplus.worklist.case import Case, Doubt, cut
from appsplus.worklist.output_mismatch import side_by_side

SLUG = "ambiguous_output"
_SHOWN_TESTS = 5
_MOST_OUTPUTS = 5  # per unit test, for `any_of`
_MOST_CHARS = 100_000  # of all outputs in an `any_of`
_LEAST_CHANCE = 0.12  # one refused solution among four or more is more likely wrong than a second right answer
_ANY_ORDER = re.compile(r"\bin any order\b|\border (?:does not|doesn't|is not) (?:matter|important)", re.I)
_ANY_CASE = re.compile(r"\bin any (?:letter )?(?:case|register)\b|\bcase[- ]insensitive\b", re.I)
_NARROW = (
    ("unordered", _ANY_ORDER, "accept the lines or elements in any order"),
    ("any_case", _ANY_CASE, "accept letters of any case"),
)
_TOLERANCES = (1e-9, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
_TOLERANT = """\
def check(input, expected, actual):
    expected, actual = expected.split(), actual.split()
    return len(expected) == len(actual) and all(map(close, expected, actual))


def close(one, two):
    try:
        one, two = float(one), float(two)
    except ValueError:
        return one == two
    return abs(one - two) <= TOLERANCE * max(1.0, abs(one))
"""


def find(case: Case) -> Iterator[Doubt]:
    """The doubt whether a problem has one right answer per input, if there is one."""
    problem = case.problem
    if case.reason is Reason.AMBIGUOUS_OUTPUT:
        yield _doubt(case, problem, _disagreed(case, problem) if problem else [])
    elif problem is not None and case.reason in (None, Reason.WRONG_ANSWER):
        doubt = _doubt(case, problem, disagreed) if (disagreed := _disagreed(case, problem)) else None
        if doubt is not None and doubt.chance >= _LEAST_CHANCE:
            yield doubt


def _disagreed(case: Case, problem: Problem) -> list[int]:
    """Unit tests to which independent solutions give different answers."""
    return [n for n in range(len(problem.unit_tests)) if case.answers.differ(n) and len(case.answers.on(n)) > 1]


def _doubt(case: Case, problem: Problem | None, disagreed: list[int]) -> Doubt:
    alternatives = [] if problem is None else list(_alternatives(case, problem, disagreed))
    alternatives.sort(key=lambda found: (found["kind"] == "any_of", -found["passing"]))  # stable: the narrower first
    evidence: dict[str, Any] = {"alternatives": alternatives}
    if problem is not None:
        evidence["unit_tests"] = [
            {"unit_test": n, "expected": cut(problem.unit_tests[n].output), "answers": side_by_side(case, n)}
            for n in disagreed[:_SHOWN_TESTS]
        ]
        evidence["independent_solutions"] = len(case.answers.independent)
    if case.reason is Reason.AMBIGUOUS_OUTPUT:
        assert case.rejection is not None
        detail, chance = case.rejection.detail, 0.8 if alternatives else 0.5
    else:
        assert problem is not None
        detail = (
            f"independent solutions give different answers to {len(disagreed)} of {len(problem.unit_tests)} unit tests"
        )
        chance = _chance(case, alternatives)
    best = alternatives[0] if alternatives else None
    words = "write a checker program, drop the unit tests, or reject" if best is None else best["words"]
    return Doubt(WorkReason(SLUG, detail, evidence, tuple(best["patch"]) if best else (), words), chance)


def _chance(case: Case, alternatives: list[dict[str, Any]]) -> float:
    """More solutions that a narrow checker would let pass speak for it; one bad solution of many does not."""
    programs = len(case.answers.independent)
    refused = sum(case.answers.reports[i].verdict is Verdict.WRONG_ANSWER for i in case.answers.independent)
    narrow = any(found["kind"] != "any_of" for found in alternatives)
    return min(0.9, (0.5 if narrow else 0.0) + 0.4 * refused / programs)


def _alternatives(case: Case, problem: Problem, disagreed: list[int]) -> Iterator[dict[str, Any]]:
    """Checkers under which more solutions pass every unit test than without, and those that the description asks for."""
    if problem.checker is not None:
        return
    now = _passing(case, problem, None)
    for kind, said, words in _NARROW:
        passing = _passing(case, problem, Checker(kind))
        if passing > now or (case.reason is Reason.AMBIGUOUS_OUTPUT and said.search(problem.description)):
            yield _alternative(case, kind, passing, words, patches.checker(kind))
    if disagreed and problem.io_format is IOFormat.STDIN and (tolerance := _tolerance(case, problem)):
        program = f"TOLERANCE = {tolerance:g}\n\n\n{_TOLERANT}"
        patch = patches.checker("program", program=program)
        words = f"accept numbers that differ by {tolerance:g}, relative or absolute"
        yield _alternative(case, "program", _answering(case, problem), words, patch)
    any_of = _any_of(case, problem, disagreed)
    if any_of and (passing := _passing(case, problem, Checker("any_of", any_of))) > now:
        patch = patches.checker("any_of", any_of=any_of)
        words = "accept the outputs of the other solutions too, as they were seen here"
        yield _alternative(case, "any_of", passing, words, patch)


def _alternative(case: Case, kind: str, passing: int, words: str, patch: patches.Patch) -> dict[str, Any]:
    told = f"{words}: {passing} of {len(case.answers.independent)} independent solutions then pass every unit test"
    return {"kind": kind, "passing": passing, "words": told, "patch": list(patch)}


def _answering(case: Case, problem: Problem) -> int:
    """How many independent solutions answer every unit test, rightly or not."""
    reports = (case.answers.reports[i].unit_tests for i in case.answers.independent)
    answering = {Verdict.ACCEPTED, Verdict.WRONG_ANSWER}
    return sum(len(r) == len(problem.unit_tests) and answering.issuperset(t.verdict for t in r) for r in reports)


def _passing(case: Case, problem: Problem, checker: Checker | None) -> int:
    """How many independent solutions pass every unit test under a checker, by what they answered."""
    return sum(_passes(case, problem, i, checker) for i in case.answers.independent)


def _passes(case: Case, problem: Problem, solution: int, checker: Checker | None) -> bool:
    tests = case.answers.reports[solution].unit_tests
    return len(tests) == len(problem.unit_tests) and all(
        given.verdict is Verdict.ACCEPTED
        or (
            checker is not None
            and given.verdict is Verdict.WRONG_ANSWER
            and _is_right(problem, number, given.actual, checker)
        )
        for number, given in enumerate(tests)
    )


def _is_right(problem: Problem, number: int, actual: str, checker: Checker) -> bool:
    expected = problem.unit_tests[number].output
    if problem.io_format is IOFormat.STDIN:
        return compare.text_is_right(expected, actual, checker, number)
    try:
        return compare.value_is_right(expected, compare.parse_actual(actual), checker, number)
    except ValueError:  # the report holds a part of it only
        return False


def _tolerance(case: Case, problem: Problem) -> float | None:
    """The smallest of a few tolerances under which all answers agree with the expected output; None: none does."""
    worst = 0.0
    for number, test in enumerate(problem.unit_tests):
        for answer in case.answers.on(number):
            if not answer.accepted:
                if not answer.whole:
                    return None
                worst = max(worst, _difference(test.output, answer.actual))
    return next((tolerance for tolerance in _TOLERANCES if 0 < worst <= tolerance), None)


def _difference(expected: str, actual: str) -> float:
    """The largest difference of two numbers at the same place, as `TOLERANCE` means it; infinite where words differ."""
    wanted, got = expected.split(), actual.split()
    if len(wanted) != len(got):
        return math.inf
    pairs = ((one, two) for one, two in zip(wanted, got, strict=True) if one != two)
    return max((_number_difference(one, two) for one, two in pairs), default=0.0)


def _number_difference(expected: str, actual: str) -> float:
    if "." not in expected + actual or len(expected) > 400 or len(actual) > 400:
        return math.inf  # different integers are different answers
    try:
        one, two = float(expected), float(actual)
    except ValueError:
        return math.inf
    difference = abs(one - two) / max(1.0, abs(one))
    return difference if math.isfinite(difference) else math.inf


def _any_of(case: Case, problem: Problem, disagreed: list[int]) -> tuple[tuple[str, ...], ...] | None:
    """Per unit test the other outputs that were seen, if these are few, whole, and the same in every run."""
    rows: list[tuple[str, ...]] = [()] * len(problem.unit_tests)
    for number in disagreed:
        others = [answer for answer in case.answers.on(number) if not answer.accepted]
        stable = all(len(a.solutions) > 1 or case.answers.is_stable(a.solutions[0], number) for a in others)
        if len(others) > _MOST_OUTPUTS or not stable or not all(answer.whole for answer in others):
            return None
        rows[number] = tuple(answer.actual for answer in others)
    size = sum(len(output) for row in rows for output in row)
    return tuple(rows) if 0 < size <= _MOST_CHARS else None
