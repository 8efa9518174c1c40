"""Completions of prefixes, each drawn with random numbers of its own, so that it can be known by what it completes.

The address of a completion is the SHA-256 of the checkpoint, the tokens it continues, its number among the attempts, and how
it is sampled. The random numbers of an address are the same, whatever else is made beside it; a batch of other rows, another
device or version of torch may round otherwise, and then, seldom, choose another token.
"""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from appsplus import jsonl
from appsplus.errors import InputError
from stepcoder.config import VALUES_FILE


@dataclass(frozen=True, slots=True)
class Request:
    """One completion that is asked for."""

    ids: tuple[int, ...]  # prompt and what is given of the response
    number: int  # of the attempt, from 0
    max_tokens: int  # of the completion


@dataclass(frozen=True, slots=True)
class Sampling:
    """How completions are sampled."""

    temperature: float
    top_p: float
    seed: int


Told = Callable[[int, tuple[int, ...]], None]
"""Hears of a completion: the place of its request, and its tokens."""


class Writer(Protocol):
    """A policy that completes; its completions are known by `checkpoint`."""

    checkpoint: str  # hash of its weights
    sampling: Sampling
    batch: int  # completions at once

    def write(self, requests: Sequence[Request], told: Told = lambda _place, _row: None) -> list[tuple[int, ...]]:
        """A completion of each, as tokens, its end included. `told` hears of each as soon as it is whole."""
        ...


def address(writer: Writer, request: Request) -> str:
    """What a completion is known by."""
    parts = [writer.checkpoint, asdict(writer.sampling), asdict(request)]
    return hashlib.sha256(jsonl.dumps(parts).encode()).hexdigest()


def weights_hash(folder: Path, *, with_values: bool = False) -> str:
    """SHA-256 of a policy's weights and shape: two checkpoints of a run differ in it. Raises InputError without weights.

    `with_values`: of its values too, or of a reward model's head.
    """
    files = [path for path in sorted(folder.glob("*.safetensors")) if with_values or path.name != VALUES_FILE]
    files = files or sorted(folder.glob("*.bin"))
    if not files:
        raise InputError(f"{folder} holds no weights; expected a policy that `stepcoder` wrote, or a model's folder")
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


class PolicyWriter:
    """A causal language model as a writer."""

    def __init__(self, lm: Any, tokenizer: Any, checkpoint: str, sampling: Sampling, batch: int) -> None:
        self._lm, self._tokenizer = lm, tokenizer
        self.checkpoint, self.sampling, self.batch = checkpoint, sampling, batch

    def write(self, requests: Sequence[Request], told: Told = lambda _place, _row: None) -> list[tuple[int, ...]]:
        """A completion of each, sampled from the nucleus until its block of code ends."""
        import torch

        from appsplus.evaluation.backends.padding import left_padded
        from stepcoder.data import pad_id_of
        from stepcoder.generation import written

        pad_id, device = pad_id_of(self._tokenizer), next(self._lm.parameters()).device
        ids, attention = left_padded([request.ids for request in requests], pad_id)
        tokens = max(request.max_tokens for request in requests)
        numbers = torch.tensor([self._numbers(request, tokens) for request in requests], dtype=torch.float64)
        rows = written(
            self._lm,
            self._tokenizer,
            ids.to(device),
            attention.to(device),
            pad_id=pad_id,
            max_tokens=tokens,
            temperature=self.sampling.temperature,
            top_p=self.sampling.top_p,
            numbers=numbers.to(device),
            told=lambda row, response: told(row, tuple(response[: requests[row].max_tokens])),
        )
        return [tuple(row[: request.max_tokens]) for row, request in zip(rows, requests, strict=True)]

    def _numbers(self, request: Request, tokens: int) -> list[float]:
        chance = random.Random(address(self, request))
        return [chance.random() for _ in range(tokens)]
