"""What all rows of one leaderboard have in common: the dataset, its split, the problems in it, and the judge."""

from collections.abc import Mapping
from dataclasses import dataclass

from appsplus.evaluation.results import DatasetFacts
from appsplus.evaluation.suite import Suite, conditional_statements
from appsplus.judge import version
from appsplus.problem import DIFFICULTIES, IOFormat, Problem
from appsplus.release import title_of


@dataclass(frozen=True, slots=True)
class ProblemFacts:
    """What the site says about a problem. Not its description, whose licence is that of its source."""

    problem_id: str
    title: str
    difficulty: str
    io_format: str
    conditional_statements: int | None  # of the canonical solution
    num_unit_tests: int
    source: str
    license: str
    url: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What a submission must agree with to be compared with the others."""

    dataset: DatasetFacts
    judge_version: str
    problems: Mapping[str, ProblemFacts]  # in the dataset's order

    @property
    def difficulties(self) -> tuple[str, ...]:
        """Those that a problem has, from easy to hard."""
        there = {problem.difficulty for problem in self.problems.values()}
        return tuple(name for name in DIFFICULTIES if name in there)

    @property
    def io_formats(self) -> tuple[str, ...]:
        """Those that a problem has."""
        there = {problem.io_format for problem in self.problems.values()}
        return tuple(str(name) for name in IOFormat if name in there)


def terms_of(suite: Suite) -> Terms:
    """The terms of a leaderboard on these problems, under the judge that is installed here."""
    return Terms(suite.facts, version(), {problem.problem_id: _facts(problem) for problem in suite.problems()})


def _facts(problem: Problem) -> ProblemFacts:
    return ProblemFacts(
        problem_id=problem.problem_id,
        title=title_of(problem.description),
        difficulty=problem.difficulty,
        io_format=str(problem.io_format),
        conditional_statements=conditional_statements(problem),
        num_unit_tests=len(problem.unit_tests),
        source=problem.source,
        license=problem.license,
        url=problem.url,
    )
