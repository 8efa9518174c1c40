"""The losses of PPO: pure functions of tensors.

Legend: B completions, T response positions, right-padded, V words of the vocabulary. A `keep` mask is 1.0 where a position
counts and 0.0 where it does not; a position that does not count gets a gradient of exactly zero, whatever stands there.

Every mean runs over kept positions. `total` is the number of kept positions of the whole minibatch, where the tensors hold
only a part of it (gradient accumulation, several processes): the parts' losses then add up to the minibatch's.
"""

import torch
from torch import Tensor


def masked_mean(x: Tensor, keep: Tensor, total: Tensor | float | None = None) -> Tensor:
    """Mean of `x` over kept positions; 0 where none is kept. (B, T) -> ()."""
    kept = torch.where(keep > 0, x * keep, torch.zeros_like(x))  # not x * keep alone: inf * 0 is nan
    count = keep.sum() if total is None else torch.as_tensor(total, dtype=x.dtype, device=x.device)
    return kept.sum() / count.clamp(min=1.0)


def policy_loss(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    keep: Tensor,
    *,
    clip_range: float,
    total: Tensor | float | None = None,
) -> Tensor:
    """Clipped surrogate (arXiv:1707.06347, eq. 7), averaged over kept tokens. (B, T) -> ().

    Fine-grained optimisation is nothing but a smaller `keep`: response AND executed.
    """
    ratio = torch.where(keep > 0, logprobs - old_logprobs, torch.zeros_like(logprobs)).exp()  # (B, T)
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    return -masked_mean(torch.minimum(ratio * advantages, clipped * advantages), keep, total)


def sequence_policy_loss(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    keep: Tensor,
    *,
    clip_range: float,
    total: Tensor | float | None = None,
) -> Tensor:
    """Clipped surrogate of whole completions: the ratio is the product of that of the kept tokens. (B, T) -> ().

        -1 / total * sum_i min(rho_i A_i, clip(rho_i) A_i),    rho_i = exp(sum_t keep (log pi - log pi_old))

    A_i is the mean of `advantages` over a completion's kept tokens; `total` is the number of completions.
    """
    rho = torch.where(keep > 0, logprobs - old_logprobs, torch.zeros_like(logprobs)).sum(-1).exp()  # (B,)
    kept = (keep > 0).to(advantages.dtype)
    means = (advantages * kept).sum(-1) / kept.sum(-1).clamp(min=1.0)
    clipped = rho.clamp(1 - clip_range, 1 + clip_range)
    count = torch.as_tensor(len(keep) if total is None else total, dtype=rho.dtype, device=rho.device)
    return -torch.minimum(rho * means, clipped * means).sum() / count.clamp(min=1.0)


def reinforce_loss(
    logprobs: Tensor, advantages: Tensor, keep: Tensor, *, total: Tensor | float | None = None
) -> Tensor:
    """-A log pi, averaged over kept tokens: no ratio, no clip (Williams, 1992). (B, T) -> ()."""
    return -masked_mean(torch.where(keep > 0, logprobs * advantages, torch.zeros_like(logprobs)), keep, total)


def mean_weights(keep: Tensor, mean: str) -> Tensor:
    """The weights of tokens whose weighted sum, over `mean_total`, is the mean that is asked for. (B, T) -> (B, T).

    `token`: every kept token alike; `completion`: 1 over the kept tokens of its completion; `constant`: as `token`.
    """
    return keep / keep.sum(-1, keepdim=True).clamp(min=1.0) if mean == "completion" else keep


def value_loss(
    values: Tensor,
    old_values: Tensor,
    returns: Tensor,
    keep: Tensor,
    *,
    clip_range: float,
    total: Tensor | float | None = None,
) -> Tensor:
    """Half the squared error, the larger of plain and clipped (as OpenAI's baselines have it). (B, T) -> ()."""
    clipped = old_values + (values - old_values).clamp(-clip_range, clip_range)
    worse = torch.maximum((values - returns) ** 2, (clipped - returns) ** 2)
    return 0.5 * masked_mean(worse, keep, total)


def token_logprobs(logits: Tensor, tokens: Tensor) -> Tensor:
    """Log-probability of each token under its logits. (B, T, V), (B, T) -> (B, T)."""
    chosen = logits.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    return chosen - logits.logsumexp(-1)


def token_entropy(logits: Tensor) -> Tensor:
    """Entropy of each position's distribution, in nats. (B, T, V) -> (B, T)."""
    logprobs = logits.log_softmax(-1)
    return -(logprobs.exp() * logprobs).sum(-1)


def clipped_share(
    logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, keep: Tensor, clip_range: float
) -> Tensor:
    """Share of kept tokens whose gradient the clipping takes away. (B, T) -> ()."""
    log_ratio = torch.where(keep > 0, logprobs - old_logprobs, torch.zeros_like(logprobs))
    ratio = log_ratio.exp()
    outside = torch.where(advantages > 0, ratio > 1 + clip_range, ratio < 1 - clip_range) & (advantages != 0)
    return masked_mean(outside.float(), keep)


def kl_estimate(logprobs: Tensor, other_logprobs: Tensor) -> Tensor:
    """KL(policy || other) a token, from its own samples: never negative, unbiased (Schulman's k3). (B, T) -> (B, T).

    k3 = exp(-d) - 1 + d with d = log(policy / other). For reports and for the early stop; the penalty in the rewards is d.
    """
    difference = logprobs - other_logprobs
    return torch.expm1(-difference) + difference
