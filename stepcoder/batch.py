"""What an update learns from: completions and their verdicts as tensors.

Legend: B completions, P prompt positions (left-padded), T response positions (right-padded), N = P + T.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from appsplus.evaluation.backends.padding import left_padded
from appsplus.reward import reward
from stepcoder.advantages import token_rewards, whiten
from stepcoder.executed_tokens import Which, executed_keep, lines_in_loss
from stepcoder.methods.coderl import OUTCOMES, outcome_of
from stepcoder.methods.gae import Gae
from stepcoder.methods.parts import Advantages, Offsets, Signals
from stepcoder.policy import Policy, reference_logprobs
from stepcoder.rollouts import Completion, Judged, right_padded

Gathered = Callable[[list[Any]], list[Any]]
Turns = Callable[[int, int], Iterator[tuple[Tensor, float]]]
"""Rows, and how many at a time: their indices, and a weight, 0 where others have rows left and this process has none."""


@dataclass(frozen=True, slots=True)
class Batch:
    """An update's completions. Everything on tokens is (B, T), and made by the policy as it was before the update."""

    ids: Tensor  # (B, N)
    attention: Tensor  # (B, N), 1 on prompt and response, 0 on padding
    response_keep: Tensor  # 1.0 on tokens of the response
    executed_keep: Tensor  # 1.0 on those that enter the policy loss: all of them, or with FGO the executed ones
    rewards: Tensor  # (B,), of the verdicts
    old_logprobs: Tensor
    ref_logprobs: Tensor
    old_values: Tensor
    advantages: Tensor
    returns: Tensor
    outcomes: Tensor  # (B,), places in OUTCOMES of stepcoder/methods/coderl.py
    groups: Tensor  # (B,), completions of the same task have the same number

    @property
    def response_tokens(self) -> int:
        """T."""
        tokens: int = self.response_keep.shape[1]
        return tokens

    def rows(self, chosen: Tensor) -> Self:
        """Some of the completions, without the columns that are padding in all of them."""
        part = replace(self, **{f.name: getattr(self, f.name)[chosen] for f in fields(self)})
        first, tokens = used_columns(part.attention, self.response_tokens)
        end = part.attention.shape[1] - self.response_tokens + tokens
        on_tokens = {f.name: getattr(part, f.name)[:, :tokens] for f in fields(self) if f.name not in _NOT_ON_TOKENS}
        return replace(part, ids=part.ids[:, first:end], attention=part.attention[:, first:end], **on_tokens)


_NOT_ON_TOKENS = ("ids", "attention", "rewards", "outcomes", "groups")


def used_columns(attention: Tensor, response_tokens: int) -> tuple[int, int]:
    """The first column that any row uses, and how many columns of the response any row uses, at least one. (B, N) ->."""
    used = attention.any(0).nonzero().flatten()
    prompt = attention.shape[1] - response_tokens
    return min(int(used[0]), prompt - 1), max(1, int(used[-1]) + 1 - prompt)


def keep_of(judged: Judged, offsets: Sequence[tuple[int, int]], which: Which | None) -> list[float]:
    """For each token of a completion whether it enters the policy loss; `which` None: without FGO, all of them."""
    if which is None or judged.report is None:
        return [1.0] * len(judged.completion.ids)
    completion = judged.completion
    lines = lines_in_loss(judged.report, which)
    return executed_keep(offsets, completion=completion.text, program=completion.program, executed_lines=lines)


def reward_of(judged: Judged, variant: str) -> float:
    """What a completion earns; text without a program earns what a program that does not compile does."""
    return reward(judged.report, len(judged.completion.task.problem.unit_tests), variant)


def alone(rows: int, micro_rows: int) -> Iterator[tuple[Tensor, float]]:
    """`Trainer.turns` of a single process."""
    for start in range(0, rows, micro_rows):
        yield torch.arange(start, min(start + micro_rows, rows)), 1.0


@dataclass(frozen=True, slots=True)
class Read:
    """Completions as tensors, and what the policy, its values and the reference say of them. On tokens: (B, T)."""

    completions: tuple[Completion, ...]
    ids: Tensor  # (B, N)
    attention: Tensor  # (B, N)
    response_keep: Tensor
    logprobs: Tensor
    ref_logprobs: Tensor
    values: Tensor
    outcome_logits: Tensor | None  # (B, T, outcomes), where they are predicted

    def of(self, judged: Sequence[Judged]) -> Self:
        """Those of them that were judged, in the order of `judged`."""
        places = {id(completion): i for i, completion in enumerate(self.completions)}
        chosen = [places[id(j.completion)] for j in judged]
        if chosen == list(range(len(self.completions))):
            return self
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "completions"}
        some = {name: tensor[chosen] for name, tensor in tensors.items() if tensor is not None}
        return replace(self, completions=tuple(j.completion for j in judged), **some)


