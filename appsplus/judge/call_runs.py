"""Programs of the call format: one process answers unit tests in turn, a fresh one after each that broke it.

Standard library only.
"""

import mmap
import os
import resource
import signal
import struct
from typing import Any, NoReturn

from appsplus.judge import program
from appsplus.judge.compiling import Compiled
from appsplus.judge.frames import send
from appsplus.judge.line_map import hit_size
from appsplus.judge.process import (
    Clock,
    Job,
    Program,
    Setup,
    become,
    give_up,
    head_of,
    read_available,
    watch,
    with_lines,
)

_ANSWER = struct.Struct("<cII")  # kind, peak resident KiB, length
_ENDED = {b"V": "value", b"E": "error", b"R": "ready"}


def judge_calls(setup: Setup, job: Job, compiled: Compiled) -> None:
    """Run all unit tests, and send a report of each."""
    alone = job.alone or compiled.keeps_state
    unit_test = timeouts = 0
    while unit_test < len(job.inputs):
        caller = _Caller(setup, job, compiled)
        caller.load()
        fresh = True
        while unit_test < len(job.inputs) and (fresh or not alone):
            head, body, usable = caller.ask(unit_test)
            send(setup.connection, b"T", {"unit_test": unit_test, "fresh": fresh, **head}, body)
            unit_test, fresh = unit_test + 1, False
            timeouts += head["ended"] == "wall" or head["cpu_s"] >= job.cpu_s
            if timeouts >= job.stop_after_timeouts:
                unit_test = len(job.inputs)
            if not usable:
                break
        caller.close()


class _Caller:
    """A forked program of the call format, which answers unit tests one after another."""

    def __init__(self, setup: Setup, job: Job, compiled: Compiled) -> None:
        self._job = job
        questions, self._questions = os.pipe()
        self._answers, answers = os.pipe()
        self._hit = mmap.mmap(-1, hit_size(job.source)) if job.coverage else None
        self._lines = None if self._hit is None else compiled.line_map(len(self._hit))
        self._load_lines = b""
        self._stage = b"S"  # the kind of record that comes next from our own code
        self._buffer = bytearray()
        self._forked = Program(setup, job.kill_cpu_s, job.wall_s)

        def run() -> NoReturn:
            program.take_descriptors(questions, answers)
            cpu_s = job.kill_cpu_s * (1 + len(job.inputs))
            give_up(setup, cpu_s=cpu_s, memory_bytes=job.memory_bytes, file_bytes=job.output_bytes)
            program.run_calls(compiled, self._hit, str(job.entry_point), job.inputs)

        if self._forked.pid == 0:
            become(run)
        os.close(questions)
        os.close(answers)
        os.set_blocking(self._answers, False)
        self._failure: tuple[dict[str, Any], bytes] | None = None

    def load(self) -> None:
        """Wait until the module's own code has run; what goes wrong with it stands for every unit test."""
        head, body = self._await()
        if self._stage == b"S":
            raise RuntimeError(f"the process ended before its program was started: {bytes(self._buffer[:300])!r}")
        self._stage = b"V"
        if self._hit is not None:
            self._load_lines = bytes(self._hit)
        self._failure = None if head["ended"] == "ready" else (head, body)

    def ask(self, unit_test: int) -> tuple[dict[str, Any], bytes, bool]:
        """Run one unit test: head, body, and whether this process can take another."""
        if self._failure is not None:
            head, body = self._failure
            return with_lines(dict(head), self._lines, self._load_lines), body, False
        if self._hit is not None:
            self._hit[:] = bytes(len(self._hit))
        self._buffer.clear()
        read_available(self._answers)  # an answer given before the question is no answer
        self._restart_clock()
        try:
            os.write(self._questions, struct.pack("<I", unit_test))
            head, body = self._await()
        except BrokenPipeError:
            head, body = self._ended("exit")
        return with_lines(head, self._lines, self._hit, self._load_lines), body, head["ended"] in ("value", "error")

    def _restart_clock(self) -> None:
        if self._forked.pid > 0:
            self._forked.clock = Clock(self._forked.pid, self._job.kill_cpu_s, self._job.wall_s)

    def _await(self) -> tuple[dict[str, Any], bytes]:
        while True:
            answer = self._first_answer()
            if answer is not None:
                return answer
            state = watch(self._forked, self._answers)
            if state != "answer":
                return self._ended(state)
            try:
                part = os.read(self._answers, 1 << 18)
            except BlockingIOError:
                continue
            if not part:
                return self._ended("exit" if watch(self._forked) == "exit" else self._forked.clock.exceeded())
            self._buffer += part

    def _first_answer(self) -> tuple[dict[str, Any], bytes] | None:
        """The first whole answer in the buffer, as far as one has arrived."""
        while len(self._buffer) >= _ANSWER.size:
            kind, peak_kib, length = _ANSWER.unpack_from(self._buffer)
            if length > self._job.output_bytes:
                return self._ended("output")
            if len(self._buffer) < _ANSWER.size + length:
                return None
            body = bytes(self._buffer[_ANSWER.size : _ANSWER.size + length])
            if kind == self._stage == b"S":  # from here on it is the program that speaks
                self._stage = b"R"
            elif kind != b"R" or self._stage == b"R":  # else ready was said twice, and the answer may follow
                del self._buffer[: _ANSWER.size + length]
                return head_of(_ENDED.get(kind, "exit"), *self._forked.clock.spent(), peak_kib / 1024), body
            del self._buffer[: _ANSWER.size + length]
        return None

    def _ended(self, how: str) -> tuple[dict[str, Any], bytes]:
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
