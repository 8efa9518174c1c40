"""Where a completion ends that continues an open block of code: at the line that closes the block, or at the end of text.

Needs torch. Legend: B rows, N positions written so far.
"""

import re
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor

_FENCE_LINE = re.compile(r"\n[ \t]*```[^\n]*\n*\Z")
_TAIL = 24  # tokens in which a closing fence and its line's start are looked for


class EndOfBlock:
    """Says which rows end with their newest token: at the line that closes the block of code, or at the end of text."""

    def __init__(self, tokenizer: Any, device: torch.device, end_ids: Collection[int] = ()) -> None:
        """`end_ids`: tokens that end a text, besides the tokenizer's own."""
        self._tokenizer = tokenizer
        words = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        self._has_tick = torch.tensor(["`" in (word or "") for word in words], device=device)
        self._end_ids = torch.tensor(sorted({tokenizer.eos_token_id, *end_ids}), device=device)

    def __call__(self, ids: Tensor, response_tokens: int) -> Tensor:
        """Of rows whose last `response_tokens` are the response. (B, N) -> (B,)."""
        last = ids[:, -1]
        ends: Tensor = torch.isin(last, self._end_ids)
        may_end = ~ends & self._has_tick[last.clamp(max=len(self._has_tick) - 1)]
        for row in may_end.nonzero().flatten().tolist():
            tail = ids[row, -min(_TAIL, response_tokens + 8) :]  # the fence may be the first thing after the prefix
            ends[row] = _FENCE_LINE.search(self._tokenizer.decode(tail, skip_special_tokens=True)) is not None
        return ends
