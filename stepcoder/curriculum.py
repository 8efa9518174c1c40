"""CCCS: which subtask of a problem the policy is given now, and when it gets a harder one (arXiv:2402.01391, section 4.1).

Level 1 of a problem shows the most of its canonical solution, its last level, the plain task, nothing. From the paper: about
ceil(sqrt(E)) levels a problem of E conditional statements, one level up once the moving average of that problem's pass rate
exceeds a threshold, the plain task at the end. Not in any source we could read, and so options with defaults of ours:
the threshold, the average's coefficient and start, and which statements count (`KINDS`, `level_chars`).

| schedule | the level of a problem |
|---|---|
| `adaptive` | starts at 1; one up when the average at this level exceeds the threshold; never down |
| `fixed` | starts at 1; one up after every `updates_per_level` updates of this problem, whatever the pass rate (ours) |
| `mixed` | drawn uniformly from all of its levels: start states of all stages together, as in R3 (arXiv:2402.05808) |
| `bisection` | drawn uniformly from an interval of levels that outcomes narrow: AdaBack (arXiv:2506.18110), on levels |
| `plain` | its last: no curriculum |

AdaBack draws the revealed share of the solution from an interval for each problem and narrows that by comparing the reward
with a threshold, a stochastic binary search. Ours does so on levels (give it many: `levels_per_problem`). A pass rate above
the threshold raises the lower end to the level given, any other lowers the upper end to it. That an interval of one level
opens again, upwards after a success, downwards after a failure, is ours: the policy changes, and so does what it can do.

Whatever the schedule, a `plain_share` of all draws is the plain task, from the first update on: without it the plain task is
starved while levels are low, and what short prompts teach is lost again (measured in a first sketch of ours). Pass rates at
another level than the problem's own do not move the `adaptive` and `fixed` schedules.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from appsplus.annotate.split_points import KINDS
from appsplus.annotate.subtasks import DEFAULT_KINDS, subtask_chars
from appsplus.errors import InputError
from appsplus.problem import Problem
from appsplus.release import load_problems, prompt_text

Schedule = Literal["adaptive", "fixed", "mixed", "bisection", "plain"]


@dataclass(frozen=True, slots=True)
class CurriculumConfig:
    """The options of CCCS. Defaults are ours where the paper is silent."""

    schedule: Schedule = "adaptive"
    threshold: float = 0.5  # a level is done when the average exceeds it
    coefficient: float = 0.5  # weight of the newest pass rate in the moving average; 1: no memory
    plain_share: float = 0.2  # of draws that give the plain task, whatever the level; 0: none
    updates_per_level: int = 8  # of one problem, for the schedule `fixed`
    kinds: frozenset[str] | None = None  # statements that count; None: the dataset's own levels (if, for, while)
    levels_per_problem: int | None = None  # None: ceil(sqrt(E)), as the dataset has it
    at_line_start: bool = False  # cut before a statement's indentation, not after it: see `level_chars`

    def __post_init__(self) -> None:
        if self.schedule not in get_args(Schedule):
            raise InputError(f"schedule must be one of {', '.join(get_args(Schedule))}; got {self.schedule!r}")
        if not 0 <= self.threshold < 1:
            raise InputError(f"threshold must be in [0, 1), or no pass rate exceeds it; got {self.threshold}")
        if not 0 < self.coefficient <= 1:
            raise InputError(f"coefficient must be in (0, 1]; got {self.coefficient}")
        if not 0 <= self.plain_share <= 1:
            raise InputError(f"plain_share must be in [0, 1]; got {self.plain_share}")
        if self.updates_per_level < 1 or (self.levels_per_problem is not None and self.levels_per_problem < 1):
            raise InputError(
                "updates_per_level and levels_per_problem must be at least 1; "
                f"got {self.updates_per_level} and {self.levels_per_problem}"
            )
        if unknown := (self.kinds or KINDS) - KINDS:
            raise InputError(f"unknown kinds of statements: {sorted(unknown)}; there are {', '.join(sorted(KINDS))}")


def level_chars(problem: Problem, config: CurriculumConfig = CurriculumConfig()) -> tuple[int, ...]:
    """Characters of the canonical solution that each level shows, level 1 first, the last 0.

    The dataset's own, unless `config` says which statements count or how many levels. The dataset cuts right before a
    statement, after its indentation; a tokenizer that joins a line's end, indentation and first word sees tokens there that
    it has never seen in whole programs. With `at_line_start` the policy writes the indentation itself. Raises ValueError
    for a problem without annotation.
    """
    if problem.annotation is None:
        raise ValueError(f"{problem.problem_id} has no annotation; build the dataset with `appsplus build`")
    if config.kinds is None and config.levels_per_problem is None:
        chars = problem.annotation.subtask_chars
    else:
        points, kinds = problem.annotation.split_points, config.kinds or DEFAULT_KINDS
        chars = subtask_chars(points, kinds, config.levels_per_problem)
    if config.at_line_start:
        code = problem.canonical_solution
        chars = tuple(dict.fromkeys(len(code[:char].rstrip(" \t\f")) for char in chars))
    return chars


@dataclass(slots=True)
class _Place:
    """Where one problem is in its curriculum."""

    level: int = 1  # adaptive, fixed
    average: float | None = None  # of pass rates at this level; None: none yet
    updates: int = 0  # at this level
    low: int = 1  # bisection: the level is drawn from [low, high]
    high: int = 1


class Curriculum:
    """The state of CCCS over all problems: gives levels, learns pass rates, is saved with a checkpoint."""

    def __init__(self, levels: Mapping[str, int], config: CurriculumConfig, rng: random.Random) -> None:
        """`levels`: how many each problem has. `rng` is drawn from by `level`, and saved with the state."""
        if wrong := {problem_id: count for problem_id, count in levels.items() if count < 1}:
            raise ValueError(f"a problem has at least one level, the plain task; got {wrong}")
        self._levels = dict(levels)
        self._config = config
        self._rng = rng
        self._places = {problem_id: _Place(high=count) for problem_id, count in sorted(levels.items())}

    def level(self, problem_id: str) -> int:
        """The level to give this problem now, from 1 to its last. Draws, so two calls may differ."""
        place, last = self._places[problem_id], self._levels[problem_id]
        if self._config.schedule == "plain" or self._rng.random() < self._config.plain_share:
            return last
        if self._config.schedule == "mixed":
            return self._rng.randint(1, last)
        if self._config.schedule == "bisection":
            return self._rng.randint(place.low, place.high)
        return place.level

    def reached(self, problem_id: str) -> int:
        """The level that this problem has reached: its own; for `bisection` the lower end; its last where there is none."""
        place, schedule = self._places[problem_id], self._config.schedule
        if schedule in ("adaptive", "fixed"):
            return place.level
        return place.low if schedule == "bisection" else self._levels[problem_id]

    def update(self, problem_id: str, level: int, pass_rate: float) -> None:
        """Learn the share of completions, of those given this problem at this level in one update, that passed.

        Raises ValueError for a level that the problem does not have, or a rate outside [0, 1] (NaN too).
        """
        place, last = self._places[problem_id], self._levels[problem_id]
        if not 1 <= level <= last:
            raise ValueError(f"{problem_id} has levels 1 to {last}; got {level}")
        if not 0 <= pass_rate <= 1:
            raise ValueError(f"a pass rate is in [0, 1]; got {pass_rate} for {problem_id}")
        if self._config.schedule == "bisection":
            self._bisect(place, last, level, passed=pass_rate > self._config.threshold)
        elif self._config.schedule in ("adaptive", "fixed") and level == place.level:
            self._average(place, last, pass_rate)

    def _average(self, place: _Place, last: int, pass_rate: float) -> None:
        weight = self._config.coefficient
        place.updates += 1
        place.average = pass_rate if place.average is None else (1 - weight) * place.average + weight * pass_rate
        if self._config.schedule == "fixed":
            done = place.updates >= self._config.updates_per_level
        else:
            done = place.average > self._config.threshold
        if done and place.level < last:
            place.level, place.average, place.updates = place.level + 1, None, 0

    def _bisect(self, place: _Place, last: int, level: int, *, passed: bool) -> None:
        if passed:
            place.low = max(place.low, level)
            place.high = last if place.low >= place.high else place.high
        else:
            place.high = min(place.high, level)
            place.low = 1 if place.low >= place.high else place.low

    def state_dict(self) -> dict[str, Any]:
        """All that `load_state_dict` needs to go on exactly as this one would: plain JSON."""
        version, numbers, gauss = self._rng.getstate()
        return {
            "places": {
                problem_id: [place.level, place.average, place.updates, place.low, place.high]
                for problem_id, place in self._places.items()
            },
            "rng": [version, list(numbers), gauss],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state. Raises InputError where it is not of these problems and their levels."""
        places = state["places"]
        if places.keys() != self._places.keys():
            strangers = sorted(places.keys() ^ self._places.keys())
            raise InputError(
                f"the checkpoint's curriculum is of other problems than the dataset's (one that differs: {strangers[0]!r}); "
                "resume with the dataset, the split and the filters that the run began with"
            )
        loaded = {problem_id: _Place(*place) for problem_id, place in places.items()}
        for problem_id, place in loaded.items():
            if max(place.level, place.low, place.high) > self._levels[problem_id]:
                raise InputError(
                    f"the checkpoint has {problem_id} at level {max(place.level, place.high)}, "
                    f"but it has {self._levels[problem_id]} levels here; resume with the options that the run began with"
                )
        self._places = loaded
        version, numbers, gauss = state["rng"]
        self._rng.setstate((version, tuple(numbers), gauss))


@dataclass(frozen=True, slots=True)
class Subtask:
    """One level of one problem: the policy reads `prompt` and is to write `remainder`, or anything that passes."""

    problem_id: str
    level: int  # 1 is the easiest, `levels` the plain task
    levels: int
    prompt: str
    prefix: str  # of the canonical solution, given; the judge runs prefix + completion
    remainder: str


def subtasks(dataset: Path | str, split: str = "train") -> Iterator[Subtask]:
    """Every level of every problem of a split, problem by problem, easiest level first.

    Raises DatasetError where the folder is no dataset of ours.
    """
    for problem in load_problems(dataset, split):
        code, cuts = problem.canonical_solution, level_chars(problem)
        for level, chars in enumerate(cuts, start=1):
            prefix = code[:chars]
            yield Subtask(problem.problem_id, level, len(cuts), prompt_text(problem, prefix), prefix, code[chars:])
