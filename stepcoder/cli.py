"""The console script `stepcoder`: for now, a look at the curriculum that the trainer will follow."""

import sys
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from appsplus.errors import AppsplusError, DatasetError
from stepcoder.curriculum import subtasks

app = typer.Typer(
    name="stepcoder",
    help="StepCoder: the reference PPO trainer for datasets built by appsplus.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def version(show: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """StepCoder: the reference PPO trainer for datasets built by appsplus."""
    if show:
        typer.echo(metadata.version("appsplus"))
        raise typer.Exit


@app.command()
def curriculum(
    dataset: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder that `appsplus build` wrote.")],
    problem_id: Annotated[
        str | None, typer.Argument(metavar="[PROBLEM_ID]", help="Show the levels of one problem.")
    ] = None,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
) -> None:
    """Show the levels of the curriculum: how many problems have how many, or what one problem gives at each."""
    found = list(subtasks(dataset, split))
    if problem_id is None:
        levels = Counter(s.levels for s in found if s.level == 1)
        for count, problems in sorted(levels.items()):
            print(f"{count:>3} levels: {problems:,} problems")
        return
    chosen = [s for s in found if s.problem_id == problem_id]
    if not chosen:
        raise DatasetError(
            f"{dataset} has no problem {problem_id!r} in {split}; name another --split, or see `appsplus stats`"
        )
    for subtask in chosen:
        print(f"--- level {subtask.level} of {subtask.levels}: {len(subtask.prefix)} characters given")
        print(subtask.prefix, end="█\n")


def main() -> None:
    """The console script `stepcoder`."""
    try:
        app()
    except AppsplusError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
