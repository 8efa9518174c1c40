"""Completions of a policy for `appsplus evaluate`: one line a completion, {problem_id, completion}."""

import json
from pathlib import Path

import torch
from accelerate.utils import set_seed

from appsplus.errors import InputError
from stepcoder.config import SftConfig
from stepcoder.data import load_split
from stepcoder.policy import load_model
from stepcoder.rollouts import Task, generate
from stepcoder.run import policy_folder


def sample_run(
    run: Path,
    dataset: str,
    out: Path,
    *,
    split: str,
    completions: int,
    temperature: float,
    top_p: float,
    max_tokens: int,
    batch: int,
    seed: int,
) -> int:
    """Write the completions of a run's policy on the plain tasks of a split; how many. Raises InputError.

    A completion goes on inside the open block of code that its prompt ends with.
    """
    if completions > 1 and not temperature:
        raise InputError(
            f"--completions {completions} of the likeliest tokens would all be the same; give --temperature"
        )
    lm, tokenizer = load_model(str(policy_folder(run)), SftConfig())
    lm = lm.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    set_seed(seed)
    problems = load_split(dataset, split)
    tasks = [Task.of(problem, (0,), 1, tokenizer) for problem in problems for _ in range(completions)]
    try:
        with out.open("w", encoding="utf-8") as file:
            for start in range(0, len(tasks), batch):
                some = tasks[start : start + batch]
                for made in generate(lm, tokenizer, some, max_tokens=max_tokens, temperature=temperature, top_p=top_p):
                    line = {"problem_id": made.task.problem.problem_id, "completion": made.text}
                    file.write(json.dumps(line) + "\n")
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror}); name another file with --out") from None
    return len(tasks)
