"""`appsplus diff`: two versions of a dataset, problem by problem."""

import json
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appsplus.cli.options import AsJson
from appsplus.release.difference import KINDS, Difference, ProblemChange, compare
from appsplus.release.manifest import read_manifest

_VERSION = "a dataset folder, or OWNER/NAME[@REVISION] on the Hub."


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help=f"The earlier version: {_VERSION}")],
    new: Annotated[str, typer.Argument(metavar="NEW", help=f"The later version: {_VERSION}")],
    *,
    limit: Annotated[int, typer.Option(min=0, help="Print at most so many problems of a kind; 0: all of them.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Compare two versions of a dataset: what was added, removed, repaired, rejected, kept after all or moved, and why."""
    from appsplus.release.fetched import dataset_folder

    folders = [dataset_folder(text) for text in (old, new)]
    found = compare(*folders)
    versions = [_version(text, folder) for text, folder in zip((old, new), folders, strict=True)]
    if as_json:
        changes = [asdict(change) for change in found.changes]
        summary = {"unchanged": found.unchanged, "rejected_alike": found.rejected_alike, **found.counts}
        print(json.dumps({"old": versions[0], "new": versions[1], "summary": summary, "problems": changes}))
        return
    _print(found, versions, limit)


def _version(text: str, folder: Path) -> dict[str, Any]:
    manifest = read_manifest(folder)
    counts = manifest.counts
    return {
        "name": text,
        "appsplus": manifest.appsplus,
        "problems": counts["problems"],
        "rejected": counts["rejected"],
        "splits": counts["splits"],
    }


def _print(found: Difference, versions: list[dict[str, Any]], limit: int) -> None:
    console = Console()
    for word, version in zip(("old", "new"), versions, strict=True):
        splits = ", ".join(f"{split} {n:,}" for split, n in version["splits"].items())
        line = f"{version['problems']:,} problems ({splits}), {version['rejected']:,} rejected"
        console.print(
            f"{word}  [bold]{escape(version['name'])}[/bold]: {line}, appsplus {version['appsplus']}", soft_wrap=True
        )
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("problems", justify="right")
    table.add_column("")
    for kind, meaning in KINDS.items():
        if found.counts[kind]:
            table.add_row(f"{found.counts[kind]:,}", f"{kind}: {meaning}")
    table.add_row(f"{found.unchanged:,}", "unchanged")
    table.add_row(f"{found.rejected_alike:,}", "rejected in both, for the same reason")
    console.print()
    console.print(table)
    for kind, changes in groupby(found.changes, key=lambda change: change.kinds[0]):
        _print_kind(console, kind, list(changes), limit)


def _print_kind(console: Console, kind: str, changes: list[ProblemChange], limit: int) -> None:
    console.print(f"\n[bold]{kind}[/bold]")
    shown = changes[: limit or None]
    for change in shown:
        also = "" if change.before == change.now else f"  {change.before or 'absent'} -> {change.now or 'absent'}"
        columns = f"  {', '.join(change.fields)}" if change.fields else ""
        console.print(f"  {escape(change.problem_id)}{also}{columns}", soft_wrap=True, highlight=False)
        for reason in change.reasons:
            console.print(f"      {escape(reason)}", soft_wrap=True, highlight=False)
    if len(shown) < len(changes):
        print(f"  and {len(changes) - len(shown):,} more: --limit 0 prints them all")
