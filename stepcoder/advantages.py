"""From rewards of whole completions to advantages of tokens: pure functions.

Legend as in `losses`: B completions, T response positions, right-padded; `keep` is 1.0 on the tokens of the response.
"""

from collections.abc import Callable

import torch
from torch import Tensor


def token_rewards(rewards: Tensor, logprobs: Tensor, ref_logprobs: Tensor, keep: Tensor, *, kl_coef: float) -> Tensor:
    """The verdict's reward on the last token, and a KL penalty on every one. (B,), (B, T) -> (B, T).

        r_t = [t is the last token] * reward - kl_coef * (log policy_t - log reference_t)      (arXiv:2402.01391, eq. 5)

    Zero where `keep` is 0. A completion without a kept token gets no reward.
    """
    penalty = torch.where(keep > 0, kl_coef * (logprobs - ref_logprobs), torch.zeros_like(logprobs))
    after = keep.flip(-1).cumsum(-1).flip(-1)  # kept tokens from here on
    last = (keep > 0) & (after == 1)
    return last.to(rewards.dtype) * rewards.unsqueeze(-1) - penalty


def gae(rewards: Tensor, values: Tensor, keep: Tensor, *, gamma: float, lam: float) -> tuple[Tensor, Tensor]:
    """Advantages and returns by generalised advantage estimation (arXiv:1506.02438, eq. 16). (B, T) -> 2 x (B, T).

        delta_t = r_t + gamma * V_{t+1} - V_t,    A_t = delta_t + gamma * lam * A_{t+1},    returns_t = A_t + V_t

    A response ends with its last kept token: what follows is worth nothing, however it ended. Both are 0 where `keep` is 0.
    """
    length = rewards.shape[-1]
    values = values * keep
    advantages = torch.zeros_like(values)
    following = torch.zeros_like(values[:, 0])  # advantage of the next token
    for t in reversed(range(length)):
        next_value = values[:, t + 1] if t + 1 < length else torch.zeros_like(following)
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        following = (delta + gamma * lam * following) * keep[:, t]
        advantages[:, t] = following
    return advantages, (advantages + values) * keep


def whiten(x: Tensor, keep: Tensor, reduce: Callable[[Tensor], Tensor] = lambda sums: sums) -> Tensor:
    """Mean 0 and variance 1 (of a sample: over n - 1) on kept positions, 0 elsewhere. (B, T) -> (B, T).

    `reduce` adds up tensors of all processes. Fewer than two kept positions stay as they are.
    """
    x = torch.where(keep > 0, x, torch.zeros_like(x))
    sums = reduce(torch.stack([keep.sum(), (x * keep).sum()]))
    count, total = sums[0], sums[1]
    if count < 2:
        return x * keep
    mean = total / count
    squares = reduce((((x - mean) * keep) ** 2).sum())
    return (x - mean) * torch.rsqrt(squares / (count - 1) + 1e-8) * keep


def next_kl_coef(kl_coef: float, kl: float, *, target: float, horizon: int, completions: int) -> float:
    """The adaptive coefficient of arXiv:1909.08593, eq. 4: up where the KL of a completion is above target, else down."""
    error = min(max(kl / target - 1.0, -0.2), 0.2)
    return kl_coef * (1.0 + error * completions / horizon)
