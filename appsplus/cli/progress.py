"""What a long command tells while it runs, on standard error: a live line on a terminal, else a line every few seconds.

Problems are counted in order, so the count stands still while one is judged that takes long; the programs judged go on.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from appsplus import pipeline
from appsplus.cli.engines import nodes_told
from appsplus.engine.bulk import BulkEngine

_SHOWN = 3  # stages on a line
_WIDE = 120  # columns of a terminal that has room for them
LINE_EVERY_S = 10.0  # where there is no terminal: into a log, one line so often and one at the end of a pass


@contextmanager
def shown_progress(
    what: str = "problems", outcomes: Sequence[str] | None = pipeline.OUTCOMES, *, engine: BulkEngine | None = None
) -> Iterator["Shown"]:
    """The progress of a build or another long run, drawn for as long as the block lasts.

    `what` is counted, `outcomes` are told in this order; None: those that there are, the commonest first. With an `engine`:
    how many programs it has judged, or, where it has several machines, what each has, and what becomes of them.
    """
    beside = Beside(engine)
    console = Console(stderr=True)
    if console.is_terminal and not console.is_dumb_terminal:
        with _bars(console, what) as bars:
            yield beside.heard_by(_Live(bars, outcomes, beside))
    else:
        lines = _Lines(console, what, outcomes, beside)
        with lines.told_anyway():
            yield beside.heard_by(lines)
        lines.end()


class Shown(pipeline.Progress):
    """A progress that is drawn, and says something else now and then."""

    def tell(self, text: str) -> None:
        """Print a line above what is drawn."""
        raise NotImplementedError


class _Live(Shown):
    """A line for each pass, redrawn in place."""

    def __init__(self, bars: Progress, outcomes: Sequence[str] | None, beside: "Beside") -> None:
        wide = bars.console.width >= _WIDE
        self._bars = bars
        self._counts = _Counts(outcomes, stages=_SHOWN if wide else 0)
        self._told = _Told(self._counts, beside, wide=wide)

    def start(self, what: str, total: int | None) -> None:
        for task in self._bars.tasks:
            self._bars.update(task.id, total=task.completed, counts=f"{task.fields['counts']}")
        self._counts.clear()
        self._task = self._bars.add_task(what, total=total, counts=self._told)

    def advance(self, outcome: str, stage: str = "") -> None:
        self._counts.enter(outcome, stage)
        self._bars.update(self._task, advance=1)

    def tell(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False)


class _Told:
    """What stands beside the count of a line that is redrawn, as it is at that moment."""

    def __init__(self, counts: "_Counts", beside: "Beside", *, wide: bool) -> None:
        self._counts, self._beside, self._wide = counts, beside, wide

    def __format__(self, _: str) -> str:
        counts = str(self._counts) if self._counts.total else ""
        return _joined(counts, self._beside.told(programs=self._wide))


class _Lines(Shown):
    """Plain lines, few of them."""

    def __init__(self, console: Console, counted: str, outcomes: Sequence[str] | None, beside: "Beside") -> None:
        self._console, self._counted, self._beside = console, counted, beside
        self._counts = _Counts(outcomes, stages=_SHOWN)
        self._what, self._of = "", ""
        self._telling = threading.Lock()

    @contextmanager
    def told_anyway(self) -> Iterator[None]:
        """A line now and then while the block lasts, also where nothing gets ready."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(LINE_EVERY_S):
                self._tell_if_time()

        thread = threading.Thread(target=watch, name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def start(self, what: str, total: int | None) -> None:
        with self._telling:
            self._end()
            self._counts.clear()
            self._what, self._of = what, "" if total is None else f" of {total:,}"
            self._started = self._told_at = time.monotonic()

    def advance(self, outcome: str, stage: str = "") -> None:
        self._counts.enter(outcome, stage)
        self._tell_if_time()

    def tell(self, text: str) -> None:
        self._console.out(text, highlight=False)

    def end(self) -> None:
        """Tell how the pass ended, if there was one."""
        with self._telling:
            self._end()

    def _end(self) -> None:
        if self._what:
            self._tell()

    def _tell_if_time(self) -> None:
        with self._telling:
            if self._what and time.monotonic() - self._told_at >= LINE_EVERY_S:
                self._tell()

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        beside = _joined(str(self._counts), self._beside.told(programs=True), f"{self._told_at - self._started:.0f} s")
        self._console.out(f"{self._what}: {self._counts.total:,}{self._of} {self._counted}{beside}", highlight=False)


def _joined(*parts: str) -> str:
    """Those that say something, behind a colon."""
    told = "; ".join(part for part in parts if part)
    return f": {told}" if told else ""


class Beside:
    """What is told of an engine beside the counts."""

    def __init__(self, engine: BulkEngine | None) -> None:
        self._engine = engine

    def told(self, *, programs: bool) -> str:
        """What each of its machines has judged; of one machine the `programs`, where they are asked for."""
        if self._engine is None:
            return ""
        judged = self._engine.spent.judged.programs
        told = nodes_told(self._engine.answered)
        return told or (f"{judged:,} programs judged" if programs and judged else "")

    def heard_by(self, shown: Shown) -> Shown:
        """`shown`, which from now on prints what becomes of the machines."""
        if self._engine is not None:
            self._engine.tell = shown.tell
        return shown


class _Counts:
    """What a pass has come to: how many ended how, and at which `stages` those left that did, the commonest first.

    Threads may share it.
    """

    def __init__(self, outcomes: Sequence[str] | None, *, stages: int) -> None:
        self._outcomes, self._shown = outcomes, stages
        self._ended, self._left = Counter[str](), Counter[tuple[str, str]]()
        self._lock = threading.Lock()

    def clear(self) -> None:
        with self._lock:
            self._ended.clear()
            self._left.clear()

    def enter(self, outcome: str, stage: str) -> None:
        with self._lock:
            self._ended[outcome] += 1
            if stage:
                self._left[outcome, stage] += 1

    @property
    def total(self) -> int:
        with self._lock:
            return self._ended.total()

    def __str__(self) -> str:
        with self._lock:
            told = [name for name, _ in self._ended.most_common()] if self._outcomes is None else self._outcomes
            return ", ".join(f"{self._ended[outcome]:,} {outcome}{self._stages(outcome)}" for outcome in told)

    def _stages(self, outcome: str) -> str:
        found = [(stage, count) for (ended, stage), count in self._left.most_common() if ended == outcome]
        told = [f"{count:,} {stage}" for stage, count in found[: self._shown]]
        rest = sum(count for _, count in found[self._shown :])
        return f" ({', '.join([*told, f'{rest:,} elsewhere'] if rest else told)})" if told else ""


class _TimeLeft(ProgressColumn):
    """Nothing where it is not known."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        left_s = None if task.finished else task.time_remaining
        return Text("" if left_s is None else f"about {timedelta(seconds=round(left_s))} left", style="dim")


def _bars(console: Console, what: str) -> Progress:
    return Progress(
        SpinnerColumn(finished_text="[green]✓[/green]"),
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=12),
        TextColumn(f"{{task.completed:,}} {what}{{task.fields[counts]}}"),
        TimeElapsedColumn(),
        _TimeLeft(),
        console=console,
        redirect_stdout=False,
        redirect_stderr=False,
    )
