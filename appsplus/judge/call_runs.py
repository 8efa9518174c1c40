"""Programs of the call format: one process answers unit tests in turn, a fresh one after each that broke it.

Standard library only.
"""

import mmap
import os
import resource
import signal
import struct
from types import CodeType
from typing import Any

from appsplus.judge import probes, program, tracer
from appsplus.judge.frames import send
from appsplus.judge.process import (
    Clock,
    Job,
    Program,
    Setup,
    head_of,
    lock_down,
    read_available,
    started,
    watch,
    with_lines,
)

_ANSWER = struct.Struct("<cII")  # kind, peak resident KiB, length


def judge_calls(setup: Setup, job: Job, code: CodeType, lines: tracer.LineMap | None) -> None:
    """Run all unit tests, and send a report of each."""
    unit_test, timeouts = 0, 0
    while unit_test < len(job.inputs):
        caller = _Caller(setup, job, code, lines)
        fresh = True
        while unit_test < len(job.inputs) and (fresh or not job.alone):
            head, body, usable = caller.ask(unit_test)
            send(setup.connection, b"T", {"unit_test": unit_test, "fresh": fresh, **head}, body)
            unit_test, fresh = unit_test + 1, False
            timeouts += head["ended"] in ("cpu", "wall")
            if timeouts >= job.stop_after_timeouts:
                unit_test = len(job.inputs)
            if not usable:
                break
        caller.close()


class _Caller:
    """A forked program of the call format, which answers unit tests one after another."""

    def __init__(self, setup: Setup, job: Job, code: CodeType, lines: tracer.LineMap | None) -> None:
        self._job, self._lines = job, lines
        questions, self._questions = os.pipe()
        self._answers, answers = os.pipe()
        self._hit = None if lines is None else mmap.mmap(-1, lines.size)
        self._load_lines = b""
        self._is_started = self._is_loaded = False
        self._buffer = bytearray()
        self._forked = Program(setup, job)
        if self._forked.pid == 0:
            program.take_descriptors(questions, os.open(os.devnull, os.O_RDWR), answers, call=True)
            lock_down(setup, job)
            traced = None if self._hit is None else probes.recorder(code, self._hit)
            program.run_calls(code, str(job.entry_point), job.inputs, traced)
        os.close(questions)
        os.close(answers)
        os.set_blocking(self._answers, False)
        self._failure = self._load()

    def _load(self) -> tuple[dict[str, Any], bytes] | None:
        """Wait until the module's own code has run; what went wrong with it stands for every unit test."""
        head, body = self._await()
        if not self._is_started:
            raise RuntimeError("the process ended before its program was started")
        self._is_loaded = True
        if self._hit is not None:
            self._load_lines = bytes(self._hit)
        return None if head["ended"] == "ready" else (head, body)

    def ask(self, unit_test: int) -> tuple[dict[str, Any], bytes, bool]:
        """Run one unit test: head, body, and whether this process can take another."""
        if self._failure is not None:
            head, body = self._failure
            return with_lines(dict(head), self._lines, self._load_lines), body, False
        if self._hit is not None:
            self._hit[:] = bytes(len(self._hit))
        self._buffer.clear()
        read_available(self._answers)  # an answer given before the question is no answer
        self._forked.clock = Clock(self._forked.pid, self._job)
        try:
            os.write(self._questions, struct.pack("<I", unit_test))
            head, body = self._await()
        except BrokenPipeError:
            head, body = self._ended("exit")
        return with_lines(head, self._lines, self._hit, self._load_lines), body, head["ended"] in ("value", "error")

    def _await(self) -> tuple[dict[str, Any], bytes]:
        while True:
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
            if not self._is_started:
                self._buffer = bytearray(started(self._buffer))
                self._is_started = True
            answer = self._first_answer()
            if answer is not None:
                return answer

    def _first_answer(self) -> tuple[dict[str, Any], bytes] | None:
        """The first whole answer in the buffer, as far as one has arrived."""
        while len(self._buffer) >= _ANSWER.size:
            kind, peak_kib, length = _ANSWER.unpack_from(self._buffer)
            if length > self._job.output_bytes:
                return self._ended("output")
            if len(self._buffer) < _ANSWER.size + length:
                return None
            body = bytes(self._buffer[_ANSWER.size : _ANSWER.size + length])
            if kind != b"R" or not self._is_loaded:
                ended = {b"V": "value", b"E": "error", b"R": "ready"}.get(kind, "exit")
                return head_of(ended, *self._forked.clock.spent(), peak_kib / 1024), body
            del self._buffer[: _ANSWER.size + length]  # said twice; the answer may follow
        return None

    def _ended(self, how: str) -> tuple[dict[str, Any], bytes]:
        cpu_s, wall_s = self._forked.clock.spent()
        status, usage = self._stop()
        if how == "exit" and status == -signal.SIGKILL and usage.ru_utime + usage.ru_stime >= self._job.cpu_s:
            how = "cpu"
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
