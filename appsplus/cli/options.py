"""Options that several commands share, and where the cache lies."""

import os
from pathlib import Path
from typing import Annotated

import typer

from appsplus.cli import UsageError
from appsplus.engine import Cache
from appsplus.judge import ISOLATIONS


def _known_isolation(value: str) -> str:
    if value not in ISOLATIONS:
        raise UsageError(f"--isolation {value} is not known; expected one of: {', '.join(ISOLATIONS)}")
    return value


DatasetDir = Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder that `appsplus build` wrote.")]
ProblemId = Annotated[str, typer.Argument(metavar="PROBLEM_ID", help="As in the column problem_id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Isolation = Annotated[
    str,
    typer.Option(
        callback=_known_isolation,
        help=f"{' or '.join(ISOLATIONS)}: strict refuses to run programs without the whole sandbox.",
    ),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Programs that run at once [default: the CPUs].", show_default=False)
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Judge everything anew, and remember nothing.")]
CacheDir = Annotated[
    Path | None,
    typer.Option(help="Where answers of the judge are kept [default: ~/.cache/appsplus].", show_default=False),
]


def open_cache(folder: Path | None) -> Cache:
    """The cache in `folder`, or where caches lie."""
    return Cache(cache_folder(folder))


def cache_folder(folder: Path | None) -> Path:
    """`folder`, else $XDG_CACHE_HOME/appsplus, else ~/.cache/appsplus."""
    return folder or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "appsplus"
