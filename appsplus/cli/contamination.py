"""`appsplus contamination`: how much of a dataset is in another set of problems, or of its splits in each other."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from appsplus import jsonl
from appsplus.cli import UsageError
from appsplus.cli.options import AsJson, DatasetDir
from appsplus.cli.sample import SPLIT_NAMES
from appsplus.errors import DatasetError
from appsplus.evaluation.contamination import Fingerprint, fingerprint, overlap
from appsplus.evaluation.contamination_report import Compared, figure_rows, report, sentence
from appsplus.evaluation.contamination_sets import KNOWN, Item, read_set
from appsplus.evaluation.sampling import ALL
from appsplus.evaluation.split_overlap import SplitOverlap
from appsplus.release import load_problems
from appsplus.release.schema import SPLITS


def contamination(
    folder: DatasetDir,
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[SET]...", help="Further sets, after --against.", show_default=False)
    ] = None,
    *,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SET",
            help=f"{', '.join(KNOWN)}, a file, a dataset folder or hub:OWNER/NAME; more may follow"
            " [default: the splits against each other].",
            show_default=False,
        ),
    ] = None,
    split: Annotated[str, typer.Option(help=f"Compare {', '.join(SPLITS)} or {ALL} of DIR with the sets.")] = ALL,
    show: Annotated[int, typer.Option(min=0, help="Print at most so many pairs of each comparison.")] = 10,
    report_file: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write figures and pairs, with their texts, as Markdown."),
    ] = None,
    report_pairs: Annotated[int, typer.Option(min=0, help="At most so many pairs of each comparison in FILE.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Compare a dataset with other sets: lines of solutions, runs of 13 words, near-copies of descriptions."""
    if split not in SPLIT_NAMES:
        raise UsageError(f"--split {split} is not known; expected one of: {', '.join(SPLIT_NAMES)}")
    if more and not against:
        raise UsageError(f"got {' '.join(more)} without --against; write --against {' '.join(more)}")
    compared = list(_with_sets(folder, split, [*(against or ()), *(more or ())]) if against else _splits(folder))
    if not compared:
        raise DatasetError(f"{folder} has no two splits with problems to compare; name a set with --against")
    if report_file is not None:
        text = report(compared, most_pairs=report_pairs).encode("utf-8", "replace")
        jsonl.write_atomically(report_file, text)
    if as_json:
        print(json.dumps([{"name": c.name, "against": c.against, **c.overlap.to_json()} for c in compared]))
        return
    console = Console()
    for one in compared:
        _print_one(console, one, show)
    if report_file is not None:
        print(f"The pairs with their texts are in {report_file}.")


def _with_sets(folder: Path, split: str, specs: Sequence[str]) -> Iterator[Compared]:
    items = [Item.of(problem) for problem in load_problems(folder, None if split == ALL else split)]
    if not items:
        raise DatasetError(f"{folder} has no problem in {split}; name another with --split")
    mine, named = _prints(items)
    for spec in specs:
        other = read_set(spec)
        theirs, other_named = _prints(other.items)
        yield Compared(folder.resolve().name, other.name, overlap(mine, theirs), named, other_named)


def _splits(folder: Path) -> Iterator[Compared]:
    found, items = SplitOverlap(), dict[str, Item]()
    for split in SPLITS:
        for problem in load_problems(folder, split):
            found.add(problem, split)
            items[problem.problem_id] = Item.of(problem)
    for split, against, result in found.overlaps():
        yield Compared(split, against, result, items, items)


def _prints(items: Sequence[Item]) -> tuple[list[Fingerprint], dict[str, Item]]:
    """Fingerprints, and the items by the ids in them: one that is there twice gets its number."""
    named: dict[str, Item] = {}
    for number, item in enumerate(items, 1):
        named[item.problem_id if item.problem_id not in named else f"{item.problem_id} ({number})"] = item
    return [fingerprint(name, item.description, item.solution) for name, item in named.items()], named


def _print_one(console: Console, one: Compared, show: int) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("in common")
    table.add_column(Text(f"problems of {one.name}"), justify="right")
    table.add_column(Text(f"problems of {one.against}"), justify="right")
    for row in figure_rows(one):
        table.add_row(*row)
    console.print(table)
    print()
    for match in one.overlap.matches[:show]:
        console.print(
            f"{match.problem_id}  {match.other_id}", markup=False, highlight=False, soft_wrap=True, style="bold"
        )
        console.print(f"    {sentence(match)}", markup=False, highlight=False, soft_wrap=True)
    pairs = len(one.overlap.matches)
    if pairs > show:
        print(f"... and {pairs - show:,} more pairs: --show, --report or --json")
    if pairs:
        print()
