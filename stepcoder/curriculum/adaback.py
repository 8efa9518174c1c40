"""AdaBack: a stochastic bisection of the revealed share, per problem (arXiv:2506.18110).

    level ~ uniform {low, ..., high}
    pass rate > threshold:   low  <- max(low, level)      no more need be shown
    otherwise:               high <- min(high, level)     no less may be

The paper reveals a share of the target output, drawn from an interval of its own for each sample, and narrows the interval by
comparing the reward with a threshold. Ours does so on levels (give it many: `levels_per_problem`, or `cuts` lines), and
on pass rates. That an interval of one level opens again, upwards after a success, downwards after a failure, is ours: the
policy changes, and so does what it can do. The default of the threshold is ours.
"""

from collections.abc import Mapping
from typing import Any

from stepcoder.curriculum.base import Curriculum


class AdaBack(Curriculum):
    """Each problem has an interval of levels."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._between = {problem_id: (1, last) for problem_id, last in self._levels.items()}

    def _given(self, problem_id: str) -> int:
        return self._rng.randint(*self._between[problem_id])

    def reached(self, problem_id: str) -> int:
        """The lower end of its interval."""
        return self._between[problem_id][0]

    def _learned(self, problem_id: str, level: int, pass_rate: float) -> None:
        low, high = self._between[problem_id]
        if pass_rate > self._config.threshold:
            low = max(low, level)
            high = self._levels[problem_id] if low >= high else high
        else:
            high = min(high, level)
            low = 1 if low >= high else low
        self._between[problem_id] = (low, high)

    def _places(self) -> dict[str, list[Any]]:
        return {problem_id: list(between) for problem_id, between in self._between.items()}

    def _put(self, places: Mapping[str, list[Any]]) -> None:
        self._between = {problem_id: (low, high) for problem_id, (low, high) in places.items()}
