"""A whole run of `stepcoder sft` or `stepcoder train`: folder, supervised warm-up, PPO, final policy."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from accelerate.utils import set_seed

from appsplus.engine import LocalEngine
from appsplus.errors import InputError
from appsplus.jsonl import write_atomically
from appsplus.judge import available_cpus
from appsplus.judge import version as judge_version
from appsplus.problem import Problem
from appsplus.release import data_hash
from appsplus.release.fetched import dataset_folder
from stepcoder.checkpoint import Checkpoints, export, recover
from stepcoder.config import POLICIES, SftConfig, TrainConfig, flag
from stepcoder.errors import ConfigError, TrainingError, is_disk_full, is_out_of_memory
from stepcoder.estimate import check_fits
from stepcoder.guide import guide_programs
from stepcoder.inputs import check_inputs
from stepcoder.metrics import RunLog
from stepcoder.model_card import JUDGE, write_model_card
from stepcoder.policy import model_config
from stepcoder.ppo import train
from stepcoder.prm.model import check_is_reward_model
from stepcoder.prm.writer import weights_hash
from stepcoder.processes import new_accelerator, processes_here
from stepcoder.rollouts import Judgements
from stepcoder.saved_config import command_of, read_config, save_config
from stepcoder.setup import new_trainer
from stepcoder.sft import STATE as SFT_STATE
from stepcoder.sft import run_sft


def sft(dataset: str, config: SftConfig, run: Path, *, resume: bool = False, quiet: bool = False) -> bool:
    """Supervised training alone, from the start or from where it was; False where an interruption ended it before its end.

    The policy is in RUN/final then.
    """
    if config.sft_epochs < 1:
        raise ConfigError("--sft-epochs must be at least 1 for `stepcoder sft`; got 0")
    config = with_model(config)
    accelerator = new_accelerator(config, run)
    check_fits(config, accelerator)
    _begin(run, config, dataset, accelerator, resume=resume)
    if (run / "final").is_dir():
        if not (run / "final" / "README.md").is_file():  # it ended between the two
            _write_card(accelerator, run)
        return True
    with RunLog(run, accelerator, quiet=quiet) as log, _in_words(run, "--micro-rows", "--pack-tokens, --lora-rank"):
        finished = run_sft(dataset, config, accelerator, run, "final", log)
    if finished:
        _write_card(accelerator, run)
    return finished


def train_run(dataset: str, config: TrainConfig, run: Path, *, resume: bool = False, quiet: bool = False) -> bool:
    """Warm-up and PPO, from the start or from RUN's last checkpoint; False where an interruption ended it before its end.

    The judge starts before a model is loaded. Raises InputError and TrainingError.
    """
    if not config.model and not config.sft_epochs:
        raise ConfigError("a model from scratch knows nothing: give --sft-epochs at least 1, or a pretrained --model")
    if config.prm:
        check_is_reward_model(Path(config.prm))
    config = with_model(config)
    accelerator = new_accelerator(config, run)
    check_fits(config, accelerator)
    _begin(run, config, dataset, accelerator, resume=resume)
    workers = config.judge_workers or max(1, available_cpus() // processes_here(accelerator))
    with (
        LocalEngine(workers=workers, isolation=config.isolation) as engine,
        RunLog(run, accelerator, quiet=quiet) as log,
        _in_words(run, "--micro-rows or --generation-batch", "--lora-rank"),
    ):
        _note_judge(run, config, engine, accelerator)
        if config.sft_epochs and not (run / "sft").is_dir():
            check_inputs(dataset, replace(config, guide=_guide_of(config)), accelerator.num_processes)
            if not run_sft(dataset, config, accelerator, run, "sft", log):
                return False
        started = replace(config, model=str(run / "sft")) if config.sft_epochs else config
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


def _note_judge(run: Path, config: TrainConfig, engine: LocalEngine, accelerator: Any) -> None:
    """Write RUN/judge.json: which judge gives the rewards, and what of its isolation is not to be had here, and why."""
    if accelerator.is_main_process:
        facts = {"judge": judge_version(), "isolation": config.isolation, "missing": engine.rungs.get("missing", {})}
        write_atomically(run / JUDGE, (json.dumps(facts, indent=1) + "\n").encode())


def _guided(
    run: Path, config: TrainConfig, engine: LocalEngine, accelerator: Any, told: Any, problems: Sequence[Problem]
) -> dict[str, str]:
    """What the curriculum jsrl cuts: programs of the guide."""
    return guide_programs(run, _guide_of(config), problems, config, engine, engine.workers, accelerator, told)


def _guide_of(config: TrainConfig) -> str:
    """A run's folder as --guide stands for the run's policy."""
    return str(policy_folder(Path(config.guide))) if Path(config.guide).is_dir() and config.guide else config.guide


def _write_card(accelerator: Any, run: Path) -> None:
    if accelerator.is_main_process:
        write_model_card(run, run / "final")


@contextmanager
def _in_words(run: Path, smaller: str, anew: str) -> Iterator[None]:
    """Turns what the machine is short of, memory or disk, into words.

    `smaller`, `anew`: options that need less memory, those that a run may change and those that it may not.
    """
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        if is_out_of_memory(error):
            raise TrainingError(
                f"out of memory ({str(error).splitlines()[0] if str(error) else 'no detail'}); the last checkpoint, if there"
                f" is one, is whole. Go on with --resume and a lower {smaller}, or with --gradient-checkpointing; or begin"
                f" anew with {anew} or more processes; --dry-run tells what takes how much"
            ) from None
        if isinstance(error, OSError) and is_disk_full(error):
            raise TrainingError(
                f"{error.filename or run} cannot be written ({error.strerror}); make room, then go on with --resume: the last"
                " checkpoint, if there is one, is whole"
            ) from None
        raise


def policy_folder(run: Path) -> Path:
    """The folder of a run's policy: final, else best, else after SFT; or RUN itself where it is a model's folder."""
    for folder in (*(run / name for name in POLICIES), run):
        if (folder / "config.json").is_file() and "model_type" in json.loads((folder / "config.json").read_text()):
            return folder
    raise InputError(f"{run} holds no policy yet; expected the folder of a run of `stepcoder`, or of a model")


def with_model(config: Any) -> Any:
    """The config, in which a run's folder as --model stands for the run's policy."""
    if config.model and Path(config.model).is_dir():
        return replace(config, model=str(policy_folder(Path(config.model))))
    return config


def has_begun(run: Path) -> bool:
    """Whether a folder holds a run with something to lose, which goes on by --resume only."""
    return any((run / name).exists() for name in (SFT_STATE, "sft", "checkpoints", "final"))


def _begin(run: Path, config: SftConfig, dataset: str, accelerator: Any, *, resume: bool) -> None:
    """Make the folder of a new run, or put in order what a kill left of one that goes on; RUN/config.json says then what
    is done, and with which command, problems, weights and number of processes it was begun.

    Raises InputError where a new run would overwrite another, the folder cannot be written, or one of these is another than
    the run was begun with.
    """
    if not resume and has_begun(run):
        raise InputError(f"{run} already holds a run; go on with it by --resume, or name another --out")
    if accelerator.is_main_process:
        try:
            if resume:
                recover(run)
            facts = _facts(run, config, dataset, accelerator.num_processes)
            if resume:
                facts = _refuse_another(run, dataset, config, facts)
            run.mkdir(parents=True, exist_ok=True)
            save_config(config, run, dataset, **facts)
        except OSError as error:
            raise InputError(f"{run} cannot be written ({error.strerror}); name another folder with --out") from None
    accelerator.wait_for_everyone()


def _facts(run: Path, config: SftConfig, dataset: str, processes: int) -> dict[str, str]:
    """What makes a run, and the problems and weights that it reads; of weights that it has done with, nothing."""
    facts = {
        "command": _command(type(config)),
        "processes": str(processes),
        "data_sha256": data_hash(dataset_folder(dataset)),
    }
    if isinstance(config, TrainConfig) and config.prm:
        facts["prm_sha256"] = weights_hash(Path(config.prm), with_values=True)
    done_with = "sft" if isinstance(config, TrainConfig) else "final"
    return facts if (run / done_with).is_dir() else facts | {"model_sha256": _identity(config.model)}


def _command(kind: type[SftConfig]) -> str:
    return "train" if issubclass(kind, TrainConfig) else "sft"


def _identity(model: str) -> str:
    """What tells whether a model is still the same: SHA-256 of a folder's weights, the commit of a Hub id; "" for none."""
    if not model or Path(model).is_dir():
        return weights_hash(Path(model)) if model else ""
    return str(getattr(model_config(model), "_commit_hash", None) or "")


