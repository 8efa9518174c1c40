"""BREAD: an expert's prefix where, and only where, all completions of a problem fail (arXiv:2506.17211).

A problem is given as the plain task. Where none of its completions passes, the shortest prefix of the expert's program (ours:
the canonical solution) is looked for from which some completion passes, the episode anchor; the completions from there
take the place of those that failed. So an update has something to learn from wherever the policy, so helped, can pass.

The search is a bisection over levels 1 (shows the most) ... last - 1, for a longer prefix is taken to help:

    low, high = 1, last - 1
    while low <= high:
        level = (low + high + 1) // 2
        some completion from there passes:   anchor <- level,  low <- level + 1
        none does:                           high <- level - 1

in at most ceil(log2(last)) rounds. All problems of an update that need it are searched together, so that a round is one
batch of generation and one of the judge; a probe is as many completions as a problem has in an update. Where even the longest
prefix gives no success, the failed completions stay.

From the paper: the plain task first, an expert's prefix only where all fail, the search for an anchor by bisection, branched
rollouts from it. What counts as success enough we could not read; ours is one completion. Also ours: where a solution can
be cut (by default at lines, `cuts`), how many levels it has (`levels_per_problem`), and that completions of probes at other
levels are not trained on. They are counted, in `search_completions`: BREAD costs more completions an update than others.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from stepcoder.curriculum.base import Curriculum


class Bread(Curriculum):
    """The plain task, always; remembers where the last anchor of each problem was."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._anchors = dict(self._levels)

    def level(self, problem_id: str) -> int:
        """Its last; nothing is drawn."""
        return self._levels[problem_id]

    def _given(self, problem_id: str) -> int:
        return self._levels[problem_id]

    def search(self, failed: Iterable[str]) -> "AnchorSearch":
        """The search for the anchors of problems of which all completions failed."""
        return AnchorSearch({problem_id: self._levels[problem_id] for problem_id in failed})

    def reached(self, problem_id: str) -> int:
        """The level of the last anchor; its last level where none was needed, or none found."""
        return self._anchors[problem_id]

    def _learned(self, problem_id: str, level: int, pass_rate: float) -> None:  # noqa: ARG002
        self._anchors[problem_id] = level

    def _places(self) -> dict[str, list[Any]]:
        return {problem_id: [anchor] for problem_id, anchor in self._anchors.items()}

    def _put(self, places: Mapping[str, list[Any]]) -> None:
        self._anchors = {problem_id: anchor for problem_id, (anchor,) in places.items()}


class AnchorSearch:
    """For each of some problems, the highest level below the plain task from which some completion passes."""

    def __init__(self, lasts: Mapping[str, int]) -> None:
        """`lasts`: the last level of each problem, the plain task, which failed."""
        self._open = {problem_id: (1, last - 1) for problem_id, last in lasts.items() if last > 1}
        self.anchors: dict[str, int] = {}  # found so far

    def asked(self) -> dict[str, int]:
        """The level to try next of each problem whose search is not over."""
        return {problem_id: (low + high + 1) // 2 for problem_id, (low, high) in self._open.items()}

    def told(self, passed: Mapping[str, bool]) -> None:
        """Learn of each problem asked whether some completion passed; a problem that is missing is looked at no more."""
        for problem_id, level in self.asked().items():
            low, high = self._open.pop(problem_id)
            if problem_id not in passed:
                continue
            if passed[problem_id]:
                self.anchors[problem_id] = level
                low = level + 1
            else:
                high = level - 1
            if low <= high:
                self._open[problem_id] = (low, high)
