"""`appsplus publish`: a dataset folder, checked once more, to the Hugging Face Hub."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from appsplus.cli import UsageError
from appsplus.cli.options import AsJson, DatasetDir
from appsplus.cli.progress import LINE_EVERY_S
from appsplus.errors import InputError


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
    from appsplus.release import folder_hash
    from appsplus.release.checks import check_dataset
    from appsplus.release.hub import Target, open_hub
    from appsplus.release.leaks import Leaks
    from appsplus.release.publish import load_line, publish_dataset

    try:
        target = Target(repo_id, "dataset", private, tag)
    except InputError as error:
        raise UsageError(str(error)) from None
    leaks = Leaks((Path.home(), folder.resolve()), not_secret or ())
    with _shown("checking") as tell:
        checked = check_dataset(folder, leaks, tell)
    told: dict[str, Any] = {
        "repo_id": repo_id,
        "findings": [asdict(finding) for finding in checked.findings],
        "files": [{"name": name, **asdict(fact)} for name, fact in checked.files.items()],
        "hash": None if checked.findings else folder_hash(folder),
        "published": None,
        "load": None,
    }
    if checked.findings:
        _print(
            as_json, told, [*map(str, checked.findings), f"{folder} is not published: {_findings(checked.findings)}."]
        )
        raise typer.Exit(1)
    size = sum(fact.bytes for fact in checked.files.values())
    if dry_run:
        names = [f"    {fact.bytes:>14,}  {name}" for name, fact in checked.files.items()]
        what = f"Nothing stands against {folder}. Would send these {len(names):,} files, {size:,} bytes, to {repo_id}:"
        _print(as_json, told, [what, *names])
        return
    api, warn = open_hub(bars=sys.stderr.isatty()), partial(_say, "publishing")
    warn(f"{len(checked.files):,} files, {size:,} bytes, to {repo_id}")
    published = publish_dataset(folder, checked, target, api=api, tell=warn, warn=warn)
    load = load_line(published)
    lines = [*published.lines(), "Load it:", "    from datasets import load_dataset", f"    problems = {load}"]
    _print(as_json, told | {"published": asdict(published), "load": load}, lines)


@contextmanager
def _shown(what: str) -> Iterator[Callable[[str], None]]:
    """Shows the part that is worked on: on a terminal for as long as the block lasts, else a line now and then."""
    console = Console(stderr=True)
    if console.is_terminal and not console.is_dumb_terminal:
        with console.status(what) as status:
            yield lambda part: status.update(f"{what}: {escape(part)}")
        return
    told_at = time.monotonic()

    def tell(part: str) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= LINE_EVERY_S:
            told_at = time.monotonic()
            _say(what, part)

    yield tell


def _say(what: str, line: str) -> None:
    print(f"{what}: {line}", file=sys.stderr, flush=True)


def _findings(findings: tuple[Any, ...]) -> str:
    return f"{len(findings):,} findings" if len(findings) > 1 else "1 finding"


def _print(as_json: bool, told: dict[str, Any], lines: list[str]) -> None:
    print(json.dumps(told) if as_json else "\n".join(lines))
