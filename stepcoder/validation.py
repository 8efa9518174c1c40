"""How good the policy is on problems it is not trained on: the likeliest completion of each plain task, judged."""

import torch

from appsplus.problem import Verdict
from stepcoder.batch import reward_of
from stepcoder.config import TrainConfig
from stepcoder.rollouts import Judgements, Task, collect
from stepcoder.setup import Trainer


def validate(trainer: Trainer, config: TrainConfig, judgements: Judgements) -> dict[str, float]:
    """Pass rate and mean reward over the validation problems; draws nothing at random."""
    mine = trainer.share(list(trainer.validation)) or list(trainer.validation[:1])
    with trainer.generating() as lm:
        collected = collect(
            lm,
            trainer.tokenizer,
            [Task.of(problem, (0,), 1, trainer.tokenizer) for problem in mine],
            judgements,
            batch=config.generation_batch,
            max_tokens=config.max_completion_tokens,
            temperature=0.0,
            top_p=1.0,
        )
    passed = [float(j.outcome == Verdict.ACCEPTED) for j in collected.judged]
    rewards = [reward_of(j, config.reward) for j in collected.judged]
    numbers = torch.tensor([sum(passed), sum(rewards), len(passed)], dtype=torch.float64, device=trainer.device)
    accepted, earned, count = trainer.sum(numbers).tolist()
    return {"pass_rate": accepted / max(count, 1.0), "reward_mean": earned / max(count, 1.0)}
