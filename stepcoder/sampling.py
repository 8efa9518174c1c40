"""Completions of a policy for `appsplus evaluate`, into a file like that of `appsplus sample`.

What is written for a problem is up to a `Writer`: completions as they come, those that a reward model likes best
(`prm.reranking`), or those that CodeRL's critic has had written again (`methods.critic_sampling`).

A run that was stopped goes on: problems are always taken in the same groups, each group begins with a random state of its
own, and is in the file as soon as it is whole. So the file is that of a run which was never stopped.
"""

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import set_seed

from appsplus.errors import InputError
from appsplus.evaluation import prompts
from appsplus.evaluation.backends.local import named
from appsplus.evaluation.sample_file import Sample, SampleFile
from appsplus.evaluation.sampling import seed_of
from appsplus.release import data_hash
from stepcoder.config import DTYPES, SftConfig
from stepcoder.data import load_split, prompt_for
from stepcoder.errors import ConfigError
from stepcoder.methods.critic_sampling import CriticSampling, critic_sampler
from stepcoder.policy import context_of, device_here, load_model
from stepcoder.prm.lines import check_lines
from stepcoder.prm.model import LineScorer
from stepcoder.prm.reranking import Candidate, best, ranked, search_lines
from stepcoder.progress import Progress
from stepcoder.rollouts import Decoding, Task, Written, generated
from stepcoder.run import policy_folder

