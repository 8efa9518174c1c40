"""The command line: definitions only. What a command does lies in the modules it calls.

    build      cli.build      raw problems -> a dataset folder
    merge      cli.merge      shards of a dataset, built apart -> the dataset
    stats      cli.dataset    what a dataset holds
    show       cli.dataset    one problem, with coverage and split points
    explain    cli.dataset    one problem's way through the stages
    worklist   cli.worklist   the problems that need eyes, and why
    select     cli.select     a smaller train split, pruned by diversity or density
    export     cli.export     a dataset as the files that a trainer reads
    judge      cli.programs   one program on one problem's unit tests
    judge-conformance  cli.conformance  the judge, and others, on programs with known verdicts
    review     cli.review     the worklist in a local web page
    evaluate   cli.evaluation  samples of a model -> results.json
    compare    cli.evaluation  two results on the same problems, paired
    results    cli.evaluation  a results file in the terminal, or in the formats of others
    sample     cli.sample     completions of a model for the problems of a split
    leaderboard  cli.leaderboard  results of models -> a static site, each row checked
    publish    cli.publish    a dataset folder to the Hub, checked once more
    diff       cli.diff       two versions of a dataset: what came, went, was repaired, and why
    contamination  cli.contamination  a dataset against other sets, or its splits against each other
    doctor     cli.programs   what isolation, limits and libraries are in force here
    cache      cli.programs   what the judge already knows
    ledger     cli.ledger     what people ruled: check, agreement, import, export

Results go to standard output, progress and errors to standard error. Exit status: 0 fine, 1 a finding or an error of
ours, 2 wrong usage, 130 interrupted (143 by SIGTERM).
"""

import gc
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from appsplus.errors import AppsplusError, InputError


def collect_rarely() -> None:
    """For a command that keeps many small objects to its end: Python then looks for garbage less often, at new ones only."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


class UsageError(InputError):
    """An option has a value that it cannot have; the exit status is 2, as for an option that does not exist."""


def main() -> None:
    """The console script `appsplus`."""
    _on_interruption(signal.SIG_DFL)  # nothing to tidy up yet, and loading takes a moment
    from appsplus.cli.commands import app

    _on_interruption(_interrupt)
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except AppsplusError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except _InterruptedError as interrupted:
        print("interrupted; started again, the command goes on from where it was", file=sys.stderr)
        sys.exit(128 + interrupted.number)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader of our output has gone
        sys.exit(1)
    except OSError as error:  # of a file or a disk that no command expected
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(1)


class _InterruptedError(BaseException):
    """A signal asked us to stop. Not a KeyboardInterrupt: typer would turn that into an exit without a word."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _interrupt(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)  # whoever asks twice does not want to wait
    raise _InterruptedError(number)


def _on_interruption(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup wants it
            signal.signal(number, handler)
