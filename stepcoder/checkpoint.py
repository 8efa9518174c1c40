"""Checkpoints from which a run goes on exactly: weights, optimiser, curriculum, samplers, random numbers.

    RUN/checkpoints/update-000020/state/        what accelerate saves: weights, optimiser, random state of each process
    RUN/checkpoints/update-000020/trainer.json  where the run was, curriculum, sampler
    RUN/sft-state/                              the same of supervised training, while it goes on
    RUN/policies/update-000010/                 policies at evenly spaced updates, if --keep-policies asks for them
    RUN/sft/, RUN/best/, RUN/final/             the policy as transformers loads it, values.safetensors beside it

A checkpoint is written to a folder of another name and renamed when it is whole; one that cannot be written (a full disk)
leaves the last one as it was.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from stepcoder.errors import TrainingError, is_out_of_memory
from stepcoder.policy import save_policy, whole_state
from stepcoder.setup import Trainer

KEPT_POLICIES = "policies"
_FOLDER, _STATE, _TRAINER = "checkpoints", "state", "trainer.json"


@dataclass(frozen=True, slots=True)
class State:
    """Where a run is, apart from weights and random numbers."""

    update: int  # that many are done
    kl_coef: float
    best: float  # pass rate on the validation split, of the policy in best/; -1: none yet
    judged: int = 0  # completions that the judge was asked about
    judge_failures: int = 0  # of these, what it failed on

    def counted(self, judged: float, failures: float) -> "State":
        """With so many more."""
        return replace(self, judged=self.judged + int(judged), judge_failures=self.judge_failures + int(failures))


class Checkpoints:
    """The checkpoints of one run."""

    def __init__(self, run: Path, *, every: int, keep: int) -> None:
        self._run, self._folder, self._every, self._keep = run, run / _FOLDER, every, keep

    def due(self, update: int) -> bool:
        """Whether one is to be written after this update."""
        return update % self._every == 0

    def last(self) -> Path | None:
        """The newest whole one."""
        return last_checkpoint(self._run)

    def save(self, trainer: Trainer, state: State) -> None:
        """Write a checkpoint, then delete the oldest. Raises TrainingError where that fails; older ones are left whole."""
        target = self._folder / f"update-{state.update:06d}"
        if (target / _TRAINER).is_file():
            return
        document = {
            **asdict(state),
            "curriculum": trainer.curriculum.state_dict(),
            "sampler": trainer.sampler.state_dict(),
            "method": trainer.method.state_dict(),
        }
        save_state(trainer.accelerator, target, document)
        if trainer.accelerator.is_main_process:
            for old in sorted(self._folder.glob("update-*"))[: -self._keep]:
                shutil.rmtree(old)
        trainer.accelerator.wait_for_everyone()

    def restored(self, trainer: Trainer) -> State | None:
        """Put everything back as the last checkpoint has it; None where there is none."""
        last = self.last()
        if last is None:
            return None
        document = load_state(trainer.accelerator, last)
        trainer.curriculum.load_state_dict(document.pop("curriculum"))
        trainer.sampler.load_state_dict(document.pop("sampler"))
        if "method" in document:  # checkpoints of older versions have none, for there was nothing to save
            trainer.method.load_state_dict(document.pop("method"))
        return State(**document)

    def keep_policy(self, trainer: Trainer, update: int) -> None:
        """Keep the policy, as it is after an update, where the config asks for it."""
        config = trainer.config
        due = {round((i + 1) * config.updates / config.keep_policies) for i in range(config.keep_policies)}
        if update in due:
            folder = self._run / KEPT_POLICIES / f"update-{update:06d}"
            export(trainer.accelerator, trainer.policy, trainer.tokenizer, folder)

    def keep_best(self, trainer: Trainer) -> None:
        """Make the policy, as it is, the best one."""
        export(trainer.accelerator, trainer.policy, trainer.tokenizer, self._run / "best")


def last_checkpoint(run: Path) -> Path | None:
    """The newest whole checkpoint of a run."""
    whole = [path for path in (run / _FOLDER).glob("update-*") if (path / _TRAINER).is_file()]
    return max(whole, default=None, key=update_of)


def update_of(path: Path) -> int:
    """The update that a checkpoint or a policy is of, by the folder's name."""
    return int(path.name.rpartition("-")[2])


def save_state(accelerator: Any, target: Path, document: Mapping[str, Any]) -> None:
    """Write all that accelerate has prepared, and a document, to a folder, whole or not at all. Raises TrainingError."""
    half = target.with_name(f".{target.name}.half")
    if accelerator.is_main_process:
        shutil.rmtree(half, ignore_errors=True)  # of a run that was killed
    accelerator.wait_for_everyone()
    with _told_in_words(half):
        target.parent.mkdir(parents=True, exist_ok=True)
        accelerator.save_state(str(half / _STATE))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        with _told_in_words(half):
            (half / _TRAINER).write_text(json.dumps(dict(document)), encoding="utf-8")
            _replace(half, target)
    accelerator.wait_for_everyone()


def load_state(accelerator: Any, folder: Path) -> dict[str, Any]:
    """Put back what `save_state` wrote; its document."""
    document: dict[str, Any] = json.loads((folder / _TRAINER).read_text(encoding="utf-8"))
    accelerator.load_state(str(folder / _STATE))
    return document


def export(accelerator: Any, policy: Any, tokenizer: Any, folder: Path) -> None:
    """Write the policy as transformers loads it, whole or not at all. Raises TrainingError where the disk is full."""
    unwrapped = accelerator.unwrap_model(policy)
    state = whole_state(unwrapped)  # every process takes part in gathering it
    if accelerator.is_main_process:
        half = folder.with_name(f".{folder.name}.half")
        with _told_in_words(half):
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(half, ignore_errors=True)
            save_policy(unwrapped, state, tokenizer, half)
            _replace(half, folder)
    accelerator.wait_for_everyone()


@contextmanager
def _told_in_words(half: Path) -> Iterator[None]:
    """Turns an error of the disk into words, and removes what was half written."""
    try:
        yield
    except BaseException as error:
        shutil.rmtree(half, ignore_errors=True)
        is_disk = isinstance(error, OSError | RuntimeError) or type(error).__name__ == "SafetensorError"
        if not is_disk or is_out_of_memory(error):
            raise
        raise TrainingError(
            f"{half.parent} cannot be written ({error}); make room, then go on with --resume: what was there before is whole"
        ) from error


def recover(run: Path) -> None:
    """Put back what was there before, where a kill came between the two renames of `_replace`."""
    for folder in (run, run / _FOLDER, run / KEPT_POLICIES):
        for old in folder.glob(".*.old"):
            target = old.with_name(old.name[1 : -len(".old")])
            if target.exists():
                shutil.rmtree(old)
            else:
                old.rename(target)


def _replace(half: Path, target: Path) -> None:
    for path in sorted(half.rglob("*")):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    half.rename(target)
    shutil.rmtree(old, ignore_errors=True)
