"""`--dry-run`: what a run would take of memory and time at most, from the model's shape; its weights are not loaded.

Prompts, what a curriculum gives, and completions are taken to be as long as the config allows. Activations follow
arXiv:2205.05198 (34 bytes a token, layer and unit of width in 16 bits, without attention matrices). The speed is that of
matrix products measured here, of which training reaches perhaps 40 %, and generation, token by token, perhaps 5 %.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from stepcoder.config import SftConfig, TrainConfig
from stepcoder.data import load_split
from stepcoder.errors import ConfigError
from stepcoder.policy import activations, device_here, empty_model, shape_named
from stepcoder.processes import processes_here

_GIB = float(1 << 30)
_TRAINED, _FROZEN = "weights that are trained, gradients, Adam", "frozen weights"
_CRITIC, _OUTCOMES, _REWARD = "separate critic, the same", "critic of outcomes, the same", "reward model"
_TRAINING_SHARE, _GENERATION_SHARE = 0.4, 0.05  # of the measured speed


@dataclass(frozen=True, slots=True)
class Shape:
    """What an estimate needs to know of a model."""

    parameters: int
    adapters: int  # parameters of LoRA at rank 1, on all linear layers
    layers: int
    width: int
    vocab_tokens: int


def estimate(dataset: str, config: SftConfig) -> str:
    """A table in words: GiB by what takes them, on one process, and hours. Raises InputError as a run would."""
    problems = len(load_split(dataset, "train", limit=config.limit))
    shape = shape_of(config)
    parts = memory_gib(shape, config)
    speed = matrix_flops(device_here())
    lines = [f"{shape.parameters:,} parameters, {problems:,} problems; at most, on one process:", ""]
    lines += [f"{gib:9.2f} GiB  {what}" for what, gib in parts.items()]
    lines += [f"{sum(parts.values()):9.2f} GiB  in all; FSDP on N processes keeps 1/N of what is trained in each,"]
    lines += [f"{'':14}all that is frozen, and all of the language model while completions are written", ""]
    hours = hours_of(shape, config, problems, speed, validated=_validated(dataset, config))
    lines += [f"{each:9.2f} h    {what}" for what, each in hours.items()]
    lines += [f"             at {speed / 1e9:,.0f} GFLOP/s of matrix products here; judging goes on meanwhile"]
    return "\n".join(lines)


def _validated(dataset: str, config: SftConfig) -> int:
    """Problems that a validation asks about, at most."""
    if not isinstance(config, TrainConfig) or not config.validate_every:
        return 0
    there = len(load_split(dataset, config.validation_split))
    return min(config.validation_problems or there, there)


def shape_of(config: SftConfig) -> Shape:
    """The shape of the model that the config names; counts parameters without allocating them."""
    found = shape_named(config, config.vocab_tokens)
    model = empty_model(found)
    text = found.get_text_config()
    linear = [m for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and "head" not in n]
    adapters = sum(m.in_features + m.out_features for m in linear)
    count = sum(p.numel() for p in model.parameters())
    return Shape(count, adapters, text.num_hidden_layers, text.hidden_size, text.vocab_size)


def memory_gib(shape: Shape, config: SftConfig) -> dict[str, float]:
    """GiB by what takes them. Trained weights, their gradients and both moments of Adam are float32, 16 bytes each, and
    2 more where it is computed in bfloat16, for a copy of the weights (autocast's).
    """
    small = activations(config).itemsize
    each = 18.0 if config.dtype == "bfloat16" else 16.0
    rl = isinstance(config, TrainConfig)
    trained = config.lora_rank * shape.adapters if config.lora_rank else shape.parameters
    tokens = scored = config.micro_rows * config.pack_tokens if config.sft_epochs else 0  # of the warm-up
    if rl:
        tokens = max(tokens, config.micro_rows * row_tokens(config))
        scored = max(scored, config.micro_rows * config.max_completion_tokens)
    layers = 2 * shape.layers + 34 if config.gradient_checkpointing else 34 * shape.layers
    parts = {
        _TRAINED: each * trained,
        _FROZEN: small * shape.parameters if config.lora_rank or rl else 0.0,
        "activations": tokens * shape.width * layers * small / 2.0,
        "logits and their gradients": 3.0 * 4 * scored * shape.vocab_tokens,
    }
    if isinstance(config, TrainConfig):
        of_one = parts["activations"]
        if config.critic == "separate":
            parts |= {_CRITIC: each * shape.parameters, "activations": parts["activations"] + of_one}
        if config.dense_reward:  # as large as the policy whose weights it began with
            parts[_REWARD] = small * shape.parameters
        if config.parts.outcomes:
            parts |= {_OUTCOMES: each * shape.parameters, "activations": parts["activations"] + of_one}
        length = row_tokens(config)
        parts["key-value cache"] = 2.0 * small * config.generation_batch * length * shape.layers * shape.width
    return {what: size / _GIB for what, size in parts.items() if size}


def check_fits(config: SftConfig, accelerator: Any) -> None:
    """Raises ConfigError, before anything is loaded, where the weights and what Adam knows of them are more than there is.

    FSDP shares what is trained; what is frozen is whole in every process, and so is the policy while it writes.
    """
    shape = shape_of(config)
    parts = memory_gib(shape, config)
    sharded = accelerator.num_processes if str(accelerator.distributed_type).endswith("FSDP") else 1
    needed = sum(parts.get(what, 0.0) for what in (_TRAINED, _CRITIC, _OUTCOMES)) / sharded
    needed += sum(parts.get(what, 0.0) for what in (_FROZEN, _REWARD))
    if sharded > 1 and isinstance(config, TrainConfig):
        needed += activations(config).itemsize * shape.parameters / _GIB
    if accelerator.device.type == "cpu":
        needed *= processes_here(accelerator)
    there = memory_of(accelerator.device) / _GIB
    if needed > there:
        raise ConfigError(
            f"the model does not fit: its weights, their gradients and Adam's moments take {needed:,.1f} GiB, before any"
            f" activation, and there are {there:,.1f} GiB; take a smaller --model, train adapters (--lora-rank 16 --dtype"
            " bfloat16), or let FSDP share it among more processes; --dry-run tells what takes how much"
        )


def memory_of(device: torch.device) -> int:
    """Bytes of a device; of a CPU, those of the machine, or of the container where that has less."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(pages, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):  # no container, or one without a limit: "max"
        return pages


def row_tokens(config: SftConfig) -> int:
    """The longest row: prompt, what a curriculum gives of a program, and completion."""
    given = isinstance(config, TrainConfig) and config.curriculum.name != "plain"
    return config.max_prompt_tokens + config.max_completion_tokens * (2 if given else 1)


def hours_of(shape: Shape, config: SftConfig, problems: int, flops: float, *, validated: int = 0) -> dict[str, float]:
    """Hours by phase: 2 operations a parameter and token forward, 4 backward; once more forward under checkpointing.

    `validated`: problems of a validation. What BREAD writes to search, and the canonical solutions that some methods learn
    beside completions, is not counted.
    """
    forward, backward = 2.0 * shape.parameters, 4.0 * shape.parameters
    step = forward * (2 if config.gradient_checkpointing else 1) + backward
    plain = config.max_prompt_tokens + config.max_completion_tokens
    hours = {"SFT": config.sft_epochs * problems * plain * step / (_TRAINING_SHARE * flops) / 3600}
    if isinstance(config, TrainConfig):
        length, networks = row_tokens(config), 1 + (config.critic == "separate") + config.parts.outcomes
        frozen = 1 + bool(config.dense_reward)  # the reference, a reward model
        learning = config.completions * length * ((networks + frozen) * forward + config.ppo_epochs * networks * step)
        greedy = config.problems_per_update if config.baseline == "greedy" else 0
        writing = config.updates * (config.completions + greedy) * length
        if config.validate_every:
            writing += config.updates // config.validate_every * validated * config.validation_completions * plain
        hours["PPO"] = config.updates * learning / (_TRAINING_SHARE * flops) / 3600
        hours["generation"] = writing * forward / (_GENERATION_SHARE * flops) / 3600
    return hours


def matrix_flops(device: torch.device) -> float:
    """Floating-point operations a second of matrix products on a device, in float32 on a CPU and bfloat16 on a GPU."""
    size, dtype = (4096, torch.bfloat16) if device.type == "cuda" else (512, torch.float32)
    a = torch.ones(size, size, device=device, dtype=dtype)
    done, began = 0, time.monotonic()
    while (spent := time.monotonic() - began) < 0.3 or done < 3:
        a @ a
        float((a @ a)[0, 0])  # waits for the device
        done += 2
    return 2.0 * size**3 * done / spent
