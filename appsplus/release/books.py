"""The books of a build: given = kept + rejected, at every stage."""

from collections import Counter
from collections.abc import Sequence

from appsplus.problem import Problem, Rejection
from appsplus.release.manifest import FunnelStage


class Books:
    """What became of every problem that was given."""

    def __init__(self, stages: Sequence[str]) -> None:
        """`stages`: by name, in their order."""
        self.given = 0
        self._kept = 0
        self.reference_cpu_s: dict[str, float | None] = {}  # by problem that was kept
        self._rejected: dict[str, Counter[str]] = {stage: Counter() for stage in stages}

    def keep(self, problem: Problem) -> None:
        """A problem has come through."""
        self._kept += 1
        self.reference_cpu_s[problem.problem_id] = problem.reference_cpu_s

    def reject(self, stage: str, rejection: Rejection) -> None:
        """A problem has left at a stage."""
        self._rejected[stage][rejection.reason.value] += 1

    def funnel(self) -> tuple[FunnelStage, ...]:
        """The stages in order, each with what came to it, what went on, and why the others did not."""
        rows, given = [], self.given
        for stage, reasons in self._rejected.items():
            rejected = dict(sorted(reasons.items()))
            kept = given - sum(rejected.values())
            rows.append(FunnelStage(stage, given, kept, rejected))
            given = kept
        assert given == self._kept, f"the books do not balance: {given} should be left, {self._kept} were written"
        return tuple(rows)
