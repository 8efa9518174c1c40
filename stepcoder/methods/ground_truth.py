"""Cross-entropy of canonical solutions beside the loss on samples: the supervised term of CodeRL and RLTF.

    loss = -1/N sum over their N tokens of log pi(token)      at temperature 1, times `--ground-truth-coef`

One canonical solution for each completion of the minibatch (1:1: CodeRL's, arXiv:2207.01780), that of its own
task: under a curriculum it is what follows the prefix that the prompt gives; where that is not the canonical solution's (a
guide's), it is the whole solution, after the plain task's prompt. That it is the task's own, not one drawn from all
problems as in the released code, is ours.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from appsplus.evaluation.prompts import CLOSE_FENCE
from stepcoder.config import TrainConfig
from stepcoder.data import Tokens, packed_rows, sft_example
from stepcoder.losses import masked_mean
from stepcoder.policy import activations
from stepcoder.rollouts import Task


def truth_of(task: Task, tokenizer: Any) -> Tokens:
    """The rest of the canonical solution as a completion of a task; all of it where the task begins with another program."""
    solution = task.problem.canonical_solution
    if not solution.startswith(task.prefix):
        return sft_example(task.problem, tokenizer)
    rest = solution[len(task.prefix) :].rstrip("\n") + CLOSE_FENCE
    learned = tokenizer(rest, add_special_tokens=False)["input_ids"]
    return Tokens((*task.ids, *learned, tokenizer.eos_token_id), len(task.ids))


def ground_truth_step(trainer: Any, config: TrainConfig, groups: Tensor, truths: Mapping[int, Tokens]) -> Tensor:
    """Add the gradients of the loss above, for completions of these tasks; this process's part of the loss."""
    counts = sorted(Counter(groups.tolist()).items())
    learned = sum(count * (len(truths[group].ids) - truths[group].prompt) for group, count in counts)
    total = float(trainer.sum(torch.tensor(float(learned), device=trainer.device)))
    found = torch.zeros((), device=trainer.device)
    for rows, weight in trainer.turns(len(counts), config.micro_rows):
        some = [counts[i] for i in rows.tolist()]
        packed = packed_rows([[truths[group]] for group, _ in some], trainer.pad_id, activations(config))
        keep = packed.keep * torch.tensor([[float(count)] for _, count in some])
        logprobs, *others = trainer.policy(
            packed.ids.to(trainer.device),
            packed.attention.to(trainer.device),
            packed.ids.shape[1] - 1,
            positions=packed.positions.to(trainer.device),
            outcomes=config.parts.outcomes,
        )
        loss = -masked_mean(logprobs, keep[:, 1:].to(trainer.device), total)
        unused = sum(0.0 * other.sum() for other in others)  # every parameter has a gradient, as DDP wants it
        trainer.backward(weight * (config.ground_truth_coef * loss + unused))
        found = found + weight * loss.detach()
    return found
