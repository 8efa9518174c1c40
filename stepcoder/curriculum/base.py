"""What every curriculum is: it gives levels, learns pass rates, and is saved with a checkpoint."""

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from appsplus.errors import InputError
from stepcoder.curriculum.options import CurriculumConfig


class Curriculum(ABC):
    """The state of a curriculum over all problems. Each problem has levels 1 (shows the most) to its last (nothing)."""

    def __init__(self, levels: Mapping[str, int], config: CurriculumConfig, rng: random.Random) -> None:
        """`levels`: how many each problem has. `rng` is drawn from by `level`, and saved with the state."""
        if wrong := {problem_id: count for problem_id, count in levels.items() if count < 1}:
            raise ValueError(f"a problem has at least one level, the plain task; got {wrong}")
        self._levels = dict(sorted(levels.items()))
        self._config = config
        self._rng = rng

    def level(self, problem_id: str) -> int:
        """The level to give this problem now, from 1 to its last. Draws, so two calls may differ."""
        if self._rng.random() < self._config.plain_share:
            return self._levels[problem_id]
        return self._given(problem_id)

    def update(self, problem_id: str, level: int, pass_rate: float) -> None:
        """Learn the share of completions, of those given this problem at this level in one update, that passed.

        Raises ValueError for a level that the problem does not have, or a rate outside [0, 1] (NaN too).
        """
        if not 1 <= level <= self._levels[problem_id]:
            raise ValueError(f"{problem_id} has levels 1 to {self._levels[problem_id]}; got {level}")
        if not 0 <= pass_rate <= 1:
            raise ValueError(f"a pass rate is in [0, 1]; got {pass_rate} for {problem_id}")
        self._learned(problem_id, level, pass_rate)

    def reached(self, problem_id: str) -> int:
        """The level that this problem has reached; its last where a curriculum has no such thing."""
        return self._levels[problem_id]

    @abstractmethod
    def _given(self, problem_id: str) -> int:
        """The level of a problem, apart from the share of plain tasks."""

    def _learned(self, problem_id: str, level: int, pass_rate: float) -> None:  # noqa: B027
        """What a pass rate changes; nothing, unless told otherwise."""

    def _places(self) -> dict[str, list[Any]]:
        """Where each problem is, as plain JSON; empty for a curriculum without memory."""
        return {}

    def _put(self, places: Mapping[str, list[Any]]) -> None:  # noqa: B027
        """The inverse of `_places`."""

    def state_dict(self) -> dict[str, Any]:
        """All that `load_state_dict` needs to go on exactly as this one would: plain JSON."""
        version, numbers, gauss = self._rng.getstate()
        return {
            "name": self._config.name,
            "levels": dict(self._levels),
            "places": self._places(),
            "rng": [version, list(numbers), gauss],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state. Raises InputError where it is not of this curriculum, these problems and their levels."""
        if state.get("name") != self._config.name:
            raise InputError(
                f"the checkpoint's curriculum is {state.get('name')}, not {self._config.name}; resume with the options"
                " and the version that the run began with"
            )
        levels = state["levels"]
        if levels.keys() != self._levels.keys():
            strangers = sorted(levels.keys() ^ self._levels.keys())
            raise InputError(
                f"the checkpoint's curriculum is of other problems than the dataset's (one that differs: {strangers[0]!r}); "
                "resume with the dataset, the split and the filters that the run began with"
            )
        for problem_id, count in levels.items():
            if count != self._levels[problem_id]:
                raise InputError(
                    f"the checkpoint has {problem_id} with {count} levels, but it has {self._levels[problem_id]} levels"
                    " here; resume with the options that the run began with"
                )
        self._put(state["places"])
        version, numbers, gauss = state["rng"]
        self._rng.setstate((version, tuple(numbers), gauss))
