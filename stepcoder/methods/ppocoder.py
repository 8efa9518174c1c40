"""PPOCoder's reward: likeness to the canonical solution, beside the unit tests (arXiv:2301.13816).

    R = R_verdict + w_ast * ast_match(program, canonical) + w_flow * data_flow_match(program, canonical) - KL penalty

on the last token of the completion; `stepcoder/methods/syntax.py` has both matches. `ppocoder` is `ppo+match`.

| option | origin |
|---|---|
| R_verdict: +1 / -0.3 / -0.6 / -1 by verdict (`--reward verdict`), the KL penalty a token | the paper's |
| `--ast-weight 1`, `--flow-weight 1` | the paper adds the terms up without weights |
| the whole program is compared, the prefix that CCCS gives with it | ours |
| text without a program earns 0 of both | ours |
| `+match` with other advantages than PPO's | ours |

A program that fails is paid for its likeness too, in the paper and here: with both weights at 1 a copy of the solution with
one wrong constant earns -0.3 + 2, more than a right program that reads differently. Weights that sum to less than 1.3 keep
every accepted program above every other one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stepcoder.methods.parts import Offsets
from stepcoder.methods.syntax import ast_match, data_flow_match
from stepcoder.rollouts import Judged


class Match:
    """Likeness to the canonical solution, on the last token."""

    def __init__(self, *, ast_weight: float, flow_weight: float) -> None:
        self._weights = (ast_weight, flow_weight)
        self._matches: list[tuple[float, float]] = []  # of the last completions

    def rewards(self, judged: Sequence[Judged], offsets: Sequence[Offsets]) -> list[list[float]]:
        """The formula above, less what the verdict and the KL give."""
        self._matches = [matches(j) for j in judged]
        sums = [sum(w * m for w, m in zip(self._weights, pair, strict=True)) for pair in self._matches]
        return [[0.0] * (len(spans) - 1) + [total] * bool(spans) for spans, total in zip(offsets, sums, strict=True)]

    def numbers(self, gathered: Callable[[list[Any]], list[Any]]) -> dict[str, float]:
        """Mean matches of the last completions."""
        found = gathered(self._matches)
        means = [sum(pair[i] for pair in found) / max(len(found), 1) for i in range(2)]
        return {"ast_match": means[0], "data_flow_match": means[1]}

    def state_dict(self) -> dict[str, Any]:
        """Nothing goes on."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to take."""


def matches(judged: Judged) -> tuple[float, float]:
    """How much of the canonical solution's syntax tree and data flow a completion's program has."""
    program, reference = judged.completion.program, judged.completion.task.problem.canonical_solution
    if program is None:
        return 0.0, 0.0
    return ast_match(program.text, reference), data_flow_match(program.text, reference)
