"""What `stepcoder ablate` can compare: an arm is a run of `stepcoder train`, or the warm-up alone; a suite is some of them.

Suite `stepcoder`: the parts of StepCoder. Suite `starts`: curricula of start states; not BREAD, whose search writes more
completions in some updates than in others, nor JSRL, whose guide has had a training of its own. Suite `methods`: what others
do about a program that fails every unit test. An arm with a process reward model has it from the run of PPO with the same
seed: policies that PPO kept are labelled, a model is trained on the labels (`stepcoder/prm/`), and the arm begins, like all
others, at the warm-up; so does the reward model, and with it the critic that begins as the reward model.

CodeRL and RLTF learn the canonical solutions of the problems that they practise on, along with everything else; of generated
problems no other arm does: a curriculum shows beginnings of them, and PPOCoder's reward compares with them. What the two are
without that is an arm of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SFT, PPO, PRM = "sft", "ppo", "prm"


@dataclass(frozen=True, slots=True)
class Arm:
    """One method of the comparison."""

    name: str  # the folder of its runs
    title: str
    method: str = ""  # --method; empty: no reinforcement learning
    dense_reward: bool = False  # --dense-reward prm
    value_init: bool = False  # --value-init prm
    options: Mapping[str, Any] = field(default_factory=dict)  # what it has beside what its method brings

    @property
    def prm(self) -> bool:
        """Whether it needs a reward model."""
        return self.dense_reward or self.value_init


ARMS = {
    arm.name: arm
    for arm in (
        Arm(SFT, "SFT only"),
        Arm(PPO, "PPO", "ppo"),
        Arm("ppo+cccs", "PPO + CCCS", "ppo+cccs"),
        Arm("ppo+fgo", "PPO + FGO", "ppo+fgo"),
        Arm("ppo+r3", "PPO + R3", "ppo+r3"),
        Arm("ppo+adaback", "PPO + AdaBack", "ppo+adaback"),
        Arm("grpo", "GRPO", "grpo"),
        Arm("rloo", "RLOO", "rloo"),
        Arm("ppocoder", "PPOCoder", "ppocoder"),
        Arm("coderl", "CodeRL", "coderl"),
        Arm("rltf", "RLTF", "rltf"),
        Arm("coderl-rl", "CodeRL, without truth", "coderl", options={"ground_truth_coef": 0.0}),
        Arm("rltf-rl", "RLTF, without truth", "rltf", options={"ground_truth_coef": 0.0}),
        Arm("stepcoder", "StepCoder", "stepcoder"),
        Arm("prm-dense", "PRM dense", "ppo", dense_reward=True),
        Arm("prm-value", "PRM value-init", "ppo", value_init=True),
        Arm("prm-both", "PRM both", "ppo", dense_reward=True, value_init=True),
        Arm("stepcoder+prm", "StepCoder + PRM", "stepcoder", dense_reward=True, value_init=True),
    )
}

SUITES = {
    "stepcoder": (SFT, "ppo", "ppo+cccs", "ppo+fgo", "stepcoder"),
    "methods": (
        *(SFT, "ppo", "grpo", "rloo", "ppocoder", "coderl", "coderl-rl", "rltf", "rltf-rl", "stepcoder"),
        *("prm-dense", "prm-value", "prm-both", "stepcoder+prm"),
    ),
    "starts": (SFT, "ppo", "ppo+cccs", "ppo+r3", "ppo+adaback"),
}

DIFFERENCES = (
    ("stepcoder", "ppo"),
    ("stepcoder", "ppo+cccs"),
    ("stepcoder", "ppo+fgo"),
    ("ppo+cccs", "ppo"),
    ("ppo+fgo", "ppo"),
    ("ppo+r3", "ppo"),
    ("ppo+adaback", "ppo"),
    ("ppo+cccs", "ppo+r3"),
    ("ppo+cccs", "ppo+adaback"),
    ("grpo", "ppo"),
    ("rloo", "ppo"),
    ("ppocoder", "ppo"),
    ("coderl", "ppo"),
    ("coderl", "coderl-rl"),
    ("coderl-rl", "ppo"),
    ("rltf", "ppo"),
    ("rltf", "rltf-rl"),
    ("rltf-rl", "ppo"),
    ("prm-dense", "ppo"),
    ("prm-value", "ppo"),
    ("prm-both", "ppo"),
    ("prm-both", "prm-dense"),
    ("prm-both", "prm-value"),
    ("stepcoder+prm", "stepcoder"),
    ("ppo", SFT),
)
"""Pairs that are told apart, where both are there."""
