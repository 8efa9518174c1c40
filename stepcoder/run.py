"""A whole run of `stepcoder sft` or `stepcoder train`: folder, supervised warm-up, PPO, final policy."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from appsplus.engine import LocalEngine
from appsplus.errors import InputError
from stepcoder.checkpoint import Checkpoints, export
from stepcoder.config import SftConfig, TrainConfig, read_config, save_config
from stepcoder.errors import ConfigError
from stepcoder.metrics import RunLog
from stepcoder.ppo import train
from stepcoder.rollouts import Judgements
from stepcoder.setup import new_accelerator, new_trainer
from stepcoder.sft import run_sft

MODEL_FOLDERS = ("final", "best", "sft")


def sft(dataset: str, config: SftConfig, run: Path) -> Path:
    """Supervised training alone; the policy is in RUN/final, which is returned."""
    if config.sft_epochs < 1:
        raise ConfigError("--sft-epochs must be at least 1 for `stepcoder sft`; got 0")
    accelerator = new_accelerator(config, run)
    _prepare(run, config, dataset, accelerator, resume=False)
    with RunLog(run, accelerator) as log:
        run_sft(
            dataset, _with_model(config), accelerator, run / "final", lambda s: log.sft_step(s.step, s.steps, s.loss)
        )
    return run / "final"


def train_run(dataset: str, config: TrainConfig, run: Path, *, resume: bool = False) -> bool:
    """Warm-up and PPO, from the start or from RUN's last checkpoint; False where an interruption ended it before its end.

    The judge starts first, and is ours to end. Raises InputError and TrainingError.
    """
    if not config.model and not config.sft_epochs:
        raise ConfigError("a model from scratch knows nothing: give --sft-epochs at least 1, or a pretrained --model")
    accelerator = new_accelerator(config, run)
    config = _prepare(run, config, dataset, accelerator, resume=resume)
    workers = config.judge_workers or None
    with LocalEngine(workers=workers) as engine, RunLog(run, accelerator) as log:
        if config.sft_epochs and not (run / "sft" / "config.json").is_file():
            told = lambda s: log.sft_step(s.step, s.steps, s.loss)  # noqa: E731
            run_sft(dataset, _with_model(config), accelerator, run / "sft", told)
        started = replace(config, model=str(run / "sft")) if config.sft_epochs else _with_model(config)
        trainer = new_trainer(dataset, started, accelerator, log.say)
        checkpoints = Checkpoints(run, every=config.checkpoint_every, keep=config.keep_checkpoints)
        judgements = Judgements(engine, threads=engine.workers, coverage=config.fgo)
        with trainer.interruption, judgements:
            finished = train(trainer, started, judgements, log, checkpoints)
        if finished:
            export(accelerator, trainer.policy, trainer.tokenizer, run / "final")
    return finished


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


def _prepare(run: Path, config: Any, dataset: str, accelerator: Any, *, resume: bool) -> Any:
    """Make RUN, or see that it can be gone on with; the config that holds."""
    saved = any((run / name).exists() for name in ("sft", "checkpoints", "final"))  # else there is nothing to lose
    if resume and not saved:
        raise InputError(
            f"{run} holds no run to go on with; expected the folder of an earlier one; leave --resume away to begin it"
        )
    if saved and not resume:
        raise InputError(f"{run} already holds a run; go on with it by --resume, or name another --out")
    if resume:
        before, its_dataset = read_config(type(config), run)
        changed = _changes(before, config)
        if its_dataset != dataset or changed:
            what = ", ".join(changed) or f"dataset {its_dataset}, not {dataset}"
            raise InputError(
                f"{run} was begun with other options ({what}); repeat them, or begin another run with --out"
            )
        return config
    if accelerator.is_main_process:
        try:
            run.mkdir(parents=True, exist_ok=True)
            save_config(config, run, dataset)
        except OSError as error:
            raise InputError(f"{run} cannot be written ({error.strerror}); name another folder with --out") from None
    accelerator.wait_for_everyone()
    return config


_FREE = {"updates", "judge_workers", "checkpoint_every", "keep_checkpoints", "samples_per_update", "tracker", "preset"}


def _changes(before: Any, now: Any) -> list[str]:
    names = [name for name in before.__dataclass_fields__ if name not in _FREE]
    return [f"--{n.replace('_', '-')} {getattr(before, n)}" for n in names if getattr(before, n) != getattr(now, n)]
