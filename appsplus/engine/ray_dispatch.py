"""What goes to which node, and what comes of it. Call everything within one event loop.

A node has more batches in flight than CPUs, so that it never waits for us, and no more, so that what is in flight is
bounded. The next batch goes to the node with the least to do. What a process had not answered when it died is asked
again: alone in its batch at first, then alone on a node, so that a program that takes its process down is found out.
What the judge of a node fails on is asked of another node; where a node fails on one question after another, and others do
not, it is the node that is sick.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from appsplus.engine.batches import Pending, Waiting
from appsplus.engine.bulk import program_of
from appsplus.engine.ray_cluster import load_ray, one_line
from appsplus.engine.ray_node import Asked, Failed
from appsplus.engine.ray_start import Member
from appsplus.engine.ray_tests import RecentTests, without_tests
from appsplus.engine.strikes import Strikes
from appsplus.errors import AppsplusError, InputError, JudgingEndedError, SandboxError
from appsplus.judge import Inspection, Job, Report

AHEAD = 2  # batches in flight for each CPU of a node
SICK = 10  # different questions that the judge of a node fails on, with no answer in between


class Dispatch:
    """Questions go out, answers come in. `keep` stores an answer.

    `on_loss` is told of a member whose process died, `on_sick` of one that fails on whatever it is asked, and why.
    """

    def __init__(
        self,
        *,
        strikes: Strikes,
        keep: Callable[[str, Report | Inspection], None],
        on_loss: Callable[[Member], None],
        on_sick: Callable[[Member, str], None],
        longest_first: bool,
    ) -> None:
        self.members: list[Member] = []
        self.answered: Counter[str] = Counter()  # by the node's name
        self._strikes, self._keep, self._on_loss, self._on_sick = strikes, keep, on_loss, on_sick
        self._pending = Pending(longest_first=longest_first)
        self._suspects: deque[Waiting] = deque()  # each to be asked alone on a node
        self._elsewhere: deque[Waiting] = deque()  # each to be asked of another node than before
        self._in_flight: set[Waiting] = set()
        self._tests = RecentTests[Any]()  # references to what lies in the object store
        self._tasks: set[asyncio.Task[None]] = set()
        self._over: JudgingEndedError | None = None

    def ask(self, waiting: Waiting) -> None:
        """A question, to be answered by any node."""
        if self._over is not None:
            waiting.future.set_exception(self._over)
            return
        self._pending.add(waiting)
        self.go_on()

    def go_on(self) -> None:
        """Send out what can be sent."""
        self._quarantine()
        self._ask_elsewhere()
        while self._pending and (member := self._freest()) is not None:
            takers = AHEAD * sum(m.cpus for m in self.members)
            if batch := self._pending.take(takers):
                self._send(member, batch)

    def give_up(self, error: JudgingEndedError, *, for_good: bool = False) -> None:
        """Whoever waits for an answer gets this error; `for_good`: whoever asks later, too."""
        if for_good:
            self._over = error
        for waiting in [*self._pending.drain(), *self._suspects, *self._elsewhere, *self._in_flight]:
            if not waiting.future.done() and waiting.begins():
                waiting.future.set_exception(error)
        self._suspects.clear()
        self._elsewhere.clear()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this beside everything else, until `end`."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Stop whatever is still being done."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _freest(self, but: object = None) -> Member | None:
        free = [m for m in self.members if m.batches < AHEAD * m.cpus and not m.is_quarantine and m is not but]
        return min(free, key=lambda m: m.load, default=None)

    def _ask_elsewhere(self) -> None:
        for _ in range(len(self._elsewhere)):
            waiting = self._elsewhere.popleft()
            member = self._freest(waiting.avoids if len(self.members) > 1 else None)
            if member is None:
                self._elsewhere.append(waiting)
            elif waiting.begins():
                self._send(member, [waiting])

    def _quarantine(self) -> None:
        """Let a node run out of work, and give it the suspects one by one."""
        alone = next((m for m in self.members if m.is_quarantine), None)
        if alone is None and self._suspects and self.members:
            alone = min(self.members, key=lambda m: m.load)
            alone.is_quarantine = True
        if alone is None or alone.batches:
            return
        while self._suspects:
            suspect = self._suspects.popleft()
            if suspect.begins():
                self._send(alone, [suspect])
                return
        alone.is_quarantine = False

    def _send(self, member: Member, batch: list[Waiting]) -> None:
        member.batches += 1
        self._in_flight.update(batch)
        self.spawn(self._run(member, batch, is_alone=member.is_quarantine))

    async def _run(self, member: Member, batch: list[Waiting], *, is_alone: bool) -> None:
        ray = load_ray()
        left = dict(enumerate(batch))
        why, is_lost = "it ended without an answer", False
        try:
            asked, tests = self._packed(batch)
            async for reference in member.actor.answer.remote(asked, tests):
                for number, answer in await reference:
                    self.answered[member.node.name] += 1
                    self._settle(left.pop(number), answer, member)
        except (ray.exceptions.ObjectStoreFullError, ray.exceptions.OutOfDiskError) as error:
            self.give_up(_store_full(error))
        except ray.exceptions.RayTaskError as error:
            why = one_line(error.cause)
            self._tests.clear()  # in case it was they that could not be had
        except ray.exceptions.RayError as error:
            why, is_lost = one_line(error), True
            self._on_loss(member)
        finally:
            member.batches -= 1
            self._in_flight.difference_update(batch)
            for waiting in left.values():
                words = SandboxError(f"node {member.node.name}: {why}")
                self._ask_again(waiting, words, is_lost=is_lost, was_alone=is_alone)
            if self._over is None:
                self.go_on()

    def _packed(self, batch: list[Waiting]) -> tuple[list[Asked], dict[str, Any]]:
        """The batch as it travels, and references to the large unit tests."""
        asked, tests = [], {}
        for waiting in batch:
            question = waiting.question
            if waiting.tests and isinstance(question, Job):
                put = partial(load_ray().put, question.unit_tests)
                tests[waiting.tests] = self._tests.get(waiting.tests, waiting.tests_chars, put)
                question = without_tests(question)
            asked.append(Asked(question, waiting.tests, waiting.tests_chars))
        return asked, tests

    def _settle(self, waiting: Waiting, answer: Report | Inspection | Failed, member: Member) -> None:
        if isinstance(answer, Failed) and not answer.is_input:
            member.failed.add(waiting.key)
            waiting.avoids = member
            self._ask_again(waiting, SandboxError(f"node {member.node.name}: {answer.message}"))
            if len(member.failed) >= SICK and len(self.members) > 1:
                self._on_sick(member, answer.message)
            return
        member.failed.clear()
        found: Report | Inspection | AppsplusError
        if isinstance(answer, Failed):
            found = InputError(answer.message)
        else:
            self._strikes.answered(waiting.key)
            found = self._kept(waiting.key, answer)
        if waiting.future.done():  # nobody waits any more; the next run finds it
            return
        if isinstance(found, AppsplusError):
            waiting.future.set_exception(found)
        else:
            waiting.future.set_result(found)

    def _kept(self, key: str, answer: Report | Inspection) -> Report | Inspection | AppsplusError:
        try:
            self._keep(key, answer)
        except AppsplusError as error:  # the disk is full
            return error
        return answer

    def _ask_again(
        self, waiting: Waiting, error: SandboxError, *, is_lost: bool = False, was_alone: bool = False
    ) -> None:
        if waiting.future.done():
            return
        try:
            if self._over is not None:
                raise self._over
            if not is_lost:
                self._strikes.strike(waiting.key, program_of(waiting.question), error)
            elif was_alone:
                self._strikes.lost(waiting.key, program_of(waiting.question), error)
        except SandboxError as out:
            waiting.future.set_exception(out)
            return
        waiting.losses += is_lost
        waiting.travels_alone = True
        if is_lost and waiting.losses > 1:
            self._suspects.append(waiting)
        elif waiting.avoids is not None and not is_lost:
            self._elsewhere.append(waiting)
        else:
            self._pending.add(waiting, first=True)


def _store_full(error: Exception) -> JudgingEndedError:
    return JudgingEndedError(
        f"Ray's object store has no room for the unit tests ({one_line(error)}); make room in /dev/shm and on the disk of"
        " Ray's temporary folder, on this machine. What was judged is kept; run it again"
    )
