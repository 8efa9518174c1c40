"""Judged jobs on this machine: a fixed number of warm judge workers behind a thread pool, with the cache in front."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

from appsplus.engine.cache import Cache, key_of
from appsplus.engine.strikes import Strikes
from appsplus.errors import JudgingEndedError, SandboxError
from appsplus.judge import STRICT, Inspection, Job, Judge, Report, available_cpus

Answer = TypeVar("Answer", Report, Inspection)
_Kind = tuple[int, tuple[str, ...]]  # hash seed, modules: what a warm worker is made for


class LocalEngine:
    """`judge` and `inspect` in bulk, answers in the order asked. Safe to call from several threads; a context manager.

    `workers`: how many programs run at once (default: the CPUs this process may use). Raises SandboxError where the
    isolation asked for cannot be had, NotJudgedError where the judge fails on a job every time, and JudgingEndedError
    where it fails on one after the other or the engine is closed while it works.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        isolation: str = STRICT,
        cache: Cache | None = None,
        modules: tuple[str, ...] = (),
    ) -> None:
        self.workers = workers or available_cpus()
        self.isolation, self.modules = isolation, modules
        self.counts: Counter[str] = Counter()  # answers by "judged" and "cached"
        self.strikes = Strikes()
        self._cache = cache
        self._lock = threading.Lock()
        self._idle: dict[_Kind, list[Judge]] = {}
        self._all: list[Judge] = []
        self._closed = False
        self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="judge")
        first = self._acquire((0, modules))
        self.rungs = first.rungs
        self._release((0, modules), first)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all workers, at once; what is being judged is lost, what has been judged is in the cache.

        Threads that wait for an answer get JudgingEndedError or CancelledError. A second call does nothing.
        """
        with self._lock:
            self._closed = True
            judges, self._all = self._all, []
        self._pool.shutdown(wait=False, cancel_futures=True)
        for judge in judges:
            judge.close()
        self._pool.shutdown(wait=True)

    def judge(self, jobs: Sequence[Job]) -> list[Report]:
        """Run jobs; reports in their order."""
        known = None if self._cache is None else self._cache.report
        return self._answers(jobs, known, lambda job: self._with_judge(job.hash_seed, lambda j: j.run(job)))

    def inspect(self, programs: Sequence[str]) -> list[Inspection]:
        """Parse programs inside the sandbox; inspections in their order."""
        known = None if self._cache is None else self._cache.inspection
        questions = [(program, self.modules) for program in programs]
        return self._answers(questions, known, lambda q: self._with_judge(0, lambda judge: judge.inspect(q[0])))

    def _answers(
        self, questions: Sequence[Any], known: Callable[[str], Answer | None] | None, ask: Callable[[Any], Answer]
    ) -> list[Answer]:
        keys = [key_of(question) for question in questions]
        found: dict[str, Answer | Future[Answer]] = {}
        for key, question in zip(keys, questions, strict=True):
            if key in found:
                continue
            answer = known(key) if known else None
            with self._lock:
                self.counts["judged" if answer is None else "cached"] += 1
            found[key] = self._submit(key, question, ask) if answer is None else answer
        try:
            return [item.result() if isinstance(item := found[key], Future) else item for key in keys]
        finally:  # where one has failed, nobody waits for the others
            for item in found.values():
                if isinstance(item, Future):
                    item.cancel()

    def _submit(self, key: str, question: Any, ask: Callable[[Any], Answer]) -> Future[Answer]:
        try:
            return self._pool.submit(self._ask_and_store, key, question, ask)
        except RuntimeError:
            raise self._ended() from None

    def _ask_and_store(self, key: str, question: Any, ask: Callable[[Any], Answer]) -> Answer:
        answer = self.strikes.ask(key, question, lambda: self._asked(question, ask))
        if self._cache is not None:
            self._cache.store(key, answer)
        return answer

    def _asked(self, question: Any, ask: Callable[[Any], Answer]) -> Answer:
        try:
            return ask(question)
        except SandboxError as error:
            if self._closed:  # the judge has failed because we ended it
                raise self._ended() from error
            raise

    def _ended(self) -> JudgingEndedError:
        return JudgingEndedError("the engine is closed, and judges nothing any more")

    def _with_judge(self, hash_seed: int, work: Callable[[Judge], Answer]) -> Answer:
        kind = (hash_seed, self.modules)
        judge = self._acquire(kind)
        try:
            return work(judge)
        finally:
            self._release(kind, judge)

    def _acquire(self, kind: _Kind) -> Judge:
        with self._lock:
            if idle := self._idle.get(kind):
                return idle.pop()
        judge = Judge(isolation=self.isolation, hash_seed=kind[0], modules=kind[1])
        with self._lock:
            if not self._closed:
                self._all.append(judge)
                return judge
        judge.close()  # the engine was closed while this worker started
        raise self._ended()

    def _release(self, kind: _Kind, judge: Judge) -> None:
        with self._lock:
            self._idle.setdefault(kind, []).append(judge)
