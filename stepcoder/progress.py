"""What a run tells while it goes on, on standard error: a live line on a terminal, else a line now and then."""

import time
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

LINE_EVERY_S = 10.0  # where there is no terminal


class Progress:
    """A line of what is done; a context manager."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._bars = _bars(self._console) if self._console.is_terminal and not quiet else None
        self._what, self._told_at = "", 0.0
        self._task: Any = None

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()

    def say(self, words: str) -> None:
        """A line for people."""
        self._console.print(words, highlight=False, markup=False, soft_wrap=True)

    def advance(self, what: str, done: int, of: int, words: str = "") -> None:
        """So much of it is done."""
        if self._bars:
            if what != self._what or self._task is None:
                self._task = self._bars.add_task(what, total=of, completed=done, words="")
            self._bars.update(self._task, completed=done, total=of, words=words)
        elif time.monotonic() - self._told_at >= LINE_EVERY_S or done == of:
            self._told_at = time.monotonic()
            self.say(f"{what}: {done:,}/{of:,}  {words}".rstrip())
        self._what = what


def _bars(console: Console) -> Bars:
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        TextColumn("{task.completed:,}/{task.total:,}  {task.fields[words]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
