"""Problems as text and tokens: prompts, the completions that supervised training teaches, and rows packed from both.

A prompt is that of `appsplus.evaluation.prompts`: the description and the starter code, then an open block of code that
begins with the prefix of the canonical solution (CCCS; empty at the plain task). Where the tokenizer has a chat template, the
first part is the user's message, and the block begins the assistant's. A completion goes on right there, and ends with the
line that closes the block:

    description, starter code | ```python | prefix | completion | ```
"""

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import torch
from torch import Tensor

from appsplus.errors import DatasetError, InputError
from appsplus.evaluation import prompts
from appsplus.evaluation.extraction import Program, extract
from appsplus.evaluation.prompts import CLOSE_FENCE, OPEN_FENCE
from appsplus.problem import Problem
from appsplus.release import load_problems, prompt_text
from appsplus.release.fetched import dataset_folder

Item = TypeVar("Item")
_PROBE = "def f(x):\n    if x > 1:\n\treturn  'a  b'\n```"


@dataclass(frozen=True, slots=True)
class Tokens:
    """One example of supervised training."""

    ids: tuple[int, ...]
    prompt: int  # so many of them are the prompt, which is not learned


@dataclass(frozen=True, slots=True)
class PackedRows:
    """R rows of N tokens, each several examples one after the other; none sees another."""

    ids: Tensor  # (R, N)
    keep: Tensor  # (R, N), 1.0 on tokens that are learned
    positions: Tensor  # (R, N), from 0 in each example
    attention: Tensor  # (R, 1, N, N), 0.0 where a token (3rd) sees another (4th), else the most negative number


def load_split(dataset: str, split: str, *, limit: int = 0) -> list[Problem]:
    """The problems of a split of a dataset, a folder or an id on the Hub, ready to train on.

    Raises DatasetError where there are none, or where they have no subtasks, SourceError where the Hub does not give them.
    """
    problems = list(islice(load_problems(dataset_folder(dataset), split), limit or None))
    if not problems:
        raise DatasetError(f"the split {split} of {dataset} is empty; build it from more problems, or name another")
    for problem in problems:
        if problem.annotation is None or not problem.annotation.subtask_chars:
            raise DatasetError(
                f"{problem.problem_id} in {dataset} has no subtasks; expected at least the plain task, build it again"
            )
    return problems


