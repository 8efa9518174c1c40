"""OpenRLHF: the rewards of completions, for `--reward.remote_url`, which takes the path of this file.

    appsplus export out/appsplus --to openrlhf --out out/openrlhf
    python -m openrlhf.cli.train_ppo_ray --data.prompt_dataset out/openrlhf --data.input_key prompt --data.label_key label \\
        --data.apply_chat_template --reward.remote_url "$(python -m appsplus.integrations openrlhf)" ...

OpenRLHF hands over prompt and completion in one text, special tokens and all; the completion is what follows the prompt, less
the special tokens at its end. Where the judge fails, SandboxError is raised: OpenRLHF logs it, the completion has no reward,
and training stops when the batch is put together.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from appsplus.errors import InputError, SandboxError
from appsplus.integrations.extras import needs
from appsplus.integrations.rows import row_from_text
from appsplus.integrations.scoring import Scored, score_all

if TYPE_CHECKING:
    from torch import Tensor

_SPECIAL = re.compile(  # <|im_end|>, <|endoftext|>, <｜end▁of▁sentence｜>, </s>, <eos>, <end_of_turn>, [PAD], ...
    r"(?:<\|[^|<>\s]{1,40}\|>|<｜[^｜<>\s]{1,40}｜>|</s>|<(?:eos|pad|end_of_turn|turn\|)>|\[(?:EOS|PAD|SEP)\])\Z"
)
_LONGEST = 44  # characters of a special token


def reward_func(
    queries: Sequence[str],
    prompts: Sequence[str],
    labels: Sequence[str],
    **_: Any,
) -> "dict[str, Tensor | dict[str, Tensor]]":
    """`rewards`; `scores`, 1 where a program is accepted, else 0 (for dynamic filtering); `extra_logs`. Tensors of (B,).

    Raises SandboxError where the judge fails on any, as there is no way to leave one out; InputError for a label that
    `appsplus export` did not write, or a query that does not begin with its prompt.
    """
    with needs("openrlhf"):
        import torch
    completions = [completion_of(query, prompt) for query, prompt in zip(queries, prompts, strict=True)]
    scored = [_known(result) for result in score_all([row_from_text(label) for label in labels], completions)]

    def tensor(values: list[float]) -> "Tensor":
        return torch.tensor(values, dtype=torch.float32)

    return {
        "rewards": tensor([s.reward for s in scored]),
        "scores": tensor([float(s.accepted) for s in scored]),
        "extra_logs": {
            "share_passed": tensor([s.share_passed for s in scored]),
            "extraction_failed": tensor([float(s.outcome == "extraction_failed") for s in scored]),
        },
    }


def completion_of(query: str, prompt: str) -> str:
    """What follows the prompt, less the special tokens at the end. Of a prompt that was too long, the query has the end."""
    if query.startswith(prompt):
        written = query[len(prompt) :]
    else:
        known = _longest_overlap(prompt, query)
        if known < min(len(prompt), 16):
            raise InputError(
                f"a query does not begin with its prompt, nor with the end of it (query {query[:60]!r}, prompt"
                f" {prompt[:60]!r}): the tokenizer does not give back the text that it reads; choose another model"
            )
        written = query[known:]
    return _without_special_end(written)


def _without_special_end(text: str) -> str:
    end = len(text)
    while True:
        tail = end
        while tail and text[tail - 1].isspace():
            tail -= 1
        token = _SPECIAL.search(text, max(0, tail - _LONGEST), tail)
        if token is None:
            return text[:end]
        end = token.start()


def _longest_overlap(prompt: str, query: str) -> int:
    """How many characters the longest end of `prompt` has with which `query` begins. Linear time (Knuth, Morris, Pratt)."""
    text = query[: len(prompt)]
    fallback = [0] * len(text)
    for i in range(1, len(text)):
        k = fallback[i - 1]
        while k and text[i] != text[k]:
            k = fallback[k - 1]
        fallback[i] = k + (text[i] == text[k])
    matched = 0
    for character in prompt:
        while matched and (matched == len(text) or character != text[matched]):
            matched = fallback[matched - 1]
        matched += bool(text) and character == text[matched]
    return matched


def _known(result: Scored | SandboxError) -> Scored:
    if isinstance(result, SandboxError):
        raise result
    return result
