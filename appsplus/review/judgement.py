"""What the review app is told of a problem's programs. Who judges is handed in: `appsplus.trial`, for the command line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from appsplus.judge import Report
from appsplus.problem import Problem, RawProblem, Rejection, Solution, Verdict


@dataclass(frozen=True)
class Judgement:
    """What the build makes of a record when it is alone, and what its solutions do."""

    problem: Problem | None  # as far as the build came with it; None: it left before it had one I/O format
    stage: str = ""  # where it left; empty: it passes
    rejection: Rejection | None = None
    reports: Mapping[int, Report] = field(default_factory=dict)  # of the solutions that were run, by index
    shown: int | None = None  # the canonical solution; where none passes, the one that passes most unit tests
    coverage: Report | None = None  # of that one, with executed lines
    split_points: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # of that one: kinds, by line

    @property
    def passes(self) -> bool:
        """Whether a solution, the canonical one, passes every unit test, and the build keeps the problem so far."""
        return self.rejection is None

    @property
    def report(self) -> Report | None:
        """Of the solution that is shown."""
        return None if self.shown is None else self.reports.get(self.shown)

    def verdict(self, solution: Solution, index: int) -> Verdict | None:
        """Of any solution; None where it was not run."""
        return self.reports[index].verdict if index in self.reports else solution.verdict


Judging = Callable[[RawProblem], Judgement]
