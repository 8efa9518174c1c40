"""A whole run of `stepcoder sft` or `stepcoder train`: folder, supervised warm-up, PPO, final policy."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import set_seed

from appsplus.engine import LocalEngine
from appsplus.errors import InputError
from appsplus.judge import available_cpus
from appsplus.problem import Problem
from stepcoder.checkpoint import Checkpoints, export
from stepcoder.config import SftConfig, TrainConfig, flag, read_config, save_config
from stepcoder.errors import ConfigError, TrainingError
from stepcoder.guide import guide_programs
from stepcoder.metrics import RunLog
from stepcoder.model_card import write_model_card
from stepcoder.ppo import train
from stepcoder.prm.model import check_is_reward_model
from stepcoder.rollouts import Judgements
from stepcoder.setup import new_accelerator, new_trainer
from stepcoder.sft import run_sft

MODEL_FOLDERS = ("final", "best", "sft")


def sft(dataset: str, config: SftConfig, run: Path, *, quiet: bool = False) -> Path:
    """Supervised training alone; the policy is in RUN/final, which is returned."""
    if config.sft_epochs < 1:
        raise ConfigError("--sft-epochs must be at least 1 for `stepcoder sft`; got 0")
    accelerator = new_accelerator(config, run)
    _begin(run, config, dataset, accelerator)
    with RunLog(run, accelerator, quiet=quiet) as log, _memory_in_words():
        run_sft(
            dataset, _with_model(config), accelerator, run / "final", lambda s: log.sft_step(s.step, s.steps, s.loss)
        )
    _write_card(accelerator, run)
    return run / "final"


def train_run(dataset: str, config: TrainConfig, run: Path, *, resume: bool = False, quiet: bool = False) -> bool:
    """Warm-up and PPO, from the start or from RUN's last checkpoint; False where an interruption ended it before its end.

    The judge starts before a model is loaded. Raises InputError and TrainingError.
    """
    if not config.model and not config.sft_epochs:
        raise ConfigError("a model from scratch knows nothing: give --sft-epochs at least 1, or a pretrained --model")
    if config.prm:
        check_is_reward_model(Path(config.prm))
    accelerator = new_accelerator(config, run)
    if not resume:
        _begin(run, config, dataset, accelerator)
    workers = config.judge_workers or max(1, available_cpus() // accelerator.num_processes)
    with (
        LocalEngine(workers=workers, isolation=config.isolation) as engine,
        RunLog(run, accelerator, quiet=quiet) as log,
        _memory_in_words(),
    ):
        if config.sft_epochs and not (run / "sft").is_dir():
            told = lambda s: log.sft_step(s.step, s.steps, s.loss)  # noqa: E731
            run_sft(dataset, _with_model(config), accelerator, run / "sft", told)
        started = replace(config, model=str(run / "sft")) if config.sft_epochs else _with_model(config)
        set_seed(config.seed)  # whether SFT has just been done, or was done before an interruption
        guide = partial(_guided, run, started, engine, accelerator, log.say)
        trainer = new_trainer(dataset, started, accelerator, log.say, guide)
        checkpoints = Checkpoints(run, every=config.checkpoint_every, keep=config.keep_checkpoints)
        judgements = Judgements(engine, threads=engine.workers, coverage=config.fgo)
        with trainer.interruption, judgements:
            finished = train(trainer, started, judgements, log, checkpoints)
        if finished:
            export(accelerator, trainer.policy, trainer.tokenizer, run / "final")
            _write_card(accelerator, run)
    return finished


def _guided(
    run: Path, config: TrainConfig, engine: LocalEngine, accelerator: Any, told: Any, problems: Sequence[Problem]
) -> dict[str, str]:
    """What the curriculum jsrl cuts: programs of the guide."""
    name = str(policy_folder(Path(config.guide))) if Path(config.guide).is_dir() else config.guide
    return guide_programs(run, name, problems, config, engine, engine.workers, accelerator, told)


def _write_card(accelerator: Any, run: Path) -> None:
    if accelerator.is_main_process:
        write_model_card(run, run / "final")


@contextmanager
def _memory_in_words() -> Iterator[None]:
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise TrainingError(
            f"out of memory ({str(error).splitlines()[0] if str(error) else 'no detail'}); the last checkpoint is whole."
            " Lower --micro-rows or --generation-batch, or use --gradient-checkpointing, --lora-rank or more processes;"
            " --dry-run tells what takes how much"
        ) from None


def policy_folder(run: Path) -> Path:
    """The folder of a run's policy: final, else best, else after SFT; or RUN itself where it is a model's folder."""
    for folder in (*(run / name for name in MODEL_FOLDERS), run):
        if (folder / "config.json").is_file() and "model_type" in json.loads((folder / "config.json").read_text()):
            return folder
    raise InputError(f"{run} holds no policy yet; expected the folder of a run of `stepcoder`, or of a model")


def _with_model(config: Any) -> Any:
    """A run's folder as --model stands for the run's policy."""
    if config.model and Path(config.model).is_dir():
        return replace(config, model=str(policy_folder(Path(config.model))))
    return config


def _begin(run: Path, config: SftConfig, dataset: str, accelerator: Any) -> None:
    """Make the folder of a new run. Raises InputError where one is there already, or it cannot be written."""
    if any((run / name).exists() for name in ("sft", "checkpoints", "final")):  # else there is nothing to lose
        raise InputError(f"{run} already holds a run; go on with it by --resume, or name another --out")
    if accelerator.is_main_process:
        try:
            run.mkdir(parents=True, exist_ok=True)
            save_config(config, run, dataset)
        except OSError as error:
            raise InputError(f"{run} cannot be written ({error.strerror}); name another folder with --out") from None
    accelerator.wait_for_everyone()


_MAY_CHANGE = frozenset(
    "updates judge_workers isolation checkpoint_every keep_checkpoints keep_policies samples_per_update tracker".split()
)


def resumed_config(run: Path, dataset: str, given: Mapping[str, Any]) -> TrainConfig:
    """The config that a run was begun with, and what may be changed of it. Raises InputError for what may not."""
    config, its_dataset = read_config(TrainConfig, run)
    if its_dataset != dataset:
        raise InputError(
            f"{run} was begun with the dataset {its_dataset}, not {dataset}; give it, or begin another run"
        )
    for name, value in given.items():
        if name not in _MAY_CHANGE and value != getattr(config, name):
            raise InputError(
                f"{run} was begun with {flag(name)} {getattr(config, name)}, not {value}; leave it away (--resume knows all"
                " options), or begin another run with --out"
            )
    return replace(config, **{name: value for name, value in given.items() if name in _MAY_CHANGE})
