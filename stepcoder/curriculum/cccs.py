"""CCCS: from nearly done to the plain task, one level at a time (arXiv:2402.01391, section 4.1).

    average  <-  pass rate                                       at the first update of a problem at a level
    average  <-  (1 - coefficient) * average + coefficient * pass rate        from then on
    level    <-  level + 1, average forgotten                    where average > threshold and level < last

From the paper: about ceil(sqrt(E)) levels a problem of E conditional statements, one level up once the moving average of that
problem's pass rate exceeds a threshold, the plain task at the end. Not in any source we could read, and so options with
defaults of ours: the threshold, the average's coefficient and start, and which statements count (`kinds`, see `levels.py`).

| schedule | the level of a problem |
|---|---|
| `adaptive` | as above; never down |
| `fixed` | one up after every `updates_per_level` updates of this problem, whatever the pass rate (ours) |

Pass rates at another level than the problem's own, those of plain draws, move nothing.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

from stepcoder.curriculum.base import Curriculum


@dataclass(slots=True)
class Place:
    """Where one problem is in its curriculum."""

    level: int = 1
    average: float | None = None  # of pass rates at this level; None: none yet
    updates: int = 0  # at this level


class Cccs(Curriculum):
    """Problems advance each for itself."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._at = {problem_id: Place() for problem_id in self._levels}

    def _given(self, problem_id: str) -> int:
        return self._at[problem_id].level

    def reached(self, problem_id: str) -> int:
        """Its level."""
        return self._at[problem_id].level

    def _learned(self, problem_id: str, level: int, pass_rate: float) -> None:
        place, config = self._at[problem_id], self._config
        if level != place.level:
            return
        place.updates += 1
        if place.average is None:
            place.average = pass_rate
        else:
            place.average = (1 - config.coefficient) * place.average + config.coefficient * pass_rate
        if config.schedule == "fixed":
            done = place.updates >= config.updates_per_level
        else:
            done = place.average > config.threshold
        if done and place.level < self._levels[problem_id]:
            self._at[problem_id] = Place(place.level + 1)

    def _places(self) -> dict[str, list[Any]]:
        return {problem_id: list(astuple(place)) for problem_id, place in self._at.items()}

    def _put(self, places: Mapping[str, list[Any]]) -> None:
        self._at = {problem_id: Place(*place) for problem_id, place in places.items()}
