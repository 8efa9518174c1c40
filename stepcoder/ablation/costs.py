"""What runs took: completions, programs that the judge ran, and wall time, those of a reward model included."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from appsplus.errors import InputError
from stepcoder.ablation.arms import ARMS, PPO, PRM
from stepcoder.ablation.plan import completions_an_update
from stepcoder.ablation.reward_model import cost_of
from stepcoder.ablation.runs import Job
from stepcoder.config import TrainConfig
from stepcoder.report import read_lines
from stepcoder.saved_config import read_config


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run of an arm took. Wall time is that of its updates, and of labels and training of its reward model."""

    completions: float  # in all
    labelling: float  # of them, for labels
    of_labelled_run: float  # beside them: those of the run of PPO whose policies were labelled
    programs: float  # different ones of each update, and of the labels
    wall_s: float
    generate_s: float  # of the updates: the policy writes, and the judge judges beside it
    judge_wait_s: float  # of the updates: nothing is left to do but to wait for the judge


def spent(jobs: Sequence[Job]) -> Spent | None:
    """The mean over the runs that are done and learned something; None where there is none."""
    found = [one for job in jobs if job.done and (one := _spent(job))]
    if not found:
        return None
    return Spent(*(sum(getattr(one, of.name) for one in found) / len(found) for of in fields(Spent)))


def _spent(job: Job) -> Spent | None:
    lines = list(read_lines(job.folder / "metrics.jsonl"))
    an_update = an_update_of(job)
    if not lines or an_update is None:
        return None
    programs = sum(line.get("programs", 0.0) for line in lines)
    wall_s, *parts_s = (sum(line[name] for line in lines) for name in ("update_s", "generate_s", "judge_wait_s"))
    labels = cost_of(Job(job.out, PRM, job.seed).folder) if ARMS[job.method].prm else None
    if labels is None:
        return Spent(len(lines) * an_update, 0.0, 0.0, programs, wall_s, *parts_s)
    return Spent(
        len(lines) * an_update + labels.completions,
        labels.completions,
        _learned_from(Job(job.out, PPO, job.seed)),
        programs + labels.programs,
        wall_s + labels.label_s + labels.train_s,
        *parts_s,
    )


def _learned_from(job: Job) -> float:
    """Completions that a run has written to learn from, so far."""
    return sum(1 for _ in read_lines(job.folder / "metrics.jsonl")) * (an_update_of(job) or 0)


def an_update_of(job: Job) -> int | None:
    """Completions that an update of a run has written; None where the run has not begun."""
    try:
        config, _ = read_config(TrainConfig, job.folder)
    except InputError:
        return None
    return completions_an_update(config)
