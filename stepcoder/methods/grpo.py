"""Group-relative advantages (GRPO, arXiv:2402.03300, section 4.1.2): a completion against the others of its prompt.

    A_i = (R_i - mean(R)) / (std(R) + 1e-4)      over the completions of one prompt, the same on all tokens of completion i

R_i is all that a completion earned: the verdict's reward, what reward shaping gave to its tokens, less the KL penalty where
that is a reward (`--kl-in reward`). The paper has the KL as a loss term (`--kl-in loss`, its default here with
`--kl-coef 0.04`, the paper's):

    D_t = pi_ref / pi - log(pi_ref / pi) - 1      (eq. 4), averaged as the policy loss is, times kl-coef

and the loss is PPO's clipped ratio, a mean over each completion's tokens, then over completions (`--loss-mean completion`).

| option | origin |
|---|---|
| `--group-std` | the paper divides by the standard deviation; off: not divided, as in Dr. GRPO (arXiv:2503.20783) |
| `--loss-mean` | `completion`: the paper's; `token`: DAPO's (arXiv:2503.14476, eq. 8); `constant`: Dr. GRPO's |
| standard deviation over n - 1, and the 1e-4 | TRL's GRPOTrainer; the paper gives neither |
| a group of one (the judge failed on the others) has advantage 0 | ours |

There is no critic: returns are 0, no value is trained.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stepcoder.methods.parts import Signals, Stateless, group_sums

EPSILON = 1e-4


@dataclass(frozen=True)
class Grpo(Stateless):
    """Advantages from the other completions of the same prompt."""

    group_std: bool = True

    def __call__(self, signals: Signals) -> tuple[Tensor, Tensor]:
        """The formula above. -> 2 x (B, T)."""
        earned = signals.token_rewards.sum(-1)
        advantages = group_relative(earned, signals.groups, group_std=self.group_std, reduce=signals.reduce)
        return advantages.unsqueeze(-1) * signals.keep, torch.zeros_like(signals.keep)


def group_relative(
    earned: Tensor, groups: Tensor, *, group_std: bool, reduce: Callable[[Tensor], Tensor] = lambda sums: sums
) -> Tensor:
    """What each completion earned, less its group's mean, over its group's standard deviation. 2 x (B,) -> (B,)."""
    total, count = group_sums(earned, groups, reduce)
    apart = torch.where(count > 1, earned - total / count, torch.zeros_like(earned))
    if not group_std:
        return apart
    squares, _ = group_sums(apart**2, groups, reduce)
    return apart / ((squares / (count - 1).clamp(min=1)).sqrt() + EPSILON)
