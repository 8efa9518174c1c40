"""Advantages by generalised advantage estimation (arXiv:1506.02438), from the values of a critic: PPO's.

    delta_t = r_t + gamma * V_{t+1} - V_t,    A_t = delta_t + gamma * lam * A_{t+1},    returns_t = A_t + V_t

`--gamma` and `--lam`: not known of StepCoder's paper; the defaults are ours.
"""

from dataclasses import dataclass

from torch import Tensor

from stepcoder.advantages import gae
from stepcoder.methods.parts import Signals, Stateless


@dataclass(frozen=True)
class Gae(Stateless):
    """Advantages from a critic."""

    gamma: float
    lam: float

    def __call__(self, signals: Signals) -> tuple[Tensor, Tensor]:
        """The formula above, on rewards of tokens. -> 2 x (B, T)."""
        return gae(signals.token_rewards, signals.values, signals.keep, gamma=self.gamma, lam=self.lam)
