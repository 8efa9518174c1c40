"""Judged jobs on this machine: a fixed number of warm judge workers behind a thread pool, with the cache in front."""

from concurrent.futures import Future, ThreadPoolExecutor

from appsplus.engine.bulk import BulkEngine, Question, ended, hash_seed_of, program_of, put_to
from appsplus.engine.cache import Cache
from appsplus.engine.longest_first import LongestFirst
from appsplus.engine.warm import WarmJudges
from appsplus.errors import SandboxError
from appsplus.judge import STRICT, Inspection, Report, available_cpus


class LocalEngine(BulkEngine):
    """`judge` and `inspect` in bulk, answers in the order asked. Safe to call from several threads; a context manager.

    `workers`: how many programs run at once (default: the CPUs this process may use); `longest_first`: see the module of
    that name. Raises SandboxError where the isolation asked for cannot be had, NotJudgedError where the judge fails on a
    job every time, and JudgingEndedError where it fails on one after the other or the engine is closed while it works.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        isolation: str = STRICT,
        cache: Cache | None = None,
        modules: tuple[str, ...] = (),
        longest_first: bool = False,
    ) -> None:
        super().__init__(workers=workers or available_cpus(), isolation=isolation, cache=cache, modules=modules)
        self._closed = False
        self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="judge")
        self._queue = LongestFirst(self._pool) if longest_first else None
        self.expects = longest_first
        self._judges = WarmJudges(isolation=isolation, modules=modules)
        self.rungs = self._judges.rungs

    def close(self) -> None:
        """End all workers, at once; what is being judged is lost, what has been judged is in the cache.

        Threads that wait for an answer get JudgingEndedError or CancelledError. A second call does nothing.
        """
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._queue is not None:
            self._queue.close()
        self._judges.close()
        self._pool.shutdown(wait=True)

    def _submit(self, key: str, question: Question) -> Future[Report | Inspection]:
        try:
            if self._queue is not None:
                expected_s = self.expectation.of(question)
                return self._queue.submit(expected_s, lambda: self._ask_and_store(key, question))
            return self._pool.submit(self._ask_and_store, key, question)
        except RuntimeError:
            raise ended() from None

    def _ask_and_store(self, key: str, question: Question) -> Report | Inspection:
        answer = self.strikes.ask(key, program_of(question), lambda: self._asked(question))
        self._keep(key, answer)
        return answer

    def _asked(self, question: Question) -> Report | Inspection:
        try:
            return self._judges.ask(hash_seed_of(question), lambda judge: put_to(judge, question))
        except SandboxError as error:
            if self._closed:  # the judge has failed because we ended it
                raise ended() from error
            raise
