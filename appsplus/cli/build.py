"""`appsplus build`: raw problems in, a dataset folder out, and the books of what was kept and why not."""

import json
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from appsplus.cli import UsageError, collect_rarely
from appsplus.cli.engines import LOCAL, Address, EngineName, check_address, open_engine
from appsplus.cli.estimate import (
    Estimate,
    LongestFirst,
    MaxSolutions,
    StopAtFirstFailure,
    cost_lines,
    estimated,
    forecast_lines,
    print_estimate,
    with_policies,
)
from appsplus.cli.options import AsJson, CacheDir, Isolation, NoCache, Workers, open_cache
from appsplus.cli.progress import shown_progress
from appsplus.cli.run_facts import failure_lines
from appsplus.engine import Cache
from appsplus.errors import InputError
from appsplus.forecast import Costs
from appsplus.judge import STRICT
from appsplus.ledger import Ledger
from appsplus.pipeline import STAGES, BuildOptions
from appsplus.pipeline import build as run_build
from appsplus.release import Manifest, folder_hash, load_problems, load_rejected
from appsplus.shards import ShardManifest, build_shard, parse_share
from appsplus.sources import CORPUS_DIR, open_sources, parse_columns
from appsplus.worklist.submissions import Submissions

_SHOWN = 5  # of each kind of entry that somebody should look at
_IN_FORCE = {"corrections": "corrections", "accepted": "rulings to accept", "rejected": "rulings to reject"}
_ATTENTION = {  # per key of the manifest's `ledger.attention`: what it is, and what to do
    "disagreement": (
        "Reviewers disagree, and none of their decisions was applied",
        "Settle them in `appsplus review`; `appsplus ledger agreement` lists them side by side.",
    ),
    "broken": (
        "Corrections that do not fit the content, and were not applied",
        "Undo each in `appsplus review`, and correct anew.",
    ),
    "stale": (
        "Stale decisions, made on other content than there is now, and not applied",
        "Look at each again in `appsplus review`, and decide on what it says now.",
    ),
    "unknown_problem": (
        "Decisions about problems that are not in these sources",
        "Fine where the ledger serves other sources, too; else see whether the source's name or the id has changed.",
    ),
}


def build(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help="PATH, NAME=PATH or hub:OWNER/NAME[@REVISION]: a folder in the APPS layout, or files of rows"
            " (Parquet, JSON Lines, JSON). Without any: the embedded corpus.",
            show_default=False,
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The dataset folder to write; a dataset there is replaced at the end.",
            show_default="required, but for --estimate",
        ),
    ] = None,
    workers: Workers = None,
    isolation: Isolation = STRICT,
    engine: EngineName = LOCAL,
    address: Address = None,
    no_cache: NoCache = False,
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
    seed: Annotated[int, typer.Option(help="Chooses validation problems, audit sample and mutants.")] = 0,
    audit_share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of the accepted problems that is drawn for an audit.")
    ] = BuildOptions.audit_share,
    mutants: Annotated[
        int, typer.Option(min=0, help="Mutants of each canonical solution to try the unit tests with.")
    ] = BuildOptions.mutants,
    submissions: Annotated[
        Path | None,
        typer.Option(help="JSON Lines of programs whose worth is known: id, expected, code.", show_default=False),
    ] = None,
    shard: Annotated[
        str,
        typer.Option(
            metavar="I/N",
            help="Build the I-th of N shares of the problems, for `appsplus merge`; not a dataset yet.",
            show_default=False,
        ),
    ] = "",
    max_solutions: MaxSolutions = BuildOptions.max_solutions,
    stop_at_first_failure: StopAtFirstFailure = False,
    longest_first: LongestFirst = False,
    estimate: Estimate = False,
    as_json: AsJson = False,
) -> None:
    """Build a dataset: run, check, repair or reject every problem, and annotate what is kept."""
    check_address(engine, address)
    if out is None and not estimate:
        raise UsageError("a build needs --out DIR, the dataset folder to write; only --estimate goes without")
    share = parsed(parse_share, shard) if shard else None
    opened = open_sources(sources or [], parsed(parse_columns, columns) if columns else None)
    decisions = Ledger.read([*(ledger or []), *([] if sources else [CORPUS_DIR / "ledger"])])
    options = BuildOptions(validation_share, seed, audit_share, mutants, max_solutions)
    collect_rarely()
    with ExitStack() as stack:
        known = stack.enter_context(Submissions(submissions)) if submissions else None
        # Without a cache, too, no program is judged twice in one build.
        cache = stack.enter_context(Cache(None) if no_cache else open_cache(cache_dir))
        judges = stack.enter_context(
            open_engine(
                engine,
                address,
                workers=workers,
                isolation=isolation,
                cache=cache,
                modules=tuple(allow or ()),
                longest_first=longest_first,
            )
        )
        costs = Costs(judges)
        progress = stack.enter_context(shown_progress(engine=judges))
        thrifty = partial(with_policies, cache=cache, stop_at_first_failure=stop_at_first_failure)
        costs.forecast = estimated(opened, share, judges, cache, decisions, options, progress, thrifty, asked=estimate)
        if out is None or estimate:
            print_estimate(costs.forecast, as_json=as_json)
            return
        for line in forecast_lines(costs.forecast):
            progress.tell(line)
        policies = {"stop_at_first_failure": stop_at_first_failure, "longest_first": longest_first}

        def facts() -> dict[str, Any]:
            return {"policies": policies, "engine": engine, "nodes": judges.answered} | costs.facts()

        arguments = (options, progress, known, facts)
        if share is not None:
            _print_shard(out, build_shard(opened, out, thrifty(judges), decisions, share, *arguments), as_json)
            return
        manifest = run_build(opened, out, thrifty(judges), decisions, *arguments)
    print_built(out, manifest, decisions.torn, as_json=as_json)


