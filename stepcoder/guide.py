"""The guide of the curriculum jsrl: programs of another policy, written once, before training, and kept with the run.

    RUN/guide/batch-00000.json    {problem_id: program that passed, or null}, of a few problems each

A batch is written whole or not at all, and has random numbers of its own: whatever ends the run, the same command goes on
with the batches that are missing, and processes share them. Problems that the guide never solved have no program.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from appsplus.engine.judging import Judging
from appsplus.errors import InputError
from appsplus.jsonl import write_atomically
from appsplus.problem import Problem, Verdict
from stepcoder.config import SftConfig, TrainConfig
from stepcoder.curriculum import LINE_LEVELS, CurriculumConfig, level_chars, line_chars
from stepcoder.policy import load_model
from stepcoder.progress import LINE_EVERY_S
from stepcoder.rollouts import Decoding, Judgements, Task, collect

Guide = Callable[[Sequence[Problem]], Mapping[str, str]]
"""Programs of another policy, by problem."""

FOLDER = "guide"
PROBLEMS_PER_BATCH = 16


def guide_programs(
    run: Path,
    guide: str,
    problems: Sequence[Problem],
    config: TrainConfig,
    judging: Judging,
    threads: int,
    accelerator: Any,
    told: Callable[[str], None],
) -> dict[str, str]:
    """For each problem that the guide solves, a program of it that passes; from RUN where they are there already.

    `guide`: the folder or Hub id of a model. Raises InputError where it cannot be loaded, or solves none of the problems.
    """
    folder = run / FOLDER
    batches = [problems[at : at + PROBLEMS_PER_BATCH] for at in range(0, len(problems), PROBLEMS_PER_BATCH)]
    paths = [folder / f"batch-{number:05d}.json" for number in range(len(batches))]
    mine = range(accelerator.process_index, len(batches), accelerator.num_processes)
    missing = [number for number in mine if not paths[number].is_file()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        lm, tokenizer = load_model(guide, SftConfig(dtype=config.dtype))
        lm = lm.to(accelerator.device).eval()
        told_at = time.monotonic()
        with Judgements(judging, threads=threads, coverage=False) as judgements:
            for done, number in enumerate(missing, 1):
                found = _written(lm, tokenizer, batches[number], judgements, config, seed=config.seed + number)
                write_atomically(paths[number], (json.dumps(found) + "\n").encode())
                if time.monotonic() - told_at >= LINE_EVERY_S or done == len(missing):
                    told_at = time.monotonic()
                    told(f"the guide: {done} of {len(missing)} batches of {PROBLEMS_PER_BATCH} problems")
        del lm
    accelerator.wait_for_everyone()
    found = {name: code for path in paths for name, code in json.loads(path.read_text(encoding="utf-8")).items()}
    programs = {problem.problem_id: code for problem in problems if (code := found[problem.problem_id])}
    told(f"the guide solves {len(programs):,} of {len(problems):,} problems; the others have the plain task alone")
    if not programs:
        raise InputError(
            f"the guide {guide} solves none of the {len(problems):,} problems in {config.guide_completions} completions"
            " each, so there is no start state; choose a better one, or raise --guide-completions"
        )
    return programs


def _written(
    lm: Any, tokenizer: Any, problems: Sequence[Problem], judgements: Judgements, config: TrainConfig, *, seed: int
) -> dict[str, str | None]:
    """The first program of each problem that passes. Leaves the random numbers of the training as they are."""
    device = next(lm.parameters()).device
    tasks = [Task.of(p, (0,), 1, tokenizer) for p in problems for _ in range(config.guide_completions)]
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        collected = collect(lm, tokenizer, tasks, judgements, Decoding.of(config))
    found: dict[str, str | None] = {problem.problem_id: None for problem in problems}
    for judged in collected.judged:
        problem_id, program = judged.completion.task.problem.problem_id, judged.completion.program
        if program is not None and judged.outcome == Verdict.ACCEPTED and found[problem_id] is None:
            found[problem_id] = program.text
    return found


def prefixes_of(problems: Sequence[Problem], config: CurriculumConfig, guide: Guide) -> dict[str, tuple[str, ...]]:
    """What each level of each problem gives: the start of the canonical solution, or of a program of the guide."""
    if config.name != "jsrl":
        cuts = {p.problem_id: level_chars(p, config) for p in problems}
        return {p.problem_id: tuple(p.canonical_solution[:char] for char in cuts[p.problem_id]) for p in problems}
    programs, levels = guide(problems), config.levels_per_problem or LINE_LEVELS
    written = {p.problem_id: programs.get(p.problem_id, "") for p in problems}
    return {
        problem_id: tuple(code[:char] for char in line_chars(code, levels, at_line_start=config.at_line_start))
        for problem_id, code in written.items()
    }
