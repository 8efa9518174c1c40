"""The runs of `stepcoder ablate`: data, a warm-up for each seed, then every method from it, each judged on held-out problems.

    OUT/config.json                 the options
    OUT/problems.sha256             of all problems: other versions may generate others, and do not go on here
    OUT/data/warmup/, family/       the two datasets, built like any other; none where --problems-from names one
    OUT/seed-0/sft/, ppo/, ...      runs of `stepcoder sft` and `stepcoder train`: their folders are as always
    OUT/seed-0/prm/                 the reward model of a seed, where an arm needs one (`reward_model.py`)
    OUT/seed-0/sft/lengths.json     tokens of the canonical solutions of the held-out problems
    OUT/seed-0/sft/groups.json      and with --problems-from how difficult each of them is
    OUT/seed-0/ppo/made_by.json     version, commit and machine
    OUT/seed-0/ppo/test.json        what became of the final policy's completions of the held-out problems: the run is done

Whatever ends it, the same command goes on: data and runs that are done stay, a run under way goes on from its checkpoint.
"""

import fcntl
import gc
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from appsplus.engine import LocalEngine
from appsplus.errors import InputError
from appsplus.jsonl import write_atomically
from appsplus.judge import available_cpus
from appsplus.ledger import Ledger
from appsplus.pipeline import BuildOptions, build
from appsplus.release.fetched import dataset_folder
from appsplus.release.manifest import data_hash
from appsplus.sources import open_sources
from stepcoder.ablation.arms import ARMS, PPO, PRM, SFT
from stepcoder.ablation.family import digest, write
from stepcoder.ablation.given import held_out
from stepcoder.ablation.plan import AblationConfig
from stepcoder.ablation.provenance import save_provenance
from stepcoder.ablation.reward_model import COST, LABELLED, MODEL, cost_of, make_reward_model
from stepcoder.config import TrainConfig, flag
from stepcoder.errors import TrainingError
from stepcoder.saved_config import read_config, save_config

DONE, LENGTHS, GROUPS = "test.json", "lengths.json", "groups.json"
FAMILY = "data/family"
PROBLEMS = "problems.sha256"  # of the problems that the runs in a folder are about
_MAY_CHANGE = frozenset(
    "methods seeds workers judge_workers isolation micro_rows generation_batch gradient_checkpointing".split()
)


@dataclass(frozen=True, slots=True)
class Job:
    """One run: an arm and a seed, and where it is; or the reward model of a seed (PRM)."""

    out: Path
    method: str  # of ARMS, or PRM
    seed: int

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.out / f"seed-{self.seed}" / self.method

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return (self.folder / (COST if self.method == PRM else DONE)).is_file()


class InterruptedRunError(Exception):
    """A run was asked to stop; its checkpoint is whole."""


def begin(out: Path, config: AblationConfig) -> None:
    """Make the folder, or go on in it. Raises InputError where what is there was begun with other options or problems."""
    of_problems = _digest(config)
    if (out / "config.json").exists():
        begun, _ = read_config(AblationConfig, out)
        for name, value in asdict(config).items():
            if name not in _MAY_CHANGE and value != getattr(begun, name):
                raise InputError(
                    f"{out} was begun with {flag(name)} {getattr(begun, name)}, not {value}; go on with the options that"
                    " it was begun with, or name another --out"
                )
        if not (out / PROBLEMS).is_file() or (out / PROBLEMS).read_text(encoding="utf-8").strip() != of_problems:
            raise InputError(
                f"{out} was begun with other problems, as another version of stepcoder generates them or"
                " --problems-from had them then; go on with what it was begun with, or name another --out"
            )
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there, and is no experiment of `stepcoder ablate`; name another --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(out / PROBLEMS, f"{of_problems}\n".encode())
        save_config(config, out, config.problems_from or FAMILY)
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror}); name another folder with --out") from None


