"""What the learning experiment consists of: the options of `stepcoder ablate`, with the values of experiment and smoke."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from stepcoder.ablation.family import FamilyConfig
from stepcoder.config import METHODS, SftConfig, TrainConfig, option
from stepcoder.errors import ConfigError

SFT = "sft"
NOT_CHOSEN = frozenset("method seed model limit validation_split validation_problems tracker".split())
"""Options of a run that the experiment itself decides."""
COMPARED = (SFT, *METHODS)
NAMES = {
    SFT: "SFT only",
    "ppo": "PPO",
    "ppo+cccs": "PPO + CCCS",
    "ppo+fgo": "PPO + FGO",
    "stepcoder": "StepCoder",
}


@dataclass(frozen=True, slots=True)
class AblationConfig(TrainConfig):
    """Every method on the same problems, from the same warm-up, with the same budget of completions, for several seeds."""

    methods: str = option(",".join(COMPARED), "what is compared; sft: the warm-up alone")
    seeds: int = option(5, "runs of each method; run i has the seed i")
    workers: int = option(0, "runs at once; 0: as many as there are CPUs")
    test_completions: int = option(8, "of each held-out problem, of the policy in the end")
    family_seed: int = option(0, "of the generated problems")
    warmup_problems: int = option(200, "problems a number of branches, for the supervised warm-up")
    train_problems: int = option(16, "problems a number of branches, for reinforcement learning")
    test_problems: int = option(24, "problems a number of branches, held out")
    truth_share: float = option(0.5, "of branches of the warm-up that have the word's true meaning")
    idle_share: float = option(0.5, "branches that no unit test reaches, as a share of the others")
    shared_words: bool = option(False, "the same words in problems of any number of branches")

    def __post_init__(self) -> None:
        TrainConfig.__post_init__(self)
        for name in ("seeds", "test_completions"):
            if getattr(self, name) < 1:
                raise ConfigError(f"--{name.replace('_', '-')} must be at least 1; got {getattr(self, name)}")
        if self.workers < 0:
            raise ConfigError(f"--workers must be at least 0; got {self.workers}")
        unknown = set(self.compared) - set(COMPARED)
        if unknown or not self.compared:
            raise ConfigError(f"--methods {self.methods} is not known; expected some of {','.join(COMPARED)}")
        _ = self.family

    @property
    def compared(self) -> tuple[str, ...]:
        """The methods, in the order of tables."""
        asked = [name.strip() for name in self.methods.split(",") if name.strip()]
        return tuple(sorted(set(asked), key=lambda name: COMPARED.index(name) if name in COMPARED else -1))

    @property
    def family(self) -> FamilyConfig:
        """The generated problems. Raises InputError."""
        return FamilyConfig(
            seed=self.family_seed,
            train=self.train_problems,
            test=self.test_problems,
            warmup=self.warmup_problems,
            truth_share=self.truth_share,
            idle_share=self.idle_share,
            shared_words=self.shared_words,
        )

    def warm_up(self, seed: int) -> SftConfig:
        """The supervised warm-up of a seed, which all methods share."""
        return SftConfig(**self._shared(SftConfig) | {"seed": seed})

    def run(self, method: str, seed: int, model: Path) -> TrainConfig:
        """The run of a method and a seed, on the model that the warm-up left."""
        own = {"seed": seed, "method": method, "model": str(model), "sft_epochs": 0}
        return TrainConfig(**self._shared(TrainConfig) | own)

    def _shared(self, kind: type[SftConfig]) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(kind)}


PRESETS: Mapping[str, Mapping[str, Any]] = {
    # about three hours on two CPUs
    "experiment": {
        "hidden_size": 128,
        "layers": 2,
        "heads": 4,
        "vocab_tokens": 512,
        "max_prompt_tokens": 64,
        "max_completion_tokens": 128,
        "pack_tokens": 176,
        "sft_epochs": 12,
        "sft_batch_examples": 8,
        "sft_learning_rate": 1.5e-3,
        "sft_warmup_share": 0.05,
        "micro_rows": 16,
        "updates": 160,
        "problems_per_update": 16,
        "completions_per_problem": 8,
        "generation_batch": 64,
        "temperature": 1.0,
        "top_p": 1.0,
        "learning_rate": 1e-4,
        "critic": "separate",
        "critic_learning_rate": 3e-4,
        "warmup_updates": 5,
        "ppo_epochs": 1,
        "minibatches": 4,
        "lam": 1.0,
        "kl_coef": 0.05,
        "plain_share": 0.25,
        "validate_every": 20,
        "validation_problems": 0,
        "validation_split": "test",
        "validation_completions": 2,
        "checkpoint_every": 20,
        "keep_checkpoints": 1,
    },
    # every part of it, in a minute: nothing is learned
    "smoke": {
        "hidden_size": 32,
        "layers": 1,
        "heads": 2,
        "vocab_tokens": 512,
        "max_prompt_tokens": 64,
        "max_completion_tokens": 128,
        "pack_tokens": 176,
        "sft_epochs": 1,
        "sft_batch_examples": 8,
        "sft_learning_rate": 1e-2,
        "micro_rows": 8,
        "seeds": 1,
        "warmup_problems": 1,
        "train_problems": 1,
        "test_problems": 1,
        "test_completions": 1,
        "updates": 2,
        "problems_per_update": 2,
        "completions_per_problem": 2,
        "temperature": 1.0,
        "top_p": 1.0,
        "learning_rate": 1e-3,
        "ppo_epochs": 1,
        "minibatches": 1,
        "validate_every": 1,
        "validation_problems": 0,
        "validation_split": "test",
        "validation_completions": 1,
        "checkpoint_every": 1,
        "keep_checkpoints": 1,
    },
}
