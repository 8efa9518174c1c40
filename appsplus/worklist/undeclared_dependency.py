"""`undeclared_dependency`: programs import what neither the standard library nor the dataset promises."""

import sys
from collections.abc import Iterator

from appsplus.problem import Reason
from appsplus.release.worklist import WorkReason
from appsplus.worklist.case import Case, Doubt

SLUG = "undeclared_dependency"
_SHOWN = 10


def find(case: Case) -> Iterator[Doubt]:
    """The doubt about imports: of all solutions of a rejected problem, of the canonical one of a kept problem."""
    problem = case.problem
    if problem is None or case.reason not in (None, Reason.MISSING_DEPENDENCY):
        return
    if problem.canonical is None:
        assert case.rejection is not None
        found = case.judging.inspect([solution.code for solution in problem.solutions])
        rows = [{"solution": i, "imports": list(f.missing_imports)} for i, f in enumerate(found) if f.missing_imports]
        words = "give a solution that needs the standard library only, or build with --allow PACKAGE"
        yield Doubt(WorkReason(SLUG, case.rejection.detail, {"solutions": rows[:_SHOWN]}, (), words), 0.3)
        return
    [inspection] = case.judging.inspect([problem.canonical_solution])
    foreign = sorted(set(inspection.imports) - sys.stdlib_module_names)
    if foreign:
        detail = f"the canonical solution imports {', '.join(foreign)}, which the judge offers and Python does not"
        evidence = {"solutions": [{"solution": problem.canonical, "imports": foreign}]}
        words = "accept it if the description lets programs use these packages; else give a solution without them"
        yield Doubt(WorkReason(SLUG, detail, evidence, (), words), 0.1)