def _digest(config: AblationConfig) -> str:
    """What the problems are told by, in hexadecimal."""
    return data_hash(dataset_folder(config.problems_from)) if config.problems_from else digest(config.family)


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Nobody else works in `out` while the block lasts. Raises InputError where somebody does."""
    with (out / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"another `stepcoder ablate` works in {out}; wait for it, or name another --out") from None
        yield


def make_data(out: Path, config: AblationConfig) -> None:
    """Write the problems and build their datasets, as far as they are to be generated and not there."""
    from stepcoder.data import evenly

    if config.problems_from or all(
        (out / folder).is_dir() for folder in (FAMILY, "data/warmup", *([LABELLED] if config.with_labels else []))
    ):
        return
    paths = write(out / "data", config.family)
    if config.with_labels:
        lines = [line for line in paths["family"].read_text().splitlines() if json.loads(line)["split"] == "train"]
        paths["labelled"] = out / "data" / "labelled.jsonl"
        write_atomically(
            paths["labelled"], "".join(f"{line}\n" for line in evenly(lines, config.prm_problems)).encode()
        )
    options = BuildOptions(validation_share=0.0, audit_share=0.0)
    with LocalEngine(isolation=config.isolation) as engine:
        for name, path in paths.items():
            if not (out / "data" / name).is_dir():
                build(open_sources([f"{name}={path}"]), out / "data" / name, engine, Ledger.read([]), options)


def jobs(out: Path, config: AblationConfig) -> list[list[Job]]:
    """The runs in groups, each of which begins when the one before it has ended; in a group seed by seed.

    The warm-ups; the runs that begin with them, and PPO's for the labels; the reward models; the runs that need those.
    """
    seeds = range(config.seeds)
    of_arms = [name for name in config.compared if name != SFT]
    if config.with_labels and PPO not in of_arms:
        of_arms.insert(0, PPO)
    groups: list[list[str]] = [
        [SFT],
        [name for name in of_arms if not ARMS[name].prm],
        [PRM] if config.with_labels else [],
        [name for name in of_arms if ARMS[name].prm],
    ]
    return [[Job(out, name, seed) for seed in seeds for name in names] for names in groups if names]


def run_all(waiting: Sequence[Job], config: AblationConfig, told: Callable[[Job], None]) -> None:
    """Do some jobs, `workers` at a time. `told` hears of each that is done, as soon as it is.

    Raises InterruptedRunError where a signal ended them, and what a run raises.
    """
    waiting = [job for job in waiting if not job.done]
    workers = min(config.workers or available_cpus(), len(waiting))
    if workers <= 1:
        for job in waiting:
            do(job, config)
            told(job)
        return
    share = replace(config, judge_workers=config.judge_workers or max(1, available_cpus() // workers))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin_worker) as pool:
        futures = {pool.submit(_do_here, job, share): job for job in waiting}
        try:
            for future in _as_they_end(futures):
                future.result()
                told(futures[future])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()  # a run ends its update first
            raise


def _as_they_end(futures: dict[Future[None], Job]) -> Iterator[Future[None]]:
    pending = set(futures)
    while pending:
        done, pending = wait(pending, timeout=1.0, return_when="FIRST_COMPLETED")
        yield from done


def _begin_worker() -> None:
    """A process for runs: one thread, for the others have theirs; it does not outlive the one that asked for it."""
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGTERM)  # a run ends its update first

    threading.Thread(target=watch, daemon=True).start()


_stopped = False  # in a worker: it was asked to stop, and does not begin what was handed to it before


def _do_here(job: Job, config: AblationConfig) -> None:
    global _stopped
    asked_by = os.getppid()
    if _stopped:
        raise InterruptedRunError
    try:
        do(job, config)
    except InterruptedRunError:
        _stopped = True
        raise
    finally:
        if os.getppid() != asked_by:
            os._exit(1)  # nobody is there to hear of it


def do(job: Job, config: AblationConfig) -> None:
    """A run from wherever it is to its end. Raises InterruptedRunError where a signal asked it to stop."""
    import torch

    from stepcoder import run

    gc.collect()  # the run before may hold on to itself, and to the GPU
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if job.method == PRM:
        ppo, warm_up = (Job(job.out, name, job.seed).folder for name in (PPO, SFT))
        labelled = config.problems_from or str(job.out / LABELLED)
        make_reward_model(job.folder, ppo, warm_up, labelled, config, job.seed)
        return
    family = config.problems_from or str(job.out / FAMILY)
    if job.method == SFT:
        if not (job.folder / "final").is_dir():
            warmup = config.problems_from or str(job.out / "data" / "warmup")
            resume = (job.folder / "config.json").is_file()
            if not run.sft(warmup, config.warm_up(job.seed), job.folder, resume=resume, quiet=True):
                raise InterruptedRunError
    elif not (job.folder / "final").is_dir():
        resume = (job.folder / "checkpoints").is_dir()
        if not run.train_run(family, run_of(job, config), job.folder, resume=resume, quiet=True):
            raise InterruptedRunError
    _examine(job, config, family)


def run_of(job: Job, config: AblationConfig) -> TrainConfig:
    """The options of a run; what its reward model took of completions is taken off its budget."""
    sft, prm = Job(job.out, SFT, job.seed).folder, Job(job.out, PRM, job.seed).folder
    cost = cost_of(prm) if ARMS[job.method].prm else None
    return config.run(job.method, job.seed, sft, reward_model=prm / MODEL, labelling=cost.completions if cost else 0)


def _examine(job: Job, config: AblationConfig, family: str) -> None:
    """Judge completions of the held-out problems by the run's final policy, and write what became of them."""
    import torch

    from stepcoder.data import load_split
    from stepcoder.policy import device_here, load_model
    from stepcoder.rollouts import Judgements
    from stepcoder.validation import counted, plain_completions

    of_run = replace(config.run(PPO, job.seed, job.folder / "final"), validation_completions=config.test_completions)
    lm, tokenizer = load_model(
        of_run.model, of_run, dtype=torch.float32
    )  # as it was saved: rounded it is another policy
    lm = lm.to(device_here()).eval()
    examined = held_out(config, tokenizer) if config.problems_from else load_split(family, "test")
    if job.method == SFT:
        lengths = {
            p.problem_id: len(tokenizer(p.canonical_solution, add_special_tokens=False)["input_ids"]) for p in examined
        }
        if config.problems_from:
            _write(job.folder / GROUPS, {p.problem_id: p.difficulty for p in examined})
        else:
            _refuse_too_long(lengths, config.max_completion_tokens)
        _write(job.folder / LENGTHS, lengths)
    problems = [p for p in examined for _ in range(config.test_completions)]
    with (
        LocalEngine(workers=config.judge_workers or None, isolation=config.isolation) as engine,
        Judgements(engine, threads=engine.workers, coverage=False) as judgements,
    ):
        judged = plain_completions(lm, tokenizer, problems, judgements, of_run, seed=job.seed)
    if len(judged) < len(problems):
        missing = len(problems) - len(judged)
        raise TrainingError(
            f"the judge failed on {missing} held-out completions of {job.folder}; see `appsplus doctor`"
        )
    outcomes = counted((j.completion.task.problem.problem_id, j.outcome) for j in judged)
    save_provenance(job.folder)
    _write(job.folder / DONE, outcomes)


def _write(path: Path, numbers: Mapping[str, Any]) -> None:
    write_atomically(path, (json.dumps(numbers, indent=1) + "\n").encode())


def _refuse_too_long(lengths: Mapping[str, int], most: int) -> None:
    """Training would leave such problems out, and nobody could solve them. Raises InputError."""
    longest = max(lengths, key=lambda problem_id: lengths[problem_id])
    if lengths[longest] >= most:
        raise InputError(
            f"the solution of {longest} has {lengths[longest]} tokens, and --max-completion-tokens {most} leaves no room for"
            " it and its end; raise it (and --pack-tokens), and name another --out"
        )
