"""The options of the curricula. Which of them a paper gives stands in the curriculum's own file; defaults are ours."""

from dataclasses import dataclass
from typing import Literal, cast, get_args

from appsplus.annotate.split_points import KINDS
from appsplus.errors import InputError

Name = Literal["cccs", "r3", "adaback", "jsrl", "bread", "plain"]
Schedule = Literal["adaptive", "fixed", "random"]
Cuts = Literal["split_points", "lines"]

NAMES = get_args(Name)
SCHEDULES = get_args(Schedule)
CUTS = get_args(Cuts)


@dataclass(frozen=True, slots=True)
class CurriculumConfig:
    """Which curriculum, and its options."""

    name: Name = "cccs"
    schedule: Schedule = "adaptive"  # cccs: adaptive, fixed; jsrl: adaptive, fixed, random
    threshold: float = 0.5  # cccs, jsrl: a level is done when the average exceeds it; adaback: so is a pass rate
    coefficient: float = 0.5  # cccs, jsrl: weight of the newest pass rate in the moving average; 1: no memory
    plain_share: float = 0.2  # of draws that give the plain task, whatever the level; 0: none
    updates_per_level: int = 8  # of one problem, for the schedule `fixed`
    cuts: Cuts = "split_points"  # of the canonical solution; jsrl cuts the guide's program at lines
    kinds: frozenset[str] | None = None  # statements that count; None: the dataset's own levels (if, for, while)
    levels_per_problem: int | None = None  # None: ceil(sqrt(E)), as the dataset has it; of lines: `levels.LINE_LEVELS`
    at_line_start: bool = False  # cut before a statement's indentation, not after it: see `levels.level_chars`

    def __post_init__(self) -> None:
        for name, known in (("name", NAMES), ("schedule", SCHEDULES), ("cuts", CUTS)):
            if getattr(self, name) not in known:
                raise InputError(f"{name} must be one of {', '.join(known)}; got {getattr(self, name)!r}")
        if self.schedule == "random" and self.name != "jsrl":
            raise InputError(f"the schedule random is jsrl's; for random levels of {self.name} use the curriculum r3")
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
        if self.name == "jsrl" and self.cuts != "lines":
            raise InputError("jsrl cuts the guide's program at lines; leave cuts away")
        if self.kinds and self.cuts == "lines":
            raise InputError("kinds of statements say nothing where a solution is cut at lines; leave one of them away")


_OLD_SCHEDULES: dict[str, Name] = {"mixed": "r3", "bisection": "adaback"}
"""Schedules of CCCS that are curricula of their own now; the old values go on working."""


def named(start: str, schedule: str) -> tuple[Name, Schedule]:
    """The curriculum that the part `start` of a method and a schedule mean; no part: none. Raises InputError."""
    name = cast(Name, start or "plain")
    meant = _OLD_SCHEDULES.get(schedule, name)
    if meant != name and name not in ("cccs", "plain"):
        raise InputError(f"--schedule {schedule} is the curriculum {meant}, and --method says {name}; keep one of them")
    if name == "plain" or schedule in _OLD_SCHEDULES:
        return (name if name == "plain" else meant), "adaptive"
    if schedule != "adaptive" and name not in ("cccs", "jsrl"):
        raise InputError(f"--schedule {schedule}: {name} has no schedule; leave it away")
    return name, cast(Schedule, schedule)
