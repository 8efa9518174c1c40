"""What can be chosen: one frozen dataclass per command, from which flags, help and the saved config.json come.

`stepcoder sft` takes SftConfig; `stepcoder train` TrainConfig, which begins with the same supervised warm-up. A preset is a
set of values for them (`stepcoder/presets.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, cast, get_args

from appsplus.judge import ISOLATIONS
from appsplus.reward import VARIANTS
from stepcoder.curriculum import CUTS, CurriculumConfig, Cuts, named
from stepcoder.errors import ConfigError
from stepcoder.executed_tokens import Which
from stepcoder.methods.names import ADDED, BASES, Parts, refuse_conflicts
from stepcoder.presets import PRESETS, method_options
from stepcoder.prm.choices import refuse_choices

Value = TypeVar("Value")
Config = TypeVar("Config", bound="SftConfig")

METHODS = ("ppo", "ppo+cccs", "ppo+fgo", "stepcoder")
"""Those of the StepCoder paper; `stepcoder.methods.names` has all that can be composed."""
POLICIES = ("final", "best", "sft")
"""The folders of a run that hold a policy: the first of them that is there is the run's."""
VALUES_FILE = "values.safetensors"
"""Beside the files of a policy that transformers loads: its values, and critics, which our code loads."""
CRITICS = ("shared", "separate")
SPLITS = ("validation", "test", "train")
DTYPES = ("float32", "bfloat16")
KL_CONTROLS = ("fixed", "adaptive")
KL_PLACES = ("reward", "loss")
LOSS_MEANS = ("token", "completion", "constant")
ALPHAS = ("paper", "code")
BASELINES = ("best", "greedy", "none")
RATIOS = ("token", "sequence", "none")


def option(default: Value, words: str) -> Value:
    """A field of a config, with the words that --help shows."""
    made: Value = field(default=default, metadata={"help": words})
    return made


@dataclass(frozen=True, slots=True)
class SftConfig:
    """Supervised training on canonical solutions, and the model that is trained."""

    preset: str = option("tiny", "where the values come from that no flag gives")
    model: str = option("", "folder or Hub id of a causal language model; empty: from scratch, in the sizes below")
    hidden_size: int = option(192, "from scratch: width")
    layers: int = option(4, "from scratch: depth")
    heads: int = option(6, "from scratch: attention heads")
    vocab_tokens: int = option(2048, "from scratch: words of the tokenizer, which is trained on the train split")
    dtype: str = option(
        "float32", f"of activations and frozen weights: {' or '.join(DTYPES)}; trained ones stay float32"
    )
    gradient_checkpointing: bool = option(False, "compute activations twice instead of keeping them")
    lora_rank: int = option(0, "train low-rank adapters of this rank instead of all weights; 0: all weights")
    lora_alpha: int = option(32, "scale of the adapters")
    max_prompt_tokens: int = option(640, "problems with a longer prompt are left out, and counted")
    max_completion_tokens: int = option(320, "longest completion")
    sft_epochs: int = option(3, "passes over the canonical solutions; 0: none")
    sft_batch_examples: int = option(64, "solutions an optimiser step")
    sft_learning_rate: float = option(2e-5, "peak learning rate; rises over the warm-up, then falls to a tenth")
    sft_warmup_share: float = option(0.03, "share of the steps over which the learning rate rises")
    pack_tokens: int = option(1024, "solutions are packed into rows of so many tokens, and do not see each other")
    micro_rows: int = option(8, "packed rows, or completions, that pass through the model at once")
    weight_decay: float = option(0.0, "of AdamW")
    max_grad_norm: float = option(1.0, "gradients are scaled down to this norm")
    seed: int = option(0, "of every random choice")
    limit: int = option(0, "use only the first so many problems of a split; 0: all")
    tracker: str = option("", "also log to one of accelerate's trackers, e.g. wandb")

    def __post_init__(self) -> None:
        _one_of(self, "dtype", DTYPES)
        _at_least(self, 1, "hidden_size", "layers", "heads", "max_prompt_tokens", "max_completion_tokens")
        _at_least(self, 1, "sft_batch_examples", "pack_tokens", "micro_rows")
        _at_least(self, 0, "sft_epochs", "lora_rank", "weight_decay", "limit", "sft_warmup_share")
        _above_zero(self, "sft_learning_rate", "max_grad_norm")
        if not 0 <= self.seed < 1 << 32:
            raise ConfigError(f"--seed must be at least 0 and below 2^32; got {self.seed}")
        if self.vocab_tokens < 300:
            raise ConfigError(
                f"--vocab-tokens {self.vocab_tokens} is too small; 256 bytes and the special ones need 300"
            )
        if self.hidden_size % (2 * self.heads):
            raise ConfigError(
                f"--hidden-size {self.hidden_size} is no even multiple of --heads {self.heads}; change one"
            )


