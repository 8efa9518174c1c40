"""One optimiser step on a minibatch: the losses that the config asks for, and their gradients, a few rows at a time."""

from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import Tensor

from stepcoder.batch import Batch
from stepcoder.config import TrainConfig
from stepcoder.data import Tokens
from stepcoder.losses import (
    clipped_share,
    kl_estimate,
    masked_mean,
    mean_weights,
    policy_loss,
    reinforce_loss,
    sequence_policy_loss,
    value_loss,
)
from stepcoder.methods.coderl import outcome_loss
from stepcoder.methods.ground_truth import ground_truth_step
from stepcoder.setup import Trainer

Numbers = dict[str, float]


def ppo_step(
    trainer: Trainer,
    config: TrainConfig,
    batch: Batch,
    *,
    values_only: bool = False,
    kl_coef: float = 0.0,
    truths: Mapping[int, Tokens] | None = None,
) -> Numbers:
    """One optimiser step on a minibatch, a few rows at a time. Its gradient is that of the minibatch as a whole.

    `kl_coef`: weight of the KL to the reference where it is a loss term; a penalty in the rewards is in the batch already.
    `truths`: canonical solutions by the number of a task, for the supervised term. `values_only`: critics alone are trained.
    """
    batch = batch.rows(batch.attention.sum(-1).argsort())  # rows of like length together: less padding
    policy_tokens, value_tokens, kl_tokens, completions = trainer.sum(
        torch.stack(
            [
                batch.executed_keep.sum(),
                _value_keep(batch, config).sum(),
                _kl_keep(batch, config).sum(),
                batch.executed_keep.new_tensor(float(len(batch.rewards))),
            ]
        )
    ).tolist()
    sums: dict[str, Tensor] = defaultdict(lambda: torch.zeros((), device=trainer.device))
    for rows, weight in trainer.turns(len(batch.rewards), config.micro_rows):
        part = batch.rows(rows)
        logprobs, values, entropies, *outcomes = trainer.policy(
            part.ids,
            part.attention,
            part.response_tokens,
            temperature=config.temperature,
            entropy=config.entropy_coef > 0,
            outcomes=config.parts.outcomes,
            values_only=values_only,
        )
        keep = part.executed_keep
        losses = {
            "policy_loss": _policy_loss(config, part, logprobs, policy_tokens, completions),
            "entropy": masked_mean(entropies, keep, policy_tokens),
        }
        policy_part = losses["policy_loss"] - config.entropy_coef * losses["entropy"]
        if config.kl_in == "loss":
            losses["kl_loss"] = _kl_loss(config, part, logprobs, kl_tokens, completions)
            policy_part = policy_part + kl_coef * losses["kl_loss"]
        policy_part = 0.0 * policy_part if values_only else policy_part
        loss = policy_part
        if outcomes:
            losses["outcome_loss"] = outcome_loss(outcomes[0], part.outcomes, part.response_keep, total=completions)
            loss = policy_part + config.outcome_coef * losses["outcome_loss"]
        if config.parts.critic:
            losses["value_loss"] = value_loss(
                values,
                part.old_values,
                part.returns,
                _value_keep(part, config),
                clip_range=config.value_clip_range,
                total=value_tokens,
            )
            loss = config.value_coef * losses["value_loss"] + policy_part
        trainer.backward(weight * loss)
        with torch.no_grad():
            share = keep.sum() / max(policy_tokens, 1.0)
            losses["clipped_share"] = share * _clipped_share(config, part, logprobs)
            losses["policy_kl"] = masked_mean(kl_estimate(part.old_logprobs, logprobs), keep, policy_tokens)
        for name, value in losses.items():
            sums[name] = sums[name] + weight * value.detach()
    if truths and not values_only:
        sums["ground_truth_loss"] = ground_truth_step(trainer, config, batch.groups, truths)
    gradient_norm = trainer.step(config.max_grad_norm)
    names = list(sums)
    found = trainer.sum(torch.stack([sums[name] for name in names])).tolist()
    return dict(zip(names, found, strict=True)) | {"gradient_norm": gradient_norm}


def _policy_loss(config: TrainConfig, part: Batch, logprobs: Tensor, tokens: float, completions: float) -> Tensor:
    """The policy loss that the config asks for; `tokens` and `completions`: kept ones of the whole minibatch."""
    keep, old, clip = mean_weights(part.executed_keep, config.loss_mean), part.old_logprobs, config.clip_range
    if config.ratio == "sequence":
        return sequence_policy_loss(logprobs, old, part.advantages, keep, clip_range=clip, total=completions)
    total = _mean_total(config, tokens, completions)
    if config.ratio == "none":
        return reinforce_loss(logprobs, part.advantages, keep, total=total)
    return policy_loss(logprobs, old, part.advantages, keep, clip_range=clip, total=total)


def _clipped_share(config: TrainConfig, part: Batch, logprobs: Tensor) -> Tensor:
    """Share of the kept tokens of a few rows whose gradient the clipping takes away."""
    keep, log_ratio = part.executed_keep, logprobs - part.old_logprobs
    if config.ratio == "none":
        return torch.zeros((), device=keep.device)
    if config.ratio == "sequence":  # every token has its completion's
        log_ratio = torch.where(keep > 0, log_ratio, 0.0).sum(-1, keepdim=True).expand_as(keep)
    return clipped_share(log_ratio, torch.zeros_like(log_ratio), part.advantages, keep, config.clip_range)


def _kl_loss(config: TrainConfig, part: Batch, logprobs: Tensor, tokens: float, completions: float) -> Tensor:
    """KL to the reference by Schulman's k3, in the mean of the policy loss."""
    keep = mean_weights(_kl_keep(part, config), config.loss_mean)
    return masked_mean(kl_estimate(logprobs, part.ref_logprobs), keep, _mean_total(config, tokens, completions))


def _mean_total(config: TrainConfig, tokens: float, completions: float) -> float:
    whole = {"token": tokens, "completion": completions, "constant": completions * config.max_completion_tokens}
    return whole[config.loss_mean]


def _kl_keep(batch: Batch, config: TrainConfig) -> Tensor:
    return batch.executed_keep if config.fgo and config.mask_kl else batch.response_keep


def _value_keep(batch: Batch, config: TrainConfig) -> Tensor:
    return batch.executed_keep if config.fgo and config.mask_values else batch.response_keep
