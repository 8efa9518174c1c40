"""`appsplus worklist`: what a build hands to people, in the terminal."""

import json
from collections import Counter
from dataclasses import asdict
from itertools import islice
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from appsplus.cli import UsageError
from appsplus.cli.options import AsJson, DatasetDir
from appsplus.release import load_work_item, load_worklist_index
from appsplus.release.worklist import IndexRow
from appsplus.worklist.kinds import KINDS


def worklist(
    folder: DatasetDir,
    *,
    reason: Annotated[
        str, typer.Option(help="Only problems with this kind of doubt, e.g. output_mismatch.", show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option(min=0, help="Print at most so many problems; 0: all of them.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the problems that need eyes, the most valuable decision first, with what is doubtful about each."""
    if reason and reason not in KINDS:
        raise UsageError(f"--reason {reason} is not known; expected one of: {', '.join(KINDS)}")
    every = load_worklist_index(folder)
    rows = [row for row in every if not reason or reason in row.slugs]
    if as_json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    if not rows:
        print(f"No problem on the worklist has the doubt {reason}." if reason else "No problem needs eyes.")
        return
    shown = list(islice(rows, limit or None))
    console = Console()
    console.print(_table(folder, shown, reason))
    counts = Counter(slug for row in rows for slug in row.slugs)
    print(
        f"\n{len(shown):,} of {len(rows):,} problems: {', '.join(f'{n:,} {slug}' for slug, n in counts.most_common())}"
    )
    print(f"Decide:\n    appsplus review {folder} --reviewer NAME")


def _table(folder: DatasetDir, rows: list[IndexRow], reason: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("value", justify="right")
    table.add_column("problem")
    table.add_column("doubt", overflow="fold")
    for row in rows:
        item = load_work_item(folder, row.problem_id)
        told = [found for found in item.reasons if not reason or found.slug == reason]
        lines = Text("\n").join(Text.assemble((found.slug, "bold"), f": {found.detail}") for found in told)
        table.add_row(f"{row.value:.2f}", Text(f"{row.problem_id}\n{row.outcome}"), lines)
    return table