@dataclass(frozen=True, slots=True)
class TrainConfig(SftConfig):
    """Reinforcement learning by PPO, with or without CCCS and FGO, after a supervised warm-up."""

    method: str = option(
        "stepcoder", f"{', '.join(BASES)}, then any of +{', +'.join(ADDED)}; see stepcoder/methods/names.py"
    )
    updates: int = option(100, "how often the policy is updated from fresh completions")
    problems_per_update: int = option(16, "problems an update")
    completions_per_problem: int = option(8, "completions of each of them")
    generation_batch: int = option(64, "completions that are generated at once; each is judged as soon as it is whole")
    temperature: float = option(0.8, "of sampling")
    top_p: float = option(0.9, "nucleus: the smallest set of tokens with this probability is sampled from")
    schedule: str = option(
        "adaptive", "cccs, jsrl: adaptive or fixed; jsrl: or random. (mixed and bisection of cccs: r3 and adaback)"
    )
    threshold: float = option(
        0.5,
        "cccs, jsrl: one level up where the moving average of a problem's pass rate exceeds this; adaback: pass rate",
    )
    coefficient: float = option(0.5, "cccs, jsrl: weight of the newest pass rate in that average")
    plain_share: float = option(0.2, "curricula: share of draws that give the plain task, whatever the level")
    updates_per_level: int = option(8, "cccs, jsrl: updates of a problem at each level, for the schedule fixed")
    cuts: str = option(
        "",
        f"curricula: {' or '.join(CUTS)}: where a solution is cut; empty: lines for bread and jsrl, else split_points",
    )
    levels_per_problem: int = option(
        0, "curricula: 0: ceil(sqrt(conditional statements)), as the dataset has it; 8 where programs are cut at lines"
    )
    kinds: str = option("", "curricula: statements that count, e.g. if,elif,for; empty: as the dataset has it")
    at_line_start: bool = option(
        False, "curricula: cut before a statement's indentation, for tokenizers that join the two"
    )
    guide: str = option("", "jsrl: a run's folder, or a model's folder or Hub id, whose programs are the start states")
    guide_completions: int = option(
        4, "jsrl: completions of the guide a problem, of which the first that passes is cut"
    )
    executed_in: str = option("union", "fgo: union or first_failing: which unit tests' executed lines stay in the loss")
    mask_values: bool = option(False, "fgo: also for the value loss")
    mask_kl: bool = option(False, "fgo: also for the KL penalty")
    reward: str = option("verdict", f"one of {', '.join(VARIANTS)}; see appsplus/reward.py")
    learning_rate: float = option(5e-7, "of the policy")
    critic_learning_rate: float = option(1.5e-6, "of the value head, and of the critic where it is separate")
    critic: str = option("shared", f"{' or '.join(CRITICS)}: a head on the policy's trunk, or a network of its own")
    warmup_updates: int = option(0, "updates over which learning rates rise")
    critic_warmup_updates: int = option(0, "first updates that train the values only")
    ppo_epochs: int = option(2, "passes over the completions of an update")
    minibatches: int = option(4, "optimiser steps a pass")
    clip_range: float = option(0.2, "of the policy's ratio")
    value_clip_range: float = option(0.2, "of the values")
    value_coef: float = option(0.5, "weight of the value loss")
    entropy_coef: float = option(0.0, "weight of the entropy bonus")
    gamma: float = option(1.0, "discount a token")
    lam: float = option(0.95, "of generalised advantage estimation")
    whiten_advantages: bool = option(True, "mean 0 and variance 1 over the tokens that count")
    group_std: bool = option(True, "grpo: divide by the standard deviation of the group; off: Dr. GRPO")
    ast_weight: float = option(1.0, "match: of the share of the canonical solution's syntax trees")
    flow_weight: float = option(1.0, "match: of the share of its data-flow edges")
    fine_penalty: float = option(0.3, "lines, rltf: on the line of the error, or on the whole program")
    fine_alpha: str = option("paper", f"rltf: {' or '.join(ALPHAS)}: tokens over penalised tokens, or 1")
    adaptive_weight: float = option(1.0, "rltf: of the adaptive reward, -0.3 + 1.3 x share of unit tests passed")
    baseline: str = option("none", f"rltf, coderl: {', '.join(BASELINES)}: what a completion is compared with")
    outcome_weights: bool = option(True, "coderl: weigh each token by its probability of the true outcome")
    outcome_coef: float = option(1.0, "coderl: weight of the loss of the critic that predicts outcomes")
    ground_truth_coef: float = option(
        0.0, "weight of the cross-entropy of the canonical solution, one for each completion"
    )
    loss_mean: str = option(
        "token",
        "over all tokens alike; completion: over each, then over them; constant: sum over --max-completion-tokens",
    )
    ratio: str = option("token", "clipped ratio of each token; sequence: of a completion; none: REINFORCE, unclipped")
    kl_coef: float = option(0.05, "penalty on each token for leaving the reference, which is the policy after SFT")
    kl_in: str = option("reward", f"{' or '.join(KL_PLACES)}: whether that is a reward of each token, or a loss term")
    kl_control: str = option("fixed", f"{' or '.join(KL_CONTROLS)}: whether kl-coef follows --kl-target")
    kl_target: float = option(6.0, "adaptive: KL of a completion, in nats")
    kl_horizon: int = option(10_000, "adaptive: completions over which the coefficient may change by a fifth")
    stop_kl: float = option(0.0, "end an update where the KL to its start has passed this, in nats a token; 0: never")
    validate_every: int = option(10, "updates between validations on plain tasks; 0: never")
    validation_problems: int = option(64, "problems of the validation split, evenly spaced; 0: all")
    validation_split: str = option("validation", "the split that validations are on")
    validation_completions: int = option(0, "of each problem, sampled as in training; 0: one, the likeliest")
    checkpoint_every: int = option(10, "updates between checkpoints")
    keep_checkpoints: int = option(2, "how many are kept, apart from the best")
    keep_policies: int = option(0, "policies kept at evenly spaced updates, for `stepcoder prm label`; 0: none")
    dense_reward: str = option("", "prm: also a reward at the end of each line, R(prefix) / lines; docs/methods/prm.md")
    value_init: str = option("", "prm: the critic begins as the reward model; needs --critic separate")
    prm: str = option("", "folder of the reward model, which `stepcoder prm train` wrote")
    prm_weight_passed: float = option(1.0, "dense reward: its weight in programs that pass")
    prm_weight_failed: float = option(1.0, "dense reward: its weight in programs that do not")
    prm_drop_gap: float = option(
        0.0, "dense reward: dropped where what it says of programs outgrows the pass rate by more"
    )
    prm_gap_updates: int = option(10, "dense reward: updates that are averaged for that, at the start and now")
    samples_per_update: int = option(4, "completions an update that are written to samples.jsonl")
    isolation: str = option("strict", f"{' or '.join(ISOLATIONS)}: strict refuses to judge without the whole sandbox")
    judge_workers: int = option(0, "programs judged at once; 0: as many as there are CPUs")

    def __post_init__(self) -> None:
        SftConfig.__post_init__(self)
        _one_of(self, "kl_in", KL_PLACES)
        _one_of(self, "loss_mean", LOSS_MEANS)
        _one_of(self, "ratio", RATIOS)
        _one_of(self, "fine_alpha", ALPHAS)
        _one_of(self, "baseline", BASELINES)
        _at_least(self, 0, "fine_penalty", "adaptive_weight", "outcome_coef", "ground_truth_coef")
        _at_least(self, 0, "ast_weight", "flow_weight")
        _one_of(self, "reward", VARIANTS)
        _one_of(self, "critic", CRITICS)
        _one_of(self, "isolation", ISOLATIONS)
        _one_of(self, "kl_control", KL_CONTROLS)
        _one_of(self, "executed_in", get_args(Which))
        _ = self.curriculum
        _at_least(
            self, 1, "updates", "problems_per_update", "completions_per_problem", "generation_batch", "ppo_epochs"
        )
        _at_least(self, 1, "minibatches", "checkpoint_every", "keep_checkpoints", "kl_horizon")
        _at_least(self, 0, "keep_policies")
        _at_least(
            self, 0, "warmup_updates", "critic_warmup_updates", "value_coef", "entropy_coef", "kl_coef", "stop_kl"
        )
        _at_least(self, 0, "validate_every", "samples_per_update", "judge_workers", "validation_completions")
        _at_least(self, 0, "validation_problems")
        _one_of(self, "validation_split", SPLITS)
        _above_zero(self, "learning_rate", "critic_learning_rate", "temperature", "clip_range", "value_clip_range")
        _above_zero(self, "kl_target", "top_p")
        for name in ("gamma", "lam", "top_p"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{flag(name)} must lie between 0 and 1; got {getattr(self, name)}")
        if self.minibatches > self.completions:
            raise ConfigError(
                f"--minibatches {self.minibatches} is more than the {self.completions} completions of an update; lower it"
            )
        refuse_conflicts(self.parts, self)
        refuse_choices(self)
        _at_least(self, 1, "guide_completions")
        if (self.parts.start == "jsrl") != bool(self.guide):
            raise ConfigError(
                f"--method {self.method} without --guide: jsrl starts from another policy's programs; give a run or a model"
                if not self.guide
                else f"--guide {self.guide} does nothing with --method {self.method}; add +jsrl, or leave it away"
            )

    @property
    def parts(self) -> Parts:
        """What the method consists of. Raises ConfigError for a name that means nothing."""
        return Parts.of(self.method)

    @property
    def completions(self) -> int:
        """Completions an update."""
        return self.problems_per_update * self.completions_per_problem

    @property
    def cccs(self) -> bool:
        """Whether there is a curriculum."""
        return bool(self.parts.start)

    @property
    def curriculum(self) -> CurriculumConfig:
        """The options of the curriculum; without one every prompt is the plain task. Raises InputError."""
        name, schedule = named(self.parts.start, self.schedule)
        if name == "plain":
            return CurriculumConfig("plain")
        return CurriculumConfig(
            name=name,
            schedule=schedule,
            threshold=self.threshold,
            coefficient=self.coefficient,
            plain_share=self.plain_share,
            updates_per_level=self.updates_per_level,
            cuts=cast(Cuts, self.cuts or ("lines" if name in ("bread", "jsrl") else "split_points")),
            kinds=frozenset(self.kinds.split(",")) if self.kinds else None,
            levels_per_problem=self.levels_per_problem or None,
            at_line_start=self.at_line_start,
        )

    @property
    def executed(self) -> Which | None:
        """Which unit tests' executed lines stay in the loss; None without FGO."""
        return cast(Which, self.executed_in) if self.fgo else None

    @property
    def fgo(self) -> bool:
        """Whether only executed tokens count."""
        return self.parts.fgo


def configured(
    kind: type[Config], preset: str, given: Mapping[str, Any], presets: Mapping[str, Mapping[str, Any]] = PRESETS
) -> Config:
    """The preset's values, over them those that the method brings, over them those given.

    Raises ConfigError for what cannot be.
    """
    if preset not in presets:
        raise ConfigError(f"--preset {preset} is not known; expected one of {', '.join(presets)}")
    known = {f.name for f in fields(kind)}
    chosen = {name: value for name, value in given.items() if value is not None}
    method = {**presets[preset], **chosen}.get("method", TrainConfig.__dataclass_fields__["method"].default)
    values = {n: value for n, value in {**presets[preset], **method_options(method)}.items() if n in known}
    return kind(**values | chosen, preset=preset)


def flag(name: str) -> str:
    """The flag of a field."""
    return "--" + name.replace("_", "-")


def _one_of(config: object, name: str, known: tuple[str, ...]) -> None:
    if getattr(config, name) not in known:
        raise ConfigError(f"{flag(name)} {getattr(config, name)} is not known; expected one of {', '.join(known)}")


def _at_least(config: object, least: int, *names: str) -> None:
    for name in names:
        if not getattr(config, name) >= least:
            raise ConfigError(f"{flag(name)} must be at least {least}; got {getattr(config, name)}")


def _above_zero(config: object, *names: str) -> None:
    for name in names:
        if not getattr(config, name) > 0:
            raise ConfigError(f"{flag(name)} must be above zero; got {getattr(config, name)}")
