"""Where programs are cut: at the split points that a dataset has, or at lines."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appsplus.annotate.subtasks import DEFAULT_KINDS, subtask_chars
from appsplus.problem import Problem
from appsplus.release import load_problems, prompt_text
from stepcoder.curriculum.options import CurriculumConfig

LINE_LEVELS = 8  # of a program that is cut at lines, at most, unless told otherwise

DATASETS_OWN = CurriculumConfig()

_LATER_LINE = re.compile(r"(?<=[\r\n])([ \t\f]*)(?=[^\s])")


def level_chars(problem: Problem, config: CurriculumConfig = DATASETS_OWN) -> tuple[int, ...]:
    """Characters of the canonical solution that each level shows, level 1 first, the last 0.

    The dataset's own, unless `config` says which statements count, how many levels, or lines. The dataset cuts right before
    a statement, after its indentation; a tokenizer that joins a line's end, indentation and first word sees tokens there
    that it has never seen in whole programs. With `at_line_start` the policy writes the indentation itself. Raises
    ValueError for a problem without annotation.
    """
    if problem.annotation is None:
        raise ValueError(f"{problem.problem_id} has no annotation; build the dataset with `appsplus build`")
    code = problem.canonical_solution
    if config.cuts == "lines":
        chars = line_chars(code, config.levels_per_problem or LINE_LEVELS)
    elif config.kinds is None and config.levels_per_problem is None:
        chars = problem.annotation.subtask_chars
    else:
        points, kinds = problem.annotation.split_points, config.kinds or DEFAULT_KINDS
        chars = subtask_chars(points, kinds, config.levels_per_problem)
    return _at_line_start(code, chars) if config.at_line_start else chars


def line_chars(program: str, levels: int = LINE_LEVELS, *, at_line_start: bool = False) -> tuple[int, ...]:
    """Characters that each of at most `levels` levels shows of a program that is cut before lines, the last 0.

    Of a program with lines 1 ... M + 1 that are not blank, line i + 1 starts at s_i, after its indentation, and s_0 = 0:

        level l of L shows the characters before s_i,  i = ceil(M * (L - l) / (L - 1)),  l = 1 ... L

    the rule of `subtask_chars`, on lines. Raises ValueError for fewer than one level.
    """
    if levels < 1:
        raise ValueError(f"a curriculum needs at least one level, the plain task; got {levels}")
    starts = [found.end() for found in _LATER_LINE.finditer(program) if program[: found.start()].strip()]
    steps = min(levels, len(starts) + 1) - 1
    chars = (*(([0, *starts])[-(-len(starts) * left // steps)] for left in range(steps, 0, -1)), 0)
    return _at_line_start(program, chars) if at_line_start else chars


def _at_line_start(program: str, chars: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(len(program[:char].rstrip(" \t\f")) for char in chars))


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
