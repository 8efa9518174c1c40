"""What a build will cost, before it begins, and what it has cost, at its end; and the options that make it cost less."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any

import typer

from appsplus.cli.progress import Shown
from appsplus.engine import Cache
from appsplus.engine.bulk import BulkEngine
from appsplus.engine.cache import key_of
from appsplus.engine.first_failures import FirstFailures
from appsplus.forecast import Forecast, Meter, forecast
from appsplus.ledger import Ledger
from appsplus.pipeline import BuildOptions, Engine, whole_way
from appsplus.problem import RawProblem
from appsplus.shards import Share
from appsplus.sources import Rejected, Source
from appsplus.survey import FEW, is_worth_an_estimate, survey

Estimate = Annotated[
    bool,
    typer.Option(
        "--estimate", help=f"Print what the build will cost, and stop. Builds of over {FEW} problems print it."
    ),
]
StopAtFirstFailure = Annotated[
    bool,
    typer.Option("--stop-at-first-failure", help="Run no unit test that says nothing new. The same dataset, sooner."),
]
LongestFirst = Annotated[
    bool,
    typer.Option("--longest-first", help="Begin with what takes longest, of what waits. The same dataset, sooner."),
]
MaxSolutions = Annotated[int, typer.Option(min=0, help="Solutions of a problem that are run, drawn by --seed; 0: all.")]


def with_policies(engine: Engine, cache: Cache, *, stop_at_first_failure: bool) -> Engine:
    """The engine as the build is to see it."""
    return FirstFailures(engine, cache) if stop_at_first_failure else engine


def estimated(
    sources: Sequence[Source],
    share: Share | None,
    engine: BulkEngine,
    cache: Cache,
    ledger: Ledger,
    options: BuildOptions,
    progress: Shown,
    policies: Callable[[Meter], Engine],
    *,
    asked: bool,
) -> Forecast | None:
    """What the build, or its share, will cost; None where nobody asked for it, and it is small or mostly known."""

    def records() -> Iterator[RawProblem | Rejected]:
        found = (record for source in sources for record in source.read())
        return (record for number, record in enumerate(found) if share is None or share.holds(number))

    def is_known(program: str) -> bool:
        return cache.inspection(key_of((program, engine.modules))) is not None

    if not asked and not is_worth_an_estimate(records(), is_known):
        return None
    found = survey(records(), options.seed, progress)
    way = partial(whole_way, ledger=ledger, options=options)
    return forecast(found, engine, way, policies, progress)


def print_estimate(found: Forecast | None, *, as_json: bool) -> None:
    """What `--estimate` answers."""
    assert found is not None, "it was asked for"
    if as_json:
        print(json.dumps({"estimate": found.to_json()}))
    else:
        print(*forecast_lines(found), sep="\n")


def forecast_lines(found: Forecast | None) -> Iterator[str]:
    """What a build will cost, in words; nothing where there is no estimate."""
    if found is None:
        return
    count = max(1, found.problems)
    yield (
        f"{found.problems:,} problems x {found.solutions / count:,.1f} solutions x"
        f" {found.unit_tests / count:,.1f} unit tests: {found.executions:,} executions, {found.runs:,} runs with second"
        " and traced ones."
    )
    low_s, high_s = found.core_s_interval
    yield (
        f"Estimate: {hours(found.core_s)} of CPU time ({hours(low_s)} to {hours(high_s)}), about"
        f" {hours(found.wall_s)} with {found.workers} workers, from {found.sample:,} problems that were judged."
    )
    yield (
        f"Memory: {found.driver_mib:,.0f} MiB for this process, and up to {found.program_mib:,.0f} MiB for each worker's"
        " program. What the cache knows, and what the sample has taken, is not subtracted."
    )


def cost_lines(run: dict[str, Any]) -> Iterator[str]:
    """What a build has cost, beside its estimate; nothing where there was none. `run`: of the manifest."""
    cost = run.get("cost")
    if not cost or not cost["estimate"]:
        return
    truth, estimate = cost["truth"], cost["estimate"]
    known = f", and {hours(truth['known_core_s'])} saved by the cache" if truth["known_core_s"] else ""
    ratio = f" ({cost['ratio']:.2f} of it)" if cost["ratio"] is not None else ""
    yield f"It took {hours(truth['core_s'])} of CPU time{known}; the estimate was {hours(estimate['core_s'])}{ratio}."
    yield (
        f"Memory: {truth['driver_mib']:,.0f} MiB for this process at most, {truth['program_mib']:,.0f} MiB for the largest"
        f" program; the estimate was {estimate['driver_mib']:,.0f} and {estimate['program_mib']:,.0f}."
    )


def hours(seconds: float) -> str:
    """A span of time, in the unit that fits: "40 s", "12.3 min", "2.7 h", "1,234 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    if seconds < 6000:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:,.1f} h"
