"""What the learning experiment consists of: the options of `stepcoder ablate`, and their presets.

All arms of a seed begin at the same warm-up and have the same options, but for what their method brings
(`stepcoder.presets.OF_METHODS`), and the same budget of completions: `updates` of PPO. An arm whose update takes more
(CodeRL's greedy completions), or that needs others before it begins (the labels of a reward model), has fewer updates.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from stepcoder.ablation.arms import ARMS, PPO, SFT, SUITES
from stepcoder.ablation.family import FamilyConfig
from stepcoder.config import SftConfig, TrainConfig, option
from stepcoder.errors import ConfigError
from stepcoder.presets import PRESETS as OF_TRAINING
from stepcoder.presets import method_options
from stepcoder.unused import FROM_SCRATCH

NOT_CHOSEN = frozenset(
    "method seed limit validation_split validation_problems tracker keep_policies dense_reward value_init prm"
    " guide prm_drop_gap prm_gap_updates".split()
)
"""Options of a run that the experiment itself decides; and the guard of the dense reward, which not all arms have."""


@dataclass(frozen=True, slots=True)
class AblationConfig(TrainConfig):
    """Every method on the same problems, from the same warm-up, with the same budget of completions, for several seeds."""

    suite: str = option("stepcoder", f"{' or '.join(SUITES)}: what is compared, see stepcoder/ablation/arms.py")
    methods: str = option("", "only these arms of the suite; empty: all of them")
    seeds: int = option(5, "runs of each method; run i has the seed i")
    workers: int = option(0, "runs at once; 0: as many as there are CPUs")
    test_completions: int = option(8, "of each held-out problem, of the policy in the end; pass@k is told up to this k")
    problems_from: str = option(
        "", "a dataset, folder or Hub id: its split train is learned, test held out; empty: problems are generated"
    )
    held_out: int = option(0, "with --problems-from: problems of its split test, evenly spaced; 0: all")
    family_seed: int = option(0, "generated: of all random choices")
    warmup_problems: int = option(200, "generated: problems a number of branches, for the supervised warm-up")
    train_problems: int = option(16, "generated: problems a number of branches, for reinforcement learning")
    test_problems: int = option(24, "generated: problems a number of branches, held out")
    truth_share: float = option(0.5, "generated: branches of the warm-up that have the word's true meaning")
    idle_share: float = option(0.5, "generated: branches that no unit test reaches, as a share of the others")
    shared_words: bool = option(False, "generated: the same words in problems of any number of branches")
    prm_checkpoints: int = option(4, "reward model: policies of PPO's run that are labelled (4: the paper's)")
    prm_problems: int = option(16, "reward model: problems of those for reinforcement learning that are labelled")
    prm_responses: int = option(1, "reward model: responses of each policy to each of them")
    prm_k: int = option(8, "reward model: attempts to complete a prefix")
    prm_epochs: int = option(3, "reward model: passes over the labelled responses")

    def __post_init__(self) -> None:
        TrainConfig.__post_init__(self)
        for name in ("seeds", "test_completions", *_OF_LABELS):
            if getattr(self, name) < 1:
                raise ConfigError(f"--{name.replace('_', '-')} must be at least 1; got {getattr(self, name)}")
        for name in ("workers", "held_out"):
            if getattr(self, name) < 0:
                raise ConfigError(f"--{name.replace('_', '-')} must be at least 0; got {getattr(self, name)}")
        if self.held_out and not self.problems_from:
            raise ConfigError("--held-out is for --problems-from; generated problems have --test-problems")
        if self.suite not in SUITES:
            raise ConfigError(f"--suite {self.suite} is not known; expected one of {', '.join(SUITES)}")
        known = SUITES[self.suite]
        if not set(self.compared) <= set(known):
            raise ConfigError(f"--methods {self.methods} is not known; expected some of {','.join(known)}")
        if self.with_labels and self.prm_checkpoints > self.updates:
            raise ConfigError(
                f"--prm-checkpoints {self.prm_checkpoints} is more than the {self.updates} updates of a run; lower it"
            )
        _ = self.family
        for name in self.compared:  # what an arm cannot be is told before the warm-ups
            if name != SFT:
                self.run(name, 0, Path("model"), reward_model=Path("prm"))

    @property
    def compared(self) -> tuple[str, ...]:
        """The arms, in the order of the suite."""
        known = SUITES[self.suite]
        asked = [name.strip() for name in self.methods.split(",") if name.strip()] or known
        return tuple(sorted(set(asked), key=lambda name: known.index(name) if name in known else -1))

    @property
    def with_labels(self) -> bool:
        """Whether some arm needs a reward model."""
        return any(ARMS[name].prm for name in self.compared)

    @property
    def budget(self) -> int:
        """Completions that an arm may have written, for learning and for labels together."""
        return self.updates * self.completions

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

    def run(
        self, name: str, seed: int, model: Path, *, reward_model: Path | None = None, labelling: int = 0
    ) -> TrainConfig:
        """The run of an arm and a seed, on the model that the warm-up left.

        `labelling`: completions that its reward model took. Raises ConfigError where they leave less than an update.
        """
        arm = ARMS[name]
        own: dict[str, Any] = {
            "seed": seed,
            "method": arm.method,
            "model": str(model),
            "sft_epochs": 0,
            "validation_problems": self.held_out,
        }
        if self.suite == "methods" and name == PPO:
            own["keep_policies"] = self.prm_checkpoints
        if arm.prm:
            own |= {
                "prm": str(reward_model),
                "dense_reward": "prm" if arm.dense_reward else "",
                "value_init": "prm" if arm.value_init else "",
                "critic": "separate" if arm.value_init else self.critic,
            }
        made = TrainConfig(**self._shared(TrainConfig) | dict(method_options(arm.method)) | dict(arm.options) | own)
        updates = (self.budget - labelling) // completions_an_update(made)
        if updates < 1:
            raise ConfigError(
                f"the labels of {arm.title} took {labelling:,} of the {self.budget:,} completions of its budget, and leave"
                " less than an update; lower --prm-problems, --prm-k or --prm-responses, or raise --updates"
            )
        return replace(made, updates=updates)

    def _shared(self, kind: type[SftConfig]) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(kind)}


def refuse_idle(config: AblationConfig, given: Iterable[str]) -> None:
    """Refuse options that were given and change nothing, as the problems or the model are there. Raises ConfigError."""
    idle = {name: "--problems-from" for name in _OF_GENERATED if config.problems_from}
    idle |= {name: "--model" for name in FROM_SCRATCH if config.model}
    for name in given:
        if name in idle:
            raise ConfigError(f"--{name.replace('_', '-')} would do nothing with {idle[name]}; leave one of them away")


_OF_GENERATED = tuple(
    "family_seed warmup_problems train_problems test_problems truth_share idle_share shared_words".split()
)
_OF_LABELS = ("prm_checkpoints", "prm_problems", "prm_responses", "prm_k", "prm_epochs")


def completions_an_update(config: TrainConfig) -> int:
    """What an update of a run has written: completions to learn from, and greedy ones to compare them with."""
    return config.completions + (config.problems_per_update if config.baseline == "greedy" else 0)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    # the budget: with more than twice as many updates, PPO arrives where CCCS is sooner (benchmarks/learning/README.md)
    "experiment": {
        "hidden_size": 128,
        "layers": 2,
        "heads": 4,
        "vocab_tokens": 512,
        "max_prompt_tokens": 64,
        "max_completion_tokens": 152,
        "pack_tokens": 208,
        "sft_epochs": 8,
        "sft_batch_examples": 4,
        "sft_learning_rate": 1e-3,
        "sft_warmup_share": 0.05,
        "micro_rows": 8,
        "updates": 48,
        "problems_per_update": 16,
        "completions_per_problem": 8,
        "generation_batch": 64,
        "temperature": 1.0,
        "top_p": 1.0,
        "learning_rate": 1.5e-4,
        "critic": "separate",
        "critic_learning_rate": 3e-4,
        "warmup_updates": 10,
        "ppo_epochs": 1,
        "minibatches": 4,
        "lam": 1.0,
        "kl_coef": 0.03,
        "plain_share": 0.25,
        "validate_every": 8,
        "validation_problems": 0,
        "validation_split": "test",
        "validation_completions": 1,
        "checkpoint_every": 16,
        "keep_checkpoints": 1,
    },
    # with --problems-from: the preset of `stepcoder train`, a pretrained model on one GPU, a run at a time
    "small": {
        **OF_TRAINING["small"],
        "critic": "separate",  # of all arms, as --value-init needs one: else they would differ in two things
        "workers": 1,
        "seeds": 3,
        "validation_problems": 0,
        "validation_split": "test",
        "validation_completions": 1,
        "keep_checkpoints": 1,
    },
    # every part of it, in a minute: nothing is learned
    "smoke": {
        "hidden_size": 32,
        "layers": 1,
        "heads": 2,
        "vocab_tokens": 512,
        "max_prompt_tokens": 64,
        "max_completion_tokens": 152,
        "pack_tokens": 208,
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
        "completions_per_problem": 4,
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
        "prm_checkpoints": 1,
        "prm_problems": 1,
        "prm_k": 1,
        "prm_epochs": 1,
    },
}
