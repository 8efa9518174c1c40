"""From a problem's row and a completion to a reward: the one way, which every integration goes.

The program is extracted from the completion by the rule of `appsplus.evaluation.extraction`, judged on the unit tests of the
row, and its verdict is worth what `appsplus.reward` says. A failure of the judge is a SandboxError, and never a reward: each
framework is told in its own way that there is no score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from appsplus.engine.cache import key_of
from appsplus.errors import SandboxError
from appsplus.evaluation import EXTRACTION_FAILED, NoProgram, extract
from appsplus.integrations import judges
from appsplus.integrations.rows import Row, find_row, job_of
from appsplus.judge import Report
from appsplus.problem import Verdict
from appsplus.reward import reward


@dataclass(frozen=True, slots=True)
class Scored:
    """What a completion is worth, and why."""

    reward: float
    outcome: str  # the verdict, or "extraction_failed"
    passed_tests: int
    num_tests: int
    error: str = ""  # what the first unit test that failed showed, if it raised

    @property
    def accepted(self) -> bool:
        """Whether every unit test passed."""
        return self.outcome == Verdict.ACCEPTED

    @property
    def share_passed(self) -> float:
        """Share of the unit tests that passed."""
        return self.passed_tests / self.num_tests


def score(row: Row, completion: str, *, variant: str | None = None) -> Scored:
    """What a completion is worth. Raises SandboxError where the judge fails, InputError for a row that is none of ours.

    `variant` is one of `appsplus.reward.VARIANTS`; None: as the settings say.
    """
    found = extract(completion, fence_open=bool(row.get("continued")))
    variant = variant or judges.settings().reward
    if isinstance(found, NoProgram):
        job_of(row, "")  # a row that is none of ours is an error, whatever was written
        return scored_of(None, len(row["tests"]), variant)
    job = job_of(row, found.text)
    key = f"{variant} {key_of(job)}"
    scored: Scored | None = judges.memory().get(key)
    if scored is None:
        [report] = judges.engine(job.modules).judge([job])
        scored = scored_of(report, len(job.unit_tests), variant)
        judges.memory().put(key, scored)
    return scored


def score_all(
    rows: Sequence[Row], completions: Sequence[str], *, variant: str | None = None
) -> list[Scored | SandboxError]:
    """`score` for a batch, judged in parallel; a failure of the judge stands in its completion's place.

    Raises SandboxError where the judge failed on all of them.
    """
    pairs = list(zip(rows, completions, strict=True))
    return judges.in_parallel(lambda pair: score(*pair, variant=variant), pairs)


def score_problem(dataset: str, problem_id: str, completion: str, *, continued: bool = False) -> Scored:
    """`score` for a problem of a dataset folder. Raises as `score` and `find_row` do.

    `continued`: the prompt ended in an open block of code, which the completion continues.
    """
    return score(find_row(dataset, problem_id, continued=continued), completion)


def scored_of(report: Report | None, num_tests: int, variant: str) -> Scored:
    """What a report is worth; None: there was no program to judge."""
    if report is None:
        return Scored(reward(None, num_tests, variant), EXTRACTION_FAILED, 0, num_tests)
    first = report.first_failure
    return Scored(
        reward=reward(report, num_tests, variant),
        outcome=str(report.verdict),
        passed_tests=sum(t.verdict is Verdict.ACCEPTED for t in report.unit_tests),
        num_tests=num_tests,
        error="" if first is None else report.unit_tests[first].error,
    )
