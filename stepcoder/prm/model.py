"""The reward model: the policy's trunk with a scalar head, read at the ends of lines.

    R(prefix) = w . h + b,    h the last hidden state of the token that ends the prefix's last line

It is saved as a policy is: transformers loads the trunk, `values.safetensors` beside it holds w and b. A critic that starts
from it (`--value-init prm`) is these weights: the value of a state is what R gives the prefix that led there.

Legend: B responses, N positions (right-padded), M line ends.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from appsplus.errors import InputError
from stepcoder.config import SftConfig
from stepcoder.data import pad_id_of, tokenizer_hash
from stepcoder.errors import ConfigError
from stepcoder.policy import Policy, hidden_states, load_model, load_values, made_trainable

MARK = "prm.json"  # what a folder of a reward model has, and that of a policy has not


class RewardModel(nn.Module):
    """A trunk and a scalar head; `policy` holds both, so that they are saved and loaded as those of a policy."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, ids: Tensor, attention: Tensor) -> Tensor:
        """R of every prefix. (B, N), (B, N) -> (B, N)."""
        return self.policy.values_of(hidden_states(self.policy.lm, ids, attention))


def new_reward_model(folder: Path, config: SftConfig) -> tuple[RewardModel, Any]:
    """A reward model on a policy's weights, its head zero, and the tokenizer. Raises InputError."""
    lm, tokenizer = load_model(str(folder), config)
    return RewardModel(Policy(made_trainable(lm, config))), tokenizer


def load_reward_model(folder: Path, config: SftConfig | None = None) -> tuple[RewardModel, Any]:
    """A trained reward model and its tokenizer. Raises InputError where `folder` holds none."""
    check_is_reward_model(folder)
    lm, tokenizer = load_model(str(folder), config or SftConfig())
    policy = Policy(lm)
    if not load_values(policy, folder):
        raise InputError(f"{folder} holds a reward model without its head; train it again into another --out")
    return RewardModel(policy), tokenizer


def check_is_reward_model(folder: Path) -> None:
    """Raises InputError where `folder` holds none: to be asked before hours are spent on what needs it."""
    if not (folder / MARK).is_file():
        raise InputError(
            f"{folder} holds no reward model; expected a folder that `stepcoder prm train` has finished: give that command"
            " again, it goes on from where it was"
        )


def check_same_tokenizer(tokenizer: Any, policys: Any, prm: str) -> None:
    """Refuse a reward model that reads other tokens than the policy writes (ConfigError)."""
    if tokenizer_hash(tokenizer) != tokenizer_hash(policys):
        raise ConfigError(
            f"--prm {prm} was trained with another tokenizer ({len(tokenizer):,} words) than the policy's ({len(policys):,}"
            " words): its tokens mean something else, and lines end elsewhere; train a reward model on this policy by"
            " `stepcoder prm label` and `stepcoder prm train`"
        )


def check_same_shapes(lm: nn.Module, policys: nn.Module, prm: str) -> None:
    """Refuse a reward model whose weights a critic, a copy of the policy, cannot take (ConfigError)."""
    theirs, ours = ({name: t.shape for name, t in of.state_dict().items()} for of in (lm, policys))
    if theirs != ours:
        raise ConfigError(
            f"--value-init prm: the model in {prm} has another shape than the policy, so the critic cannot start from it;"
            " train a reward model on this policy's weights, or give --dense-reward prm alone"
        )


def start_critic(policy: Policy, prm: RewardModel, name: str, *, reward: str) -> None:
    """Make the policy's critic the reward model: trunk and head. Raises ConfigError where the shapes differ.

    The value of a state is what R gives the prefix that led there: `Policy` reads the value before a token where the
    reward model reads R after the last one. Where the `reward` is `binary`, from 0 to 1, so is the value: (R + 1) / 2.
    """
    if policy.critic is None:
        raise ConfigError("--value-init prm needs a critic with weights of its own; give --critic separate")
    check_same_shapes(prm.policy.lm, policy.critic, name)
    policy.critic.load_state_dict(prm.policy.lm.state_dict())
    policy.value_head.load_state_dict(prm.policy.value_head.state_dict())
    if reward == "binary":
        with torch.no_grad():
            policy.value_head.weight.mul_(0.5)
            policy.value_head.bias.mul_(0.5).add_(0.5)


def line_scores(
    model: Any,
    prompts: Sequence[Sequence[int]],
    responses: Sequence[Sequence[int]],
    ends: Sequence[Sequence[int]],
    *,
    pad_id: int,
    device: torch.device,
    rows: int,
) -> list[list[float]]:
    """R at some tokens of each response, within [-1, 1]: labels lie there, so what is outside is no knowledge.

    `ends`: places among the response's tokens. `rows` responses are read at once; those of like length together.
    """
    found: list[list[float]] = [[] for _ in prompts]
    order = sorted((i for i in range(len(prompts)) if ends[i]), key=lambda i: len(prompts[i]) + len(responses[i]))
    with torch.no_grad():
        for start in range(0, len(order), rows):
            some = order[start : start + rows]
            ids, attention = padded([[*prompts[i], *responses[i]] for i in some], pad_id)
            scores = model(ids.to(device), attention.to(device)).clamp(-1.0, 1.0).cpu()
            for row, i in enumerate(some):
                found[i] = [float(scores[row, len(prompts[i]) + end]) for end in ends[i]]
    return found


def padded(rows: Sequence[Sequence[int]], pad_id: int) -> tuple[Tensor, Tensor]:
    """Rows of tokens padded on the right, and their mask. -> 2 x (B, N)."""
    ids = torch.full((len(rows), max(len(row) for row in rows)), pad_id)
    attention = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(list(row))
        attention[i, : len(row)] = 1
    return ids, attention


class LineScorer:
    """A trained reward model that reads responses of one policy."""

    def __init__(
        self, folder: str, policys_tokenizer: Any, device: torch.device, rows: int, dtype: torch.dtype = torch.float32
    ) -> None:
        """Raises InputError where `folder` holds no reward model, ConfigError where it reads other tokens."""
        self.model, tokenizer = load_reward_model(Path(folder))
        check_same_tokenizer(tokenizer, policys_tokenizer, folder)
        self.model = self.model.requires_grad_(False).to(device).eval()
        self.model.policy.lm.to(dtype)
        self._pad_id, self._device, self._rows = pad_id_of(tokenizer), device, rows

    def __call__(
        self, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]], ends: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """R at the ends of lines of each response."""
        return line_scores(
            self.model, prompts, responses, ends, pad_id=self._pad_id, device=self._device, rows=self._rows
        )
