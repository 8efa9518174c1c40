"""One problem alone through the stages: the same answer as in a build, and what its programs do."""

from collections.abc import Iterator
from typing import Any

import pytest

from appsplus.engine import Cache, LocalEngine
from appsplus.problem import Checker, RawProblem, Reason, Verdict
from appsplus.trial import tried


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    with LocalEngine(workers=1, isolation="best-effort", cache=Cache(None)) as engine:
        yield engine


def make_record(**changes: Any) -> RawProblem:
    fields: dict[str, Any] = {
        "problem_id": "a/1",
        "source": "a",
        "split": "train",
        "description": "Print the two numbers of the line, each on a line of its own, the larger one first.",
        "solutions": (
            "print(min(input().split()))\n",
            "a, b = map(int, input().split())\nif a < b:\n    a, b = b, a\nprint(a)\nprint(b)\n",
        ),
        "inputs": ("1 2\n", "4 3\n"),
        "outputs": ("2\n1\n", "4\n3\n"),
    }
    return RawProblem(**fields | changes)


def test_the_solution_that_passes_is_shown_with_its_lines_and_split_points(engine: LocalEngine) -> None:
    found = tried(make_record(), engine)
    assert found.passes
    assert found.shown == 1
    assert [report.verdict for report in found.reports.values()] == [Verdict.WRONG_ANSWER, Verdict.ACCEPTED]
    assert found.coverage is not None
    assert [t.executed_lines for t in found.coverage.unit_tests] == [(1, 2, 3, 4, 5), (1, 2, 4, 5)]
    assert found.split_points == {2: ("if",)}


def test_where_none_passes_the_best_is_shown_and_the_rejection_is_that_of_the_build(engine: LocalEngine) -> None:
    found = tried(make_record(outputs=("2\n1\n", "4\n4\n")), engine)
    assert (found.stage, found.rejection and found.rejection.reason) == ("passing", Reason.WRONG_ANSWER)
    assert found.shown == 1


def test_a_problem_that_leaves_for_its_text_is_run_all_the_same(engine: LocalEngine) -> None:
    found = tried(make_record(description="Print the two numbers of the line. Print them in any order."), engine)
    assert (found.stage, found.rejection and found.rejection.reason) == ("determined", Reason.AMBIGUOUS_OUTPUT)
    assert found.reports[1].verdict is Verdict.ACCEPTED
    checked = make_record(
        description="Print the two numbers of the line. Print them in any order.",
        outputs=("1\n2\n", "3\n4\n"),
        checker=Checker("unordered"),
    )
    assert tried(checked, engine).passes


def test_what_cannot_be_run_has_no_reports(engine: LocalEngine) -> None:
    found = tried(make_record(outputs=("1\n",)), engine)
    assert (found.problem, found.stage, found.reports) == (None, "complete", {})


def test_a_program_that_does_not_compile_is_reported_and_not_traced(engine: LocalEngine) -> None:
    found = tried(make_record(solutions=("print(\n",)), engine)
    assert found.stage == "runnable"
    assert found.reports[0].verdict is Verdict.COMPILE_ERROR
    assert found.coverage is None
