"""Every kind of doubt, in one list, and what becomes of those that a problem raises."""

from collections.abc import Callable, Iterator, Sequence

from appsplus.problem import RawProblem
from appsplus.release.worklist import WorkItem, title_of
from appsplus.worklist import (
    ambiguous_output,
    flaky,
    image_only_description,
    input_outside_constraints,
    near_time_limit,
    nondeterministic,
    output_mismatch,
    starter_code_mismatch,
    suspicious_solution,
    undeclared_dependency,
    weak_tests,
)
from appsplus.worklist.case import Case, Doubt
from appsplus.worklist.value import value_of

FINDERS: tuple[Callable[[Case], Iterator[Doubt]], ...] = (
    output_mismatch.find,
    ambiguous_output.find,
    weak_tests.find,
    flaky.find,
    nondeterministic.find,
    near_time_limit.find,
    undeclared_dependency.find,
    image_only_description.find,
    input_outside_constraints.find,
    starter_code_mismatch.find,
    suspicious_solution.find,
)


def doubts(case: Case) -> list[Doubt]:
    """Everything that speaks for a look at a problem. Raises SandboxError."""
    return [doubt for find in FINDERS for doubt in find(case)]


def item_of(
    record: RawProblem, seen: RawProblem, found: Sequence[Doubt], *, outcome: str, stage: str, split: str, decided: bool
) -> WorkItem:
    """The item of a problem, the strongest doubt first; `record` is the problem as its source has it, `seen` as corrected."""
    ordered = sorted(found, key=lambda doubt: -doubt.chance)
    return WorkItem(
        problem_id=record.problem_id,
        source=record.source,
        license=record.license,
        url=record.url,
        split=split,
        difficulty=record.difficulty,
        title=title_of(record.description),
        outcome=outcome,
        stage=stage,
        value=value_of(ordered, split, decided=decided),
        reasons=tuple(doubt.reason for doubt in ordered),
        source_hash=record.source_hash,
        record=record,
        seen_hash=seen.seen_hash,
    )
