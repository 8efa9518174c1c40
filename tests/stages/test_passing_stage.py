"""Every solution runs on every unit test, and the reference is one that always passes. The real judge decides."""

from collections.abc import Iterator

import pytest

from appsplus.engine import LocalEngine
from appsplus.engine.judging import job_for
from appsplus.judge import BEST_EFFORT
from appsplus.problem import IOFormat, Limits, Problem, Reason, Rejection, Solution, UnitTest, Verdict
from appsplus.stages.passing import passing

DOUBLE = "print(int(input()) * 2)"
DOUBLE_TOO = "n = int(input())\nprint(n + n)"
SQUARE = "print(int(input()) ** 2)"
CRASH = "print(1 // (int(input()) - 3))"
SET_ORDER = "input()\nprint(*{'ab', 'cd', 'ef', 'gh', 'ij', 'kl', 'mn'})"


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    with LocalEngine(workers=2, isolation=BEST_EFFORT) as found:
        yield found


def make_problem(*programs: str, tests: dict[str, str], cpu_s: float = 2.0) -> Problem:
    return Problem(
        problem_id="t/1",
        source="test",
        split="train",
        description="Double it.",
        io_format=IOFormat.STDIN,
        entry_point=None,
        starter_code="",
        solutions=tuple(Solution(code) for code in programs),
        unit_tests=tuple(UnitTest(given, expected) for given, expected in tests.items()),
        source_hash="0" * 64,
        limits=Limits(cpu_s=cpu_s),
    )


def verdicts(problem: Problem) -> list[Verdict | None]:
    return [solution.verdict for solution in problem.solutions]


def test_the_first_solution_that_passes_is_canonical_and_all_have_their_verdicts(engine: LocalEngine) -> None:
    found = passing(make_problem(SQUARE, DOUBLE, CRASH, DOUBLE_TOO, tests={"2": "4", "3": "6"}), engine)
    assert isinstance(found, Problem)
    assert found.canonical == 1
    assert verdicts(found) == [
        Verdict.WRONG_ANSWER,
        Verdict.ACCEPTED,
        Verdict.WRONG_ANSWER,  # 1 // -1 is not 4; the crash comes later
        Verdict.ACCEPTED,
    ]


def test_a_solution_that_depends_on_the_hash_seed_is_no_reference(engine: LocalEngine) -> None:
    [printed] = _printed(engine, SET_ORDER)
    found = passing(make_problem(SET_ORDER, f"input()\nprint({printed!r})", tests={"1": printed}), engine)
    assert isinstance(found, Problem)
    assert found.canonical == 1
    assert verdicts(found) == [Verdict.WRONG_ANSWER, Verdict.ACCEPTED]


def test_a_problem_whose_solutions_all_depend_on_the_hash_seed_is_nondeterministic(engine: LocalEngine) -> None:
    [printed] = _printed(engine, SET_ORDER)
    found = passing(make_problem(SET_ORDER, tests={"1": printed}), engine)
    assert isinstance(found, Rejection)
    assert found.reason is Reason.NONDETERMINISTIC


def _printed(engine: LocalEngine, program: str) -> list[str]:
    report = engine.judge([job_for(make_problem(program, tests={"1": "?"}), 0)])[0]
    return [t.actual.strip() for t in report.unit_tests]


def test_what_differs_from_run_to_run_stays_out_of_the_evidence(engine: LocalEngine) -> None:
    found = passing(make_problem("import os\nprint(os.urandom(4))", "print(object())", tests={"2": "4"}), engine)
    assert isinstance(found, Rejection)
    assert found.evidence["solutions"][0]["actual"] == "differs from run to run"


def test_a_rejection_shows_expected_against_actual_and_suggests_what_solutions_agree_on(engine: LocalEngine) -> None:
    found = passing(make_problem(DOUBLE, DOUBLE_TOO, SQUARE, tests={"2": "4", "3": "7", "4": "8"}), engine)
    assert isinstance(found, Rejection)
    assert found.reason is Reason.WRONG_ANSWER
    assert found.evidence["unit_tests"] == 3
    first = found.evidence["solutions"][0]
    assert (first["unit_test"], first["expected"], first["actual"], first["passed"]) == (1, "7", "6\n", 2)
    [suggestion] = found.evidence["suggestions"]
    assert (suggestion["unit_test"], suggestion["solutions"], suggestion["actual"]) == (1, [0, 1], "6\n")


def test_one_program_alone_suggests_nothing(engine: LocalEngine) -> None:
    found = passing(make_problem(DOUBLE, tests={"2": "5"}), engine)
    assert isinstance(found, Rejection)
    assert "suggestions" not in found.evidence


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("1 / 0", Reason.RUN_TIME_ERROR),
        ("while True: pass", Reason.TIME_LIMIT_EXCEEDED),
        ("x = bytes(1 << 40)", Reason.MEMORY_LIMIT_EXCEEDED),
        ("while True: print('x' * 10**6)", Reason.OUTPUT_LIMIT_EXCEEDED),
        ("print(", Reason.SYNTAX_ERROR),
    ],
)
def test_the_reason_is_the_verdict_of_the_best_solution(engine: LocalEngine, program: str, reason: Reason) -> None:
    found = passing(make_problem(program, tests={"2": "4"}, cpu_s=0.5), engine)
    assert isinstance(found, Rejection)
    assert found.reason is reason


def test_the_best_solution_is_the_one_that_passes_most(engine: LocalEngine) -> None:
    found = passing(make_problem("1 / 0", DOUBLE, tests={"2": "4", "3": "7"}), engine)
    assert isinstance(found, Rejection)
    assert found.reason is Reason.WRONG_ANSWER
    assert found.detail.startswith(
        "none of 2 solutions passes (run_time_error 1, wrong_answer 1); solution 1 passes 1 of 2"
    )


def test_solutions_that_cannot_run_keep_the_verdict_they_have(engine: LocalEngine) -> None:
    problem = make_problem("import nothing", DOUBLE, tests={"2": "4"})
    judged = (Solution("import nothing", Verdict.RUN_TIME_ERROR), problem.solutions[1])
    found = passing(
        Problem(**{name: getattr(problem, name) for name in problem.__slots__} | {"solutions": judged}), engine
    )
    assert isinstance(found, Problem)
    assert found.canonical == 1
    assert verdicts(found) == [Verdict.RUN_TIME_ERROR, Verdict.ACCEPTED]
