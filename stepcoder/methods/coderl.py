"""CodeRL: a critic that predicts the outcome of a program weighs its tokens (arXiv:2207.01780).

    loss = -mean over completions of 1/T sum of q_t (R - b) log pi(token t)
           + c * cross-entropy of canonical solutions + outcome loss

    q_t           softmax(head(h_t))[u]: the critic's probability, after token t, of the outcome u that the program had
    outcome loss  -log softmax(max over t of head(h_t))[u], times `--outcome-coef`: cross-entropy of the max-pooled logits
    u             compile error, run-time error, failed unit tests, or passed
    R, b          the verdict's reward, and that of the task's greedy completion (`stepcoder/methods/baselines.py`)
    c             `--ground-truth-coef`: one canonical solution for each completion

The critic is a network of its own, which starts from the policy, and its head is two layers with 128 units between. It
reads the prompt and the program; the maximum runs over the tokens of the completion. What reward shaping gives in all is
added to R.

| option | origin |
|---|---|
| four outcomes, rewards +1 / -0.3 / -0.6 / -1, the greedy baseline, no KL (`--kl-coef 0`) | the paper's |
| canonical solutions and samples 1:1 (`--ground-truth-coef 1`), plain REINFORCE (`--ratio none`) | the paper's |
| one pass over the completions of an update (`--ppo-epochs 1`) | ours: nothing makes up for a policy that has changed |
| the maximum of logits, and the head's 128 units | the released code (the paper pools hidden states, then a linear layer) |
| the critic is as large as the policy | ours; theirs is CodeT5-base beside CodeT5-large |
| it learns on the completions of each update, along with the policy; `--critic-warmup-updates` is its head start | ours: |
| | the paper trains it before, on a fixed set of samples, then the policy on the same set |
| past a limit (time, memory, output): a run-time error; text without a program: a compile error | ours, as for R |
| `--no-outcome-weights` (q_t = 1), `--baseline` | ours, to take the method apart |
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from appsplus.problem import Verdict
from stepcoder.methods.baselines import Baselines
from stepcoder.methods.parts import Signals
from stepcoder.rollouts import Judged

OUTCOMES = ("compile_error", "run_time_error", "failed", "passed")
_PLACES = {Verdict.COMPILE_ERROR: 0, Verdict.WRONG_ANSWER: 2, Verdict.ACCEPTED: 3}


def outcome_of(judged: Judged) -> int:
    """The place in OUTCOMES of what became of a completion."""
    return 0 if judged.report is None else _PLACES.get(judged.report.verdict, 1)


class CodeRl:
    """The weights q_t (R - b) of the formula above."""

    def __init__(self, baselines: Baselines, *, weighted: bool) -> None:
        self.baselines, self._weighted = baselines, weighted
        self._right: list[bool] = []  # of the last completions: whether the critic's likeliest outcome was the true one
        self._weights: list[float] = []

    def __call__(self, signals: Signals) -> tuple[Tensor, Tensor]:
        """-> 2 x (B, T); there is no critic of values, so returns are 0."""
        keep = signals.keep
        assert signals.outcome_logits is not None
        outcomes = torch.tensor([outcome_of(j) for j in signals.judged], device=keep.device)
        weights = true_outcome_probability(signals.outcome_logits, outcomes)
        likeliest = pooled_logits(signals.outcome_logits, keep).argmax(-1)
        self._right = (likeliest == outcomes).tolist()
        self._weights = ((weights * keep).sum(-1) / keep.sum(-1).clamp(min=1.0)).tolist()
        below = torch.tensor([self.baselines.of(j)[0] for j in signals.judged]).to(signals.rewards)
        shaped = signals.shaped.sum(-1)
        whole = signals.rewards + shaped - below
        self.baselines.learn(signals.judged, shaped.tolist(), signals.gathered)
        advantages = whole.unsqueeze(-1) * (weights if self._weighted else 1.0) * keep
        return advantages, torch.zeros_like(keep)

    def numbers(self, gathered: Callable[[list[Any]], list[Any]]) -> dict[str, float]:
        """How often the critic was right on the last completions, and its mean weight."""
        right, weights = gathered(self._right), gathered(self._weights)
        return {"outcome_accuracy": _mean(right), "outcome_weight": _mean(weights)}

    def state_dict(self) -> dict[str, Any]:
        """The baselines; the critic is among the weights of the run."""
        return self.baselines.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.baselines.load_state_dict(state)


def true_outcome_probability(logits: Tensor, outcomes: Tensor) -> Tensor:
    """After each token the probability of the outcome that the program had. (B, T, 4), (B,) -> (B, T)."""
    chosen = outcomes.view(-1, 1, 1).expand(-1, logits.shape[1], 1)
    return logits.softmax(-1).gather(-1, chosen).squeeze(-1)


def pooled_logits(logits: Tensor, keep: Tensor) -> Tensor:
    """The largest logit of each outcome over the tokens of a completion. (B, T, 4), (B, T) -> (B, 4)."""
    pooled: Tensor = logits.masked_fill(keep.unsqueeze(-1) == 0, -torch.inf).amax(1)
    return torch.where(keep.sum(-1, keepdim=True) > 0, pooled, torch.zeros_like(pooled))


def outcome_loss(logits: Tensor, outcomes: Tensor, keep: Tensor, *, total: float | None = None) -> Tensor:
    """Cross-entropy of the pooled logits, averaged over completions. (B, T, 4), (B,), (B, T) -> ()."""
    logprobs = pooled_logits(logits, keep).log_softmax(-1)
    chosen = logprobs.gather(-1, outcomes.unsqueeze(-1)).squeeze(-1)
    return -chosen.sum() / (len(outcomes) if total is None else max(total, 1.0))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(len(values), 1)
