"""Samples from a model of transformers on this machine. Needs torch and transformers (the extra `sample`).

Every token is drawn with a random number of its own row, from the sample's seed, and the batches are always the same ones: so
a sample does not depend on what else is made, nor on when a run was stopped and started again. (Another batch size, device or
version of torch may round otherwise, and then choose another token.) Of the model's own `generation_config` only the tokens
that end a text are used; temperature and nucleus are ours.

Legend: B rows, P prompt positions (left-padded), T tokens written at most, N positions written so far, V vocabulary.
"""

import hashlib
import random
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LogitsProcessorList,
    StoppingCriteriaList,
)

from appsplus.errors import InputError
from appsplus.evaluation import prompts
from appsplus.evaluation.backends import Refusal, Request, Sampling, Take
from appsplus.evaluation.backends.end_of_block import EndOfBlock
from appsplus.evaluation.backends.padding import left_padded
from appsplus.evaluation.sample_file import Key, Sample

_END_BYTES = 2**20


class LocalModel:
    """A causal language model and its tokenizer."""

    def __init__(
        self,
        name: str,
        sampling: Sampling,
        *,
        revision: str | None = None,
        batch: int = 8,
        device: str = "auto",
        dtype: str = "auto",
        open_block: bool = True,
    ) -> None:
        """`name` is a folder or a Hub id; `device` auto: the GPU, or all of them where there are several, else the CPU.

        `open_block` begins the answers of a model that has a chat template with the opening fence; without it such a model
        answers as it likes, until it ends its turn. Raises InputError where the model cannot be had.
        """
        self._sampling, self._batch = sampling, batch
        if dtype != "auto" and not isinstance(getattr(torch, dtype, None), torch.dtype):
            raise InputError(f"--dtype {dtype} is no type of torch; expected auto, float32, bfloat16 or float16")
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(name, revision=revision)
            self._lm = _loaded(name, revision, device, dtype)
        except (OSError, ValueError, RuntimeError, ImportError, AssertionError) as error:  # the last: no CUDA
            raise InputError(
                f"--model hf:{name} cannot be loaded: {' '.join(str(error).split())[:500]}; expected a folder or a Hub id of"
                " a causal language model, and a --device that this machine has"
            ) from None
        if self._tokenizer.eos_token_id is None:
            raise InputError(
                f"the tokenizer of {name} has no end-of-text token, so no completion could end; choose another"
            )
        self._open_block = open_block or not prompts.has_chat_template(self._tokenizer)
        self._name = name
        ends = self._lm.generation_config.eos_token_id
        self._end_ids = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
        pad = self._tokenizer.pad_token_id
        self._pad_id = self._tokenizer.eos_token_id if pad is None else pad
        end_ids = sorted({self._tokenizer.eos_token_id, *self._end_ids})
        self._lm.generation_config = GenerationConfig(eos_token_id=end_ids, pad_token_id=self._pad_id)
        self._context = getattr(self._lm.config.get_text_config(), "max_position_embeddings", None)
        chat = "chat, block opened" if self._open_block else "chat"
        self.facts: dict[str, Any] = {
            **named(name),
            "backend": "hf",
            "revision": getattr(self._lm.config, "_commit_hash", None) or revision or "",
            "dtype": str(self._lm.dtype).removeprefix("torch."),
            "prompt": chat if prompts.has_chat_template(self._tokenizer) else "continued",
            "batch": batch,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }

    def run(self, requests: Sequence[Request], done: Container[Key], take: Take) -> list[Refusal]:
        """Make the samples, a batch at a time. Raises InputError where the device's memory does not hold a batch.

        A batch of which a part is there already is made again as a whole, and the rest of it taken.
        """
        refusals: list[Refusal] = []
        possible: list[tuple[Request, str, list[int]]] = []
        read: dict[str, tuple[str, list[int]]] = {}
        for request in requests:
            if request.problem.problem_id not in read:
                read[request.problem.problem_id] = self._prompt(request)
            prompt_sha256, ids = read[request.problem.problem_id]
            if self._context is not None and len(ids) + self._sampling.max_tokens > self._context:
                detail = (
                    f"{len(ids):,} tokens of prompt and {self._sampling.max_tokens:,} of completion are more than the"
                )
                refusals.append(Refusal(request, f"{detail} {self._context:,} that the model reads"))
            else:
                possible.append((request, prompt_sha256, ids))
        if refusals and not possible:
            raise InputError(f"--model hf:{self._name}: {refusals[0].detail}; give a smaller --max-tokens")
        for start in range(0, len(possible), self._batch):
            batch = possible[start : start + self._batch]
            if all(request.key in done for request, _, _ in batch):
                continue
            written = self._written([ids for _, _, ids in batch], [request.seed for request, _, _ in batch])
            take(
                [
                    self._sample(request, prompt_sha256, row)
                    for (request, prompt_sha256, _), row in zip(batch, written, strict=True)
                    if request.key not in done
                ]
            )
        return refusals

    def _prompt(self, request: Request) -> tuple[str, list[int]]:
        text = prompts.rendered(request.problem, self._tokenizer, shots=request.shots, open_block=self._open_block)
        return prompts.prompt_hash(text), prompts.token_ids(text, self._tokenizer)

    def _sample(self, request: Request, prompt_sha256: str, row: tuple[list[int], str]) -> Sample:
        ids, finish_reason = row
        text = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        opening = prompts.OPEN_FENCE if self._open_block else ""
        return request.sample(
            opening + str(text), model=self.facts["name"], prompt_sha256=prompt_sha256, finish_reason=finish_reason
        )

    def _written(self, prompt_ids: Sequence[Sequence[int]], seeds: Sequence[int]) -> list[tuple[list[int], str]]:
        """The tokens that follow each prompt, with the reason why they end."""
        ids, attention = left_padded(prompt_ids, self._pad_id)
        device = self._lm.device
        ends = _Ends(self._tokenizer, ids.shape[1], len(ids), device, self._end_ids, at_fence=self._open_block)
        try:
            with torch.inference_mode():
                out = self._lm.generate(
                    input_ids=ids.to(device),
                    attention_mask=attention.to(device),
                    do_sample=False,  # `_Draw` leaves one token, which is then the likeliest
                    max_new_tokens=self._sampling.max_tokens,
                    logits_processor=LogitsProcessorList([_Draw(self._sampling, seeds, ids.shape[1], device)]),
                    stopping_criteria=StoppingCriteriaList([ends]),
                )
        except torch.OutOfMemoryError:
            raise InputError(
                f"{self._name}: the memory of {device} does not hold --batch {self._batch}; give a smaller one and start the"
                " same command again: what was made is kept"
            ) from None
        rows = out[:, ids.shape[1] :].tolist()
        lengths = ends.lengths.tolist()
        return [(row[: n or None], "stop" if n else "length") for row, n in zip(rows, lengths, strict=True)]


