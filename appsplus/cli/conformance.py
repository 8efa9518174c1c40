"""`appsplus judge-conformance`: the suite of programs with known verdicts, put to our judge and to other projects' judges."""

import contextlib
import difflib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from appsplus.cli import UsageError
from appsplus.cli.options import AsJson, Isolation
from appsplus.cli.progress import LINE_EVERY_S
from appsplus.conformance import CASES, Case, Group, Outcome, Peer, Results, run_suite, write_results
from appsplus.conformance.page import make_page
from appsplus.conformance.results import OURS, plain
from appsplus.conformance.run import Told, chosen
from appsplus.judge import STRICT, Judge


def judge_conformance(
    *,
    group: Annotated[list[str] | None, typer.Option(help="honest, wrong or hostile; may be repeated.")] = None,
    case: Annotated[list[str] | None, typer.Option(help="One case by its name; may be repeated.")] = None,
    isolation: Isolation = STRICT,
    peer: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PATH", help="Another project's judge, from your checkout; may be repeated."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Record the results here.")] = None,
    docs: Annotated[Path | None, typer.Option(metavar="FILE.md", help="Write them as a page here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put programs with known verdicts to the judge. Exits with 1 if ours gets one wrong, or leaves something behind."""
    cases = _chosen(group or [], case or [])
    checkouts = [_checkout(text) for text in peer or []]
    with contextlib.ExitStack() as stack:
        judge = stack.enter_context(Judge(isolation=isolation))
        peers = [_opened(name, path, stack) for name, path in checkouts]
        with _shown_progress(len(cases)) as tell:
            results = run_suite(judge, cases, peers, tell)
    if out:
        write_results(out, results)
    if docs:
        docs.write_text(make_page(results, CASES), encoding="utf-8")
    if as_json:
        print(json.dumps(plain(results)))
    else:
        _print_results(results)
    raise typer.Exit(not results.passed)


def _chosen(groups: list[str], names: list[str]) -> tuple[Case, ...]:
    for group in groups:
        if group not in tuple(Group):
            raise UsageError(f"--group {group} is not known; expected one of: {', '.join(Group)}")
    known = [case.name for case in CASES]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3, 0.4)
            hint = f"; do you mean {', '.join(near)}?" if near else "; the names are in appsplus/conformance/cases/"
            raise UsageError(f"--case {name} is not known{hint}")
    cases = chosen(CASES, groups, names)
    if not cases:
        raise UsageError(f"no case is named {', '.join(names)} and in the group {', '.join(groups)}: leave one out")
    return cases


def _checkout(text: str) -> tuple[str, Path]:
    from appsplus.conformance import peers

    name, equals, path = text.partition("=")
    if not equals or not path or name not in peers.NAMES:
        raise UsageError(f"--peer {text}: expected NAME=PATH with a name of {', '.join(peers.NAMES)}")
    return name, Path(path)


def _opened(name: str, path: Path, stack: contextlib.ExitStack) -> Peer:
    from appsplus.conformance import peers

    return stack.enter_context(peers.open_peer(name, path))


@contextmanager
def _shown_progress(cases: int) -> Iterator[Told]:
    """On standard error: a line per judge, live on a terminal; else a line every few seconds, so none of a short run."""
    console = Console(stderr=True)
    live = console.is_terminal and not console.is_dumb_terminal
    done: dict[str, int] = {}
    wrong: dict[str, int] = {}
    told_at = time.monotonic()
    bars = Progress(
        SpinnerColumn(finished_text="[green]✓[/green]"),
        TextColumn("{task.description:<14}"),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TextColumn("{task.fields[wrong]} wrong"),
        TimeElapsedColumn(),
        console=console,
        disable=not live,
        redirect_stdout=False,
        redirect_stderr=False,
    )

    def tell(judge: str, _case: Case, outcome: Outcome) -> None:
        nonlocal told_at
        if judge not in done:
            done[judge], wrong[judge] = 0, 0
            tasks[judge] = bars.add_task(judge, total=cases, wrong=0)
        done[judge] += 1
        wrong[judge] += outcome.right is False
        bars.update(tasks[judge], advance=1, wrong=wrong[judge])
        if not live and time.monotonic() - told_at >= LINE_EVERY_S:
            told_at = time.monotonic()
            console.out(f"{judge}: {done[judge]} of {cases} cases, {wrong[judge]} wrong", highlight=False)

    tasks: dict[str, TaskID] = {}
    with bars:
        yield tell


def _print_results(results: Results) -> None:
    console = Console()
    for row in results.failures():
        ours = row.outcomes[OURS]
        line = f"[red]✗[/red] {row.name}: must be {row.verdict}, is [red]{ours.answer}[/red]"
        console.print(f"{line}: {escape(ours.detail)}" if ours.detail else line, soft_wrap=True, highlight=False)
    counts = Table(box=None, pad_edge=False, header_style="bold")
    counts.add_column("group")
    for judge in results.judges:
        counts.add_column(judge, justify="right")
    for group in Group:
        if any(row.group is group for row in results.rows):
            counts.add_row(group, *(_count(*results.count(judge, group)) for judge in results.judges))
    console.print(counts)
    for line in results.leftovers or ():
        console.print(f"[red]left behind[/red]: {escape(line)}", soft_wrap=True)


def _count(right: int, asked: int, not_asked: int) -> str:
    return f"{right} of {asked}" + (f", {not_asked} not asked" if not_asked else "")
