"""Samples of a split: each problem asked `num_samples` times, each sample with a seed of its own, into one file."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from appsplus.errors import DatasetError, InputError
from appsplus.evaluation import prompts
from appsplus.evaluation.backends import Backend, Refusal, Request, Sampling
from appsplus.evaluation.sample_file import Sample, SampleFile
from appsplus.problem import Problem
from appsplus.release import data_hash, load_problems

ALL = "all"
_MOST_SHOT_CHARS = 4000  # of description and solution of a few-shot example


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be sampled, apart from the model."""

    dataset: Path
    sampling: Sampling
    split: str = "test"  # or `all`
    num_samples: int = 1  # of each problem
    seed: int = 0
    shots: int = 0  # few-shot examples, from the split train
    limit: int = 0  # only the first problems of the split; 0: all

    def __post_init__(self) -> None:
        if self.num_samples > 1 and not self.sampling.temperature:
            raise InputError(
                f"{self.num_samples} samples of the likeliest tokens would all be the same; give --temperature"
            )


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a run came to."""

    num_samples: int  # in the file now, of those that were asked for
    num_new: int
    refusals: tuple[Refusal, ...]
    recovered: str  # what to say of a torn last line; mostly empty


def make_samples(
    plan: Plan,
    backend: Backend,
    out: Path,
    *,
    command: str,
    start: Callable[[int], None] = lambda _: None,
    advance: Callable[[str], None] = lambda _: None,
) -> Sampled:
    """Make the samples of a plan that are not in `out` yet.

    Raises DatasetError for a dataset or split that is not there, InputError where `out` cannot be used or the backend gives
    up; what was made by then is in the file, and the same call goes on from there. `start` is told how many samples are to be
    made, `advance` how each ended that is in the file now.
    """
    problems = [_lean(problem) for problem in load_problems(plan.dataset, None if plan.split == ALL else plan.split)]
    if not problems:
        raise DatasetError(f"the split {plan.split} of {plan.dataset} is empty; name another with --split")
    requests = list(_requests(plan, problems[: plan.limit or None]))
    facts = _facts(plan, backend, len(problems), command)
    with SampleFile(out, facts, [problem.problem_id for problem in problems]) as file:
        before = len(file.done)
        start(sum(request.key not in file.done for request in requests))

        def take(samples: Sequence[Sample]) -> None:
            file.append(samples)
            for sample in samples:
                advance(sample.finish_reason or "ended")

        try:
            refusals = backend.run(requests, file.done, take)
        except BaseException:
            if told := file.rescue():
                raise InputError(told) from None
            raise
        file.put_in_order()
        made = sum(request.key in file.done for request in requests)
        return Sampled(made, len(file.done) - before, tuple(refusals), file.recovered)


def seed_of(seed: int, problem_id: str, sample_index: int) -> int:
    """The seed of a sample, from 0 to 2^31 - 1: it depends on nothing else."""
    digest = hashlib.sha256(f"{seed} {sample_index} {problem_id}".encode()).digest()
    return int.from_bytes(digest[:4]) >> 1


def _requests(plan: Plan, problems: Sequence[Problem]) -> Iterator[Request]:
    shots = None
    if plan.shots:
        train = (_lean(problem) for problem in load_problems(plan.dataset, "train"))
        shots = prompts.chosen_shots(train, plan.shots, plan.seed, most_chars=_MOST_SHOT_CHARS)
    for problem in problems:
        mine = tuple(prompts.shots_for(problem, shots, plan.shots)) if shots else ()
        if len(mine) < plan.shots:
            raise InputError(
                f"--shots {plan.shots}: the split train has only {len(mine)} problems of the format {problem.io_format} that"
                f" are short enough (at most {_MOST_SHOT_CHARS:,} characters with the solution); give a smaller number"
            )
        for index in range(plan.num_samples):
            yield Request(problem, mine, index, seed_of(plan.seed, problem.problem_id, index))


def _lean(problem: Problem) -> Problem:
    """A problem without what no prompt shows: unit tests may be large, and a whole split is in memory."""
    solution = problem.solutions[problem.canonical or 0]
    return replace(problem, unit_tests=problem.unit_tests[:1], solutions=(solution,), canonical=0, annotation=None)


def _facts(plan: Plan, backend: Backend, num_problems: int, command: str) -> dict[str, Any]:
    dataset = {
        "name": plan.dataset.resolve().name,
        "revision": "",  # a folder; one of the Hub would have a commit
        "sha256": data_hash(plan.dataset),
        "split": plan.split,
        "num_problems": num_problems,
    }
    chosen = asdict(plan.sampling)
    for name, value in backend.facts.get("request_fields", {}).items():  # they overrule what would be asked for
        if value is None:
            chosen.pop(name, None)
        elif name in chosen:
            chosen[name] = value
    sampling = {"num_samples": plan.num_samples, **chosen, "seed": plan.seed}
    template = {"version": prompts.VERSION, "shots": plan.shots}
    return {"model": backend.facts, "template": template, "sampling": sampling, "dataset": dataset, "command": command}
