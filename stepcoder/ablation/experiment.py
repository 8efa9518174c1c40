"""The whole of `stepcoder ablate`: data, warm-ups, runs, and after each run the tables and figures of what is done."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from appsplus.jsonl import write_atomically
from stepcoder.ablation import given, runs, table
from stepcoder.ablation.arms import ARMS, PRM, SFT
from stepcoder.ablation.markdown import markdown
from stepcoder.ablation.plan import AblationConfig
from stepcoder.ablation.plots import draw
from stepcoder.ablation.provenance import provenance
from stepcoder.ablation.runs import Job

LOOK_EVERY_S = 2.0  # at how far the runs are
LINE_EVERY_S = 30.0  # where there is no terminal


def ablate(out: Path, config: AblationConfig) -> Path:
    """Do what is left of the experiment in `out`; returns the table, `out`/table.md.

    Raises InputError for options that contradict what is there, InterruptedRunError where a signal ended a run: the same
    call goes on.
    """
    console = Console(stderr=True)
    for line in given.checked(config) if config.problems_from else ["building the generated problems"]:
        console.print(line, highlight=False)
    runs.begin(out, config)
    with runs.alone(out):
        runs.make_data(out, config)
        groups = runs.jobs(out, config)
        every = [job for group in groups for job in group]
        with _watched(console, every, config):
            for group in groups:
                runs.run_all(group, config, lambda job: _done(console, out, job, every, config))
        return write_results(out, every, config)


def _done(console: Console, out: Path, job: Job, jobs: Sequence[Job], config: AblationConfig) -> None:
    if job.method == PRM:
        console.print(f"the reward model of seed {job.seed} is trained", highlight=False)
        return
    of_job = table.examined([job])[job.method]
    console.print(
        f"{ARMS[job.method].title}, seed {job.seed}: {of_job.shares.mean():.1%} of held-out completions pass",
        highlight=False,
    )
    write_results(out, jobs, config)


def write_results(out: Path, jobs: Sequence[Job], config: AblationConfig) -> Path:
    """table.json, table.md and the figures, of the runs that are done."""
    of_compared = [job for job in jobs if job.method in config.compared]
    options = json.loads((out / "config.json").read_text(encoding="utf-8"))
    made_by = provenance((job.seed, job.folder) for job in of_compared if job.done)
    numbers = table.summary(of_compared) | {"of": {"options": options, "made_by": made_by}}
    write_atomically(out / "table.json", (json.dumps(numbers, indent=1) + "\n").encode())
    write_atomically(out / "table.md", markdown(numbers).encode())
    draw(out, numbers)
    return out / "table.md"


def steps(jobs: Sequence[Job], config: AblationConfig) -> tuple[int, int]:
    """How many updates are done, and how many there are; of runs after the warm-up."""
    trained = [job for job in jobs if job.method not in (SFT, PRM)]
    wanted = [_lines(job.folder / "metrics.jsonl") if job.done else config.updates for job in trained]
    done = [_lines(job.folder / "metrics.jsonl") for job in trained]
    return sum(done), sum(wanted)


def _lines(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except OSError:
        return 0


@contextmanager
def _watched(console: Console, jobs: Sequence[Job], config: AblationConfig) -> Iterator[None]:
    """How far the runs are, while the block lasts: a bar on a terminal, else a line now and then."""
    over = threading.Event()
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.completed:,} of {task.total:,} updates"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        speed_estimate_period=600,
    )

    def watch() -> None:
        task = bars.add_task("runs", total=steps(jobs, config)[1])
        told_at = time.monotonic()
        while not over.wait(LOOK_EVERY_S):
            done, total = steps(jobs, config)
            bars.update(task, completed=done, total=total)
            if bars.disable and time.monotonic() - told_at >= LINE_EVERY_S:
                told_at = time.monotonic()
                warm = sum(job.done for job in jobs if job.method == SFT)
                console.print(f"{warm} warm-ups, {done:,} of {total:,} updates done", highlight=False)

    watching = threading.Thread(target=watch, daemon=True)
    with bars:
        watching.start()
        try:
            yield
        finally:
            over.set()
            watching.join()
