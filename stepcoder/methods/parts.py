"""The seams between the training loop and the parts of a method: what a part is given, and what it gives.

    start state      `stepcoder.curriculum.Curriculum`: the level of a problem's prompt
    token mask       `Batch.executed_keep`: which tokens stay in the policy loss
    reward shaping   `RewardShaping`: rewards on tokens, added to the verdict's and to the KL penalty
    advantages       `Advantages`: from rewards of tokens to advantages and returns of tokens
    critic           `stepcoder.methods.critics.with_critics`: what predicts, and what it starts from

Legend: B completions, T response positions, right-padded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from stepcoder.methods.baselines import Baselines
from stepcoder.rollouts import Judged

Offsets = Sequence[tuple[int, int]]  # for each token of a completion, its characters [start, end)


@dataclass(frozen=True, slots=True)
class Signals:
    """What the advantages of an update are made from."""

    judged: Sequence[Judged]
    rewards: Tensor  # (B,), of the verdicts
    shaped: Tensor  # (B, T), what reward shaping gave to each token
    token_rewards: (
        Tensor  # (B, T), the verdict's reward on the last token + shaped - KL penalty, where that is a reward
    )
    values: Tensor  # (B, T), before each token; without a critic they mean nothing
    keep: Tensor  # (B, T), 1.0 on tokens of the response
    groups: Tensor  # (B,), completions of the same task have the same number, on all processes
    reduce: Callable[[Tensor], Tensor] = lambda sums: sums  # adds up tensors of all processes
    gathered: Callable[[list[Any]], list[Any]] = lambda items: items  # lists of all processes, one after the other
    offsets: Sequence[Offsets] = ()  # for each completion
    outcome_logits: Tensor | None = None  # (B, T, 4), of the critic that predicts outcomes, after each token
    executed: Tensor | None = None  # (B, T), 1.0 on tokens that stay in the policy loss; None: all of the response


class Advantages(Protocol):
    """Where advantages come from."""

    def __call__(self, signals: Signals) -> tuple[Tensor, Tensor]:
        """Advantages, and returns for the critic, both 0 on padding. -> 2 x (B, T)."""
        ...

    def numbers(self, gathered: Callable[[list[Any]], list[Any]]) -> dict[str, float]:
        """What to log of the last ones; names are in the glossary. Every process calls it."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What goes on from update to update, as plain JSON; it is saved with each checkpoint."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        ...


class RewardShaping(Protocol):
    """Rewards for tokens, beside what the verdict earns. They are added up where there are several."""

    def rewards(self, judged: Sequence[Judged], offsets: Sequence[Offsets]) -> list[list[float]]:
        """For each completion a number for each of its tokens. Completions that the judge failed on are not among them."""
        ...

    def numbers(self, gathered: Callable[[list[Any]], list[Any]]) -> dict[str, float]:
        """What to log of the last `rewards`; names are in the glossary. Every process calls it."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What goes on from update to update, as plain JSON; it is saved with each checkpoint."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        ...


class Stateless:
    """A part that keeps nothing from update to update."""

    def numbers(self, gathered: Callable[[list[Any]], list[Any]]) -> dict[str, float]:  # noqa: ARG002
        """Nothing."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to take."""


@dataclass(frozen=True, slots=True)
class Method:
    """The parts of a method that have a state or work on a whole update."""

    advantages: Advantages
    shapings: Mapping[str, RewardShaping]  # by name

    def shaped(self, judged: Sequence[Judged], offsets: Sequence[Offsets]) -> list[list[float]]:
        """The sum of all shapings: for each completion a number for each token. Raises ValueError for another number."""
        total = [[0.0] * len(spans) for spans in offsets]
        for name, shaping in self.shapings.items():
            for row, given in zip(total, shaping.rewards(judged, offsets), strict=True):
                if len(given) != len(row):
                    raise ValueError(f"{name} gave {len(given)} rewards to a completion of {len(row)} tokens")
                row[:] = [one + other for one, other in zip(row, given, strict=True)]
        return total

    def numbers(self, gathered: Callable[[list[Any]], list[Any]]) -> dict[str, float]:
        """What the parts have to log."""
        parts: list[Advantages | RewardShaping] = [self.advantages, *self.shapings.values()]
        return {name: value for part in parts for name, value in part.numbers(gathered).items()}

    @property
    def baselines(self) -> Baselines | None:
        """What completions are compared with, where it is neither a critic nor a group."""
        found: Baselines | None = getattr(self.advantages, "baselines", None)
        return found

    def state_dict(self) -> dict[str, Any]:
        """The states of all parts: plain JSON."""
        shapings = {name: shaping.state_dict() for name, shaping in self.shapings.items()}
        return {"advantages": self.advantages.state_dict(), "shapings": shapings}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the states of the same parts."""
        self.advantages.load_state_dict(state["advantages"])
        for name, shaping in self.shapings.items():
            shaping.load_state_dict(state["shapings"][name])


def group_numbers(
    tasks: Sequence[tuple[str, int]], gathered: Callable[[list[Any]], list[Any]] = lambda items: items
) -> list[int]:
    """For each completion the number of its task (a problem at a level), the same on all processes."""
    numbers = {task: number for number, task in enumerate(sorted(set(gathered(list(tasks)))))}
    return [numbers[task] for task in tasks]


def group_sums(x: Tensor, groups: Tensor, reduce: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """For each completion the sum of `x` over its group, on all processes, and how many the group has. (B,) -> 2 x (B,)."""
    count = torch.zeros((), device=x.device) + (int(groups.max()) + 1 if len(groups) else 0)
    size = int(reduce(count))  # no less than the largest number on any process
    sums = torch.zeros(2, size, dtype=x.dtype, device=x.device)
    sums[0].index_add_(0, groups, x)
    sums[1].index_add_(0, groups, torch.ones_like(x))
    sums = reduce(sums)
    return sums[0][groups], sums[1][groups]
