"""The parts that a config names, put together."""

from typing import Any

import torch

from stepcoder.config import TrainConfig
from stepcoder.methods.gae import Gae
from stepcoder.methods.grpo import Grpo
from stepcoder.methods.parts import Advantages, Method, RewardShaping
from stepcoder.methods.rloo import Rloo
from stepcoder.policy import activations
from stepcoder.prm.model import LineScorer
from stepcoder.prm.reward import PrmReward


def new_method(config: TrainConfig, tokenizer: Any, device: torch.device) -> Method:
    """The method that a config names, at its start. Raises InputError for a reward model that cannot be used."""
    shapings: dict[str, RewardShaping] = {}
    if config.dense_reward:
        shapings["prm"] = PrmReward(
            LineScorer(config.prm, tokenizer, device, config.micro_rows, activations(config)),
            weight_passed=config.prm_weight_passed,
            weight_failed=config.prm_weight_failed,
            drop_gap=config.prm_drop_gap,
            gap_updates=config.prm_gap_updates,
        )
    return Method(_advantages(config), shapings)


def _advantages(config: TrainConfig) -> Advantages:
    if config.parts.advantages == "grpo":
        return Grpo(config.group_std)
    if config.parts.advantages == "rloo":
        return Rloo()
    return Gae(config.gamma, config.lam)
