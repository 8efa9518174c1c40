"""Every solution runs on every unit test; the first that passes all of them, every time, is the canonical one.

"Every time" means in two runs, under two hash seeds, so that a program that prints a set in its order of the day is not
taken for a reference. The other solutions stay in the problem, each with its verdict.
"""

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

from appsplus.engine.first_failures import completed, up_to_failure
from appsplus.engine.judging import Judging, job_for
from appsplus.judge import Report
from appsplus.problem import Problem, Reason, Rejection, Verdict

SECOND_HASH_SEED = 1
_EVIDENCE_SOLUTIONS = 5
_EXCERPT = 300


def passing(problem: Problem, judging: Judging) -> Problem | Rejection:
    """Choose the canonical solution and record every verdict, or reject with the evidence.

    Solutions that already have a verdict (they cannot run) are not run. Raises SandboxError.
    """
    candidates = [i for i, solution in enumerate(problem.solutions) if solution.verdict is None]
    jobs = [job_for(problem, i, judging.modules) for i in candidates]
    reports = dict(zip(candidates, up_to_failure(judging, jobs), strict=True))
    acceptance = problem.review.acceptance if problem.review else None
    vouched = acceptance is not None and acceptance.override  # see `appsplus.stages.reviewed`
    unstable: dict[int, Report] = {}
    canonical = None
    for i in candidates:
        if reports[i].verdict is Verdict.ACCEPTED:
            [again] = judging.judge([job_for(problem, i, judging.modules, hash_seed=SECOND_HASH_SEED)])
            if again.verdict is Verdict.ACCEPTED or vouched:
                canonical = i
                break
            unstable[i] = again
    if canonical is None:
        reports = dict(zip(candidates, completed(judging, jobs, list(reports.values())), strict=True))
        return _rejection(problem, reports, unstable, judging)
    verdicts = {i: report.verdict for i, report in (reports | unstable).items()}
    solutions = tuple(replace(s, verdict=verdicts.get(i, s.verdict)) for i, s in enumerate(problem.solutions))
    slowest = max(t.cpu_s for t in reports[canonical].unit_tests) / reports[canonical].scale
    return replace(problem, solutions=solutions, canonical=canonical, reference_cpu_s=round(slowest, 3))


def _rejection(
    problem: Problem, reports: dict[int, Report], unstable: dict[int, Report], judging: Judging
) -> Rejection:
    shown = sorted(reports)[:_EVIDENCE_SOLUTIONS]
    again = judging.judge([job_for(problem, i, judging.modules, hash_seed=SECOND_HASH_SEED) for i in shown])
    evidence: dict[str, Any] = {
        "unit_tests": len(problem.unit_tests),
        "solutions": [_evidence(problem, i, reports[i], second) for i, second in zip(shown, again, strict=True)],
        "solutions_run": len(reports),
    }
    if unstable:
        i, second = next(iter(unstable.items()))
        detail = (
            f"solution {i} passes every unit test under one hash seed and gets {second.verdict} under another:"
            " its output depends on the order of a set or a dict of the day, on chance, or on time"
        )
        return Rejection(Reason.NONDETERMINISTIC, detail, evidence)
    suggestions = _suggestions(problem, reports)
    if suggestions:
        evidence["suggestions"] = suggestions
    best = max(reports, key=lambda i: (_passed(reports[i]), -i))
    verdict = reports[best].verdict
    reason = Reason.SYNTAX_ERROR if verdict is Verdict.COMPILE_ERROR else Reason(verdict.value)
    return Rejection(reason, _detail(problem, reports, best, suggestions), evidence)


def _detail(problem: Problem, reports: dict[int, Report], best: int, suggestions: list[dict[str, Any]]) -> str:
    report = reports[best]
    failed = report.first_failure
    verdicts = Counter(r.verdict.value for r in reports.values())
    text = f"none of {len(reports)} solutions passes ({', '.join(f'{v} {n}' for v, n in verdicts.most_common())});"
    text += f" solution {best} passes {_passed(report)} of {len(problem.unit_tests)} unit tests"
    if failed is not None and failed < len(report.unit_tests):
        unit_test = report.unit_tests[failed]
        text += f" and first fails unit test {failed}: {unit_test.verdict.value}"
    if suggestions:
        text += f"; independent solutions agree on another output for {len(suggestions)} of them"
    return text


def _passed(report: Report) -> int:
    return sum(t.verdict is Verdict.ACCEPTED for t in report.unit_tests)


def _evidence(problem: Problem, i: int, report: Report, again: Report) -> dict[str, Any]:
    """What one solution showed. What differs in a second run (a time, an address, a random number) is left out."""
    found: dict[str, Any] = {"solution": i, "verdict": report.verdict.value, "passed": _passed(report)}
    failed = report.first_failure
    if failed is None:
        failed = again.first_failure
    if failed is None or failed >= min(len(report.unit_tests), len(again.unit_tests)):
        return found
    first, second = report.unit_tests[failed], again.unit_tests[failed]
    found |= {"unit_test": failed, "expected": problem.unit_tests[failed].output[:_EXCERPT]}
    if (first.actual_hash, first.error) != (second.actual_hash, second.error):
        return found | {"actual": "differs from run to run"}
    return found | {"actual": first.actual[:_EXCERPT], "error": first.error}


def _suggestions(problem: Problem, reports: dict[int, Report]) -> list[dict[str, Any]]:
    """Unit tests on which at least two different programs, and most of those that answer, agree on another output."""
    found = []
    for number, unit_test in enumerate(problem.unit_tests):
        answers: defaultdict[str, list[int]] = defaultdict(list)
        for i, report in reports.items():
            if number < len(report.unit_tests) and (given := report.unit_tests[number]).actual_hash:
                answers[given.actual_hash].append(i)
        if not answers:
            continue
        agreed = max(answers.values(), key=len)
        given = reports[agreed[0]].unit_tests[number]
        if (
            given.verdict is Verdict.WRONG_ANSWER
            and len(agreed) >= 2
            and 2 * len(agreed) > sum(map(len, answers.values()))
        ):
            shown = {"expected": unit_test.output[:_EXCERPT], "actual": given.actual}
            found.append({"unit_test": number, "solutions": agreed, **shown, "actual_hash": given.actual_hash})
    return found
