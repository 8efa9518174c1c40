"""How good the policy is on problems it is not trained on: completions of each plain task, judged."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from appsplus.problem import Problem, Verdict
from stepcoder.batch import reward_of
from stepcoder.config import TrainConfig
from stepcoder.rollouts import Decoding, Judged, Judgements, Task, collect
from stepcoder.setup import Trainer

Outcome = tuple[str, str, float]  # problem_id, what became of a completion, what it earns


@dataclass(frozen=True, slots=True)
class Validation:
    """What the judge says of the completions of validation problems."""

    outcomes: tuple[Outcome, ...]

    @property
    def numbers(self) -> dict[str, float]:
        """Shares and means over completions."""
        count = max(len(self.outcomes), 1)
        return {
            "pass_rate": sum(outcome == Verdict.ACCEPTED for _, outcome, _ in self.outcomes) / count,
            "reward_mean": sum(earned for _, _, earned in self.outcomes) / count,
        }

    def by_problem(self) -> dict[str, dict[str, int]]:
        """How many completions of each problem had which outcome."""
        return counted((problem_id, outcome) for problem_id, outcome, _ in self.outcomes)


def counted(outcomes: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """How many completions of each problem had which outcome."""
    counts: dict[str, dict[str, int]] = {}
    for problem_id, outcome in sorted(outcomes):
        of_problem = counts.setdefault(problem_id, {})
        of_problem[outcome] = of_problem.get(outcome, 0) + 1
    return counts


def validate(trainer: Trainer, config: TrainConfig, judgements: Judgements, update: int) -> Validation:
    """The validation problems after an update; the random numbers of the training are left as they are."""
    count = max(1, config.validation_completions)
    mine = trainer.share([problem for problem in trainer.validation for _ in range(count)])
    with trainer.generating() as lm:
        judged = plain_completions(lm, trainer.tokenizer, mine, judgements, config, seed=_seed(trainer, update))
    found = [(j.completion.task.problem.problem_id, j.outcome, reward_of(j, config.reward)) for j in judged]
    return Validation(tuple(sorted(trainer.gathered(found))))


def _seed(trainer: Trainer, update: int) -> int:
    """Of this process after an update: processes that have the same tasks write other completions."""
    process: int = trainer.accelerator.process_index
    return trainer.config.seed + update + (process << 32)


def plain_completions(
    lm: Any,
    tokenizer: Any,
    problems: Sequence[Problem],
    judgements: Judgements,
    config: TrainConfig,
    *,
    seed: int,
) -> list[Judged]:
    """A judged completion of each problem's plain task: sampled as in training, or the likeliest.

    `validation_completions` says which: 0 is the likeliest. Those that the judge failed on are missing.
    """
    device = next(lm.parameters()).device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        tasks = [Task.of(problem, (0,), 1, tokenizer) for problem in problems]
        decoding = Decoding.of(config) if config.validation_completions else Decoding.of(config).greedy()
        collected = collect(lm, tokenizer, tasks, judgements, decoding)
    return list(collected.judged)
