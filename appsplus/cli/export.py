"""`appsplus export`: a dataset as the files that a trainer reads."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from appsplus.cli import UsageError
from appsplus.cli.options import AsJson, DatasetDir
from appsplus.cli.progress import shown_progress
from appsplus.integrations import export as exporting
from appsplus.problem import Problem
from appsplus.release.schema import SPLITS


def _known(name: str, value: str, known: Iterable[str]) -> str:
    if value not in known:
        raise UsageError(f"{name} {value} is not known; expected one of: {', '.join(known)}")
    return value


def export(
    folder: DatasetDir,
    *,
    to: Annotated[str, typer.Option(help=f"The format: {', '.join(exporting.FORMATS)}.")],
    out: Annotated[Path, typer.Option(help="The folder to write, one file a split.")],
    split: Annotated[
        list[str] | None, typer.Option(help="Only this split; may be repeated [default: all].", show_default=False)
    ] = None,
    prompt: Annotated[
        str, typer.Option(help="chat: messages; continued: text that ends in an open block of code, for base models.")
    ] = exporting.PROMPTS[0],
    as_json: AsJson = False,
) -> None:
    """Write a dataset as the files that a trainer reads; docs/integrations.md has the command that then trains."""
    _known("--to", to, exporting.FORMATS)
    _known("--prompt", prompt, exporting.PROMPTS)
    for name in split or ():
        _known("--split", name, SPLITS)
    with shown_progress(outcomes=None) as progress:

        def watched(problems: Iterable[Problem], count: int) -> Iterator[Problem]:
            progress.start("exporting", count)
            for problem in problems:
                yield problem
                progress.advance("read")

        exported = exporting.export(folder, out, to, prompt=prompt, splits=tuple(split or SPLITS), watched=watched)
    if as_json:
        print(json.dumps({"path": str(out), **asdict(exported)}))
        return
    for name, rows in exported.files.items():
        print(f"{out / name}: {rows:,} problems")
    for why, count in exported.left_out.items():
        print(f"left out: {count:,} problems ({why})")
