"""RLTF's fine-grained feedback as a reward of tokens, for PPO: `--method stepcoder+lines` (arXiv:2307.04349).

    r_t = -p / n      on the n tokens that the error points at (`stepcoder/methods/error_lines.py`), else 0

so that the whole penalty is p = `--fine-penalty` (0.3: the paper's), on one line or on the whole program. In RLTF's own
loss, a mean over the T tokens of a completion, this is its reweighting alpha = T / (E - S): T r_t = -p T / n (see `rltf`).
To give it as a reward, which PPO then carries back to earlier tokens, is ours.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stepcoder.methods.error_lines import blamed_tokens
from stepcoder.methods.parts import Offsets
from stepcoder.rollouts import Judged


class Lines:
    """A penalty on the line of the error, or on the whole program."""

    def __init__(self, penalty: float) -> None:
        self._penalty = penalty
        self._classes: list[str] = []  # of the last completions

    def rewards(self, judged: Sequence[Judged], offsets: Sequence[Offsets]) -> list[list[float]]:
        """The formula above."""
        found = [blamed_tokens(j, spans) for j, spans in zip(judged, offsets, strict=True)]
        self._classes = [kind for kind, _ in found]
        return [[-self._penalty / sum(tokens) if blamed else 0.0 for blamed in tokens] for _, tokens in found]

    def numbers(self, gathered: Callable[[list[Any]], list[Any]]) -> dict[str, float]:
        """Shares of the last completions with a penalty."""
        return class_shares(gathered(self._classes))

    def state_dict(self) -> dict[str, Any]:
        """Nothing goes on."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to take."""


def class_shares(classes: Sequence[str]) -> dict[str, float]:
    """Shares of completions whose error is blamed on a line, and on the whole program."""
    counts = Counter(classes)
    return {f"blamed_{kind}_share": counts[kind] / max(len(classes), 1) for kind in ("line", "global")}
