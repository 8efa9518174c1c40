"""Many items through one function, several at a time: results in order, and a bounded number of items in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from appsplus.engine.turn import TURN

READ_AHEAD = 256  # items on their way, per worker: enough work for all while one that takes long holds up the order
MOST_AHEAD = 8192  # in all: what a finished problem leaves beside its text takes memory, too
WINDOW_BYTES = 64_000_000  # of text on its way, per worker: of problems with unit tests of megabytes there are fewer
MOST_BYTES = 500_000_000  # of text in them all: a cluster's driver has no more memory than a laptop
Given = TypeVar("Given")
Made = TypeVar("Made")


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of `count` threads. What they do when the block ends is not waited for; what they have not begun is not."""
    pool = ThreadPoolExecutor(count, thread_name_prefix="stage")
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def window_for(workers: int, weight: Callable[[Any], int]) -> dict[str, Any]:
    """How far `in_order` reads ahead for an engine with so many workers; `weight`: about the bytes of an item."""
    return {
        "window": min(READ_AHEAD * workers, MOST_AHEAD),
        "weight": weight,
        "budget": min(WINDOW_BYTES * workers, MOST_BYTES),
    }


def in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[Given], Made],
    items: Iterable[Given],
    *,
    window: int,
    weight: Callable[[Given], int] | None = None,
    budget: int = 0,
) -> Iterator[Made]:
    """Like `map`, in the pool. `items` are read at most `window` ahead of the result that is taken next.

    One thread works at a time, but for those that wait for an engine (`turn`). With a `weight` those on their way weigh at
    most `budget` together, and that which was read last. Raises what `work` raises when it is that item's turn, and what
    `items` raise as soon as they do.
    """
    pending: deque[tuple[Future[Made], int]] = deque()
    load = 0
    for item in items:
        own = weight(item) if weight else 0
        load += own
        pending.append((pool.submit(_in_turn, work, item), own))
        del item
        while pending and (len(pending) >= window or load > budget or pending[0][0].done()):
            future, own = pending.popleft()
            load -= own
            yield future.result()
            del future
    while pending:
        yield pending.popleft()[0].result()


def _in_turn(work: Callable[[Given], Made], item: Given) -> Made:
    with TURN.taken():
        return work(item)
