"""What every engine has in common: questions in bulk, the cache in front, answers in the order asked."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

from appsplus.engine.cache import Cache, keys_of
from appsplus.engine.costs import Expectation, Spent, tree_cpu_s
from appsplus.engine.strikes import Strikes
from appsplus.engine.turn import TURN
from appsplus.errors import JudgingEndedError
from appsplus.judge import STRICT_RUNGS, Inspection, Job, Judge, Report

Answer = TypeVar("Answer", Report, Inspection)
Question = Job | tuple[str, tuple[str, ...]]  # judge this, or inspect (program, modules)


def put_to(judge: Judge, question: Question) -> Report | Inspection:
    """Ask a judge. Raises SandboxError, and InputError for a checker that does not compile."""
    return judge.run(question) if isinstance(question, Job) else judge.inspect(question[0])


def hash_seed_of(question: Question) -> int:
    """Which judge can answer it."""
    return question.hash_seed if isinstance(question, Job) else 0


def program_of(question: Question) -> str:
    """The program that a question is about."""
    return question.program if isinstance(question, Job) else question[0]


def ended() -> JudgingEndedError:
    """What whoever waits for an engine gets when it is closed."""
    return JudgingEndedError("the engine is closed, and judges nothing any more")


class BulkEngine:
    """`judge` and `inspect` in bulk. Safe to call from several threads; a context manager.

    An engine says in `_submit` where a question is asked, keeps the answer with `_keep`, and ends all of it in `close`.
    Failures of the judge go to `strikes`.
    """

    expects = True  # whether it asks `expectation` how long a question will take

    def __init__(self, *, workers: int, isolation: str, cache: Cache | None, modules: tuple[str, ...]) -> None:
        self.workers, self.isolation, self.modules = workers, isolation, modules
        self.counts: Counter[str] = Counter()  # answers by "judged" and "cached"
        self._rungs: dict[str, Any] = {}
        self.strikes, self.expectation, self.spent = Strikes(), Expectation(), Spent()
        self.tell: Callable[[str], None] = lambda _: None  # what becomes of the machines, for people
        self._cache = cache
        self._counting = threading.Lock()

    @property
    def rungs(self) -> dict[str, Any]:
        """Which rungs of the isolation hold, as `Judge.rungs` has them; the cache is told which do not."""
        return self._rungs

    @rungs.setter
    def rungs(self, rungs: dict[str, Any]) -> None:
        self._rungs = rungs
        if self._cache is not None:
            self._cache.lacking = tuple(name for name in STRICT_RUNGS if rungs.get(name) is False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything, at once; what is being judged is lost, what has been judged is in the cache.

        Threads that wait for an answer get JudgingEndedError or CancelledError. A second call does nothing.
        """
        raise NotImplementedError

    @property
    def answered(self) -> dict[str, int]:
        """How many questions each machine has answered, by its name; empty where there is but one."""
        return {}

    def judge(self, jobs: Sequence[Job]) -> list[Report]:
        """Run jobs; reports in their order."""
        return self._answers(jobs, None if self._cache is None else self._cache.report)

    def inspect(self, programs: Sequence[str]) -> list[Inspection]:
        """Parse programs inside the sandbox; inspections in their order."""
        questions = [(program, self.modules) for program in programs]
        return self._answers(questions, None if self._cache is None else self._cache.inspection)

    def _submit(self, key: str, question: Question) -> Future[Any]:
        raise NotImplementedError

    def _keep(self, key: str, answer: Report | Inspection) -> None:
        if self._cache is not None:
            self._cache.store(key, answer)

    def cpu_s(self) -> float:
        """CPU seconds used so far, all told; see `costs.tree_cpu_s`."""
        return tree_cpu_s()

    def _answers(self, questions: Sequence[Question], known: Callable[[str], Answer | None] | None) -> list[Answer]:
        keys = list(keys_of(questions))
        found: dict[str, Answer | Future[Answer]] = {}
        answers: dict[str, Answer] = {}
        try:
            for key, question in zip(keys, questions, strict=True):
                if key not in found:
                    answer = known(key) if known else None
                    found[key] = self._submit(key, question) if answer is None else answer
                    with self._counting:
                        self.counts["judged" if answer is None else "cached"] += 1
            for key, question in zip(keys, questions, strict=True):
                if key not in answers:
                    answers[key] = self._taken(key, question, found[key])
        finally:  # where one has failed, nobody waits for the others
            for item in found.values():
                if isinstance(item, Future):
                    item.cancel()
        return [answers[key] for key in keys]

    def _taken(self, key: str, question: Question, item: Answer | Future[Answer]) -> Answer:
        """An answer, with what it cost on the books."""
        if isinstance(item, Future):
            with TURN.given_up():
                answer: Answer = item.result()
        else:
            answer = item
        self.spent.enter(key, answer, known=not isinstance(item, Future))
        if self.expects:
            self.expectation.learn(question, answer)
        return answer
