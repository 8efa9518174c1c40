"""The options of `stepcoder prm label` and `stepcoder prm train`, from which flags, help and config.json come."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appsplus.judge import ISOLATIONS
from stepcoder.config import SPLITS, SftConfig, flag, option
from stepcoder.errors import ConfigError

SELECTIONS = ("full", "remove-hard", "medium-only", "revised-only")
NOT_CHOSEN = frozenset(
    "preset model hidden_size layers heads vocab_tokens max_prompt_tokens max_completion_tokens sft_epochs"
    " sft_batch_examples sft_learning_rate sft_warmup_share pack_tokens limit tracker".split()
)
"""Options of supervised training that mean nothing to a reward model: its data and its policy decide."""


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """What is sampled, and how hard each prefix is tried."""

    checkpoints: int = option(4, "policies of the run, evenly spaced, the last among them (4: the paper's)")
    responses: int = option(4, "responses of each policy to each problem")
    k: int = option(8, "attempts to complete a prefix; any that passes makes it +1 (the paper's K is not known)")
    split: str = option("train", f"{', '.join(SPLITS)}: whose problems are answered")
    problems: int = option(0, "problems of the split that fit into the model, evenly spaced; 0: all")
    temperature: float = option(0.0, "of responses and attempts; 0: the run's")
    top_p: float = option(0.0, "nucleus; 0: the run's")
    max_tokens: int = option(0, "longest response, and longest completed prefix; 0: the run's")
    batch: int = option(64, "completions generated at once; the judge works on the last ones meanwhile")
    held_out_share: float = option(
        0.2, "share of problems whose records are the split test: no reward model learns them"
    )
    seed: int = option(0, "of every random choice")
    isolation: str = option("strict", f"{' or '.join(ISOLATIONS)}: strict refuses to judge without the whole sandbox")
    judge_workers: int = option(0, "programs judged at once; 0: as many as there are CPUs")

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ConfigError(
                f"--k must be at least 1; got {self.k}: a prefix that nobody tries to complete has no label; the more"
                " attempts, the fewer good prefixes are called bad"
            )
        for name in ("checkpoints", "responses", "batch"):
            _least(self, name, 1)
        for name in ("problems", "temperature", "top_p", "max_tokens", "judge_workers"):
            _least(self, name, 0)
        if self.top_p > 1 or not 0 <= self.held_out_share < 1:
            raise ConfigError(
                f"--top-p must lie between 0 and 1, --held-out-share from 0 to below 1; got {self.top_p} and"
                f" {self.held_out_share}"
            )
        if self.split not in SPLITS or self.isolation not in ISOLATIONS:
            raise ConfigError(
                f"--split {self.split} and --isolation {self.isolation} are not both known; expected one of"
                f" {', '.join(SPLITS)} and one of {', '.join(ISOLATIONS)}"
            )


MAY_CHANGE = frozenset(("batch", "isolation", "judge_workers"))
"""Options of labelling that change no label: what has been labelled may be gone on with under others."""


@dataclass(frozen=True, slots=True)
class PrmConfig(SftConfig):
    """How a reward model is trained on labelled prefixes."""

    selection: str = option("full", f"{', '.join(SELECTIONS)}: which labelled responses are learned")
    epochs: int = option(10, "passes over the responses")
    batch_responses: int = option(8, "responses an optimiser step")
    learning_rate: float = option(1e-4, "peak, of the weights; rises over the first steps, then falls to a tenth")
    head_learning_rate: float = option(1e-3, "peak, of the scalar head, which begins at zero")
    warmup_share: float = option(0.05, "share of the steps over which learning rates rise")
    checkpoint_every: int = option(50, "optimiser steps between checkpoints")

    def __post_init__(self) -> None:
        SftConfig.__post_init__(self)
        if self.selection not in SELECTIONS:
            raise ConfigError(f"--selection {self.selection} is not known; expected one of {', '.join(SELECTIONS)}")
        for name in ("epochs", "batch_responses", "checkpoint_every"):
            _least(self, name, 1)
        for name in ("learning_rate", "head_learning_rate"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{flag(name)} must be above zero; got {getattr(self, name)}")


PRESETS: Mapping[str, Mapping[str, Any]] = {"tiny": {}}


def _least(config: object, name: str, least: float) -> None:
    if not getattr(config, name) >= least:
        raise ConfigError(f"{flag(name)} must be at least {least}; got {getattr(config, name)}")
