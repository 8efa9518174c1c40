"""`starter_code_mismatch`: starter code, entry point, solutions and unit tests do not speak of the same function."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from appsplus import jsonl
from appsplus.problem import IOFormat, Problem, Reason
from appsplus.release.worklist import WorkReason
from appsplus.worklist.case import Case, Doubt, cut
from appsplus.worklist.programs import nodes

SLUG = "starter_code_mismatch"


def find(case: Case) -> Iterator[Doubt]:
    """The doubt about what is to be called, and with what."""
    problem = case.problem
    if problem is None or problem.io_format is not IOFormat.CALL:
        return
    if case.reason is Reason.MISSING_ENTRY_POINT:
        yield _missing(case, problem)
    elif case.rejection is None and problem.starter_code.strip():
        yield from _starter(problem)


def _missing(case: Case, problem: Problem) -> Doubt:
    assert case.rejection is not None
    found = case.judging.inspect([solution.code for solution in problem.solutions])
    names = (sorted({*one.functions, *(m.partition(".")[2] for m in one.methods)}) for one in found)
    offered = Counter(name for of_solution in names for name in of_solution)  # sorted: of equal ones the first counts
    common = [name for name, n in offered.most_common(20) if n == len(found) and not name.startswith("_")]
    in_starter = [name for name in signatures(problem.starter_code) if name in common]
    chosen = in_starter or common
    proposal: tuple[dict[str, Any], ...] = ()
    words = f"correct the entry point, which is {problem.entry_point!r}"
    if len(chosen) == 1:
        proposal = ({"op": "replace", "path": "/entry_point", "value": chosen[0]},)
        words = f"make {chosen[0]!r} the entry point: every solution defines it"
    evidence = {"entry_point": problem.entry_point, "every_solution_defines": common}
    return Doubt(WorkReason(SLUG, case.rejection.detail, evidence, proposal, words), 0.6 if proposal else 0.3)


def _starter(problem: Problem) -> Iterator[Doubt]:
    defined = signatures(problem.starter_code)
    if not defined:
        return  # a comment or an import is no signature to disagree with
    evidence = {"entry_point": problem.entry_point, "starter_code": cut(problem.starter_code)}
    words = "correct the starter code, or take it out (proposed)"
    proposal = _starter_code("")
    if str(problem.entry_point) not in defined:
        detail = f"the starter code defines {', '.join(list(defined)[:5])}, the unit tests call {problem.entry_point}"
        if len(defined) == 1:
            [name] = defined
            words = f"name the function of the starter code {problem.entry_point}, as the solutions do"
            proposal = _starter_code(re.sub(rf"\b{re.escape(name)}\b", str(problem.entry_point), problem.starter_code))
        yield Doubt(WorkReason(SLUG, detail, evidence, proposal, words), 0.6)
        return
    accepted = defined[str(problem.entry_point)]
    if accepted is None:
        return
    low, high = accepted
    counts = Counter(len(jsonl.loads(test.input)) for test in problem.unit_tests)
    wrong = sorted(count for count in counts if not low <= count <= high)
    if wrong:
        takes = str(low) if low == high else f"{low} to {high}"
        detail = f"in the starter code {problem.entry_point} takes {takes} arguments; unit tests give {wrong[0]}"
        yield Doubt(WorkReason(SLUG, detail, evidence, proposal, words), 0.6)


def _starter_code(text: str) -> tuple[dict[str, Any], ...]:
    return ({"op": "replace", "path": "/starter_code", "value": text},)


def signatures(program: str) -> dict[str, tuple[int, int] | None]:
    """Per function of a program, methods included: the fewest and the most positional arguments it takes.

    None where that cannot be told (`*args`). `self` and `cls` of a method are not counted.
    """
    found: dict[str, tuple[int, int] | None] = {}
    for node in nodes(program):
        if node.type == "function_definition":
            name, parameters = node.child_by_field_name("name"), node.child_by_field_name("parameters")
            if name is None or parameters is None or not name.text:
                continue
            kinds = [child.type for child in parameters.named_children if child.type != "comment"]
            first = parameters.named_children[0] if parameters.named_children else None
            is_method = first is not None and first.text is not None and re.fullmatch(rb"self|cls", first.text)
            kinds = kinds[1:] if is_method else kinds
            found[name.text.decode("utf-8", "replace")] = _range(kinds)
    return found


def _range(kinds: list[str]) -> tuple[int, int] | None:
    plain = ("identifier", "typed_parameter")
    optional = ("default_parameter", "typed_default_parameter")
    if not all(kind in plain + optional for kind in kinds):
        return None
    return sum(kind in plain for kind in kinds), len(kinds)
