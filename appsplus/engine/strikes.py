"""Jobs that the judge fails on: three strikes and a job is out, and the others go on. One rule for every engine.

A strike is a SandboxError: the judge's worker died over the job twice in a row. A worker that was killed from outside looks
the same, so a job is asked again, up to STRIKES times in all. Then it is out: NotJudgedError, at once, for whoever asks in
this process. Nothing goes into the cache, so that the next run asks again. Where MOST_IN_A_ROW different jobs were struck out
with no answer in between, it is not the jobs: JudgingEndedError. A job whose machine went away (an actor, a node) was mostly
not to blame: that counts apart, up to LOSSES times.
"""

import threading
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from appsplus.engine.judging import program_hash
from appsplus.errors import JudgingEndedError, NotJudgedError, SandboxError
from appsplus.problem import Reason, Rejection

Answer = TypeVar("Answer")

STRIKES = 3
LOSSES = 10
MOST_IN_A_ROW = 20


class InARow:
    """Failures of the judge with no success in between, counted across threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._last: SandboxError | None = None

    def count(self, error: SandboxError) -> None:
        """One more. Raises JudgingEndedError where it is one too many."""
        with self._lock:
            self._count += 1
            self._last = error
        self.check()

    def check(self) -> None:
        """Raise JudgingEndedError where there were too many."""
        if self._count >= MOST_IN_A_ROW:
            raise JudgingEndedError(
                f"the judge failed on {MOST_IN_A_ROW} programs in a row, at last with: {self._last}. This machine is at"
                " fault, not the programs: `appsplus doctor` may say more. What was judged is kept; run it again"
            )

    def reset(self) -> None:
        """A program was judged."""
        with self._lock:
            self._count = 0


class Strikes:
    """The failures of one engine, by job. Safe to share among threads.

    An engine that waits for each answer uses `ask`. One that hears of answers later calls `check` before it sends a job, then
    `answered`, `strike` or `lost`. Of a batch that went away with its machine nobody knows which job was to blame: send each
    of them alone before `lost` is called.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._strikes: Counter[str] = Counter()  # by key; forgotten with the answer
        self._losses: Counter[str] = Counter()
        self._out: dict[str, tuple[str, str]] = {}  # key: hash of the program, what the judge said last
        self._in_a_row = InARow()

    def __len__(self) -> int:
        return len(self._out)

    def ask(self, key: str, program: str, work: Callable[[], Answer]) -> Answer:
        """What `work` answers to a question about a program, in as many attempts as it has.

        Raises NotJudgedError, JudgingEndedError, and whatever else `work` raises.
        """
        while True:
            self.check(key)
            try:
                answer = work()
            except (NotJudgedError, JudgingEndedError):
                raise
            except SandboxError as error:
                self.strike(key, program, error)
                continue
            self.answered(key)
            return answer

    def check(self, key: str) -> None:
        """Raise NotJudgedError where a job is out."""
        if (out := self._out.get(key)) is not None:
            raise NotJudgedError(*out)

    def answered(self, key: str) -> None:
        """A job has its answer."""
        self._in_a_row.reset()
        with self._lock:
            self._strikes.pop(key, None)
            self._losses.pop(key, None)

    def strike(self, key: str, program: str, error: SandboxError) -> None:
        """The judge failed on a job; returns where it is to be asked again.

        Raises NotJudgedError where that was the last strike, JudgingEndedError where too many jobs in a row are out.
        """
        self._fail(self._strikes, STRIKES, key, program, error)

    def lost(self, key: str, program: str, error: SandboxError) -> None:
        """The machine went away while it judged this job, and no other; as `strike`, with more patience."""
        self._fail(self._losses, LOSSES, key, program, error)

    def _fail(self, counts: Counter[str], most: int, key: str, program: str, error: SandboxError) -> None:
        with self._lock:
            counts[key] += 1
            if counts[key] < most:
                return
            is_new = key not in self._out
            self._out.setdefault(key, (program_hash(program), str(error)))
        if is_new:
            self._in_a_row.count(error)
        self.check(key)


def not_judged(error: NotJudgedError) -> Rejection:
    """How a problem leaves a build that the judge fails on. The same on every machine: what it said last is not in it."""
    detail = (
        "the judge failed on a program of this problem, again and again; that is our fault, and says nothing about the"
        " problem: the next build asks again"
    )
    return Rejection(Reason.NOT_JUDGED, detail, {"program_sha256": error.program_sha256})
