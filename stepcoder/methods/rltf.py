"""RLTF: feedback of several granularities, against the best so far (arXiv:2307.04349).

    loss = -mean over completions of 1/T sum of A_t log pi(token t)
           + c * cross-entropy of canonical solutions,    c = `--ground-truth-coef`

    A_t = (R - b) + w_a (R_a - b_a) - alpha p [the error points at token t]

    R      the coarse reward: +1 / -0.3 / -0.6 / -1 by verdict (`--reward verdict`)
    R_a    the adaptive one: -0.3 + 1.3 x share of unit tests passed, errors as in R (appsplus/reward.py: `pass_rate`)
    p      `--fine-penalty`, on the line of the error or the whole program, or nowhere (`stepcoder/methods/error_lines.py`)
    alpha  T / (E - S), T tokens of the completion, E - S of them that the error points at; with FGO those of them that stay
           in the loss, so that a completion loses p in all there, too
    b, b_a the best so far of the task (`stepcoder/methods/baselines.py`)

What reward shaping gives to a completion in all is added to R.

| option | origin |
|---|---|
| 0.3, 1.3, the classes of errors, alpha, the three terms added up (`--adaptive-weight 1`) | the paper's |
| plain REINFORCE (`--ratio none`), no KL (`--kl-coef 0`) | the paper's |
| one pass over the completions of an update (`--ppo-epochs 1`) | ours: nothing makes up for a policy that has changed |
| `--ground-truth-coef 1` | the paper's supervised term, as often as the other in the released code |
| `--fine-alpha code` | alpha = 1. The released code computes len(mask) / len(mask == 1), and both are T: it is always 1, |
| | whatever the mask; the paper's formula is the default here |
| the adaptive reward on top of the coarse one | the paper's; in the released code it takes the place of -0.3 |
| critic weights q_t on A_t, which the released code inherits from CodeRL | not here: `--method coderl` has them |
| completions of this update only | ours; the paper has a buffer of the newest ones |
| errors of R_a as in the table, so that an error never earns more than a wrong answer | ours |
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from stepcoder.methods.baselines import Baselines, earned
from stepcoder.methods.error_lines import blamed_tokens
from stepcoder.methods.lines import class_shares
from stepcoder.methods.parts import Signals


class Rltf:
    """The weights A_t of the formula above."""

    def __init__(self, baselines: Baselines, *, penalty: float, adaptive_weight: float, paper_alpha: bool) -> None:
        self.baselines = baselines
        self._penalty, self._adaptive_weight, self._paper_alpha = penalty, adaptive_weight, paper_alpha
        self._classes: list[str] = []

    def __call__(self, signals: Signals) -> tuple[Tensor, Tensor]:
        """-> 2 x (B, T); there is no critic, so returns are 0."""
        keep = signals.keep
        counted = keep if signals.executed is None else signals.executed
        coarse, fine, self._classes = [], torch.zeros_like(keep), []
        for row, (judged, offsets) in enumerate(zip(signals.judged, signals.offsets, strict=True)):
            _, adaptive = earned(judged, self.baselines.variant)
            baseline, adaptive_baseline = self.baselines.of(judged)
            coarse.append(self._adaptive_weight * (adaptive - adaptive_baseline) - baseline)
            kind, tokens = blamed_tokens(judged, offsets)
            self._classes.append(kind)
            blamed = torch.zeros_like(keep[row])
            blamed[: len(tokens)] = torch.tensor(tokens, dtype=blamed.dtype)
            blamed *= counted[row]
            if blamed.any():
                alpha = counted[row].sum() / blamed.sum() if self._paper_alpha else 1.0
                fine[row] = -alpha * self._penalty * blamed
        shaped = signals.shaped.sum(-1)
        whole = signals.rewards + shaped + torch.tensor(coarse).to(signals.rewards)
        self.baselines.learn(signals.judged, shaped.tolist(), signals.gathered)
        return (whole.unsqueeze(-1) + fine) * keep, torch.zeros_like(keep)

    def numbers(self, gathered: Callable[[list[Any]], list[Any]]) -> dict[str, float]:
        """Shares of the last completions with a fine-grained penalty."""
        return class_shares(gathered(self._classes))

    def state_dict(self) -> dict[str, Any]:
        """The best so far."""
        return self.baselines.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.baselines.load_state_dict(state)