def _refuse_another(run: Path, dataset: str, config: SftConfig, facts: Mapping[str, str]) -> dict[str, str]:
    """What is to be remembered of a run that goes on: what it was begun with, which must be what is there now."""
    saved = json.loads((run / "config.json").read_text(encoding="utf-8"))
    begun = {name: saved.get(name, now) for name, now in facts.items()}  # runs of older versions do not say
    words = {
        "data_sha256": (f"the problems of {dataset} are not those", "dataset"),
        "model_sha256": (f"the weights of {config.model} are not those", "model"),
        "prm_sha256": (f"the weights of {getattr(config, 'prm', '')} are not those", "reward model"),
    }
    for name, now in facts.items():
        if begun[name] == now:
            continue
        if name == "command":
            raise _other_command(run, begun[name], now)
        if name == "processes":
            raise InputError(
                f"{run} was begun with {begun[name]} processes, not {now}: random numbers, and the completions that each"
                " writes, would be others; start as many, or begin another run with --out"
            )
        what, kind = words[name]
        raise InputError(
            f"{what} that {run} was begun with (SHA-256 {now[:12] or 'none'}, not {begun[name][:12] or 'none'}); put back"
            f" the {kind} as it was, or begin another run with --out"
        )
    return {name: saved[name] for name in words if name in saved} | begun


