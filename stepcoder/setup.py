"""Everything a run holds while it trains: networks, optimiser, problems, curriculum, and the processes it runs in."""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from accelerate.utils import set_seed
from torch import Tensor

from appsplus.problem import Problem
from stepcoder.batch import alone
from stepcoder.config import SftConfig, TrainConfig
from stepcoder.curriculum import Curriculum, new_curriculum
from stepcoder.data import (
    check_tokenizer,
    load_split,
    new_tokenizer,
    pad_id_of,
    tokenizer_texts,
)
from stepcoder.guide import Guide, prefixes_of
from stepcoder.inputs import fitting, refuse_one_level, refuse_too_few, refuse_too_long, validation_that_fits
from stepcoder.methods.assembly import new_method
from stepcoder.methods.critics import with_critics
from stepcoder.methods.parts import Method
from stepcoder.policy import Policy, frozen_copy, load_model, load_values, made_trainable, new_model
from stepcoder.processes import Interruption
from stepcoder.rollouts import Task

Item = TypeVar("Item")


class Sampler:
    """Problems in an order that is shuffled anew on each pass."""

    def __init__(self, problems: Sequence[Problem], seed: int) -> None:
        self._problems, self._rng = list(problems), random.Random(seed)
        self._order: list[int] = []

    def take(self, count: int) -> list[Problem]:
        """The next problems; none twice, unless there are fewer than `count`."""
        chosen: list[int] = []
        while len(chosen) < count:
            if not self._order:
                self._order = self._rng.sample(range(len(self._problems)), len(self._problems))
            fresh = [i for i in self._order if i not in chosen or len(chosen) >= len(self._problems)]
            taken = fresh[: count - len(chosen)]
            chosen += taken
            self._order = [i for i in self._order if i not in taken]  # who is passed over stays in this pass
        return [self._problems[i] for i in chosen]

    def state_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        version, numbers, gauss = self._rng.getstate()
        return {"order": self._order, "rng": [version, list(numbers), gauss]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._order = list(state["order"])
        version, numbers, gauss = state["rng"]
        self._rng.setstate((version, tuple(numbers), gauss))


@dataclass(slots=True)
class Trainer:
    """The parts of a run, and the few things that differ with the number of processes."""

    accelerator: Any
    policy: Any  # as prepared for the processes; `unwrapped` is the Policy inside
    optimizer: Any
    tokenizer: Any
    config: TrainConfig
    sampler: Sampler
    curriculum: Curriculum
    prefixes: Mapping[str, tuple[str, ...]]  # per problem: the start of a program that each level gives
    validation: Sequence[Problem]
    interruption: Interruption
    reference: Any  # the policy as it began, frozen; None under LoRA, where it is the policy without its adapters
    learning_rates: tuple[float, ...]  # of the optimiser's groups, after the warm-up
    method: Method

    @property
    def unwrapped(self) -> Policy:
        """The policy without what the processes wrap around it."""
        found: Policy = self.accelerator.unwrap_model(self.policy)
        return found

    @property
    def device(self) -> torch.device:
        """Where tensors go."""
        found: torch.device = self.accelerator.device
        return found

    @property
    def pad_id(self) -> int:
        """A token for padding; it is masked everywhere."""
        found: int = pad_id_of(self.tokenizer)
        return found

    def task(self, problem: Problem, level: int) -> Task:
        """A problem at a level."""
        return Task.at(problem, level, self.prefixes[problem.problem_id][level - 1], self.tokenizer)

    def is_plain(self, task: Task) -> bool:
        """Whether nothing of a program is given."""
        return task.level == len(self.prefixes[task.problem.problem_id])

    def set_learning_rates(self, update: int) -> None:
        """Linear rise over the first updates, then constant; 0 for the policy while the critics alone are trained.

        (Its gradient is zero then, but AdamW makes weights decay at the learning rate.)
        """
        share = min(1.0, (update + 1) / max(1, self.config.warmup_updates))
        for group, peak in zip(self.optimizer.param_groups, self.learning_rates, strict=True):
            group["lr"] = peak * share
        if update < self.config.critic_warmup_updates:
            self.optimizer.param_groups[0]["lr"] = 0.0

    @contextmanager
    def generating(self) -> Iterator[Any]:
        """The language model, ready to generate."""
        self.policy.eval()
        with _unsharded(self.unwrapped), self.accelerator.autocast():
            yield self.unwrapped.lm

    def share(self, items: Sequence[Item]) -> list[Item]:
        """This process's part of a list that all processes have."""
        return list(items[self.accelerator.process_index :: self.accelerator.num_processes])

    def sum(self, numbers: Tensor) -> Tensor:
        """Over all processes."""
        if self.accelerator.num_processes == 1:
            return numbers
        added: Tensor = self.accelerator.reduce(numbers, "sum")
        return added

    def gathered(self, items: list[Item]) -> list[Item]:
        """The lists of all processes, one after the other."""
        if self.accelerator.num_processes == 1:
            return items
        from accelerate.utils import gather_object

        found: list[Item] = gather_object(items)
        return found

    def turns(self, rows: int, micro_rows: int) -> Iterator[tuple[Tensor, float]]:
        """Indices of a few rows at a time, and a weight: 0 where this process has none left, but another has.

        All processes take as many turns, or those that wait for gradients would wait for ever.
        """
        own = list(alone(rows, micro_rows))
        idle = max(self.gathered([len(own)])) - len(own)
        yield from own
        yield from [(torch.zeros(1, dtype=torch.long), 0.0)] * idle

    def backward(self, loss: Tensor) -> None:
        """Gradients of a loss that is this process's part of a sum over all of them."""
        self.accelerator.backward(loss * self.accelerator.num_processes)  # for they are averaged

    def step(self, max_grad_norm: float) -> float:
        """Clip the gradients, make a step, forget them; the norm before clipping."""
        norm = float(self.accelerator.clip_grad_norm_(self.policy.parameters(), max_grad_norm))
        if math.isfinite(norm):
            self.optimizer.step()
        self.optimizer.zero_grad()
        return norm

    def interrupted(self) -> bool:
        """Whether any process was asked to stop."""
        return any(self.gathered([self.interruption.asked]))


@contextmanager
def _unsharded(policy: Policy) -> Iterator[None]:
    """Under FSDP: all weights of the language model in every process, for generation, in which processes take as many
    steps as they need; those of a critic stay where they are.
    """
    from torch.distributed.fsdp import FSDPModule

    sharded = [module for module in (policy, *policy.lm.modules()) if isinstance(module, FSDPModule)]
    if sharded:  # its first forward pass makes the policy itself the root of what is sharded
        token = torch.zeros(1, 2, dtype=torch.long, device=next(policy.parameters()).device)
        with torch.no_grad():
            policy(token, torch.ones_like(token), 1)
    for module in sharded:
        module.set_reshard_after_forward(False, recurse=False)
        module.unshard()
    try:
        yield
    finally:
        for module in sharded:
            module.reshard()
            module.set_reshard_after_forward(True, recurse=False)


def open_model(config: SftConfig, problems: Sequence[Problem], *, with_critic: bool = True) -> tuple[Policy, Any]:
    """The policy that the config names, and its tokenizer. Raises InputError where they cannot be used.

    A separate critic starts as a copy of the policy, so there is none before the policy has had its supervised training.
    """
    if config.model:
        lm, tokenizer = load_model(config.model, config)
    else:
        tokenizer = new_tokenizer(tokenizer_texts(problems), config.vocab_tokens)
        lm = new_model(config, tokenizer)
    check_tokenizer(tokenizer, config.model or "the new model")
    critic = None
    if with_critic and isinstance(config, TrainConfig) and config.critic == "separate":
        critic = made_trainable(_critic_copy(lm, config), _without_adapters(config))
    policy = Policy(made_trainable(lm, config), critic)
    if config.model:
        load_values(policy, Path(config.model))
    return policy, tokenizer


def new_trainer(
    dataset: str, config: TrainConfig, accelerator: Any, told: Callable[[str], None], guide: Guide = lambda _: {}
) -> Trainer:
    """Everything PPO needs, on the model that `config` names. Raises InputError for what the user gave and cannot be used.

    `guide` gives the programs that the curriculum jsrl cuts, by problem.
    """
    refuse_too_few(config, accelerator.num_processes)
    train = load_split(dataset, "train", limit=config.limit)
    policy, tokenizer = open_model(config, train)
    policy = with_critics(policy, config, tokenizer)
    problems = fitting(train, tokenizer, config, f"the split train of {dataset}")
    told(f"{len(problems):,} of {len(train):,} problems fit into the model's prompt and completion")
    validation = validation_that_fits(dataset, config, tokenizer)
    prefixes = prefixes_of(problems, config.curriculum, guide)
    levels = {problem_id: len(of_problem) for problem_id, of_problem in prefixes.items()}
    refuse_one_level(dataset, config, levels.values())
    refuse_too_long(problems, tokenizer, config, policy.lm.config)
    reference = None if config.lora_rank else frozen_copy(policy.lm, config).to(accelerator.device)
    critics = [p for name, p in policy.named_parameters() if not name.startswith("lm.") and p.requires_grad]
    groups = [{"params": [p for p in policy.lm.parameters() if p.requires_grad]}]
    groups += [{"params": critics}] if critics else []
    optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
    policy, optimizer = accelerator.prepare(policy, optimizer)
    if accelerator.num_processes > 1:
        set_seed(config.seed, device_specific=True)  # weights are the same in all; completions must not be
    return Trainer(
        accelerator,
        policy,
        optimizer,
        tokenizer,
        config,
        Sampler(problems, config.seed),
        new_curriculum(levels, config.curriculum, random.Random(config.seed)),
        prefixes,
        validation,
        Interruption(),
        reference,
        (config.learning_rate, config.critic_learning_rate)[: len(groups)],
        new_method(config, tokenizer, accelerator.device),
    )


def _critic_copy(lm: Any, config: TrainConfig) -> Any:
    """A copy to be trained, but for a head over words of its own, which no value is read off."""
    critic = frozen_copy(lm, config).float().requires_grad_(True)
    head = critic.get_output_embeddings()
    if head is not None and head.weight is not critic.get_input_embeddings().weight:
        head.requires_grad_(False)
    return critic


def _without_adapters(config: TrainConfig) -> TrainConfig:
    return replace(config, lora_rank=0)
