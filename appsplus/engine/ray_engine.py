"""Judged jobs on Ray: this machine alone, or a cluster. The same answers as the local engine's, wherever they come from.

Ray starts the processes, carries questions and answers, and says who has gone. Of our own is only what goes into a batch
(`batches`), and that a node is looked at before it judges (`ray_start`).
"""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from appsplus.engine.batches import Waiting, chars_of
from appsplus.engine.bulk import BulkEngine, Question, ended
from appsplus.engine.cache import Cache
from appsplus.engine.ray_cluster import Cluster, Node
from appsplus.engine.ray_crew import END_S, Crew
from appsplus.engine.ray_node import NodeFacts
from appsplus.engine.ray_start import Member
from appsplus.engine.ray_tests import LARGE_CHARS, digest
from appsplus.engine.rungs import common_rungs
from appsplus.errors import InputError
from appsplus.judge import STRICT, Job, available_cpus

Found = TypeVar("Found")
_CPU_S = 10.0  # for the nodes to say how much CPU time they have used


class RayEngine(BulkEngine):
    """`judge` and `inspect` in bulk, answers in the order asked. Safe to call from several threads; a context manager.

    `address`: of a cluster, HOST:PORT or "auto"; None: a Ray of our own on this machine. `workers`: how many programs run
    at once (default: one for each CPU of the cluster, or of this process). `longest_first`: of what waits, that which is
    expected to take longest is sent first.

    Raises MissingExtraError without Ray; InputError for an address that does not answer, for other versions on a node than
    here, for more workers than CPUs; SandboxError where a node does not have the isolation asked for, by its name; and
    while judging what LocalEngine raises.
    """

    def __init__(
        self,
        *,
        address: str | None = None,
        workers: int | None = None,
        isolation: str = STRICT,
        cache: Cache | None = None,
        modules: tuple[str, ...] = (),
        longest_first: bool = False,
    ) -> None:
        super().__init__(workers=0, isolation=isolation, cache=cache, modules=modules)
        self._closing = threading.Lock()
        self._closed = False
        self._cluster = Cluster(address, cpus=workers or available_cpus())
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ray", daemon=True)
        self._thread.start()
        self._crew = Crew(
            self._cluster,
            isolation=isolation,
            modules=modules,
            keep=self._keep,
            strikes=self.strikes,
            tell=lambda text: self.tell(text),
            on_come=lambda member: self._hold_on([member]),
            longest_first=longest_first,
        )
        try:
            nodes = self._cluster.nodes()
            shares = shared_out(nodes, workers, self._cluster.what)
            members = self._in_loop(self._crew.begin(shares))
        except BaseException:  # an interruption, too, must not leave processes behind
            self.close()
            raise
        self.workers = sum(member.cpus for member in members)
        self._hold_on(members)
        self.facts: dict[str, NodeFacts] = {member.node.name: member.facts for member in members}

    @property
    def answered(self) -> dict[str, int]:
        """How many questions each node has answered, by its name."""
        return dict(self._crew.dispatch.answered)

    def cpu_s(self) -> float:
        """CPU seconds used so far, here and on all nodes."""
        if self._cluster.is_private:  # its processes are ours
            return super().cpu_s()
        return super().cpu_s() + self._in_loop(self._crew.cpu_s(_CPU_S))

    def close(self) -> None:
        """End everything, at once; what is being judged is lost, what has been judged is in the cache.

        Threads that wait for an answer get JudgingEndedError or CancelledError. A second call does nothing.
        """
        with self._closing:
            if self._closed:
                return
            self._closed = True
            try:
                with suppress(TimeoutError):
                    self._in_loop(self._crew.end(), within_s=2 * END_S)
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join(END_S)
                if not self._thread.is_alive():
                    self._loop.close()
            finally:
                self._crew.kill()  # where `end` took too long, they would hold their CPUs
                self._cluster.close()

    def _hold_on(self, members: Sequence[Member]) -> None:
        """What one node of a run lacks, the run lacks: nobody knows which node an answer in the cache came from."""
        before = {"": self.rungs} if self.rungs else {}
        self.rungs = common_rungs(before | {f"node {m.node.name}": m.facts.rungs for m in members})

    def _submit(self, key: str, question: Question) -> Future[Any]:
        self.strikes.check(key)
        waiting = self._waiting(key, question)
        try:
            self._loop.call_soon_threadsafe(self._crew.dispatch.ask, waiting)
        except RuntimeError:  # the loop is closed
            raise ended() from None
        if self._closed:
            raise ended()
        return waiting.future

    def _waiting(self, key: str, question: Question) -> Waiting:
        chars = chars_of(question)
        waiting = Waiting(key, question, Future(), self.expectation.of(question), chars)
        if isinstance(question, Job) and (tests_chars := chars - len(question.program)) >= LARGE_CHARS:
            waiting.tests, waiting.tests_chars = digest(question.unit_tests), tests_chars
            waiting.chars = len(question.program)
        return waiting

    def _in_loop(self, work: Coroutine[Any, Any, Found], *, within_s: float | None = None) -> Found:
        doing = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return doing.result(within_s)
        finally:
            doing.cancel()  # where we are interrupted


def shared_out(nodes: Sequence[Node], workers: int | None, where: str) -> list[tuple[Node, int]]:
    """How many CPUs each node gives: all it has, or its part of `workers`, as even as can be.

    Raises InputError where there are fewer CPUs than workers, or none.
    """
    cpus = sum(node.cpus for node in nodes)
    if not nodes or (workers or 0) > cpus:
        have = ", ".join(f"{node.name} {node.cpus}" for node in nodes) or "no node with a CPU"
        raise InputError(
            f"{where} has {cpus} CPUs ({have}), and {workers or 'at least 1'} are asked for; ask for fewer with --workers,"
            " or start more nodes"
        )
    left, given = cpus if workers is None else workers, dict.fromkeys(nodes, 0)
    while left:
        for node in nodes:
            if left and given[node] < node.cpus:
                given[node] += 1
                left -= 1
    return [(node, count) for node, count in given.items() if count]
