"""One problem alone through the stages of the build that judge it: what a correction would lead to, before it is made.

The same stages, the same jobs and the same cache as in `appsplus build`, so that the review app and the next build cannot
disagree, and what the build has judged is not judged again.
"""

from collections.abc import Sequence

from appsplus.annotate.split_points import find_split_points
from appsplus.engine.judging import Judging, job_for
from appsplus.judge import Report
from appsplus.ledger import Ledger
from appsplus.pipeline import FIRST_PASS, READING, Record, Stage
from appsplus.problem import RawProblem, Rejection, Verdict
from appsplus.review.judgement import Judgement


def tried(raw: RawProblem, judging: Judging) -> Judgement:
    """Judge a problem as it is, without a ledger. Raises SandboxError, and InputError for a checker that is no program."""
    record, stage, rejection = _through(FIRST_PASS, raw, judging)
    if isinstance(record, RawProblem) and _is_whole(record):
        record = _through(READING, record, judging)[0]  # it left for its text; what its programs do is worth knowing
    if isinstance(record, RawProblem):
        return Judgement(None, stage, rejection)
    jobs = [job_for(record, i, judging.modules) for i in range(len(record.solutions))]
    reports = dict(enumerate(judging.judge(jobs)))
    shown = record.canonical if record.canonical is not None else _best(reports)
    coverage, split_points = None, {}
    if shown is not None and reports[shown].verdict is not Verdict.COMPILE_ERROR:
        [coverage] = judging.judge([job_for(record, shown, judging.modules, coverage=True)])
        split_points = _split_points(record.solutions[shown].code)
    return Judgement(record, stage, rejection, reports, shown, coverage, split_points)


def _through(stages: Sequence[Stage], record: Record, judging: Judging) -> tuple[Record, str, Rejection | None]:
    """What is left of a problem, and where and why it left, if it did."""
    for stage in stages:
        assert stage.run is not None
        result = stage.run(record, judging, Ledger())
        if isinstance(result, Rejection):
            return record, stage.name, result
        record = result
    return record, "", None


def _is_whole(raw: RawProblem) -> bool:
    """Whether there are programs, and unit tests to run them on."""
    return bool(raw.solutions and raw.inputs and raw.outputs and len(raw.inputs) == len(raw.outputs))


def _best(reports: dict[int, Report]) -> int | None:
    passed = {i: sum(t.verdict is Verdict.ACCEPTED for t in report.unit_tests) for i, report in reports.items()}
    return min(passed, key=lambda i: (-passed[i], i)) if passed else None


def _split_points(code: str) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for point in find_split_points(code):
        found[point.line] = (*found.get(point.line, ()), point.kind)
    return found
