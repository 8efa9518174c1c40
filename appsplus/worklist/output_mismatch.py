"""`output_mismatch`: solutions that the source calls right disagree with an expected output.

Where at least two independent solutions, and most of those that answer, agree on another output, that output is the
proposed correction. Otherwise the proposal is to drop the unit tests that the best solution fails, if most remain.
"""

from collections.abc import Iterator
from typing import Any

from appsplus.problem import Problem, Reason
from appsplus.release.worklist import WorkReason
from appsplus.worklist import patches
from appsplus.worklist.answers import AT_THE_JUDGE, Answer
from appsplus.worklist.case import Case, Doubt, cut

SLUG = "output_mismatch"
_SHOWN_TESTS = 5
_SHOWN_ANSWERS = 5
_REASONS = AT_THE_JUDGE - {Reason.NONDETERMINISTIC}


def find(case: Case) -> Iterator[Doubt]:
    """The doubt about a problem's expected outputs, if there is one."""
    problem = case.problem
    if problem is None or (case.rejection is not None and case.reason not in _REASONS):
        return
    yield from _right_ones_refused(case)
    agreed = {n: a for n in range(len(problem.unit_tests)) if (a := _agreed(case, n)) is not None}
    if case.rejection is not None and not agreed:
        yield _without_agreement(case, problem)
    elif agreed:
        yield _with_agreement(case, problem, agreed)


def _right_ones_refused(case: Case) -> Iterator[Doubt]:
    right = [judged for judged in case.submissions if judged.submission.right and judged.after is not None]
    refused = [judged for judged in right if judged.after != "accepted"]
    if refused:
        detail = f"{len(refused)} of {len(right)} submissions that are known to be right are refused"
        shown = [
            {"line": j.submission.line, "verdict": str(j.after), "program": cut(j.submission.code)}
            for j in refused[:_SHOWN_ANSWERS]
        ]
        words = "find out whether the unit tests are wrong, several answers are right, or the submission is not"
        yield Doubt(WorkReason(SLUG, detail, {"submissions": shown}, (), words), 0.2 + 0.4 * len(refused) / len(right))


def _agreed(case: Case, unit_test: int) -> Answer | None:
    """Another answer than the expected one, if independent solutions agree on it."""
    answers = case.answers.on(unit_test) if case.answers.differ(unit_test) else []
    if not answers or answers[0].accepted or len(answers[0].solutions) < 2:
        return None
    most = answers[0]
    return most if 2 * len(most.solutions) > sum(len(answer.solutions) for answer in answers) else None


def _with_agreement(case: Case, problem: Problem, agreed: dict[int, Answer]) -> Doubt:
    whole = [patches.expected_output(problem, n, a.actual) for n, a in agreed.items() if a.whole]
    made = [patch for patch in whole if patch is not None]
    heals = any(_passes_then(case, problem, i, agreed) for i in case.answers.independent)
    complete = len(made) == len(agreed)
    count = len(agreed)
    detail = (
        f"independent solutions agree on another output than the expected one for {_tests(count)}"
        f" of {len(problem.unit_tests)}"
    )
    words = f"make the output that solutions agree on the expected one, in {_tests(count)}"
    words += "; a solution then passes every unit test" if heals else "; no solution passes every unit test even then"
    if not complete:
        words = f"an output on which solutions agree is too long, or no JSON, to be proposed here; by hand: {words}"
    if case.rejection is None:
        words += "; the present canonical solution then fails"
    evidence = {"unit_tests": [_row(case, problem, n) for n in list(agreed)[:_SHOWN_TESTS]], "agreed": list(agreed)}
    proposal = tuple(operation for patch in made for operation in patch) if complete else ()
    chance = 0.9 if heals and case.rejection is not None else 0.6
    return Doubt(WorkReason(SLUG, detail, evidence, proposal, words), chance)


def _passes_then(case: Case, problem: Problem, solution: int, agreed: dict[int, Answer]) -> bool:
    report = case.answers.reports[solution]
    if len(report.unit_tests) < len(problem.unit_tests):
        return False
    return all(
        solution in agreed[n].solutions if n in agreed else test.verdict == "accepted"
        for n, test in enumerate(report.unit_tests)
    )


def _without_agreement(case: Case, problem: Problem) -> Doubt:
    best = case.answers.best()
    assert best is not None, "a problem that was rejected at the judge has a solution that was judged"
    report = case.answers.reports[best]
    total, passed = len(problem.unit_tests), case.answers.passed(best)
    failed = [n for n in range(total) if n >= len(report.unit_tests) or report.unit_tests[n].verdict != "accepted"]
    programs = len(case.answers.independent)
    detail = (
        f"solution {best}, the best of {programs} independent {'one' if programs == 1 else 'ones'}, fails"
        f" {_tests(len(failed))} of {total}; no two agree on another output"
    )
    evidence = {
        "unit_tests": [_row(case, problem, n, error=_error(case, best, n)) for n in failed[:_SHOWN_TESTS]],
        "failed": failed[:100],
        "best": {"solution": best, "passed": passed},
    }
    most_remain = passed > len(failed) and passed >= 2
    words = "decide by the description which output is right, and correct it or the solution"
    if most_remain:
        words = f"drop the {_tests(len(failed))} that solution {best} fails, if the description says it is right"
    proposal = patches.without_tests(case.raw, failed) if most_remain else ()
    return Doubt(WorkReason(SLUG, detail, evidence, proposal, words), 0.5 if most_remain else 0.25)


def _error(case: Case, solution: int, unit_test: int) -> str:
    """How the run failed, where two runs failed alike."""
    runs = (case.answers.reports[solution], case.answers.again.get(solution))
    errors = {r.unit_tests[unit_test].error for r in runs if r is not None and unit_test < len(r.unit_tests)}
    return errors.pop() if len(errors) == 1 else ""


def _row(case: Case, problem: Problem, unit_test: int, *, error: str = "") -> dict[str, Any]:
    return {
        "unit_test": unit_test,
        "input": cut(problem.unit_tests[unit_test].input),
        "expected": cut(problem.unit_tests[unit_test].output),
        "answers": side_by_side(case, unit_test),
    } | ({"error": error} if error else {})


def side_by_side(case: Case, unit_test: int) -> list[dict[str, Any]]:
    """Who answers what to a unit test. An answer that is not known to be the same in every run is not shown."""
    rows = []
    for answer in case.answers.on(unit_test)[:_SHOWN_ANSWERS]:
        shown = {"solutions": list(answer.solutions), "accepted": answer.accepted}
        agreed = len(answer.solutions) > 1 or case.answers.is_stable(answer.solutions[0], unit_test)
        if not agreed:
            shown["note"] = "differs from run to run, or was seen in one run only"
        elif not answer.accepted:
            shown["actual"] = cut(answer.actual)
            if not answer.whole:
                shown["note"] = f"cut: these are the first {len(answer.actual):,} characters"
        rows.append(shown)
    return rows


def _tests(count: int) -> str:
    return f"{count} unit test" if count == 1 else f"{count} unit tests"
