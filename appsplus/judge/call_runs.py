"""Programs of the call format: one process answers unit tests in turn, a fresh one after each that broke it.

Standard library only. Unit tests are asked in batches, so that neither side waits for the other after each; the first is
asked before the program's own code has run, and answers that take no time are told together. What comes in at one glance
shares the time since the last one; that is exact enough as long as it is far from the limits. A batch in which it is not,
or whose process ends before all is answered, is cut off there, and the rest is asked one at a time, each on a clock of
its own.
"""

import contextlib
import os
import resource
import signal
from collections.abc import Iterator
from typing import Any

from appsplus.judge import state
from appsplus.judge.compiling import Compiled
from appsplus.judge.line_map import hit_size
from appsplus.judge.process import (
    Job,
    Program,
    Setup,
    head_of,
    one_way,
    read_available,
    send_reports,
    watch,
    with_lines,
)
from appsplus.judge.program import ANSWER, ERROR, QUESTION, READY, SPENT, STARTED, VALUE
from appsplus.judge.task import CALLS, HitFile, Task

_BATCH = 64  # unit tests that are asked at once
_HITS_BYTES = 1 << 22  # of the lines of a batch
_SHARE = 0.2  # of the limits: what comes in at one glance may take; with the glance before, far from `verdicts.NEAR`
_Report = tuple[dict[str, Any], bytes]
_ANSWERED = ("value", "error", "output")
_IN_DOUBT = ("cpu", "wall", "exit")  # of several at once: which one it was is not known
_ENDED = {VALUE: "value", ERROR: "error"}