_MAY_CHANGE = frozenset(
    "updates judge_workers isolation checkpoint_every keep_checkpoints keep_policies samples_per_update tracker"
    " learning_rate critic_learning_rate sft_learning_rate max_grad_norm micro_rows generation_batch"
    " gradient_checkpointing".split()
)
"""What makes no other run of it, and what helps one that ended with NaN or without memory."""


def _other_command(run: Path, begun: str, now: str) -> InputError:
    return InputError(
        f"{run} was begun by `stepcoder {begun}`; go on with that, or give `stepcoder {now}` another --out"
    )


def _may_be_same(one: str, other: str) -> bool:
    """Whether two spellings may mean one folder: where it is now, seen from here, is nobody's promise."""
    here = Path(other)
    names = (here.name, here.resolve().name)
    return here.is_dir() and (Path(one).resolve() == here.resolve() or Path(one).name in names)


def resumed_config(run: Path, dataset: str, given: Mapping[str, Any], kind: type[SftConfig] = TrainConfig) -> Any:
    """The config that a run was begun with, and what may be changed of it. Raises InputError for what may not."""
    config, its_dataset = read_config(kind, run)
    if (begun := command_of(run)) != _command(kind):
        raise _other_command(run, begun, _command(kind))
    if its_dataset != dataset and not _may_be_same(its_dataset, dataset):  # what is in it is compared later
        raise InputError(
            f"{run} was begun with the dataset {its_dataset}, not {dataset}; give it, or begin another run"
        )
    for name, value in given.items():
        if name == "model" and Path(config.model) in (Path(value) / part for part in POLICIES):
            continue  # a run's folder stood for the policy that it had
        if name not in _MAY_CHANGE and value != getattr(config, name):
            raise InputError(
                f"{run} was begun with {flag(name)} {getattr(config, name)}, not {value}; leave it away (--resume knows all"
                " options), or begin another run with --out"
            )
    return replace(config, **{name: value for name, value in given.items() if name in _MAY_CHANGE})
