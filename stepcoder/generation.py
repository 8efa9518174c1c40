"""Completions, token by token, from a causal language model with its key-value cache.

A plain loop instead of transformers' `generate`: a row that has ended leaves the batch, and is told of at once, keys and
values have room to grow, and nothing but the model's forward pass stands between two tokens. What it costs beside
`generate` is in benchmarks/learning/README.md.

Legend: B rows, P prompt positions (left-padded), N positions written so far, V words of the vocabulary.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from appsplus.evaluation.backends.end_of_block import EndOfBlock
from stepcoder.errors import TrainingError
from stepcoder.policy import context_of

_LEAVE = 0.25  # rows that have ended leave the batch once they are this share of it
_FEW = 64  # tokens among which a nucleus is looked for first


def written(
    lm: Any,
    tokenizer: Any,
    ids: Tensor,
    attention: Tensor,
    *,
    pad_id: int,
    max_tokens: int,
    temperature: float,
    top_p: float,
    numbers: Tensor | None = None,
    ends: Callable[[Tensor, int], Tensor] | None = None,
    told: Callable[[int, list[int]], None] = lambda _row, _response: None,
) -> list[list[int]]:
    """The response to each prompt, its end included. (B, P), (B, P) -> B lists of at most `max_tokens` tokens.

    Sampled from the nucleus; temperature 0 takes the likeliest token, and draws nothing. `numbers`, from 0 to 1, (B, T), are
    what each row is drawn with, so that it does not depend on the others. `ends` says which rows end with their newest token;
    None: those whose block of code does. Every row ends where the model reads no further; of a prompt that fills that, the
    response is empty. `told` hears of each row as soon as it is whole.
    """
    from appsplus.evaluation.backends.local import drawn
    from stepcoder.key_values import new_cache

    ends = ends or EndOfBlock(tokenizer, ids.device)
    cache = new_cache(lm)
    responses: list[list[int]] = [[] for _ in range(len(ids))]
    live = torch.arange(len(ids), device=ids.device)  # row of the batch -> row of `ids`
    last = (context_of(lm.config) or torch.iinfo(torch.long).max) - 1  # position that the model reads
    running = attention.sum(-1) <= last
    for row in live[~running].tolist():
        told(row, [])
    if not running.any():
        return responses
    positions = (attention.cumsum(-1) - 1).clamp(min=0, max=last)
    new = ids
    with torch.no_grad():
        for count in range(1, max_tokens + 1):
            out = lm(
                input_ids=new,
                attention_mask=attention,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            logits = out.logits[:, -1].float()
            if logits.amax(-1).isnan().any():
                raise TrainingError(
                    "the model's scores of words are no numbers (NaN): its weights have overflowed; go on from the last"
                    " checkpoint with --resume and a lower --learning-rate, or name another --model"
                )
            if numbers is None or not temperature:
                token = chosen(logits, temperature=temperature, top_p=top_p)
            else:
                token = drawn(logits, numbers[live, count - 1], temperature=temperature, top_p=top_p)
            token = torch.where(running, token, pad_id)
            for row, is_running, value in zip(live.tolist(), running.tolist(), token.tolist(), strict=True):
                if is_running:
                    responses[row].append(value)
            ids = torch.cat([ids, token.unsqueeze(1)], 1)
            ended = running if count == max_tokens else running & (ends(ids, count) | (positions[:, -1] + 1 >= last))
            for row in live[ended].tolist():
                told(row, responses[row])
            running = running & ~ended
            left = int(running.sum())
            if not left:
                break
            attention = torch.cat([attention, torch.ones_like(attention[:, :1])], 1)
            positions, new = (positions[:, -1:] + 1).clamp(max=last), token.unsqueeze(1)
            if len(live) - left >= _LEAVE * len(live):
                cache.batch_select_indices(running.nonzero().flatten())
                ids, attention, positions, new, live = (t[running] for t in (ids, attention, positions, new, live))
                running = running[running]
    return responses


def chosen(logits: Tensor, *, temperature: float, top_p: float) -> Tensor:
    """The next token of each row: from the smallest set of the likeliest whose probability reaches top_p. (B, V) -> (B,)."""
    if not temperature:
        return logits.argmax(-1)
    shares = (logits / temperature).softmax(-1)
    if top_p < 1:
        ordered, places = _likeliest(shares, top_p)
        before = ordered.cumsum(-1) - ordered  # probability of all that are likelier
        ordered = torch.where(before < top_p, ordered, torch.zeros_like(ordered))
        ordered[:, 0].clamp_(min=torch.finfo(ordered.dtype).tiny)  # top_p 0 leaves the likeliest
        return places.gather(-1, torch.multinomial(ordered, 1)).squeeze(-1)
    return torch.multinomial(shares, 1).squeeze(-1)


def _likeliest(shares: Tensor, top_p: float) -> tuple[Tensor, Tensor]:
    """Tokens from the likeliest down: a few where they hold the nucleus of every row, else all. (B, V) -> 2 x (B, K).

    To sort a whole vocabulary costs a small model on a CPU more than the forward pass.
    """
    ordered, places = shares.topk(min(_FEW, shares.shape[-1]))
    if ordered.sum(-1).min() >= top_p:
        return ordered, places
    return shares.sort(-1, descending=True)
