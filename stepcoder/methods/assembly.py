"""The parts that a config names, put together."""

from stepcoder.config import TrainConfig
from stepcoder.methods.gae import Gae
from stepcoder.methods.grpo import Grpo
from stepcoder.methods.parts import Advantages, Method, RewardShaping
from stepcoder.methods.rloo import Rloo


def new_method(config: TrainConfig) -> Method:
    """The method that a config names, at its start."""
    shapings: dict[str, RewardShaping] = {}
    return Method(_advantages(config), shapings)


def _advantages(config: TrainConfig) -> Advantages:
    if config.parts.advantages == "grpo":
        return Grpo(config.group_std)
    if config.parts.advantages == "rloo":
        return Rloo()
    return Gae(config.gamma, config.lam)
