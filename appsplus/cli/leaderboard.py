"""`appsplus leaderboard`: results of models -> a static site, each row checked, a share of its samples judged again."""

import json
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from appsplus.cli import UsageError
from appsplus.cli.options import AsJson, CacheDir, Isolation, NoCache, Workers, cache_folder
from appsplus.cli.progress import shown_progress
from appsplus.engine import Cache, LocalEngine
from appsplus.errors import InputError
from appsplus.evaluation.benchmarks import BENCHMARKS, benchmark_suite
from appsplus.evaluation.leaderboard import SHARE, Board, Refusal, Rejudging, check_site, make_board, write_site
from appsplus.evaluation.leaderboard.names import plain
from appsplus.evaluation.leaderboard.rejudging import LEAST
from appsplus.evaluation.leaderboard.site import INDEX
from appsplus.evaluation.leaderboard.submission import read_submission
from appsplus.evaluation.leaderboard.tables import Subset, Tables
from appsplus.evaluation.suite import Suite, dataset_suite
from appsplus.judge import STRICT
from appsplus.release import data_hash

_SHOWN_MISMATCHES = 10  # of one submission


def leaderboard(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULTS", help="Files that `appsplus evaluate` wrote.", show_default=False),
    ],
    *,
    out: Annotated[Path, typer.Option(help="The folder of the site.", show_default=False)],
    data: Annotated[
        Path | None,
        typer.Option(
            help="The dataset folder [default: the one that the results' command names, if it has their hash]; with"
            " --benchmark, its file.",
            show_default=False,
        ),
    ] = None,
    benchmark: Annotated[
        str, typer.Option(help=f"The problems are those of {' or '.join(BENCHMARKS)}.", show_default=False)
    ] = "",
    split: Annotated[str, typer.Option(help="train, validation, test or all.")] = "test",
    share: Annotated[
        float,
        typer.Option(min=0, max=1, help=f"Of each submission's samples, judged again, and at least {LEAST}; 0: none."),
    ] = SHARE,
    seed: Annotated[str, typer.Option(help="With the samples' hash, chooses which of them.")] = "0",
    workers: Workers = None,
    isolation: Isolation = STRICT,
    no_cache: NoCache = False,
    cache_dir: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a static site of results: ranks with ties, pages per model and problem. Exits with 1 if any was refused."""
    if lacking := [path for path in results if not path.is_file()]:
        what = "is a folder" if lacking[0].is_dir() else "is no file"
        raise InputError(f"{lacking[0]} {what}; expected results that `appsplus evaluate` wrote: name each of them")
    check_site(out.resolve())
    suite = _suite(results, data, benchmark, split)
    with ExitStack() as stack:
        rejudging = None
        if share:
            # a folder of its own: what `evaluate` has judged here is no second opinion
            kept = None if no_cache else cache_folder(cache_dir) / "leaderboard"
            engine_of = partial(LocalEngine, workers=workers, isolation=isolation, modules=suite.modules)
            engine = stack.enter_context(engine_of(cache=stack.enter_context(Cache(kept))))
            again = stack.enter_context(engine_of(cache=None))
            rejudging = Rejudging(engine, again, share=share, seed=seed)
        with shown_progress("samples", None) as progress:
            board = make_board(results, suite, rejudging, progress)
        with shown_progress("pages", None) as progress:
            write_site(board, out, progress)
    if as_json:
        print(json.dumps({"site": str(out), **json.loads((out / INDEX).read_bytes())}))
    else:
        _print(board, out)
    raise typer.Exit(bool(board.refusals))


def _suite(results: Sequence[Path], data: Path | None, benchmark: str, split: str) -> Suite:
    if benchmark:
        if benchmark not in BENCHMARKS:
            raise UsageError(f"--benchmark {benchmark} is not known; expected one of: {', '.join(BENCHMARKS)}")
        if data is None:
            raise UsageError(f"--benchmark {benchmark} needs --data, the file that its authors publish")
        return benchmark_suite(benchmark, data)
    return dataset_suite(data or _named_folder(results), split)


def _named_folder(results: Sequence[Path]) -> Path:
    """The dataset folder that the command of some results names. Its hash is theirs, so it is the one they mean."""
    for path in results:
        try:
            found = read_submission(path).results
            words = shlex.split(found.command)
            folder = Path(words[words.index("evaluate") + 1])
            if data_hash(folder) == found.dataset.sha256:
                print(f"dataset: {plain(str(folder))}, which {path} names", file=sys.stderr)
                return folder
        except (InputError, ValueError, IndexError, OSError):
            continue
    raise UsageError("the results name no dataset folder that is here and has their hash; name it with --data DIR")


def _print(board: Board, out: Path) -> None:
    rows = Tables(board).rows(Subset())
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, justify in (("rank", "right"), ("model", "left"), ("pass@1, %", "right"), ("judged again", "right")):
        table.add_column(title, justify=justify)  # type: ignore[arg-type]
    for row in rows:
        rank, metric, again = row.standing, row.standing.ranked, row.entry.rejudged
        table.add_row(
            f"{rank.first}-{rank.last}" if rank.tied else str(rank.first),
            Text(row.entry.name),
            f"{100 * metric.value:.1f} [{100 * metric.low:.1f}, {100 * metric.high:.1f}]",
            f"{again.drawn:,} of {again.num_samples:,}" if again else "no",
        )
    if rows:
        Console(width=120).print(table)
    for refusal in board.refusals:
        _print_refusal(refusal)
    print(f"\n{len(rows):,} models, {len(board.refusals):,} refused. Open {out / 'index.html'}")


def _print_refusal(refusal: Refusal) -> None:
    print(f"\nRefused: {refusal.file_name}" + (f" ({refusal.name})" if refusal.name else ""))
    for reason in refusal.reasons:
        print(f"  - {reason}")
    for m in refusal.mismatches[:_SHOWN_MISMATCHES]:
        print(
            f"    {m.problem_id}, sample {m.sample_index}: claimed {m.claimed} ({m.claimed_passed} of {m.num_tests} unit"
            f" tests), found {m.found} ({m.found_passed} of {m.num_tests})"
        )
    if len(refusal.mismatches) > _SHOWN_MISMATCHES:
        print(f"    and {len(refusal.mismatches) - _SHOWN_MISMATCHES:,} more, in {INDEX}")
