"""A reward model at inference: best of K whole programs, and search over lines. Neither asks the judge.

    best of K        K completions of a problem, sampled; the one whose last line of code has the highest R is given
    search lines     W prefixes are kept; each is continued K times to the end of its next line that is not blank; of these,
                     and of what has ended, the W with the highest R at their last line of code are kept; until all have ended

R at the last line of code stands for the whole program, as in `stepcoder/prm/reward.py`; a prefix of comments alone is
neutral, 0, a program of comments alone the worst. Of equals the first is taken. Both are ours: how the paper ranks by its
reward model, if it does, we do not know.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from appsplus.evaluation.backends.end_of_block import EndOfBlock
from appsplus.evaluation.backends.padding import left_padded
from appsplus.evaluation.extraction import Program, extract
from stepcoder.data import pad_id_of, token_offsets
from stepcoder.generation import written
from stepcoder.policy import context_of
from stepcoder.prm.lines import lines_of
from stepcoder.prm.reward import Scores
from stepcoder.rollouts import Completion, Decoding, Task

NEUTRAL = 0.0  # of a prefix without a line of code
WORST = -2.0  # below every score: of a program without one


@dataclass(frozen=True, slots=True)
class Candidate:
    """A response, whole or so far, and what the reward model says of it."""

    ids: tuple[int, ...]
    score: float
    ended: bool = False


def ranked(completions: Sequence[Completion], scores: Scores, tokenizer: Any) -> list[Candidate]:
    """Completions with the score of their last line of code, in the order given."""
    return _candidates(
        [c.task for c in completions], [c.ids for c in completions], [True] * len(completions), scores, tokenizer
    )


def best(candidates: Sequence[Candidate], count: int) -> list[Candidate]:
    """The `count` best ones, the best first; of equals the first."""
    return sorted(candidates, key=lambda c: -c.score)[:count]


def search_lines(
    lm: Any,
    tokenizer: Any,
    tasks: Sequence[Task],
    scores: Scores,
    *,
    width: int,
    tries: int,
    decoding: Decoding,
) -> list[list[Candidate]]:
    """For each task the `width` responses that the search ends with, the best first; all tasks advance together."""
    beams = [[Candidate((), NEUTRAL)] for _ in tasks]
    device = next(lm.parameters()).device
    of_line, of_block = EndOfLine(tokenizer, device), EndOfBlock(tokenizer, device)
    context = context_of(lm.config) or torch.iinfo(torch.long).max
    room = [max(0, min(decoding.max_tokens, context - len(task.ids))) for task in tasks]
    while live := [(i, c) for i, beam in enumerate(beams) for c in beam if not c.ended]:
        asked = [(i, c) for i, c in live for _ in range(tries)]
        rows = [
            row
            for start in range(0, len(asked), decoding.batch)
            for row in _next_lines(lm, tokenizer, tasks, asked[start : start + decoding.batch], of_line, decoding, room)
        ]
        grown = [(*c.ids, *row) for (_, c), row in zip(asked, rows, strict=True)]
        ended = [
            len(ids) >= room[i] or _is_whole(of_block, (*tasks[i].ids, *ids), len(ids), device)
            for (i, _), ids in zip(asked, grown, strict=True)
        ]
        found = _candidates([tasks[i] for i, _ in asked], grown, ended, scores, tokenizer)
        for i in sorted({i for i, _ in asked}):
            fresh = [c for (of, _), c in zip(asked, found, strict=True) if of == i]
            pool = {c.ids: c for c in [*(c for c in beams[i] if c.ended), *fresh]}
            beams[i] = best(list(pool.values()), width)
    return beams


def _next_lines(
    lm: Any,
    tokenizer: Any,
    tasks: Sequence[Task],
    asked: Sequence[tuple[int, Candidate]],
    of_line: Callable[[Tensor, int], Tensor],
    decoding: Decoding,
    most: Sequence[int],
) -> list[list[int]]:
    device = next(lm.parameters()).device
    ids, attention = left_padded([[*tasks[i].ids, *c.ids] for i, c in asked], pad_id_of(tokenizer))
    room = [most[i] - len(c.ids) for i, c in asked]
    rows = written(
        lm,
        tokenizer,
        ids.to(device),
        attention.to(device),
        pad_id=pad_id_of(tokenizer),
        max_tokens=max(1, *room),
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        ends=of_line,
    )
    return [row[:left] for row, left in zip(rows, room, strict=True)]


def _is_whole(of_block: EndOfBlock, ids: Sequence[int], response_tokens: int, device: torch.device) -> bool:
    return bool(of_block(torch.tensor([list(ids)], device=device), response_tokens))


class EndOfLine:
    """Says which rows end with their newest token: at the end of a line that is not blank, of the block, or of the text."""

    def __init__(self, tokenizer: Any, device: torch.device) -> None:
        self._tokenizer, self._of_block = tokenizer, EndOfBlock(tokenizer, device)

    def __call__(self, ids: Tensor, response_tokens: int) -> Tensor:
        """Of rows whose last `response_tokens` are the line. (B, N) -> (B,)."""
        ends = self._of_block(ids, response_tokens)
        for row in (~ends).nonzero().flatten().tolist():
            line = self._tokenizer.decode(ids[row, -response_tokens:], skip_special_tokens=True)
            ends[row] = "\n" in line.lstrip()
        return ends


def _candidates(
    tasks: Sequence[Task],
    rows: Sequence[tuple[int, ...]],
    ended: Sequence[bool],
    scores: Scores,
    tokenizer: Any,
) -> list[Candidate]:
    ends: list[list[int]] = []
    for task, ids in zip(tasks, rows, strict=True):
        text = tokenizer.decode(ids, skip_special_tokens=True)
        program = extract(text, task.prefix, fence_open=True)
        lines = lines_of(text, program if isinstance(program, Program) else None, token_offsets(ids, text, tokenizer))
        ends.append([end.token for end in lines.code_ends[-1:]])
    found = scores([task.ids for task in tasks], rows, ends)
    return [
        Candidate(ids, values[-1] if values else WORST if whole else NEUTRAL, whole)
        for ids, values, whole in zip(rows, found, ended, strict=True)
    ]
