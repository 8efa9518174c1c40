"""No more solutions than asked for: which of them, in which order, and on record."""

from typing import Any

from appsplus.problem import Solution, Verdict
from appsplus.stages.capped import capped

MANY = [f"print({n})\n" for n in range(20)]


def test_with_enough_room_nothing_is_drawn(make_problem: Any) -> None:
    problem = make_problem(solutions=MANY)
    assert capped(problem, 0, 0) is problem
    assert capped(problem, 20, 0) is problem


def test_what_is_drawn_keeps_its_order_and_the_change_is_on_record(make_problem: Any) -> None:
    problem = capped(make_problem(solutions=MANY), 5, 0)
    codes = [solution.code for solution in problem.solutions]
    assert len(codes) == 5
    assert codes == sorted(codes, key=MANY.index)
    [change] = problem.changes
    assert (change.what, change.by) == ("solutions_capped", "build")
    assert change.detail == "5 of 20 solutions were drawn; the others were left out, and not run"


def test_the_seed_and_the_content_draw_and_nothing_else(make_problem: Any) -> None:
    problem = make_problem(solutions=MANY)
    assert capped(problem, 5, 0) == capped(problem, 5, 0)
    others = {
        tuple(s.code for s in capped(changed, 5, seed).solutions)
        for changed, seed in [
            (problem, 0),
            (problem, 1),
            (problem, 2),
            (make_problem(solutions=MANY, source_hash="1" * 64), 0),
        ]
    }
    assert len(others) == 4
    renamed = make_problem(solutions=MANY, problem_id="other/7")
    assert capped(renamed, 5, 0).solutions == capped(problem, 5, 0).solutions


def test_every_solution_has_its_chance(make_problem: Any) -> None:
    problem = make_problem(solutions=MANY)
    drawn = {solution.code for seed in range(100) for solution in capped(problem, 5, seed).solutions}
    assert drawn == set(MANY)


def test_solutions_that_cannot_run_are_drawn_last(make_problem: Any) -> None:
    solutions = tuple(Solution(code, Verdict.COMPILE_ERROR if n % 2 else None) for n, code in enumerate(MANY))
    problem = make_problem(solutions=solutions)
    assert all(solution.verdict is None for solution in capped(problem, 10, 0).solutions)
    assert sum(solution.verdict is None for solution in capped(problem, 14, 0).solutions) == 10
