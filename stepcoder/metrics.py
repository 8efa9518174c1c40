"""What a run tells: a progress line for people, files of JSON lines for the report, TensorBoard for both."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

METRICS, SAMPLES, VALIDATION, SFT = "metrics.jsonl", "samples.jsonl", "validation.jsonl", "sft.jsonl"
LINE_EVERY_S = 10.0  # where there is no terminal


class RunLog:
    """The files and the line of one run; only the main process writes. A context manager.

    Of lines after the update from which a run goes on nothing remains: an update is in a file once.
    """

    def __init__(self, run: Path, accelerator: Any, *, quiet: bool = False) -> None:
        self._run, self._accelerator = run, accelerator
        self._main = bool(accelerator.is_main_process)
        console = Console(stderr=True, quiet=quiet or not self._main)
        self._console = console
        self._bars = _bars(console) if console.is_terminal and not console.quiet else None
        self._told_at = 0.0
        self._task: Any = None

    def __enter__(self) -> "RunLog":
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()
        self._accelerator.end_training()

    def say(self, words: str) -> None:
        """A line for people."""
        self._console.print(words, highlight=False, soft_wrap=True)

    def begin(self, update: int, updates: int) -> None:
        """Go on after an update; forget the lines of later ones."""
        if self._main:
            for name in (METRICS, SAMPLES, VALIDATION):
                _keep_until(self._run / name, update)
        self._accelerator.init_trackers("tensorboard", init_kwargs={"tensorboard": {"purge_step": update + 1}})
        self._start("train", update, updates)

    def sft_step(self, step: int, steps: int, loss: float) -> None:
        """One step of supervised training."""
        if step == 1:
            (self._run / SFT).unlink(missing_ok=True)
            self._start("sft", 0, steps)
        self._write(SFT, {"step": step, "loss": loss})
        self._tell(step, steps, f"loss {loss:.3f}")

    def update(
        self, update: int, updates: int, numbers: Mapping[str, float], levels: Mapping[str, int], samples: Sequence[Any]
    ) -> None:
        """One update of PPO."""
        self._write(METRICS, {"update": update, **numbers, "levels": dict(levels)})
        for sample in samples:
            self._write(SAMPLES, {"update": update, **sample})
        self._accelerator.log(dict(numbers), step=update)
        self._tell(update, updates, _words(numbers, levels))

    def validation(self, update: int, outcomes: Mapping[str, Mapping[str, int]]) -> None:
        """What became of the completions of each validation problem."""
        for problem_id, counts in outcomes.items():
            self._write(VALIDATION, {"update": update, "problem_id": problem_id, "outcomes": dict(counts)})

    def _write(self, name: str, document: Mapping[str, Any]) -> None:
        if self._main:
            with (self._run / name).open("a", encoding="utf-8") as file:
                file.write(json.dumps(document) + "\n")

    def _start(self, what: str, done: int, total: int) -> None:
        if self._bars:
            self._task = self._bars.add_task(what, total=total, completed=done, words="")

    def _tell(self, done: int, total: int, words: str) -> None:
        if self._bars:
            self._bars.update(self._task, completed=done, words=words)
        elif time.monotonic() - self._told_at >= LINE_EVERY_S or done == total:
            self._told_at = time.monotonic()
            self.say(f"{done}/{total}  {words}")


def _words(numbers: Mapping[str, float], levels: Mapping[str, int]) -> str:
    shown = " ".join(f"{level}:{count}" for level, count in levels.items())
    return (
        f"reward {numbers['reward_mean']:+.2f}  passed {numbers['pass_rate']:.0%}  kl {numbers['kl']:.4f}"
        f"  executed {numbers['executed_share']:.0%}  levels {shown}  {numbers['tokens_per_s']:,.0f} tokens/s"
    )


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        TextColumn("{task.completed}/{task.total}  {task.fields[words]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def _keep_until(path: Path, update: int) -> None:
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if _update_of(line) <= update), encoding="utf-8")


def _update_of(line: str) -> float:
    try:
        return float(json.loads(line)["update"])
    except ValueError:  # torn, when the run was killed
        return float("inf")
