"""What runs on a node of a Ray cluster: one process with as many warm judges as the node gives CPUs.

One process, because a verdict near a limit is confirmed while nothing else of ours runs on the node: its judges share a
gate. Each judge measures the node's speed itself, so that limits mean the same everywhere.
"""

import os
import platform
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib import metadata
from queue import Empty, SimpleQueue
from typing import Any

from appsplus.engine.bulk import Question, hash_seed_of, put_to
from appsplus.engine.cache import versions_of
from appsplus.engine.costs import tree_cpu_s
from appsplus.engine.ray_cluster import one_line
from appsplus.engine.ray_tests import RecentTests, with_tests
from appsplus.engine.warm import WarmJudges
from appsplus.errors import InputError, SandboxError
from appsplus.judge import Inspection, Job, Report
from appsplus.judge import version as judge_version
from appsplus.problem import UnitTest

STARTS = 3  # times that the first judge is started: one that is killed meanwhile says nothing of the node
TELL_EVERY_S = 0.05  # answers are sent on as they come, but not more often


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it travels."""

    question: Question
    tests: str = ""  # the digest of its unit tests, where they travel apart
    tests_chars: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """Instead of an answer: what was raised."""

    message: str
    is_input: bool = False  # InputError: the question cannot be answered by anybody; else SandboxError


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a node says of itself."""

    appsplus: str
    judge: str  # the judge's version
    python: str
    kernel: str
    cpus: int  # that it gives us
    memory_mib: int
    pid: int
    rungs: dict[str, Any]  # of the isolation, as `Judge.rungs` has them; empty where no judge started
    calibration: float  # what CPU limits are multiplied by; 0 where no judge started
    modules: tuple[str, ...] = ()  # offered to programs, each with its version
    refusal: str = ""  # why no judge started

    def to_json(self) -> dict[str, Any]:
        """As `--json` shows it."""
        return asdict(self)


Answered = tuple[int, Report | Inspection | Failed]  # the question's place in its batch, what came of it


class NodeJudges:
    """The warm judges of a node, as an actor of Ray. Batches come one by one; their questions share its threads."""

    def __init__(self, cpus: int, isolation: str, modules: tuple[str, ...]) -> None:
        self._cpus, self._modules = cpus, modules
        self._pool = ThreadPoolExecutor(cpus, thread_name_prefix="judge")  # its threads last: judges die with theirs
        self._tests = RecentTests[tuple[UnitTest, ...]]()
        self._fetching = threading.Lock()
        self._judges: WarmJudges | None = None
        self._refusal = ""
        for _ in range(STARTS):
            try:
                self._judges = self._pool.submit(WarmJudges, isolation=isolation, modules=modules).result()
                break
            except (InputError, SandboxError) as error:
                self._refusal = str(error)

    def facts(self) -> NodeFacts:
        """Who we are, and what isolation holds here."""
        judges = self._judges
        return NodeFacts(
            appsplus=metadata.version("appsplus"),
            judge=judge_version(),
            python=platform.python_version(),
            kernel=platform.release(),
            cpus=self._cpus,
            memory_mib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
            pid=os.getpid(),
            rungs={} if judges is None else judges.rungs,
            calibration=0.0 if judges is None else round(judges.scale, 3),
            modules=versions_of(self._modules),
            refusal="" if judges is not None else self._refusal,
        )

    def answer(self, batch: list[Asked], tests: dict[str, Any]) -> Iterator[list[Answered]]:
        """The answers to a batch, a few at a time as they come. `tests`: digest -> reference.

        Each question is one for the pool, so that a slow one holds up a CPU, and not those that have come with it.
        """
        answers: SimpleQueue[Answered] = SimpleQueue()
        works = [self._pool.submit(self._put, answers, number, asked, tests) for number, asked in enumerate(batch)]
        left = len(batch)
        while left:
            some = _arrived(answers, left)
            left -= len(some)
            yield some
        for work in works:
            work.result()

    def cpu_s(self) -> float:
        """CPU seconds that this process, its judges and their programs have used. Who is stopped does not say."""
        return tree_cpu_s()

    def close(self) -> None:
        """End all judges, at once."""
        if self._judges is not None:
            self._judges.close()

    def _put(self, answers: "SimpleQueue[Answered]", number: int, asked: Asked, tests: dict[str, Any]) -> None:
        answer: Report | Inspection | Failed = Failed("it could not be asked")
        try:
            answer = self._answer(asked, tests)
        finally:  # `answer` waits for as many as were asked
            answers.put((number, answer))

    def _answer(self, asked: Asked, tests: dict[str, Any]) -> Report | Inspection | Failed:
        try:
            if self._judges is None:
                return Failed(self._refusal)
            question = self._whole(asked, tests)
            return self._judges.ask(hash_seed_of(question), lambda judge: put_to(judge, question))
        except InputError as error:
            return Failed(str(error), is_input=True)
        except (SandboxError, OSError) as error:  # an OSError: no room for a judge's files, or no more processes here
            return Failed(str(error))

    def _whole(self, asked: Asked, tests: dict[str, Any]) -> Question:
        if not asked.tests:
            return asked.question
        import ray

        assert isinstance(asked.question, Job)
        try:
            with self._fetching:  # one thread fetches them, the others find them
                found = self._tests.get(asked.tests, asked.tests_chars, lambda: ray.get(tests[asked.tests]))
        except ray.exceptions.RayError as error:  # this node has no room for them, or they are lost
            raise SandboxError(f"its unit tests could not be had here: {one_line(error)}") from error
        return with_tests(asked.question, found)


def _arrived(answers: "SimpleQueue[Answered]", most: int) -> list[Answered]:
    """What has come TELL_EVERY_S after the first answer, up to `most`."""
    some = [answers.get()]
    until = time.monotonic() + TELL_EVERY_S
    while len(some) < most:
        try:
            some.append(answers.get(timeout=max(0.0, until - time.monotonic())))
        except Empty:
            break
    return some