Writer = Callable[[Sequence[Task]], list[list[Written]]]
"""For each of some tasks as many completions as were asked for."""


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

    @property
    def most(self) -> int:
        """Completions that it can choose: a search that tries each line once has one."""
        if self.search:
            return self.width if self.candidates > 1 else 1
        return self.candidates

    @property
    def rows(self) -> int:
        """Of a problem, written at once."""
        return self.candidates * (self.width if self.search else 1)


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be sampled, apart from the policy."""

    dataset: str  # a folder, or a Hub id
    split: str
    completions: int  # of each problem
    decoding: Decoding
    seed: int
    reranking: Reranking | None = None
    critic: CriticSampling | None = None
    dtype: str = ""  # of the weights; empty: what the run was computed in

    def __post_init__(self) -> None:
        chosen = self.reranking
        if self.dtype not in ("", *DTYPES):
            raise ConfigError(f"--dtype {self.dtype} is not known; expected {' or '.join(DTYPES)}")
        several = max(self.completions, chosen.candidates if chosen else 1)
        if several > 1 and not self.decoding.temperature:
            what = f"{several} candidates" if chosen else f"--completions {several}"
            raise InputError(f"{what} of the likeliest tokens would all be the same; give --temperature")
        if chosen and self.completions > chosen.most:
            raise InputError(
                f"--completions {self.completions} are more than the reward model has to choose from; raise"
                f" {'--width' if chosen.search and chosen.candidates > 1 else '--candidates'}"
            )

    @property
    def at_once(self) -> int:
        """Problems of a group: as many as fill a batch."""
        return max(1, self.decoding.batch // (self.reranking.rows if self.reranking else self.completions))


def sample_run(run: Path, request: Request, out: Path) -> int:
    """Write the completions of a run's policy on the plain tasks of a split that `out` lacks; how many it holds then.

    Raises InputError: the file cannot be written, or was made otherwise.
    """
    dtype = request.dtype or _dtype_of(run)
    lm, tokenizer = load_model(str(policy_folder(run)), SftConfig(), dtype=getattr(torch, dtype))
    lm = lm.to(device_here()).eval()
    tasks = [Task.of(problem, (0,), 1, tokenizer) for problem in load_split(request.dataset, request.split)]
    facts = _facts(run, request, dtype, len(tasks))
    with ExitStack() as stack:
        write = _writer(run, lm, tokenizer, request, stack)
        file = stack.enter_context(SampleFile(out, facts, [task.problem.problem_id for task in tasks]))
        progress = stack.enter_context(Progress())
        if file.recovered:
            progress.say(file.recovered)
        context = context_of(lm.config) or sys.maxsize
        if long := sum(len(task.ids) >= context for task in tasks):
            progress.say(
                f"{long:,} of {len(tasks):,} prompts are longer than the {context:,} tokens that the model reads: their"
                " completions are empty"
            )
        for start in range(0, len(tasks), request.at_once):
            some = tasks[start : start + request.at_once]
            if any((t.problem.problem_id, i) not in file.done for t in some for i in range(request.completions)):
                seed = seed_of(request.seed, some[0].problem.problem_id, 0)
                set_seed(seed)
                made = [
                    _sample(task, i, one, most, facts["model"]["name"], seed, tokenizer)
                    for task, of_task in zip(some, write(some), strict=True)
                    for most in [min(request.decoding.max_tokens, context - len(task.ids))]
                    for i, one in enumerate(of_task)
                ]
                file.append([sample for sample in made if sample.key not in file.done])
            progress.advance("completions", len(file.done), len(tasks) * request.completions)
        file.put_in_order()
        return len(file.done)


def _dtype_of(run: Path) -> str:
    """What a run was computed in; float32 for the folder of a model, and for adapters that have been merged into weights:
    much of what they add is lost in bfloat16.
    """
    try:
        saved = json.loads((run / "config.json").read_text(encoding="utf-8"))
        found = str(saved["dtype"]) if "dataset" in saved and not saved.get("lora_rank") else DTYPES[0]
    except (OSError, ValueError, KeyError):
        return DTYPES[0]
    return found if found in DTYPES else DTYPES[0]


def _writer(run: Path, lm: Any, tokenizer: Any, request: Request, stack: ExitStack) -> Writer:
    if request.critic:
        made = critic_sampler(lm, tokenizer, run, request.critic, request.completions, request.decoding)
        return stack.enter_context(made)
    if request.reranking:
        check_lines(tokenizer, str(run))
        scorer = LineScorer(request.reranking.prm, tokenizer, next(lm.parameters()).device, request.decoding.batch)
        return partial(_chosen, lm, tokenizer, scorer, request.reranking, request)
    return partial(_as_they_come, lm, tokenizer, request)


def _as_they_come(lm: Any, tokenizer: Any, request: Request, tasks: Sequence[Task]) -> list[list[Written]]:
    asked = [task for task in tasks for _ in range(request.completions)]
    made = [Written(c.text, len(c.ids)) for c in generated(lm, tokenizer, asked, request.decoding)]
    return [made[i : i + request.completions] for i in range(0, len(made), request.completions)]


def _chosen(
    lm: Any, tokenizer: Any, scorer: LineScorer, how: Reranking, request: Request, tasks: Sequence[Task]
) -> list[list[Written]]:
    """Those that the reward model likes best; where a search ends with fewer different ones, they are given again."""
    decoding, tries = request.decoding, how.candidates
    found: list[list[Candidate]]
    if how.search:
        found = search_lines(lm, tokenizer, tasks, scorer, width=how.width, tries=tries, decoding=decoding)
    else:
        made = ranked(
            list(generated(lm, tokenizer, [t for t in tasks for _ in range(tries)], decoding)), scorer, tokenizer
        )
        found = [made[i : i + tries] for i in range(0, len(made), tries)]
    return [
        [
            Written(tokenizer.decode(one.ids, skip_special_tokens=True), len(one.ids))
            for one in islice(cycle(best(candidates, request.completions)), request.completions)
        ]
        for candidates in found
    ]


def _sample(task: Task, index: int, made: Written, most: int, model: str, seed: int, tokenizer: Any) -> Sample:
    return Sample(
        task.problem.problem_id,
        prompts.OPEN_FENCE + made.text,
        index,
        model,
        prompts.prompt_hash(prompt_for(task.problem, "", tokenizer)),
        "stop" if made.tokens < most else "length",
        seed,
    )


def _facts(run: Path, request: Request, dtype: str, num_problems: int) -> dict[str, Any]:
    """How the samples are made; a file of samples that were made otherwise is not gone on with."""
    folder = Path(request.dataset)
    model = named(str(policy_folder(run)))
    sampling = {
        "num_samples": request.completions,
        "completions": request.completions,  # unlike `num_samples` it cannot change: groups depend on it
        **asdict(request.decoding),
        "seed": request.seed,
    }
    if dtype != DTYPES[0]:
        sampling["dtype"] = dtype
    if request.reranking:
        sampling["reranking"] = asdict(request.reranking) | {"prm": named(request.reranking.prm)}
    if request.critic:
        mender = named(request.critic.repair_model) if request.critic.repair_model else None
        sampling["critic_sampling"] = asdict(request.critic) | {"repair_model": mender}
    return {
        "model": model | {"backend": "stepcoder"},
        "template": {"version": prompts.VERSION, "shots": 0},
        "sampling": sampling,
        "dataset": {
            "name": folder.resolve().name if folder.exists() else request.dataset,
            "revision": "",
            "sha256": data_hash(folder) if folder.exists() else "",
            "split": request.split,
            "num_problems": num_problems,
        },
        "command": shlex.join(["stepcoder", *sys.argv[1:]]),
    }