def _loaded(name: str, revision: str | None, device: str, dtype: str) -> Any:
    if device == "auto" and torch.cuda.device_count() > 1:
        lm: Any = AutoModelForCausalLM.from_pretrained(name, revision=revision, dtype=dtype, device_map="auto")
        return lm.eval()
    one = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    lm = AutoModelForCausalLM.from_pretrained(name, revision=revision, dtype=dtype)
    return lm.to(one).eval()


def named(model: str) -> dict[str, str]:
    """What results say of a model, a folder or a Hub id: `name`, without the path of this machine, and `fingerprint`."""
    folder = Path(model)
    if not folder.is_dir():
        return {"name": model, "fingerprint": ""}
    return {"name": "/".join(folder.resolve().parts[-2:]), "fingerprint": fingerprint(folder)}


def fingerprint(folder: Path) -> str:
    """A hash of what tells a model's folder from another: names and sizes of its files, and the ends of each."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}\n".encode())
        with path.open("rb") as file:
            digest.update(file.read(_END_BYTES))
            file.seek(max(0, size - _END_BYTES))
            digest.update(file.read())
    return digest.hexdigest()


class _Ends:
    """The stopping criterion of transformers' `generate`; remembers how long each row is."""

    def __init__(
        self, tokenizer: Any, prompt_tokens: int, rows: int, device: Any, end_ids: Sequence[int], *, at_fence: bool
    ) -> None:
        self._prompt_tokens, self._device = prompt_tokens, device
        self._end_of_block = EndOfBlock(tokenizer, device, end_ids) if at_fence else None
        self._end_ids = torch.tensor(sorted({tokenizer.eos_token_id, *end_ids}), device=device)
        self.lengths = torch.zeros(rows, dtype=torch.long, device=device)  # tokens of the row; 0: it has not ended

    def __call__(self, ids: Tensor, scores: Any, **_: Any) -> Tensor:  # noqa: ARG002
        """Which rows have ended. (B, N) -> (B,)."""
        written = ids.shape[1] - self._prompt_tokens
        ends = self._end_of_block(ids, written) if self._end_of_block else torch.isin(ids[:, -1], self._end_ids)
        self.lengths[ends & (self.lengths == 0)] = written
        return self.lengths > 0


class _Draw:
    """Draws the next token of each row with that row's own random numbers, and leaves it as the only one possible."""

    def __init__(self, sampling: Sampling, seeds: Sequence[int], prompt_tokens: int, device: Any) -> None:
        self._sampling, self._prompt_tokens = sampling, prompt_tokens
        chances = [random.Random(seed) for seed in seeds]
        numbers = [[chance.random() for _ in range(sampling.max_tokens)] for chance in chances]
        self._numbers = torch.tensor(numbers, dtype=torch.float64, device=device)  # (B, T), from 0 to 1

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """(B, N), (B, V) -> (B, V)."""
        if not self._sampling.temperature:
            return scores
        number = self._numbers[:, ids.shape[1] - self._prompt_tokens]
        tokens = drawn(scores, number, temperature=self._sampling.temperature, top_p=self._sampling.top_p)
        return torch.full_like(scores, -torch.inf).scatter(1, tokens.unsqueeze(1), 0.0)


def drawn(logits: Tensor, number: Tensor, *, temperature: float, top_p: float) -> Tensor:
    """The token of each row at which the nucleus, likeliest first, has reached the share `number` of its probability.

    The nucleus is the smallest set of the likeliest tokens whose probability reaches `top_p`. (B, V), (B,) -> (B,).
    """
    shares = (logits.double() / temperature).softmax(-1)
    ordered, places = shares.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered  # probability of all that are likelier
    ordered = torch.where(before < top_p, ordered, 0.0)
    reached = ordered.cumsum(-1)
    aim = (number * reached[:, -1]).unsqueeze(-1)
    at = (reached <= aim).sum(-1).clamp(max=(ordered > 0).sum(-1) - 1)
    tokens: Tensor = places.gather(-1, at.unsqueeze(-1)).squeeze(-1)
    return tokens
