"""`appsplus build`: raw problems in, a dataset folder out, and the books of what was kept and why not."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from appsplus.cli.options import AsJson, CacheDir, Isolation, open_cache
from appsplus.engine import LocalEngine
from appsplus.errors import InputError
from appsplus.judge import STRICT
from appsplus.ledger import Ledger
from appsplus.pipeline import STAGES, BuildOptions, Progress
from appsplus.pipeline import build as run_build
from appsplus.release import Manifest, folder_hash
from appsplus.sources import CORPUS_DIR, open_sources, parse_columns

ENGINES = ("local",)


def build(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...",
            help="PATH, NAME=PATH or hub:OWNER/NAME[@REVISION]: a folder in the APPS layout, or files of rows"
            " (Parquet, JSON Lines, JSON). Without any: the embedded corpus.",
            show_default=False,
        ),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="The dataset folder to write; a dataset there is replaced at the end.")],
    workers: Annotated[
        int | None, typer.Option(min=1, help="Programs that run at once [default: the CPUs].", show_default=False)
    ] = None,
    isolation: Isolation = STRICT,
    engine: Annotated[str, typer.Option(help=f"Where programs run: {', '.join(ENGINES)}.")] = "local",
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Judge everything anew, and remember nothing.")] = False,
    cache_dir: CacheDir = None,
    columns: Annotated[
        str, typer.Option(help="For rows with other names: description=question,solutions=code,...", show_default=False)
    ] = "",
    ledger: Annotated[
        list[Path] | None, typer.Option(help="A folder of decisions (*.jsonl); may be repeated.", show_default=False)
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="A package to offer to programs, e.g. numpy; may be repeated.")
    ] = None,
    validation_share: Annotated[float, typer.Option(min=0.0, max=0.5, help="Share of train that is held out.")] = 0.05,
    seed: Annotated[int, typer.Option(help="Chooses the validation problems.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Build a dataset: run, check, repair or reject every problem, and annotate what is kept."""
    if engine not in ENGINES:
        raise InputError(f"--engine {engine} is not known; expected one of: {', '.join(ENGINES)}")
    opened = open_sources(sources or [], parse_columns(columns) if columns else None)
    ledgers = list(ledger or []) + ([] if sources else [CORPUS_DIR / "ledger"])
    options = BuildOptions(validation_share=validation_share, seed=seed)
    with ExitStack() as stack:
        judged = None if no_cache else open_cache(cache_dir)
        local = stack.enter_context(
            LocalEngine(workers=workers, isolation=isolation, cache=judged, modules=tuple(allow or ()))
        )
        progress = stack.enter_context(_bar())
        manifest = run_build(opened, out, local, Ledger.read(ledgers), options, progress)
    if as_json:
        print(json.dumps({"path": str(out), "hash": folder_hash(out), "manifest": manifest.to_json()}))
    else:
        print_funnel(manifest)
        _print_how_to_load(out, manifest)


@contextmanager
def _bar() -> Iterator[Progress]:
    """A progress bar per pass, on standard error."""
    bars: list[tqdm[None]] = []
    counts: dict[str, int] = {}

    def start(what: str, total: int | None) -> None:
        for bar in bars:
            bar.close()
        counts.clear()
        bars.append(tqdm(desc=f"{what:>10}", total=total, unit=" problems", file=sys.stderr, mininterval=0.5))

    def advance(outcome: str) -> None:
        counts[outcome] = counts.get(outcome, 0) + 1
        bars[-1].set_postfix(counts, refresh=False)
        bars[-1].update()

    try:
        yield Progress(start, advance)
    finally:
        for bar in bars:
            bar.close()


def print_funnel(manifest: Manifest) -> None:
    """The books of a build, as a table: what each stage was given, kept and rejected."""
    why = {stage.name: stage.why for stage in STAGES}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, justify in (("stage", "left"), ("given", "right"), ("kept", "right"), ("rejected", "left")):
        table.add_column(title, justify=justify)  # type: ignore[arg-type]
    for stage in manifest.funnel:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(stage.rejected.items()))
        told = reasons or f"[dim]{why.get(stage.stage, '')}[/dim]"
        table.add_row(stage.stage, f"{stage.given:,}", f"{stage.kept:,}", told)
    Console().print(table)


def _print_how_to_load(out: Path, manifest: Manifest) -> None:
    splits_of = manifest.counts["splits"]
    given, kept = manifest.funnel[0].given, manifest.funnel[-1].kept
    splits = ", ".join(f"{split} {count:,}" for split, count in splits_of.items())
    run = manifest.run
    print(
        f"\nKept {kept:,} of {given:,} problems ({splits}) in {out}; {given - kept:,} rejected, each with its reason."
    )
    print(f"{run['judged']:,} programs judged, {run['cached']:,} known from the cache, {run['wall_s']:g} s.")
    print(f"""
Load it:
    from datasets import load_dataset
    problems = load_dataset("{out}")                    # or "rejected", "subtasks" as the second argument
Look at it:
    appsplus stats {out}
    appsplus show {out} PROBLEM_ID""")
