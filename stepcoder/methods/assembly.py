"""The parts that a config names, put together."""

from typing import cast

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


def new_method(config: TrainConfig) -> Method:
    """The method that a config names, at its start."""
    known: dict[str, RewardShaping] = {
        "match": Match(ast_weight=config.ast_weight, flow_weight=config.flow_weight),
        "lines": Lines(config.fine_penalty),
    }
    return Method(_advantages(config), {name: known[name] for name in config.parts.shapings})


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