def judge_calls(setup: Setup, job: Job, compiled: Compiled) -> None:
    """Run all unit tests, and send a report of each."""
    alone = job.alone or compiled.keeps == state.ANYTHING
    size = hit_size(job.source)
    most = min(_BATCH, max(1, _HITS_BYTES // size), len(job.inputs)) if job.coverage else _BATCH
    batch = 1 if alone else most
    done = timeouts = 0
    while done < len(job.inputs):
        hits = HitFile(size, most + 1) if job.coverage else None  # the last place is for the module's own code
        caller = _Caller(setup, job, compiled, hits, range(done, min(done + batch, len(job.inputs))))
        while True:
            for reports in caller.answers():
                send_reports(setup, done, reports)
                done += len(reports)
                timeouts += sum(head["ended"] == "wall" or head["cpu_s"] >= job.cpu_s for head, _ in reports)
                if timeouts >= job.stop_after_timeouts:
                    done = len(job.inputs)
            alone = alone or caller.is_spent
            batch = 1 if alone or caller.cut_off else batch
            if alone or not caller.is_alive or done >= len(job.inputs):
                break
            caller.ask(range(done, min(done + batch, len(job.inputs))))
        caller.close()


class _Caller:
    """A forked program of the call format, which answers unit tests one after another."""

    def __init__(self, setup: Setup, job: Job, compiled: Compiled, hits: HitFile | None, first: range) -> None:
        """`first`: the unit tests that are asked now; `hits`: for the lines of those that are asked at once, and of the
        module's own code, where lines are asked for.
        """
        self._job = job
        questions, self._questions = one_way()
        self._answers, answers = one_way()
        self._hits = hits
        self._hit = None if hits is None else HitFile(hits.size)
        self._lines = None if hits is None else compiled.line_map(hits.size)
        self._stage = STARTED  # the kind of record that comes next from our own code
        self._mark = os.urandom(8)  # which records have that our own code writes, and nothing else has
        self._buffer = bytearray()
        os.set_blocking(self._answers, False)
        os.set_blocking(self._questions, False)
        self._asked = first
        os.write(self._questions, QUESTION.pack(first.start, len(first)))
        cpu_s = job.kill_cpu_s * (1 + len(job.inputs))
        body = (compiled.code, str(job.entry_point), job.inputs, compiled.keeps, self._mark)
        task = Task(CALLS, cpu_s, job.memory_bytes, job.output_bytes)
        descriptors = {"stdin": questions, "report": answers}
        if self._hit is not None and self._hits is not None:
            descriptors |= {"hit": self._hit.descriptor, "hits": self._hits.descriptor}
        self._forked = Program(setup, task, body, descriptors, self._share * job.kill_cpu_s, self._share * job.wall_s)
        os.close(questions)
        os.close(answers)
        self._failure: _Report | None = None  # of the module's own code, which stands for every unit test
        self._fresh = True  # no unit test has run yet
        self._load_s = 0.0, 0.0  # CPU and wall seconds of the module's own code: the first unit test's, as in a shell
        self.cut_off = False  # a batch came near a limit, or its process ended
        self.is_spent = False  # it keeps something that the next unit test might see

    @property
    def _share(self) -> float:
        """Of the limits, for what is asked now."""
        return 1.0 if len(self._asked) == 1 else _SHARE

    def ask(self, numbers: range) -> None:
        """Go on with these unit tests."""
        self._asked = numbers
        if self._failure is not None:
            return
        if self._hit is not None:
            self._hit.clear()
        self._buffer.clear()
        read_available(self._answers)  # an answer given before the question is no answer
        self._restart_clock()
        with contextlib.suppress(BrokenPipeError, BlockingIOError):  # it has closed its end, or does not read
            os.write(self._questions, QUESTION.pack(numbers.start, len(numbers)))

    def answers(self) -> Iterator[list[_Report]]:
        """Reports of the unit tests that were asked last, as they come, up to the one that the process did not survive.

        Of several, up to what came near a limit or ended the process, which gets no report: `cut_off` then says so.
        """
        numbers, left = self._asked, len(self._asked)
        while left and self.is_alive and self._failure is None:
            reports = self._await(left)
            if self._failure is not None:
                break
            if len(numbers) > 1 and any(head["ended"] in _IN_DOUBT for head, _ in reports):
                self.cut_off = True
                return
            places = range(len(numbers) - left, len(numbers))
            left -= len(reports)
            yield [(self._finished(head, at), body) for at, (head, body) in zip(places, reports, strict=False)]
            if self.is_spent and self.is_alive:
                self._stop()
            self._restart_clock()
        if self._failure is not None:
            head, body = self._failure
            yield [(self._with_lines(dict(head), None), body) for _ in numbers]

    def _finished(self, head: dict[str, Any], place: int) -> dict[str, Any]:
        """The head of the report of a unit test, by its place in the batch."""
        head["fresh"], self._fresh = self._fresh, False
        if head["fresh"]:
            head["cpu_s"], head["wall_s"] = head["cpu_s"] + self._load_s[0], head["wall_s"] + self._load_s[1]
        return self._with_lines(head, place if head["ended"] in _ANSWERED else None)

    def _with_lines(self, head: dict[str, Any], place: int | None) -> dict[str, Any]:
        """With the lines of an answer, by its place, or of what was run last; and those of the module's own code."""
        if self._hit is None or self._hits is None:
            return head
        hit = self._hit.content() if place is None else self._hits.content(place)
        return with_lines(head, self._lines, hit, self._hits.content(self._hits.places - 1))

    @property
    def is_alive(self) -> bool:
        """Whether this process can take another unit test."""
        return self._forked.pid > 0

    def _restart_clock(self) -> None:
        if self.is_alive:
            self._forked.restart_clock(self._share * self._job.kill_cpu_s, self._share * self._job.wall_s)

    def _await(self, most: int) -> list[_Report]:
        """What has come in since the last time, `most` reports, the last maybe of the process's end; none where the module's
        own code failed, which is then `_failure`, else one at least.
        """
        while True:
            loads, found = self._stage != VALUE, list(self._records())
            if found:
                cpu_s, wall_s = (spent / min(most, len(found)) for spent in self._forked.clock.spent())
                if self._forked.left_ms() <= 0:
                    return [self._ended(self._forked.clock.exceeded())]
                reports: list[_Report] = []
                for kind, peak_kib, body in found[:most]:
                    if body is None or kind not in _ENDED:
                        return [*reports, self._ended("output" if body is None else "exit")]
                    peak_mib = min(peak_kib << 10, self._job.memory_bytes) / (1 << 20)  # as its own process says
                    reports.append((head_of(_ENDED[kind], cpu_s, wall_s, peak_mib), body))
                if self._stage == READY and found[0][0] == ERROR:
                    [self._failure], reports = reports[:1], []
                return reports
            if loads and self._stage == VALUE:
                self._load_s = self._forked.clock.spent()
                self._restart_clock()
            state = watch(self._forked, self._answers)
            if state != "answer":
                return [self._ended(state)]
            try:
                part = os.read(self._answers, 1 << 18)
            except BlockingIOError:
                continue
            if not part:
                return [self._ended("exit" if watch(self._forked) == "exit" else self._forked.clock.exceeded())]
            self._buffer += part
            if self._stage == STARTED and not self._buffer.startswith(STARTED):
                return [self._ended("exit")]

    def _records(self) -> Iterator[tuple[bytes, int, bytes | None]]:
        """The whole records in the buffer that are answers: kind, peak memory in KiB, body; None for one that is too long."""
        at = 0
        while len(self._buffer) - at >= ANSWER.size:
            kind, peak_kib, length = ANSWER.unpack_from(self._buffer, at)
            start, at = at + ANSWER.size, at + ANSWER.size + length
            if length > len(self._mark) + self._job.output_bytes:
                yield kind, peak_kib, None
                break
            if len(self._buffer) < at:
                at = start - ANSWER.size
                break
            if not self._buffer.startswith(self._mark, start):  # not written by our code
                continue
            if kind in (STARTED, READY):
                if kind == self._stage:  # each once, in this order: a program knows the mark, the clock follows them
                    self._stage = READY if kind == STARTED else VALUE
            elif kind == SPENT:
                self.is_spent = True
            else:
                yield kind, peak_kib, bytes(self._buffer[start + len(self._mark) : at])
        del self._buffer[:at]

    def _ended(self, how: str) -> _Report:
        """Of the end of the process. Raises RuntimeError where the program was never started, which of several unit tests
        at once is not told before they are answered.
        """
        if self._stage == STARTED and len(self._asked) == 1:
            raise RuntimeError(f"the process ended before its program was started: {bytes(self._buffer[:300])!r}")
        cpu_s, wall_s = self._forked.clock.spent()
        status, usage = self._stop()
        if how == "exit" and status == -signal.SIGKILL and usage.ru_utime + usage.ru_stime >= self._job.kill_cpu_s:
            how, cpu_s = "cpu", max(cpu_s, self._job.kill_cpu_s)
        return head_of(how, cpu_s, wall_s, usage.ru_maxrss / 1024, status), b""

    def _stop(self) -> tuple[int, resource.struct_rusage]:
        self._forked.kill()
        result = self._forked.reap()
        self._forked.pid = -1
        return result

    def close(self) -> None:
        """End the process, if it still runs, and release everything."""
        if self._forked.pid > 0:
            self._stop()
        os.close(self._questions)
        os.close(self._answers)
        for hit in (self._hit, self._hits):
            if hit is not None:
                hit.close()
