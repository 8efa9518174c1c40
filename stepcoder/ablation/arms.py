"""What `stepcoder ablate` can compare: an arm is a run of `stepcoder train`, or the warm-up alone; a suite is some of them.

Suite `stepcoder`: the parts of StepCoder. Suite `methods`: what others do about a program that fails every unit test. An arm
with a process reward model has it from the run of PPO with the same seed: policies that PPO kept are labelled, a model is
trained on the labels (`stepcoder/prm/`), and the arm begins, like all others, at the warm-up.
"""

from dataclasses import dataclass

SFT, PPO, PRM = "sft", "ppo", "prm"


@dataclass(frozen=True, slots=True)
class Arm:
    """One method of the comparison."""

    name: str  # the folder of its runs
    title: str
    method: str = ""  # --method; empty: no reinforcement learning
    dense_reward: bool = False  # --dense-reward prm
    value_init: bool = False  # --value-init prm

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
        Arm("grpo", "GRPO", "grpo"),
        Arm("rloo", "RLOO", "rloo"),
        Arm("ppocoder", "PPOCoder", "ppocoder"),
        Arm("coderl", "CodeRL", "coderl"),
        Arm("rltf", "RLTF", "rltf"),
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
        *(SFT, "ppo", "grpo", "rloo", "ppocoder", "coderl", "rltf", "stepcoder"),
        *("prm-dense", "prm-value", "prm-both", "stepcoder+prm"),
    ),
}

DIFFERENCES = (
    ("stepcoder", "ppo"),
    ("stepcoder", "ppo+cccs"),
    ("stepcoder", "ppo+fgo"),
    ("ppo+cccs", "ppo"),
    ("ppo+fgo", "ppo"),
    ("grpo", "ppo"),
    ("rloo", "ppo"),
    ("ppocoder", "ppo"),
    ("coderl", "ppo"),
    ("rltf", "ppo"),
    ("prm-dense", "ppo"),
    ("prm-value", "ppo"),
    ("prm-both", "ppo"),
    ("prm-both", "prm-dense"),
    ("prm-both", "prm-value"),
    ("stepcoder+prm", "stepcoder"),
    ("ppo", SFT),
)
"""Pairs that are told apart, where both are there."""
