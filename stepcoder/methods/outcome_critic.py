"""CodeRL's critic: a network that predicts what becomes of a program, after each of its tokens (see `coderl`).

Legend: B sequences of N = P + T tokens, left-padded prompts (P) and right-padded completions (T).
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from stepcoder.methods.coderl import OUTCOMES
from stepcoder.policy import hidden_states

HEAD_UNITS = 128


class OutcomeCritic(nn.Module):
    """A trunk of a causal language model, without its head for words, and a head for outcomes."""

    def __init__(self, trunk: Any) -> None:
        super().__init__()
        self.trunk = trunk
        width = trunk.config.get_text_config().hidden_size
        self.head = nn.Sequential(nn.Linear(width, HEAD_UNITS), nn.ReLU(), nn.Linear(HEAD_UNITS, len(OUTCOMES)))

    @classmethod
    def like(cls, lm: Any) -> "OutcomeCritic":
        """One whose trunk is a copy of a language model's, without its adapters, trained in float32."""
        copied = copy.deepcopy(lm)
        copied = copied.unload() if hasattr(copied, "unload") else copied
        return cls(copied.base_model.float().requires_grad_(True))

    def forward(self, ids: Tensor, attention: Tensor, response_tokens: int, positions: Tensor | None = None) -> Tensor:
        """Logits of the outcomes after each of the last `response_tokens` (T) tokens. (B, N) -> (B, T, 4)."""
        read = hidden_states(self.trunk, ids, attention, positions)
        logits: Tensor = self.head(read[:, -response_tokens:].to(torch.float32))
        return logits.float()
