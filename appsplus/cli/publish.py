"""`appsplus publish`: a dataset folder, checked once more, to the Hugging Face Hub."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from appsplus.cli import UsageError
from appsplus.cli.options import AsJson, DatasetDir
from appsplus.cli.progress import LINE_EVERY_S
from appsplus.errors import InputError

_LARGE_BYTES = 10_000_000  # of a folder whose checks take long enough to be told of in a log


def publish(
    folder: DatasetDir,
    repo_id: Annotated[str, typer.Argument(metavar="REPO_ID", help="OWNER/NAME on the Hub; made where it is missing.")],
    *,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    tag: Annotated[
        str | None, typer.Option(help="Name of this version, such as v1.0; it can never mean another one.")
    ] = None,
    not_secret: Annotated[
        list[str] | None,
        typer.Option(help="A text that looks like a secret or a local path, and is none; may be repeated."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the folder and say what would be sent; asks no server.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a dataset folder once more, and push it to the Hugging Face Hub. Exits with 1, sending nothing, on a finding."""
    from appsplus.release.hub import Target, open_hub
    from appsplus.release.leaks import Leaks
    from appsplus.release.publish import dataset_parcel
    from appsplus.release.publish import publish as run_publish

    try:
        target = Target(repo_id, "dataset", private, tag)
    except InputError as error:
        raise UsageError(str(error)) from None
    leaks = Leaks((Path.home(), folder.resolve()), not_secret or ())
    with _shown("checking", folder) as tell:
        parcel = dataset_parcel(folder, leaks, tell)
    say = partial(_say, "publishing")
    outcome = run_publish(parcel, target, None if dry_run else open_hub(bars=sys.stderr.isatty()), tell=say, warn=say)
    print(json.dumps(outcome.to_json()) if as_json else "\n".join(outcome.lines()))
    if parcel.findings:
        raise typer.Exit(1)


@contextmanager
def _shown(what: str, folder: Path) -> Iterator[Callable[[str], None]]:
    """Shows what is worked on: on a terminal for as long as the block lasts, else a line now and then for a large folder."""
    console = Console(stderr=True)
    if console.is_terminal and not console.is_dumb_terminal:
        with console.status(what) as status:
            yield lambda part: status.update(f"{what}: {escape(part)}")
        return
    is_large = sum(path.lstat().st_size for path in folder.rglob("*")) > _LARGE_BYTES
    told_at = time.monotonic()

    def tell(part: str) -> None:
        nonlocal told_at
        if is_large and time.monotonic() - told_at >= LINE_EVERY_S:
            told_at = time.monotonic()
            _say(what, part)

    yield tell


def _say(what: str, line: str) -> None:
    print(f"{what}: {line}", file=sys.stderr, flush=True)
