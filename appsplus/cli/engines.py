"""`--engine` and `--address`: where programs run, and what is told of the machines while they do."""

from collections.abc import Mapping
from typing import Annotated

import typer

from appsplus.cli import UsageError
from appsplus.engine import Cache, LocalEngine
from appsplus.engine.bulk import BulkEngine

LOCAL, RAY = "local", "ray"
ENGINES = (LOCAL, RAY)
_SHOWN = 4  # nodes on a line of progress


def _known_engine(value: str) -> str:
    if value not in ENGINES:
        raise UsageError(f"--engine {value} is not known; expected one of: {', '.join(ENGINES)}")
    return value


EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        callback=_known_engine,
        help=f"Where programs run: {' or '.join(ENGINES)} (the extra `ray`): on this machine, or on a cluster's.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="With --engine ray: the cluster's address, or auto [default: a Ray of our own on this machine].",
        show_default=False,
    ),
]


def open_engine(
    name: str,
    address: str | None,
    *,
    workers: int | None,
    isolation: str,
    cache: Cache,
    modules: tuple[str, ...],
    longest_first: bool = False,
) -> BulkEngine:
    """The engine that `--engine` and `--address` name."""
    check_address(name, address)
    if name == LOCAL:
        return LocalEngine(
            workers=workers, isolation=isolation, cache=cache, modules=modules, longest_first=longest_first
        )
    from appsplus.engine.ray_engine import RayEngine

    return RayEngine(
        address=address,
        workers=workers,
        isolation=isolation,
        cache=cache,
        modules=modules,
        longest_first=longest_first,
    )


def check_address(name: str, address: str | None) -> None:
    """Raise UsageError for an address that nothing would look at."""
    if address is not None and name != RAY:
        raise UsageError(f"--address {address} goes with --engine ray, and the engine is {name}")


def nodes_told(answered: Mapping[str, int]) -> str:
    """What each node has answered, the busiest first, for a line of progress; empty where there is one machine only."""
    ordered = sorted(answered.items(), key=lambda item: (-item[1], item[0]))
    told = [f"{name} {count:,}" for name, count in ordered[:_SHOWN]]
    rest = ordered[_SHOWN:]
    if rest:
        told.append(f"{len(rest)} more nodes {sum(count for _, count in rest):,}")
    return f"judged by {', '.join(told)}" if told else ""
