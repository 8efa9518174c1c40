"""Tokens per CPU second of the trainer's own sampling, of transformers' `generate`, and of its continuous batching.

    python benchmarks/learning/generation.py --model OUT/seed-0/sft/final --data OUT/data/family

with OUT a folder of `stepcoder ablate`; any model and dataset will do. The same prompts (plain tasks of the test split), the
same length at most, samples from the whole distribution, one thread; the ways take turns. The first two stop at the end of
the block of code. Continuous batching takes no rule of ours: it stops at the end of the text, which the policy writes a
token or two later, and needs no padding.
"""

import argparse
import json
import resource
import statistics
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import ContinuousBatchingConfig, GenerationConfig, StoppingCriteria, StoppingCriteriaList

from appsplus.evaluation.backends.end_of_block import EndOfBlock
from appsplus.evaluation.backends.padding import left_padded
from appsplus.jsonl import write_atomically
from stepcoder.config import TrainConfig
from stepcoder.data import load_split, prompt_ids
from stepcoder.generation import written
from stepcoder.policy import load_model

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "benchmarks" / "results" / "generation.json"
sys.path.insert(0, str(ROOT / "benchmarks" / "speed"))

import machine  # noqa: E402


class Ends(StoppingCriteria):
    """Rows end where the trainer's do."""

    def __init__(self, tokenizer: Any, prompt_tokens: int) -> None:
        self._ends, self._prompt_tokens = EndOfBlock(tokenizer, torch.device("cpu")), prompt_tokens

    def __call__(self, input_ids: Tensor, *_: Any, **__: Any) -> Tensor:
        """(B, N) -> (B,)."""
        return self._ends(input_ids, input_ids.shape[1] - self._prompt_tokens)


class Contest:
    """A model, prompts, and three ways to complete them; each returns the tokens that it wrote."""

    def __init__(self, lm: Any, tokenizer: Any, prompts: list[tuple[int, ...]], max_tokens: int) -> None:
        self._lm, self._tokenizer, self._prompts, self._max_tokens = lm, tokenizer, prompts, max_tokens
        self._pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
        self._config = GenerationConfig(
            do_sample=True,
            temperature=1.0,
            top_p=1.0,
            top_k=0,
            max_new_tokens=max_tokens,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=self._pad,
        )

    def ways(self) -> dict[str, Callable[[], int]]:
        """By name."""
        return {"trainer": self.trainer, "generate": self.generate, "continuous_batching": self.continuous}

    def trainer(self) -> int:
        """The loop of `stepcoder/generation.py`."""
        ids, attention = left_padded(self._prompts, self._pad)
        rows = written(
            self._lm,
            self._tokenizer,
            ids,
            attention,
            pad_id=self._pad,
            max_tokens=self._max_tokens,
            temperature=1.0,
            top_p=1.0,
        )
        return sum(map(len, rows))

    def generate(self) -> int:
        """`model.generate`, with the same rule to stop."""
        ids, attention = left_padded(self._prompts, self._pad)
        stops = StoppingCriteriaList([Ends(self._tokenizer, ids.shape[1])])
        made = self._lm.generate(ids, attention_mask=attention, generation_config=self._config, stopping_criteria=stops)
        return int((made[:, ids.shape[1] :] != self._pad).sum())

    def continuous(self) -> int:
        """`model.generate_batch`."""
        made = self._lm.generate_batch(
            [list(p) for p in self._prompts],
            self._config,
            ContinuousBatchingConfig(num_blocks=len(self._prompts) + 1, max_batch_tokens=8 * len(self._prompts)),
            persistent_manager=True,  # what it takes to start is not what this is about
        )
        short = [one for one in made.values() if not one.generated_tokens]
        if short or len(made) != len(self._prompts):
            raise RuntimeError(
                f"continuous batching wrote {len(made) - len(short)} of {len(self._prompts)} completions"
            )
        return sum(len(one.generated_tokens) for one in made.values())


def cpu_s() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(contest: Contest, repeat: int) -> dict[str, Any]:
    """Each way `repeat` times, in turns, after one round that does not count."""
    rates: dict[str, list[float]] = {name: [] for name in contest.ways()}
    for turn in range(repeat + 1):
        for name, way in contest.ways().items():
            began = cpu_s()
            tokens = way()
            if turn:
                rates[name].append(tokens / (cpu_s() - began))
    return {
        name: {"tokens_per_cpu_s": round(statistics.median(found)), "all": [round(rate) for rate in found]}
        for name, found in rates.items()
    }


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a run's final policy, or any causal language model")
    parser.add_argument("--data", required=True, help="a dataset")
    parser.add_argument("--batches", default="64,128", help="prompts at once [%(default)s]")
    parser.add_argument("--max-tokens", type=int, default=128, help="of a completion [%(default)s]")
    parser.add_argument("--repeat", type=int, default=5, help="rounds that count [%(default)s]")
    parser.add_argument("--result", type=Path, default=RESULT, help="file of the numbers")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    found: dict[str, Any] = {"machine": machine.facts(), "batches": {}}
    found["machine"]["command"] = (
        "python benchmarks/learning/generation.py --model OUT/seed-0/sft/final --data OUT/data/family"
    )
    found["machine"] |= {name: metadata.version(name) for name in ("torch", "transformers")}
    lm, tokenizer = load_model(asked.model, TrainConfig(model=asked.model))
    prompts = [tuple(prompt_ids(problem, "", tokenizer)) for problem in load_split(asked.data, "test")]
    for batch in map(int, asked.batches.split(",")):
        step = max(1, len(prompts) // batch)
        some = (prompts[::step] * (batch // len(prompts[::step]) + 1))[:batch]
        found["batches"][str(batch)] = measured(Contest(lm.eval(), tokenizer, some, asked.max_tokens), asked.repeat)
        for name, numbers in found["batches"][str(batch)].items():
            print(f"{batch} prompts, {name}: {numbers['tokens_per_cpu_s']:,} tokens per CPU second", flush=True)
        write_atomically(asked.result, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