def print_built(out: Path, manifest: Manifest, torn: Sequence[str] = (), *, as_json: bool) -> None:
    """Say what a build or a merge has written."""
    if as_json:
        print(json.dumps({"path": str(out), "hash": folder_hash(out), "manifest": manifest.to_json()}))
        return
    print_funnel(manifest)
    _print_what_came_out(out, manifest)
    for told in (cost_lines(manifest.run), ledger_lines(manifest.ledger, torn), failure_lines(manifest.run)):
        if lines := list(told):
            print("", *lines, sep="\n")


def _print_shard(out: Path, manifest: ShardManifest, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"path": str(out), "shard": manifest.to_json()}))
        return
    share, run = manifest.shard, manifest.run
    print(f"Shard {share}: {share.size(manifest.records):,} of {manifest.records:,} problems, in {out}.")
    print(f"Judged {run['judged']:,} programs, knew {run['cached']:,} already; {_duration(run['wall_s'])}.")
    for line in (*cost_lines(run), *failure_lines(run, "shard.json")):
        print(line)
    print(f"\nWhen the folders of all {share.of} shards are here:\n    appsplus merge FOLDER... --out DATASET")


Parsed = TypeVar("Parsed")


def parsed(parse: Callable[[str], Parsed], text: str) -> Parsed:
    """The value of an option; what `parse` refuses is wrong usage."""
    try:
        return parse(text)
    except InputError as error:
        raise UsageError(str(error)) from None


def print_funnel(manifest: Manifest) -> None:
    """The books of a build, as a table: what each stage was given, kept and rejected."""
    why = {stage.name: stage.why for stage in STAGES}
    console = Console()
    room = max(30, console.width - 29)  # right of the first three columns
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("stage", min_width=10)
    table.add_column("given", justify="right", min_width=6)
    table.add_column("kept", justify="right", min_width=6)
    table.add_column("rejected")
    for stage in manifest.funnel:
        rejected = _reasons(stage.rejected, room) or f"[dim]{why.get(stage.stage, '')}[/dim]"
        table.add_row(stage.stage, f"{stage.given:,}", f"{stage.kept:,}", rejected)
    console.print(table)


def _reasons(rejected: dict[str, int], room: int) -> str:
    """The commonest first; a line never ends between a number and its reason."""
    ordered = sorted(rejected.items(), key=lambda item: (-item[1], item[0]))
    text = ", ".join(f"{count:,}\N{NO-BREAK SPACE}{reason}" for reason, count in ordered)
    return textwrap.fill(text, room, break_long_words=False).replace("\N{NO-BREAK SPACE}", " ")


def _print_what_came_out(out: Path, manifest: Manifest) -> None:
    given, kept, run = manifest.funnel[0].given, manifest.funnel[-1].kept, manifest.run
    splits = ", ".join(f"{split} {count:,}" for split, count in manifest.counts["splits"].items())
    print(f"\nKept {kept:,} of {given:,} problems: {splits}.")
    print(f"Rejected {given - kept:,}, each with its reason and the evidence.")
    print(f"Judged {run['judged']:,} programs, knew {run['cached']:,} already; {_duration(run['wall_s'])}.")
    if lacking := _lacking(run["isolation"]):
        print(f"Programs ran without {', '.join(lacking)}: `appsplus doctor` says why.")
    print("\nLoad it:\n    from datasets import load_dataset")
    configs = (["default", "subtasks"] if kept else []) + (["rejected"] if given > kept else [])
    for config in configs:
        arguments = f'"{out}"' if config == "default" else f'"{out}", "{config}"'
        print(f"    {'problems' if config == 'default' else config} = load_dataset({arguments})")
    if found := manifest.counts["worklist"]["problems"]:
        print(f"{found:,} problems need eyes; decide about them:")
        print(f"    appsplus worklist {out}\n    appsplus review {out} --reviewer NAME")
    print(f"Look at it:\n    appsplus stats {out}")
    for command, example in (("show", next(load_problems(out), None)), ("explain", next(load_rejected(out), None))):
        if example is not None:
            print(f"    appsplus {command} {out} {example.problem_id}")


def ledger_lines(ledger: dict[str, Any], torn: Sequence[str] = ()) -> Iterator[str]:
    """What the ledger came to in a build, and which decisions somebody should look at; nothing without a ledger."""
    if any(ledger["decisions"].values()):
        counts = [f"{kinds(ledger[name])} {words}" for name, words in _IN_FORCE.items() if any(ledger[name].values())]
        yield f"Ledger: {kinds(ledger['decisions'])} decisions; in force {'; '.join(counts) or 'none'}."
    for what, (sentence, to_do) in _ATTENTION.items():
        found = [entry for entry in ledger["attention"] if entry["what"] == what]
        if found:
            yield f"{sentence} (problems: {len(found):,}):"
            for entry in found[:_SHOWN]:
                by = ", ".join(f"{e['action']} by {e['reviewer']} ({e['reviewer_kind']})" for e in entry["events"])
                yield f"    {entry['problem_id']}: {by}"
            if len(found) > _SHOWN:
                yield f"    and {len(found) - _SHOWN:,} more, in manifest.json under ledger"
            yield f"    {to_do}"
    yield from torn


def kinds(counts: dict[str, int]) -> str:
    """How many there are of each kind of reviewer, in words: "3 human, 0 model"."""
    return ", ".join(f"{n:,} {kind}" for kind, n in counts.items())


def _lacking(isolation: dict[str, Any]) -> list[str]:
    return sorted(name for name, holds in isolation.items() if holds is False)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