def read_once(
    completions: Sequence[Completion],
    *,
    policy: Any,
    unwrapped: Policy,
    reference: Any,
    pad_id: int,
    device: torch.device,
    micro_rows: int,
    temperature: float,
    predict_outcomes: bool = False,
    turns: Turns = alone,
) -> Read:
    """The policy, its values and the reference read some completions once more, which no verdict is needed for.

    `predict_outcomes`: whether the outcomes that the critic predicts are wanted. All processes read in as many `turns`, or
    one would wait for ever.
    """
    prompts, attention = left_padded([c.task.ids for c in completions], pad_id)
    responses = right_padded([c.ids for c in completions], pad_id, torch.long)
    response_keep = right_padded([[1.0] * len(c.ids) for c in completions], 0.0, torch.float32)
    ids = torch.cat([prompts, responses], 1).to(device)
    attention = torch.cat([attention, response_keep.long()], 1).to(device)
    response_keep = response_keep.to(device)
    tokens = responses.shape[1]
    logprobs, values, ref_logprobs = (torch.zeros_like(response_keep) for _ in range(3))
    logits = response_keep.new_zeros(*response_keep.shape, len(OUTCOMES)) if predict_outcomes else None
    with torch.no_grad():
        for some, weight in turns(len(completions), micro_rows):
            first, used = used_columns(attention[some], tokens)
            these, seen = (t[some, first : ids.shape[1] - tokens + used] for t in (ids, attention))
            read = policy(these, seen, used, temperature=temperature, outcomes=predict_outcomes)
            if not weight:
                continue
            logprobs[some, :used], values[some, :used] = read[0], read[1]
            if logits is not None:
                logits[some, :used] = read[3]
            ref_logprobs[some, :used] = reference_logprobs(unwrapped, reference, these, seen, used, temperature)
    return Read(
        tuple(completions), ids, attention, response_keep, logprobs, ref_logprobs, values * response_keep, logits
    )


def assembled(
    read: Read,
    judged: Sequence[Judged],
    keeps: Sequence[Sequence[float]],
    rewards: Sequence[float],
    *,
    kl_coef: float,
    gamma: float,
    lam: float,
    whiten_advantages: bool,
    mask_kl: bool = False,
    reduce: Callable[[Tensor], Tensor] = lambda sums: sums,
    shaped: Sequence[Sequence[float]] | None = None,
    groups: Sequence[int] | None = None,
    advantages_of: Advantages | None = None,
    offsets: Sequence[Offsets] = (),
    gathered: Gathered = lambda items: items,
) -> Batch:
    """The batch of some judged completions; `read` has these and no others, in their order.

    `shaped`: rewards of tokens beside the verdicts'; `groups`: the number of each completion's task; `advantages_of` None:
    by GAE. `kl_coef` is of the penalty in the rewards: 0 where the KL is a loss term.
    """
    device, width = read.ids.device, read.response_keep.shape[1]
    earned = torch.tensor(list(rewards), device=device)
    executed = right_padded(keeps, 0.0, torch.float32, width).to(device)
    penalised = torch.where(executed > 0, read.logprobs, read.ref_logprobs) if mask_kl else read.logprobs
    per_token = token_rewards(earned, penalised, read.ref_logprobs, read.response_keep, kl_coef=kl_coef)
    beside = right_padded(shaped, 0.0, torch.float32, width).to(device) if shaped else torch.zeros_like(per_token)
    of_tasks = torch.tensor(groups or [0] * len(judged), device=device)
    signals = Signals(
        judged,
        earned,
        beside,
        per_token + beside if shaped else per_token,
        read.values,
        read.response_keep,
        of_tasks,
        reduce,
        gathered,
        offsets,
        read.outcome_logits,
        executed,
    )
    advantages, returns = (advantages_of or Gae(gamma, lam))(signals)
    if whiten_advantages:
        advantages = whiten(advantages, executed, reduce)
    return Batch(
        read.ids,
        read.attention,
        read.response_keep,
        executed,
        earned,
        read.logprobs,
        read.ref_logprobs,
        read.values,
        advantages,
        returns,
        torch.tensor([outcome_of(j) for j in judged], device=device),
        of_tasks,
    )
