"""CCCS: a problem as a curriculum of code completion subtasks, from nearly done to the plain task (arXiv:2402.01391)."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from appsplus.problem import SplitPoint

DEFAULT_KINDS = frozenset(("if", "for", "while"))
"""Which split points count. The paper speaks of conditional statements; which syntax that is, is our choice."""


class Subtask(NamedTuple):
    """One level of a problem's curriculum."""

    level: int  # from 1, the easiest
    prefix: str  # what of the canonical solution is given
    remainder: str  # what is left to write; prefix + remainder is the canonical solution


def subtask_chars(
    split_points: Sequence[SplitPoint], kinds: frozenset[str] = DEFAULT_KINDS, levels: int | None = None
) -> tuple[int, ...]:
    """Characters of the canonical solution that each level gives, easiest level first, strictly decreasing, 0 the last.

    Of a problem with E conditional statements, which start at s_1 < ... < s_E in source order, the paper makes
    L = ceil(sqrt(E)) levels, the first near the end of the solution, the last the plain task. Where exactly the levels lie
    it does not say. Ours are evenly spread over the split points, with s_0 = 0, the start of the solution, as the last:

        level l of L gives the characters before s_i,  i = ceil(E * (L - l) / (L - 1)),  l = 1 ... L

    so level 1 gives all before the last conditional statement, s_E, and level L nothing. With L = 1 (E is 0 or 1) there is
    the plain task alone. `levels` replaces L; it is at most E + 1. Levels that would give the same are one.

    Raises ValueError for fewer than one level.
    """
    starts = [0, *sorted({point.char for point in split_points if point.kind in kinds})]
    counting = len(starts) - 1
    if levels is None:
        levels = math.isqrt(counting - 1) + 1 if counting else 1  # ceil(sqrt(E)), exactly
    if levels < 1:
        raise ValueError(f"a curriculum needs at least one level, the plain task; got {levels}")
    steps = min(levels, counting + 1) - 1
    chosen = [starts[-(-counting * left // steps)] for left in range(steps, 0, -1)]
    return (*dict.fromkeys(char for char in chosen if char > 0), 0)


def subtasks(program: str, chars: Sequence[int]) -> list[Subtask]:
    """The rows of a curriculum: `program` cut at each of `chars` (the result of `subtask_chars`), levels from 1."""
    return [Subtask(level, program[:char], program[char:]) for level, char in enumerate(chars, start=1)]
