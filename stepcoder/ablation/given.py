"""An experiment on problems that somebody has, `--problems-from`: what of them is learned and held out, and what is refused.

The split train is what the warm-up learns and every arm practises on; so the canonical solutions of those problems are
known to all arms. Of the split test `--held-out` problems, evenly spaced, are held out. Problems that do not fit into the
model's prompt and completion are left out of both, and counted.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from appsplus.errors import InputError
from appsplus.problem import Problem
from stepcoder.ablation.arms import PPO, SFT
from stepcoder.ablation.plan import AblationConfig


def held_out(config: AblationConfig, tokenizer: Any) -> list[Problem]:
    """The problems that the policies are examined on, the same for all runs. Raises DatasetError where there are none."""
    return _held_out(config, tokenizer)[0]


def checked(config: AblationConfig) -> Iterator[str]:
    """Refuse before the warm-ups what some arm could not do after them; tells what is learned. Raises InputError."""
    from stepcoder.data import load_split, new_tokenizer, tokenizer_texts
    from stepcoder.inputs import check_inputs, fitting
    from stepcoder.policy import load_tokenizer
    from stepcoder.prm.lines import check_lines
    from stepcoder.run import with_model

    dataset, model = config.problems_from, with_model(config).model
    train = load_split(dataset, "train")
    tokenizer = load_tokenizer(model) if model else new_tokenizer(tokenizer_texts(train), config.vocab_tokens)
    if config.with_labels:
        check_lines(tokenizer, model or "a model from scratch")
    learned = fitting(train, tokenizer, config, f"the split train of {dataset}")
    examined, there = _held_out(config, tokenizer)
    runs = [config.run(name, 0, Path(PPO), reward_model=Path()) for name in config.compared if name != SFT]
    for of_run in {one.curriculum: one for one in runs}.values():
        try:
            check_inputs(dataset, replace(of_run, model=model), processes=1, prm_is_there=False)
        except InputError as error:
            raise InputError(f"{of_run.method}: {error}; or leave such methods away, by --methods") from None
    yield f"{len(learned):,} of {len(train):,} problems to learn fit into prompt and completion"
    yield f"{len(examined):,} of {there:,} held-out problems do"


def _held_out(config: AblationConfig, tokenizer: Any) -> tuple[list[Problem], int]:
    """Those that fit, and how many there are."""
    from stepcoder.data import evenly, load_split
    from stepcoder.inputs import fitting

    there = evenly(load_split(config.problems_from, "test"), config.held_out)
    return fitting(there, tokenizer, config, f"the split test of {config.problems_from}"), len(there)
