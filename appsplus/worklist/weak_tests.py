"""`weak_tests`: the unit tests let wrong programs pass.

Known-wrong submissions that pass; mutants of the canonical solution that survive; lines that no unit test executes; one
short output that is right for every unit test.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from appsplus.problem import Problem, Verdict
from appsplus.release.worklist import WorkReason
from appsplus.worklist.case import Case, Doubt, cut
from appsplus.worklist.mutants import Mutant, mutants
from appsplus.worklist.trial import verdicts_of

SLUG = "weak_tests"
_SHOWN = 5
_CONSTANT_CHARS = 40
_SHORT_LIMIT_S = 1.0  # CPU seconds of a mutant, where the canonical solution needs a small part of that
_WORDS = "add a unit test that tells this wrong program from a right one"


def find(case: Case) -> Iterator[Doubt]:
    """The doubts about the unit tests of a problem that was kept."""
    problem = case.problem
    if problem is None or problem.annotation is None:
        return
    yield from _wrong_ones_that_pass(case)
    yield from _missing_lines(problem)
    yield from _constant_output(problem)
    yield from _survivors(case, problem)


def _wrong_ones_that_pass(case: Case) -> Iterator[Doubt]:
    wrong = [judged for judged in case.submissions if not judged.submission.right and judged.after is not None]
    passing = [judged.submission for judged in wrong if judged.after is Verdict.ACCEPTED]
    if passing:
        detail = f"{len(passing)} of {len(wrong)} submissions that are known to be wrong pass every unit test"
        shown = [{"line": s.line, "expected": s.expected, "program": cut(s.code)} for s in passing[:_SHOWN]]
        yield Doubt(WorkReason(SLUG, detail, {"submissions": shown}, (), _WORDS), 0.8)


def _missing_lines(problem: Problem) -> Iterator[Doubt]:
    assert problem.annotation is not None
    executable = set(problem.annotation.executable_lines)
    missing = sorted(executable.difference(*problem.annotation.executed_lines))
    if missing:
        lines = problem.canonical_solution.split("\n")
        shown: list[dict[str, Any]] = [{"line": n, "code": lines[n - 1][:200]} for n in missing[:40] if n <= len(lines)]
        detail = f"no unit test executes {len(missing)} of {len(executable)} executable lines of the canonical solution"
        words = "add a unit test that reaches these lines"
        reason = WorkReason(SLUG, detail, {"missing_lines": missing[:1000], "code": shown}, (), words)
        yield Doubt(reason, 0.05 + 0.25 * len(missing) / len(executable))


def _constant_output(problem: Problem) -> Iterator[Doubt]:
    outputs = {" ".join(test.output.split()) for test in problem.unit_tests}
    [output] = outputs if len(outputs) == 1 else [""]
    if len(outputs) == 1 and len(output) <= _CONSTANT_CHARS:
        count = len(problem.unit_tests)
        passed = "the only unit test" if count == 1 else f"all {count} unit tests"
        detail = f"a program that always answers {output!r} passes {passed}"
        words = "add a unit test with another answer"
        yield Doubt(WorkReason(SLUG, detail, {"output": output}, (), words), 0.5)


def _survivors(case: Case, problem: Problem) -> Iterator[Doubt]:
    assert problem.annotation is not None
    executed: set[int] = set().union(*problem.annotation.executed_lines)
    tried = mutants(problem.canonical_solution, executed, case.mutants, case.seed)
    if not tried:
        return
    limits = problem.limits
    if 4 * (problem.reference_cpu_s or 0.0) <= _SHORT_LIMIT_S < limits.cpu_s:
        limits = replace(limits, cpu_s=_SHORT_LIMIT_S)  # a mutant that loops for ever need not do so for long
    programs = [mutant.of(problem.canonical_solution) for mutant in tried]
    verdicts = verdicts_of(problem, programs, case.judging, limits)
    alive = [m for m, verdict in zip(tried, verdicts, strict=True) if verdict is Verdict.ACCEPTED]
    if alive:
        detail = (
            f"{len(alive)} of {len(tried)} mutants of the canonical solution pass every unit test; a mutant may do the"
            " same as the program, so look before you judge"
        )
        evidence = {"tried": len(tried), "mutants": [_shown(problem, mutant) for mutant in alive[:_SHOWN]]}
        yield Doubt(WorkReason(SLUG, detail, evidence, (), _WORDS), 0.05 + 0.4 * len(alive) / len(tried))


def _shown(problem: Problem, mutant: Mutant) -> dict[str, Any]:
    before, after = problem.canonical_solution, mutant.of(problem.canonical_solution)
    number = mutant.line - 1
    return {
        "line": mutant.line,
        "kind": mutant.kind,
        "before": before.split("\n")[number][:200],
        "after": after.split("\n")[number][:200],
    }
