"""What a run tells: a progress line for people, files of JSON lines for the report, TensorBoard for both."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from appsplus.jsonl import write_atomically
from stepcoder.config import SftConfig, TrainConfig
from stepcoder.progress import Progress

PROJECT = "stepcoder"  # under which trackers have the runs
METRICS, SAMPLES, VALIDATION, SFT = "metrics.jsonl", "samples.jsonl", "validation.jsonl", "sft.jsonl"


class RunLog:
    """The files and the line of one run; only the main process writes. A context manager.

    Of lines after the update from which a run goes on nothing remains: an update is in a file once.
    """

    def __init__(self, run: Path, accelerator: Any, *, quiet: bool = False) -> None:
        self._run, self._accelerator = run, accelerator
        self._main = bool(accelerator.is_main_process)
        self._progress = Progress(quiet=quiet or not self._main)

    def __enter__(self) -> "RunLog":
        self._progress.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.__exit__()
        self._accelerator.end_training()

    def say(self, words: str) -> None:
        """A line for people."""
        self._progress.say(words)

    def begin(self, update: int, config: TrainConfig) -> None:
        """Go on after an update; forget the lines of later ones."""
        if self._main:
            for name in (METRICS, SAMPLES, VALIDATION):
                _keep_until(self._run / name, "update", update)
        self._track(PROJECT, config, update)
        self._progress.advance("train", update, config.updates)

    def begin_sft(self, step: int, config: SftConfig) -> None:
        """Go on after a step of supervised training; forget the lines of later ones."""
        if self._main:
            _keep_until(self._run / SFT, "step", step)
        self._track(f"{PROJECT}-sft", config, step)

    def sft_step(self, step: int, steps: int, loss: float) -> None:
        """One step of supervised training."""
        self._write(SFT, {"step": step, "loss": loss})
        self._accelerator.log({"loss": loss}, step=step)
        self._progress.advance("sft", step, steps, f"loss {loss:.3f}")

    def update(
        self, update: int, updates: int, numbers: Mapping[str, float], levels: Mapping[str, int], samples: Sequence[Any]
    ) -> None:
        """One update of PPO."""
        self._write(METRICS, {"update": update, **numbers, "levels": dict(levels)})
        for sample in samples:
            self._write(SAMPLES, {"update": update, **sample})
        self._accelerator.log(dict(numbers), step=update)
        self._progress.advance("train", update, updates, _words(numbers, levels))

    def validation(self, update: int, outcomes: Mapping[str, Mapping[str, int]]) -> None:
        """What became of the completions of each validation problem."""
        for problem_id, counts in outcomes.items():
            self._write(VALIDATION, {"update": update, "problem_id": problem_id, "outcomes": dict(counts)})

    def _track(self, project: str, config: SftConfig, done: int) -> None:
        """Have the trackers follow from here on: another project than before, as its steps are counted anew."""
        for tracker in self._accelerator.trackers:
            tracker.finish()
        self._accelerator.trackers.clear()  # or they would be started again
        kwargs: dict[str, dict[str, Any]] = {
            "tensorboard": {"purge_step": done + 1},
            "wandb": {"name": self._run.name},
        }
        self._accelerator.init_trackers(project, asdict(config), kwargs)

    def _write(self, name: str, document: Mapping[str, Any]) -> None:
        if self._main:
            with (self._run / name).open("a", encoding="utf-8") as file:
                file.write(json.dumps(document) + "\n")


def _words(numbers: Mapping[str, float], levels: Mapping[str, int]) -> str:
    shown = " ".join(f"{level}:{count}" for level, count in levels.items())
    return (
        f"reward {numbers['reward_mean']:+.2f}  passed {numbers['pass_rate']:.0%}  kl {numbers['kl']:.4f}"
        f"  executed {numbers['executed_share']:.0%}  levels {shown}  {numbers['tokens_per_s']:,.0f} tokens/s"
    )


def _keep_until(path: Path, name: str, last: int) -> None:
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        write_atomically(path, "".join(line for line in lines if _number(line, name) <= last).encode())


def _number(line: str, name: str) -> float:
    try:
        return float(json.loads(line)[name])
    except ValueError:  # torn, when the run was killed
        return float("inf")
