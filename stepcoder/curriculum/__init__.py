"""Start states: how much of a program the policy is given of each problem, and when it is given less.

Level 1 of a problem shows the most, its last level, the plain task, nothing. A curriculum gives a level for each problem of
an update, and hears the pass rate that came of it. One file a curriculum, with its formula, its source and where its
options come from:

| name | file | the level of a problem |
|---|---|---|
| `cccs` | `cccs.py` | from the easiest up, one level at a time, as the pass rate allows (or after so many updates) |
| `r3` | `r3.py` | drawn uniformly from all of its levels |
| `adaback` | `adaback.py` | drawn from an interval that outcomes narrow: a stochastic bisection per problem |
| `jsrl` | `jsrl.py` | a share of a guide's program, annealed or random |
| `bread` | `bread.py` | the plain task; where all completions fail, the shortest prefix from which some pass |
| `plain` | `plain.py` | its last: no curriculum |

Where a program can be cut is `levels.py`; that of `cccs`, `r3`, `adaback` and `bread` is the canonical solution.

With every curriculum but `bread` a `plain_share` of all draws is the plain task, from the first update on: without it that
task is starved while levels are low, and what short prompts teach is lost again (measured in a first sketch of ours).
"""

import random
from collections.abc import Mapping

from stepcoder.curriculum.adaback import AdaBack
from stepcoder.curriculum.base import Curriculum
from stepcoder.curriculum.bread import Bread
from stepcoder.curriculum.cccs import Cccs
from stepcoder.curriculum.jsrl import Jsrl
from stepcoder.curriculum.levels import LINE_LEVELS, Subtask, level_chars, line_chars, subtasks
from stepcoder.curriculum.options import CUTS, NAMES, CurriculumConfig, Cuts, named
from stepcoder.curriculum.plain import Plain
from stepcoder.curriculum.r3 import R3

_CURRICULA: Mapping[str, type[Curriculum]] = {
    "cccs": Cccs,
    "r3": R3,
    "adaback": AdaBack,
    "jsrl": Jsrl,
    "bread": Bread,
    "plain": Plain,
}


def new_curriculum(levels: Mapping[str, int], config: CurriculumConfig, rng: random.Random) -> Curriculum:
    """The curriculum that `config` names, over problems with so many `levels` each. `rng` is saved with its state."""
    return _CURRICULA[config.name](levels, config, rng)


__all__ = [
    "CUTS",
    "LINE_LEVELS",
    "NAMES",
    "Curriculum",
    "CurriculumConfig",
    "Cuts",
    "Subtask",
    "level_chars",
    "line_chars",
    "named",
    "new_curriculum",
    "subtasks",
]
