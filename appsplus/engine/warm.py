"""Judges that were started once and are kept: a worker's start-up is paid once for each kind of program."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from appsplus.errors import SandboxError
from appsplus.judge import Judge

Answer = TypeVar("Answer")
_Kind = tuple[int, tuple[str, ...]]  # hash seed, modules: what a judge is made for


class WarmJudges:
    """As many judges as are wanted at once, each of one hash seed. Safe to share among threads.

    The first one is started here. Raises SandboxError where the isolation asked for cannot be had, or for a question
    after `close`.
    """

    def __init__(self, *, isolation: str, modules: tuple[str, ...]) -> None:
        self.isolation, self.modules = isolation, modules
        self._lock = threading.Lock()
        self._idle: dict[_Kind, list[Judge]] = {}
        self._all: list[Judge] = []
        self._closed = False
        first = self._acquire((0, modules))
        self.rungs: dict[str, Any] = first.rungs
        self.scale = first.scale
        self._release((0, modules), first)

    def ask(self, hash_seed: int, question: Callable[[Judge], Answer]) -> Answer:
        """What a judge of this hash seed answers."""
        kind = (hash_seed, self.modules)
        judge = self._acquire(kind)
        try:
            return question(judge)
        except OSError as error:  # a worker was to be started again, and could not
            raise _not_started(error) from error
        finally:
            self._release(kind, judge)

    def close(self) -> None:
        """End all judges, at once; threads that wait for an answer get SandboxError."""
        with self._lock:
            self._closed = True
            judges, self._all = self._all, []
        for judge in judges:
            judge.close()

    def _acquire(self, kind: _Kind) -> Judge:
        with self._lock:
            if idle := self._idle.get(kind):
                return idle.pop()
        try:
            judge = Judge(isolation=self.isolation, hash_seed=kind[0], modules=kind[1])
        except OSError as error:
            raise _not_started(error) from error
        with self._lock:
            if not self._closed:
                self._all.append(judge)
                return judge
        judge.close()  # closed while this judge started
        raise SandboxError("the engine was closed before it judged this program")

    def _release(self, kind: _Kind, judge: Judge) -> None:
        with self._lock:
            self._idle.setdefault(kind, []).append(judge)


def _not_started(error: OSError) -> SandboxError:
    return SandboxError(
        f"a worker of the judge could not be started ({error.strerror or error}): this machine is short of processes, memory,"
        " open files or room for temporary files"
    )
