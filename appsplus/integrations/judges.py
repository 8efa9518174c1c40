"""The judge of this process: started when the first completion comes, shared by everything here, ended with the process.

The host is a trainer: it has threads, CUDA, event loops, and it forks (data loaders). So nothing starts at import; the
judge's workers are processes of their own, started from a bare interpreter, never forks of the host; a forked child forgets
the judge of its parent, whose workers it must neither use nor end, and starts its own if it is asked.
"""

import asyncio
import atexit
import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from appsplus.engine import LocalEngine
from appsplus.errors import SandboxError
from appsplus.integrations.settings import Settings

_REMEMBERED = 4096  # results; a policy writes the same program again and again

Item = TypeVar("Item")
Result = TypeVar("Result")


class Memory:
    """The results asked for last, by their keys. Safe to share among threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._results: OrderedDict[str, Any] = OrderedDict()

    def get(self, key: str) -> Any:
        """The result, or None."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
            return self._results.get(key)

    def put(self, key: str, result: Any) -> None:
        """Keep a result; the one that was not asked for longest may go."""
        with self._lock:
            self._results[key] = result
            if len(self._results) > _REMEMBERED:
                self._results.popitem(last=False)


class _Judges:
    """The settings, and once they are wanted, the engines, with as many threads that wait for them as one has workers."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.memory = Memory()
        self.configured = settings  # None: as the environment says
        self._lock = threading.Lock()
        self._engines: dict[tuple[str, ...], LocalEngine] = {}  # by the packages that they offer
        self._pool: ThreadPoolExecutor | None = None

    def settings(self) -> Settings:
        return self.configured or Settings.read(os.environ)

    def engine(self, modules: tuple[str, ...]) -> LocalEngine:
        with self._lock:
            if modules not in self._engines:
                settings = self.settings()
                self._engines[modules] = LocalEngine(
                    workers=settings.workers, isolation=settings.isolation, modules=modules
                )
            return self._engines[modules]

    def pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.settings().workers, thread_name_prefix="rewards")
            return self._pool

    def close(self) -> None:
        with self._lock:
            engines, pool = list(self._engines.values()), self._pool
            self._engines, self._pool, self.memory = {}, None, Memory()
        for engine in engines:
            engine.close()  # whoever waits gets SandboxError at once
        if pool:
            pool.shutdown(cancel_futures=True)


_judges = _Judges()


def settings() -> Settings:
    """How completions are judged: as `configure` said, else as the environment says."""
    return _judges.settings()


def configure(settings: Settings | None) -> None:
    """Judge with these settings from now on; None: with the environment's. Ends the engine, if there is one."""
    _judges.close()
    _judges.configured = settings


def engine(modules: tuple[str, ...] = ()) -> LocalEngine:
    """The engine of this process that offers these packages to programs, started if need be.

    Raises SandboxError where the isolation cannot be had, InputError for a package that is not installed.
    """
    return _judges.engine(modules)


def memory() -> Memory:
    """What this process has judged already."""
    return _judges.memory


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result | SandboxError]:
    """What `work`, which judges, makes of each item, in order; a failure of the judge stands in its item's place.

    Raises SandboxError where the judge failed on every item, for then it will not do better on the next, and whatever else
    `work` raises.
    """
    pool = _judges.pool()
    futures = [pool.submit(work, item) for item in items]
    try:
        results: list[Result | SandboxError] = [_result(future) for future in futures]
    except BaseException as error:
        for future in futures:
            future.cancel()
        if not isinstance(error, Exception):  # interrupted: nobody waits for programs that run
            _judges.close()
        raise
    failures = [result for result in results if isinstance(result, SandboxError)]
    if failures and len(failures) == len(results):
        raise failures[0]
    return results


async def aside(work: Callable[..., Result], *arguments: Any) -> Result:
    """Run `work`, which judges, while the event loop (of asyncio) goes on."""
    return await asyncio.wrap_future(_judges.pool().submit(work, *arguments))


def _result(future: "Future[Any]") -> Any:
    try:
        return future.result()
    except SandboxError as error:
        return error


def _forget() -> None:
    """In a forked child: the parent's engine is not ours, and its threads, which may hold locks, are not here."""
    global _judges
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # this closes our copies of its sockets and files, and should
        _judges = _Judges(_judges.configured)


os.register_at_fork(after_in_child=_forget)
atexit.register(lambda: _judges.close())
