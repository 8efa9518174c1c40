"""REINFORCE leave-one-out (RLOO, arXiv:2402.14740): each completion against the mean of the others.

    A_i = R_i - 1 / (k - 1) * sum of R_j over the k - 1 other completions of the prompt

    loss = -mean over completions of min(rho_i A_i, clip(rho_i) A_i),   rho_i = prod_t pi / pi_old   (`--ratio sequence`)

R_i is all that a completion earned: the verdict's reward, what reward shaping gave to its tokens, less the KL penalty: the
sum of log pi - log pi_ref over its tokens (`--kl-in reward`, the paper's).

| option | origin |
|---|---|
| the completion as one action, `--ratio sequence` | the paper's; its loss is REINFORCE, to which this is equal at rho = 1 |
| clipping of rho by `--clip-range` | TRL's RLOOTrainer; `--ratio none` is the paper's plain REINFORCE |
| `--kl-coef` 0.05 | StepCoder's, as with PPO here; the paper's differ from task to task |
| a group of one (the judge failed on the others) has advantage 0 | ours |

There is no critic: returns are 0, no value is trained.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stepcoder.methods.parts import Signals, Stateless, group_sums


@dataclass(frozen=True)
class Rloo(Stateless):
    """Advantages over the mean of the other completions of the same prompt."""

    def __call__(self, signals: Signals) -> tuple[Tensor, Tensor]:
        """The formula above. -> 2 x (B, T)."""
        advantages = leave_one_out(signals.token_rewards.sum(-1), signals.groups, signals.reduce)
        return advantages.unsqueeze(-1) * signals.keep, torch.zeros_like(signals.keep)


def leave_one_out(earned: Tensor, groups: Tensor, reduce: Callable[[Tensor], Tensor] = lambda sums: sums) -> Tensor:
    """What each completion earned, less the mean of the others of its group. 2 x (B,) -> (B,)."""
    total, count = group_sums(earned, groups, reduce)
    baseline = (total - earned) / (count - 1).clamp(min=1)
    return torch.where(count > 1, earned - baseline, torch.zeros_like(earned))
