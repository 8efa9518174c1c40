"""Supervised training on canonical solutions: what a policy starts from, and what its reference is.

Every ten minutes, and where it is interrupted, it saves all that it needs to go on exactly: weights, optimiser, the step.
"""

import math
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from appsplus.errors import DatasetError
from stepcoder.checkpoint import export, load_state, save_state
from stepcoder.config import SftConfig
from stepcoder.data import (
    PackedRows,
    Tokens,
    is_teachable,
    load_split,
    packed,
    packed_rows,
    pad_id_of,
    sft_example,
)
from stepcoder.errors import TrainingError
from stepcoder.inputs import fitting, refuse_too_long_examples
from stepcoder.losses import masked_mean
from stepcoder.metrics import RunLog
from stepcoder.policy import activations
from stepcoder.processes import Interruption, anywhere
from stepcoder.setup import open_model

STATE = "sft-state"
SAVE_EVERY_S = 600.0


@dataclass(frozen=True, slots=True)
class SftStep:
    """What one optimiser step showed."""

    step: int
    steps: int
    loss: float  # cross-entropy in nats, a learned token
    learned_tokens: int


def run_sft(dataset: str, config: SftConfig, accelerator: Any, run: Path, name: str, log: RunLog) -> bool:
    """Train the model that `config` names on the split train, and write it to RUN/`name`, as transformers loads it.

    It goes on from where it was saved. False where an interruption ended it before its end. Raises DatasetError where no
    problem is short enough, TrainingError for a NaN loss or a full disk.
    """
    problems = load_split(dataset, "train", limit=config.limit)
    policy, tokenizer = open_model(config, problems, with_critic=False)
    fit = fitting(problems, tokenizer, config, f"the split train of {dataset}")
    if len(fit) < len(problems):
        log.say(f"{len(problems) - len(fit):,} of {len(problems):,} problems do not fit into prompt and completion")
    pairs = [(problem, sft_example(problem, tokenizer)) for problem in fit]
    examples = [example for problem, example in pairs if is_teachable(problem, example, tokenizer)]
    why = "a line of theirs would end the block of code, or the tokenizer does not give back their text"
    if not examples:
        raise DatasetError(
            f"none of the {len(fit)} solutions of the split train of {dataset} can be learned from: {why}"
        )
    if len(examples) < len(fit):
        log.say(f"{len(fit) - len(examples)} solutions are not learned from: {why}")
    refuse_too_long_examples(examples, policy.lm.config)
    trained = [p for p in policy.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=config.sft_learning_rate, weight_decay=config.weight_decay)
    prepared, optimizer = accelerator.prepare(policy, optimizer)
    state = run / STATE
    with Interruption() as interruption:
        finished = supervise(
            prepared, optimizer, examples, config, accelerator, pad_id_of(tokenizer), state, log, interruption
        )
    if finished:
        export(accelerator, prepared, tokenizer, run / name)
        if accelerator.is_main_process:
            shutil.rmtree(state, ignore_errors=True)
    accelerator.free_memory(prepared, optimizer)
    return finished


def supervise(
    policy: Any,
    optimizer: Any,
    examples: Sequence[Tokens],
    config: SftConfig,
    accelerator: Any,
    pad_id: int,
    state: Path,
    log: RunLog,
    interruption: Interruption,
) -> bool:
    """Train the policy in place for `sft_epochs` passes; the values are left alone. False where it was interrupted.

    Raises TrainingError for a NaN loss.
    """
    done = int(load_state(accelerator, state)["step"]) if state.is_dir() else 0
    log.begin_sft(done, config)
    saved_at = time.monotonic()
    rng = random.Random(config.seed)
    per_epoch = math.ceil(len(examples) / config.sft_batch_examples)
    steps = config.sft_epochs * per_epoch
    policy.train()
    order: list[Tokens] = []
    for step in range(steps):
        if step % per_epoch == 0:
            order = rng.sample(list(examples), len(examples))
        at = step % per_epoch * config.sft_batch_examples
        rows = packed(order[at : at + config.sft_batch_examples], config.pack_tokens, rng)
        if step < done:
            continue  # only the random numbers of what was done before
        for group in optimizer.param_groups:
            group["lr"] = config.sft_learning_rate * learning_rate_share(step, steps, config.sft_warmup_share)
        taken = _step(policy, optimizer, rows, config, accelerator, pad_id, step, steps)
        log.sft_step(taken.step, steps, taken.loss)
        late = time.monotonic() - saved_at >= SAVE_EVERY_S
        interrupted, late = anywhere((interruption.asked, late), accelerator)
        if interrupted or late:
            save_state(accelerator, state, {"step": step + 1})
            saved_at = time.monotonic()
        if interrupted:
            return False
    return True


def _step(
    policy: Any,
    optimizer: Any,
    rows: list[list[Tokens]],
    config: SftConfig,
    accelerator: Any,
    pad_id: int,
    step: int,
    steps: int,
) -> SftStep:
    learned = sum(len(e.ids) - e.prompt for row in rows for e in row)
    processes, rank = accelerator.num_processes, accelerator.process_index
    chunks = [rows[i : i + config.micro_rows] for i in range(0, len(rows), config.micro_rows)]
    total_loss = torch.zeros((), device=accelerator.device)
    for turn in range(math.ceil(len(chunks) / processes)):  # every process takes as many turns, or FSDP waits for ever
        mine = turn * processes + rank
        chunk = packed_rows(chunks[mine % len(chunks)], pad_id, activations(config))
        loss = sft_loss(policy, chunk, learned, accelerator.device) * float(mine < len(chunks))
        accelerator.backward(loss * processes)  # gradients are averaged over processes
        total_loss += loss.detach()
    norm = float(accelerator.clip_grad_norm_(policy.parameters(), config.max_grad_norm))
    mean = float(accelerator.reduce(total_loss, "sum"))
    if not (math.isfinite(mean) and math.isfinite(norm)):  # a step would leave nothing of the weights
        raise TrainingError(
            f"SFT step {step}: the loss is {mean}, the norm of its gradient {norm}; expected finite numbers. What was saved"
            " is whole: go on from it with --resume and a lower --sft-learning-rate, or begin anew with --dtype float32"
        )
    optimizer.step()
    optimizer.zero_grad()
    return SftStep(step + 1, steps, mean, learned)


def sft_loss(policy: Any, rows: PackedRows, learned: int, device: torch.device) -> torch.Tensor:
    """Cross-entropy of the learned tokens of some rows, over the `learned` tokens of the whole batch. -> ()."""
    logprobs, values, _ = policy(
        rows.ids.to(device), rows.attention.to(device), rows.ids.shape[1] - 1, positions=rows.positions.to(device)
    )
    unused: torch.Tensor = 0.0 * values.sum()  # every parameter has a gradient, as DistributedDataParallel wants it
    return -masked_mean(logprobs, rows.keep[:, 1:].to(device), float(learned)) + unused


def learning_rate_share(step: int, steps: int, warmup_share: float) -> float:
    """Share of the peak at a step (from 0): linear rise over the warm-up, then a cosine down to a tenth."""
    warmup = math.ceil(steps * warmup_share)
    if step < warmup:
        return (step + 1) / warmup
    along = (step - warmup) / max(1, steps - warmup)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * along))
