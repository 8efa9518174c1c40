"""The curriculum of code completion subtasks (CCCS, arXiv:2402.01391) as a dataset holds it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appsplus.release import load_problems, prompt_text


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
        assert problem.annotation is not None
        code, cuts = problem.canonical_solution, problem.annotation.subtask_chars
        for level, chars in enumerate(cuts, start=1):
            prefix = code[:chars]
            yield Subtask(problem.problem_id, level, len(cuts), prompt_text(problem, prefix), prefix, code[chars:])
