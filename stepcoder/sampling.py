"""Completions of a policy for `appsplus evaluate`: one line a completion, {problem_id, completion}."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import set_seed

from appsplus.errors import InputError
from stepcoder.config import SftConfig
from stepcoder.data import load_split
from stepcoder.errors import ConfigError
from stepcoder.methods.critic_sampling import CriticSampling, critic_sampled
from stepcoder.policy import load_model
from stepcoder.prm.lines import check_lines
from stepcoder.prm.model import LineScorer
from stepcoder.prm.reranking import best, ranked, search_lines
from stepcoder.progress import Progress
from stepcoder.rollouts import Decoding, Task, generated
from stepcoder.run import policy_folder

Line = tuple[str, str]  # problem_id, completion


@dataclass(frozen=True, slots=True)
class Reranking:
    """How a reward model chooses what is given."""

    prm: str  # its folder
    candidates: int  # completions of a problem that it chooses from; with a search, tries of each line
    search: str = ""  # lines: it chooses line by line
    width: int = 4  # prefixes that the search keeps

    def __post_init__(self) -> None:
        if self.search not in ("", "lines"):
            raise ConfigError(f"--search {self.search} is not known; expected lines")
        if min(self.candidates, self.width) < 1:
            raise ConfigError(f"--candidates and --width must be at least 1; got {self.candidates} and {self.width}")


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
    reranking: Reranking | None = None,
    critic: CriticSampling | None = None,
) -> int:
    """Write the completions of a run's policy on the plain tasks of a split; how many. Raises InputError.

    A completion goes on inside the open block of code that its prompt ends with.
    """
    decoding = Decoding(temperature, top_p, max_tokens, batch)
    several = max(completions, reranking.candidates if reranking else 1)
    if several > 1 and not temperature:
        raise InputError(
            f"--completions {several} of the likeliest tokens would all be the same; give --temperature"
            if not reranking
            else f"{several} candidates of the likeliest tokens would all be the same; give --temperature"
        )
    if reranking and completions > (reranking.width if reranking.search else reranking.candidates):
        raise InputError(
            f"--completions {completions} are more than the reward model has to choose from; raise"
            f" {'--width' if reranking.search else '--candidates'}"
        )
    lm, tokenizer = load_model(str(policy_folder(run)), SftConfig())
    lm = lm.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    set_seed(seed)
    tasks = [Task.of(problem, (0,), 1, tokenizer) for problem in load_split(dataset, split)]
    made = _plain(lm, tokenizer, tasks, decoding, completions)
    if reranking:
        made = _chosen(lm, tokenizer, tasks, decoding, completions, reranking, str(run))
    if critic:
        made = critic_sampled(lm, tokenizer, tasks, run, critic, completions, decoding)
    count = 0
    try:
        with out.open("w", encoding="utf-8") as file, Progress() as progress:
            for problem_id, completion in made:
                file.write(json.dumps({"problem_id": problem_id, "completion": completion}) + "\n")
                file.flush()
                count += 1
                progress.advance("completions", count, len(tasks) * completions)
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror}); name another file with --out") from None
    return count


def _plain(lm: Any, tokenizer: Any, tasks: Sequence[Task], decoding: Decoding, completions: int) -> Iterator[Line]:
    for made in generated(lm, tokenizer, [task for task in tasks for _ in range(completions)], decoding):
        yield made.task.problem.problem_id, made.text


def _chosen(
    lm: Any,
    tokenizer: Any,
    tasks: Sequence[Task],
    decoding: Decoding,
    completions: int,
    reranking: Reranking,
    name: str,
) -> Iterator[Line]:
    """Those that the reward model likes best, as many problems at once as their candidates fill a batch."""
    check_lines(tokenizer, name)
    device = next(lm.parameters()).device
    scorer = LineScorer(reranking.prm, tokenizer, device, decoding.batch)
    tries = reranking.candidates
    at_once = max(1, decoding.batch // (tries * (reranking.width if reranking.search else 1)))
    for start in range(0, len(tasks), at_once):
        some = tasks[start : start + at_once]
        if reranking.search:
            found = search_lines(
                lm,
                tokenizer,
                some,
                scorer,
                width=reranking.width,
                tries=tries,
                max_tokens=decoding.max_tokens,
                temperature=decoding.temperature,
                top_p=decoding.top_p,
            )
        else:
            made = ranked(
                list(generated(lm, tokenizer, [t for t in some for _ in range(tries)], decoding)), scorer, tokenizer
            )
            found = [made[i : i + tries] for i in range(0, len(made), tries)]
        for task, candidates in zip(some, found, strict=True):
            for one in best(candidates, completions):
                yield task.problem.problem_id, tokenizer.decode(one.ids, skip_special_tokens=True)
