"""`appsplus review`: the worklist of a dataset in a local web page, decisions into the ledger."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from appsplus.cli import UsageError
from appsplus.cli.options import CacheDir, DatasetDir, Isolation, NoCache, Workers, open_cache
from appsplus.engine import Cache, LocalEngine
from appsplus.errors import MissingExtraError
from appsplus.judge import STRICT
from appsplus.ledger import REVIEWER_KINDS

LEDGER = Path("verification/ledger")


def review(
    folder: DatasetDir,
    *,
    reviewer: Annotated[str, typer.Option(help="Your name in the ledger; it names your file there.")],
    kind: Annotated[str, typer.Option(help=f"{' or '.join(REVIEWER_KINDS)}: who decides.")] = "human",
    blind: Annotated[bool, typer.Option("--blind", help="Hide what others decided.")] = False,
    ledger: Annotated[
        list[Path] | None,
        typer.Option(
            help=f"A folder of decisions [default: {LEDGER}]; may be repeated, yours go to the first.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 is any free one.")] = 0,
    workers: Workers = None,
    isolation: Isolation = STRICT,
    no_cache: NoCache = False,
    cache_dir: CacheDir = None,
    allow: Annotated[list[str] | None, typer.Option(help="A package to offer to programs; may be repeated.")] = None,
) -> None:
    """Review the worklist of a dataset in your browser; every decision goes into the ledger at once."""
    if kind not in REVIEWER_KINDS:
        raise UsageError(f"--kind {kind} is not known; expected one of: {', '.join(REVIEWER_KINDS)}")
    try:
        from appsplus.review.desk import Desk
        from appsplus.review.server import serve
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"the review app needs {error.name}, which is not installed: pip install 'appsplus[review]'"
        ) from None
    from appsplus.trial import tried

    desk = Desk(folder, tuple(ledger or [LEDGER]), reviewer, kind, blind=blind)
    with ExitStack() as stack:
        cache = stack.enter_context(Cache(None) if no_cache else open_cache(cache_dir))
        engine = stack.enter_context(
            LocalEngine(workers=workers, isolation=isolation, cache=cache, modules=tuple(allow or ()))
        )
        serve(desk, lambda raw: tried(raw, engine), port=port, tell=partial(_tell, desk.path, len(desk.view().rows)))
    print(f"Ended. Your decisions are in {desk.path}; `appsplus build ... --ledger {desk.path.parent}` applies them.")


def _tell(path: Path, items: int, address: str) -> None:
    print(f"{items:,} problems need eyes. Decisions go to {path}.")
    print(f"Open {address}\nCtrl-C ends it; nothing is lost.", flush=True)