def evenly(items: Sequence[Item], count: int) -> list[Item]:
    """`count` of some items, evenly spaced, the first among them; all where there are fewer, or `count` is 0.

    A dataset has its source's order, in which the first ones may be of one difficulty.
    """
    count = min(count or len(items), len(items))
    return [items[i * len(items) // count] for i in range(count)]


def prompt_for(problem: Problem, prefix: str, tokenizer: Any) -> str:
    """What the policy reads, as text."""
    return prompts.rendered(problem, tokenizer, prefix=prefix)


def prompt_ids(problem: Problem, prefix: str, tokenizer: Any) -> list[int]:
    """What the policy reads, as tokens."""
    return prompts.token_ids(prompt_for(problem, prefix, tokenizer), tokenizer)


def sft_example(problem: Problem, tokenizer: Any) -> Tokens:
    """The canonical solution as a completion of the plain task: what the judge would extract from it is the solution."""
    prompt = prompt_ids(problem, "", tokenizer)
    completion = problem.canonical_solution.rstrip("\n") + CLOSE_FENCE
    learned = tokenizer(completion, add_special_tokens=False)["input_ids"]
    return Tokens((*prompt, *learned, tokenizer.eos_token_id), len(prompt))


def is_teachable(problem: Problem, example: Tokens, tokenizer: Any) -> bool:
    """Whether what is extracted from the completion that is learned is the canonical solution: no line of it ends the block,
    and the tokenizer gives back every character (one that normalises Unicode, or knows a word as special, does not).
    """
    found = extract(tokenizer.decode(example.ids[example.prompt :], skip_special_tokens=True), fence_open=True)
    return isinstance(found, Program) and found.text.rstrip("\n") == problem.canonical_solution.rstrip("\n")


def packed(examples: Sequence[Tokens], row_tokens: int, rng: random.Random) -> list[list[Tokens]]:
    """Examples in random order, put into rows of at most `row_tokens` tokens: each into the first row with room for it."""
    rows: list[list[Tokens]] = []
    room: list[int] = []
    for example in rng.sample(list(examples), len(examples)):
        size = len(example.ids)
        fitting = next((i for i, left in enumerate(room) if left >= size), None)
        if fitting is None:
            rows.append([])
            room.append(max(row_tokens, size))
            fitting = len(rows) - 1
        rows[fitting].append(example)
        room[fitting] -= size
    return rows


def packed_rows(rows: Sequence[Sequence[Tokens]], pad_id: int, dtype: torch.dtype) -> PackedRows:
    """The tensors of some rows, padded to the longest."""
    width = max(sum(len(e.ids) for e in row) for row in rows)
    ids = torch.full((len(rows), width), pad_id)
    keep = torch.zeros(len(rows), width)
    positions = torch.zeros(len(rows), width, dtype=torch.long)
    owner = torch.full((len(rows), width), -1)
    for r, row in enumerate(rows):
        at = 0
        for number, example in enumerate(row):
            end = at + len(example.ids)
            ids[r, at:end] = torch.tensor(example.ids)
            keep[r, at + example.prompt : end] = 1.0
            positions[r, at:end] = torch.arange(end - at)
            owner[r, at:end] = number
            at = end
    same = owner.unsqueeze(2) == owner.unsqueeze(1)  # (R, N, N)
    seen = same & torch.ones(width, width, dtype=torch.bool).tril()
    attention = torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)
    return PackedRows(ids, keep, positions, attention.unsqueeze(1))


def token_offsets(ids: Sequence[int], text: str, tokenizer: Any) -> list[tuple[int, int]]:
    """For each token of a completion, the characters [start, end) of its text that it stands for.

    They follow each other without a gap. Of a character that several tokens spell, the last has it; special tokens have
    nothing. This does not tokenise the text again: a policy need not write it as the tokenizer would.
    """
    pieces = [tokenizer.decode([token], skip_special_tokens=True) for token in ids]
    ends: list[int] = []
    if "".join(pieces) == text:
        for piece in pieces:
            ends.append((ends[-1] if ends else 0) + len(piece))
    else:  # a character of several tokens, or a token that reads differently at the start of a text
        for i in range(len(ids)):
            read = tokenizer.decode(ids[: i + 1], skip_special_tokens=True)
            whole = len(read.rstrip("\ufffd")) if i + 1 < len(ids) else len(text)
            ends.append(max(ends[-1] if ends else 0, min(whole, len(text))))
    return list(zip([0, *ends[:-1]], ends, strict=True)) if ids else []


def check_tokenizer(tokenizer: Any, name: str) -> None:
    """Refuse a tokenizer whose tokens cannot be traced to characters, or that has no end-of-text token (InputError)."""
    if tokenizer.eos_token_id is None:
        raise InputError(
            f"the tokenizer of {name} has no end-of-text token; a completion could not end; choose another"
        )
    ids = tokenizer(_PROBE, add_special_tokens=False)["input_ids"]
    text = tokenizer.decode(ids, skip_special_tokens=True)
    if text.removeprefix(" ") != _PROBE:
        raise InputError(
            f"the tokenizer of {name} does not give back the program that it reads (got {text!r} for {_PROBE!r}), so the"
            " offsets of its tokens cannot be known; choose a model for code"
        )


def pad_id_of(tokenizer: Any) -> int:
    """A token for padding, whichever the tokenizer has."""
    found: int = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    return found


def tokenizer_hash(tokenizer: Any) -> str:
    """What tells a tokenizer from another: its words with their numbers."""
    return hashlib.sha256(json.dumps(sorted(tokenizer.get_vocab().items())).encode()).hexdigest()


def new_tokenizer(texts: Sequence[str], vocab_tokens: int) -> Any:
    """A byte-level BPE tokenizer trained on some texts, as transformers loads it.

    The indentation of a line is one word with the line's end, so that a prefix cut at a statement ends with a token.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    words = Regex(r"\n[ \t]*| ?[A-Za-z_]+| ?[0-9]| ?[^\sA-Za-z0-9_]+|[ \t]+|\s")
    split = pre_tokenizers.Split(words, "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|end|>", "<|pad|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_tokens,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=special[0], pad_token=special[1], clean_up_tokenization_spaces=False
    )


def tokenizer_texts(problems: Sequence[Problem]) -> list[str]:
    """What a new tokenizer is trained on: prompts, and programs more than once, for they are what is written."""
    texts = [prompt_text(problem) + OPEN_FENCE for problem in problems]
    return texts + 4 * [problem.canonical_solution + CLOSE_FENCE for problem in problems]
