"""`appsplus merge`: the shards of a dataset, built on several machines, into the dataset."""

from pathlib import Path
from typing import Annotated

import typer

from appsplus.cli import collect_rarely
from appsplus.cli.build import print_built
from appsplus.cli.options import AsJson
from appsplus.cli.progress import shown_progress
from appsplus.shards import merge as run_merge


def merge(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="The folders that `appsplus build --shard I/N` wrote, all N.")
    ],
    *,
    out: Annotated[Path, typer.Option(help="The dataset folder to write; a dataset there is replaced at the end.")],
    as_json: AsJson = False,
) -> None:
    """Put shards together into one dataset: the same bytes as one build of all problems. Judges nothing."""
    collect_rarely()
    with shown_progress() as progress:
        manifest = run_merge(folders, out, progress)
    print_built(out, manifest, as_json=as_json)
