"""`suspicious_solution`: the canonical solution holds expected outputs as constants: it may know the tests by heart.

Only whole outputs that no program holds by chance count: at least four characters with a digit, or sixteen. Tables that were
computed beforehand look the same; whether one is honest is for a person to say.
"""

from collections.abc import Iterator

from appsplus import jsonl
from appsplus.problem import IOFormat, Problem
from appsplus.release.worklist import WorkReason
from appsplus.worklist.case import Case, Doubt, cut
from appsplus.worklist.programs import literals

SLUG = "suspicious_solution"
_DIGITS_CHARS, _TEXT_CHARS = 4, 16
_FEWEST = 2  # outputs that are found in the program
_SHOWN = 20


def find(case: Case) -> Iterator[Doubt]:
    """The doubt about a solution that holds at least half of the telling outputs as constants."""
    problem = case.problem
    if problem is None or problem.canonical is None:
        return
    telling = {
        output: n for n, t in enumerate(problem.unit_tests) if _is_telling(output := _constant(problem, t.output))
    }
    held = {
        output for output in telling if output in problem.canonical_solution
    }  # most solutions need no look at the tree
    constants = literals(problem.canonical_solution) if len(held) >= _FEWEST else set()
    copied = {output: n for output, n in telling.items() if output in constants}
    if len(copied) < _FEWEST or 2 * len(copied) < len(telling):
        return
    detail = (
        f"{len(copied)} of the {len(telling)} different expected outputs stand in the canonical solution as constants"
    )
    evidence = {"outputs": [{"unit_test": n, "output": cut(o)} for o, n in list(copied.items())[:_SHOWN]]}
    words = "if the solution only knows these tests, give another one; if the table is honest, accept"
    yield Doubt(WorkReason(SLUG, detail, evidence, (), words), 0.5)


def _constant(problem: Problem, output: str) -> str:
    """An expected output as a program would spell it as a constant; blank where it would take more than one."""
    if problem.io_format is IOFormat.STDIN:
        return output.strip()
    value = jsonl.loads(output)
    return value if isinstance(value, str) else output if isinstance(value, int | float) else ""


def _is_telling(output: str) -> bool:
    digits = any(map(str.isdigit, output))
    return len(output) >= (_DIGITS_CHARS if digits else _TEXT_CHARS)
