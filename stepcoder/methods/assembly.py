"""The parts that a config names, put together."""

from typing import Any, cast

import torch

from stepcoder.config import TrainConfig
from stepcoder.methods.baselines import Baselines, Kind
from stepcoder.methods.coderl import CodeRl
from stepcoder.methods.gae import Gae
from stepcoder.methods.grpo import Grpo
from stepcoder.methods.lines import Lines
from stepcoder.methods.parts import Advantages, Method, RewardShaping
from stepcoder.methods.ppocoder import Match
from stepcoder.methods.rloo import Rloo
from stepcoder.methods.rltf import Rltf
from stepcoder.policy import activations
from stepcoder.prm.model import LineScorer
from stepcoder.prm.reward import PrmReward


def new_method(config: TrainConfig, tokenizer: Any, device: torch.device) -> Method:
    """The method that a config names, at its start. Raises InputError for a reward model that cannot be used."""
    known: dict[str, RewardShaping] = {
        "match": Match(ast_weight=config.ast_weight, flow_weight=config.flow_weight),
        "lines": Lines(config.fine_penalty),
    }
    shapings = {name: known[name] for name in config.parts.shapings}
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
    baselines = Baselines(cast(Kind, config.baseline), config.reward)
    match config.parts.advantages:
        case "grpo":
            return Grpo(config.group_std)
        case "rloo":
            return Rloo()
        case "rltf":
            return Rltf(
                baselines,
                penalty=config.fine_penalty,
                adaptive_weight=config.adaptive_weight,
                paper_alpha=config.fine_alpha == "paper",
            )
        case "coderl":
            return CodeRl(baselines, weighted=config.outcome_weights)
        case _:
            return Gae(config.gamma, config.lam)
