"""One job, supervised: compile the program, fork it for its unit tests, time it, kill it, report. Standard library only.

The supervisor is a fork of the worker, and every program is a fork of the supervisor in a PID namespace of its own.
Time is measured here, with the kernel's clock of the program's process, so a program cannot stop or fool its timer.

Frames to the parent: "C" after compilation {error, executable}, "T" per unit test {unit_test, ended, cpu_s, wall_s,
peak_mib, fresh, status, executed} with what the program wrote as the body, "I" the answer to an inspection.

`ended` says how a unit test ended: exit (with `status`), value, error, cpu, wall, output.
"""

import mmap
import os
import resource
import select
import signal
import socket
import struct
import time
from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Any

from appsplus.judge import inspection, isolation, program, seccomp, tracer
from appsplus.judge.frames import send

COMPILE_CPU_S = 10.0
RECURSION_LIMIT = 50_000
_ANSWER = struct.Struct("<cII")  # kind, peak resident KiB, length
_MIB = 1 << 20


@dataclass(frozen=True)
class Setup:
    """What holds for every job of a worker."""

    connection: socket.socket
    filter: "seccomp._Program | None"
    nested_pid_namespace: bool
    capabilities: bool  # there are some to drop
    base_memory_bytes: int  # mapped before any program


@dataclass
class _Job:
    """The parts of a job that the sandbox may know."""

    source: str
    entry_point: str | None
    inputs: list[str]
    cpu_s: float
    wall_s: float
    memory_bytes: int
    output_bytes: int
    coverage: bool
    alone: bool  # every unit test in a fork of its own
    stop_after_timeouts: int


def supervise(setup: Setup, request: dict[str, Any]) -> None:
    """Do one job and answer the parent. Raises ConnectionError when the parent is gone."""
    if request["kind"] == "inspect":
        job = _Job(request["program"], None, [""], COMPILE_CPU_S, 60.0, 1024 * _MIB, 16 * _MIB, False, True, 1)
        head, body = _inspect(setup, job)
        send(setup.connection, b"I", head, body)
        return
    limits = request["limits"]
    job = _Job(
        source=request["program"],
        entry_point=request["entry_point"],
        inputs=request["inputs"],
        cpu_s=limits["cpu_s"],
        wall_s=limits["wall_s"],
        memory_bytes=limits["memory_mib"] * _MIB + setup.base_memory_bytes,
        output_bytes=limits["output_mib"] * _MIB,
        coverage=request["coverage"],
        alone=request["alone"],
        stop_after_timeouts=request["stop_after_timeouts"],
    )
    code, lines = _compile(setup, job)
    if code is None:
        return
    if job.entry_point is None:
        _judge_stdin(setup, job, code, lines)
    else:
        job.alone = job.alone or inspection.keeps_state(job.source)
        _judge_calls(setup, job, code, lines)


def _compile(setup: Setup, job: _Job) -> tuple[CodeType | None, tracer.LineMap | None]:
    """Compile under a CPU timer that kills this process; the worker then reports that the compiler died."""
    resource.setrlimit(resource.RLIMIT_AS, (job.memory_bytes, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, COMPILE_CPU_S)
    lines = None
    try:
        code = compile(job.source, program.FILENAME, "exec", dont_inherit=True)
        if job.coverage:
            lines = tracer.LineMap(job.source)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        send(setup.connection, b"C", {"error": _describe_compile_error(error), "executable": None})
        return None, None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    send(setup.connection, b"C", {"error": None, "executable": None if lines is None else lines.executable})
    return code, lines


def _describe_compile_error(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    text = (getattr(error, "msg", None) or str(error))[:300]
    return f"{type(error).__name__}: {text}" + (f" (line {line})" if line else "")


class _Clock:
    """CPU and wall seconds of one process, read from outside, and its limits."""

    def __init__(self, pid: int, job: _Job) -> None:
        self._clock = (~pid << 3) | 2  # the kernel's CPUCLOCK_SCHED of a process
        self._job = job
        self._cpu_0 = self._cpu_now()
        self._wall_0 = time.monotonic()

    def _cpu_now(self) -> float:
        try:
            return time.clock_gettime(self._clock)
        except OSError:  # the process is gone
            return 0.0

    def spent(self) -> tuple[float, float]:
        """CPU and wall seconds since this clock was made."""
        return max(0.0, self._cpu_now() - self._cpu_0), time.monotonic() - self._wall_0

    def left_ms(self) -> float:
        """Milliseconds in which no limit can be reached, at least 1; 0 when one has been."""
        cpu_s, wall_s = self.spent()
        left_s = min(self._job.cpu_s - cpu_s, self._job.wall_s - wall_s)
        return 0.0 if left_s <= 0 else left_s * 1000 + 1

    def exceeded(self) -> str:
        """Which limit ended the run: "cpu" or "wall"."""
        return "cpu" if self.spent()[0] >= self._job.cpu_s else "wall"


@cache
def _own_handle() -> int:
    return os.pidfd_open(os.getpid())


class _Program:
    """A forked program: its process, and what the kernel says of it."""

    def __init__(self, setup: Setup, job: _Job) -> None:
        if setup.nested_pid_namespace:
            self.pid = isolation.fork_in_pid_namespace(_own_handle())
        else:
            self.pid = os.fork()
        if self.pid == 0:
            return
        self.handle = os.pidfd_open(self.pid)
        self.clock = _Clock(self.pid, job)

    def kill(self) -> None:
        signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def reap(self) -> tuple[int, resource.struct_rusage]:
        """Wait for the end: exit status as a shell gives it (negative: a signal), and resource usage."""
        _, status, usage = os.wait4(self.pid, 0)
        os.close(self.handle)
        return os.waitstatus_to_exitcode(status), usage


def _watch(forked: _Program, answers: int | None = None) -> str:
    """Sleep until the program has ended ("exit"), has something to say ("answer"), or exceeds a limit."""
    poll = select.poll()
    poll.register(forked.handle, select.POLLIN)
    if answers is not None:
        poll.register(answers, select.POLLIN)
    while True:
        left_ms = forked.clock.left_ms()
        if left_ms <= 0:
            return forked.clock.exceeded()
        ready = [descriptor for descriptor, _ in poll.poll(left_ms)]
        if answers is not None and answers in ready:
            return "answer"
        if ready:
            return "exit"


def _lock_down(setup: Setup, job: _Job) -> None:
    """What a program gives up, in order. Runs in its process, before any of its code."""
    setup.connection.close()
    if setup.capabilities:
        isolation.drop_capabilities()
    isolation.die_with_parent()
    isolation.limit_resources(cpu_s=job.cpu_s, memory_bytes=job.memory_bytes, file_bytes=job.output_bytes)
    os.closerange(program.FIRST_FREE_DESCRIPTOR, 256)
    if setup.filter is not None:
        seccomp.install(setup.filter, isolation.libc.prctl)


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("std")
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _judge_stdin(setup: Setup, job: _Job, code: CodeType, lines: tracer.LineMap | None) -> None:
    timeouts = 0
    for unit_test, text in enumerate(job.inputs):
        head, body = _run_stdin(setup, job, code, lines, text)
        send(setup.connection, b"T", {"unit_test": unit_test, "fresh": True, **head}, body)
        timeouts += head["ended"] in ("cpu", "wall")
        if timeouts >= job.stop_after_timeouts:
            return


def _run_stdin(
    setup: Setup, job: _Job, code: CodeType, lines: tracer.LineMap | None, text: str
) -> tuple[dict[str, Any], bytes]:
    stdin, stdout = _memory_file(text.encode("utf-8", "surrogatepass")), _memory_file(b"")
    report, report_end = os.pipe()
    hit = None if lines is None else mmap.mmap(-1, lines.size)
    forked = _Program(setup, job)
    if forked.pid == 0:
        program.take_descriptors(stdin, stdout, report_end)
        _lock_down(setup, job)
        program.run_stdin(code, None if hit is None else tracer.LineTracer(code, hit))
    os.close(report_end)
    ended = _watch(forked)
    _, wall_s = forked.clock.spent()
    if ended != "exit":
        forked.kill()
    status, usage = forked.reap()
    cpu_s = usage.ru_utime + usage.ru_stime
    size = os.fstat(stdout).st_size
    if size >= job.output_bytes:
        ended = "output"
    elif ended == "exit" and cpu_s >= job.cpu_s:
        ended = "cpu"
    error = _started(_read_available(report))
    if ended == "exit" and status != 0:
        body = error
    else:
        body = b"" if ended == "output" else os.pread(stdout, size, 0)
    for descriptor in (stdin, stdout, report):
        os.close(descriptor)
    head = _head(ended, cpu_s, wall_s, usage.ru_maxrss / 1024, status)
    return _with_lines(head, lines, hit), body


def _started(report: bytes | bytearray) -> bytes:
    """What follows the mark that a program's process makes before the program's own code runs.

    Raises RuntimeError where it is missing: whatever happened then is our fault, and no verdict.
    """
    if not report.startswith(program.STARTED):
        raise RuntimeError("the process ended before its program was started")
    return bytes(report[len(program.STARTED) :])


def _read_available(descriptor: int) -> bytes:
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return b""


def _head(ended: str, cpu_s: float, wall_s: float, peak_mib: float, status: int = 0) -> dict[str, Any]:
    return {"ended": ended, "cpu_s": cpu_s, "wall_s": wall_s, "peak_mib": peak_mib, "status": status}


def _with_lines(
    head: dict[str, Any], lines: tracer.LineMap | None, hit: mmap.mmap | bytes | None, before: bytes = b""
) -> dict[str, Any]:
    if lines is not None and hit is not None:
        seen = bytes(hit)
        if before:
            seen = bytes(a | b for a, b in zip(seen, before, strict=True))
        head["executed"] = list(lines.executed(seen))
    return head


def _judge_calls(setup: Setup, job: _Job, code: CodeType, lines: tracer.LineMap | None) -> None:
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

    def __init__(self, setup: Setup, job: _Job, code: CodeType, lines: tracer.LineMap | None) -> None:
        self._job, self._lines = job, lines
        questions, self._questions = os.pipe()
        self._answers, answers = os.pipe()
        self._hit = None if lines is None else mmap.mmap(-1, lines.size)
        self._load_lines = b""
        self._is_started = self._is_loaded = False
        self._buffer = bytearray()
        self._forked = _Program(setup, job)
        if self._forked.pid == 0:
            program.take_descriptors(questions, os.open(os.devnull, os.O_RDWR), answers, call=True)
            _lock_down(setup, job)
            traced = None if self._hit is None else tracer.LineTracer(code, self._hit)
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
            return _with_lines(dict(head), self._lines, self._load_lines), body, False
        if self._hit is not None:
            self._hit[:] = bytes(len(self._hit))
        self._buffer.clear()
        _read_available(self._answers)  # an answer given before the question is no answer
        self._forked.clock = _Clock(self._forked.pid, self._job)
        try:
            os.write(self._questions, struct.pack("<I", unit_test))
            head, body = self._await()
        except BrokenPipeError:
            head, body = self._ended("exit")
        return _with_lines(head, self._lines, self._hit, self._load_lines), body, head["ended"] in ("value", "error")

    def _await(self) -> tuple[dict[str, Any], bytes]:
        while True:
            state = _watch(self._forked, self._answers)
            if state != "answer":
                return self._ended(state)
            try:
                part = os.read(self._answers, 1 << 18)
            except BlockingIOError:
                continue
            if not part:
                return self._ended("exit" if _watch(self._forked) == "exit" else self._forked.clock.exceeded())
            self._buffer += part
            if not self._is_started:
                self._buffer = bytearray(_started(self._buffer))
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
                return _head(ended, *self._forked.clock.spent(), peak_kib / 1024), body
            del self._buffer[: _ANSWER.size + length]  # said twice; the answer may follow
        return None

    def _ended(self, how: str) -> tuple[dict[str, Any], bytes]:
        cpu_s, wall_s = self._forked.clock.spent()
        status, usage = self._stop()
        if how == "exit" and status == -signal.SIGKILL and usage.ru_utime + usage.ru_stime >= self._job.cpu_s:
            how = "cpu"
        return _head(how, cpu_s, wall_s, usage.ru_maxrss / 1024, status), b""

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


def _inspect(setup: Setup, job: _Job) -> tuple[dict[str, Any], bytes]:
    stdin, stdout = _memory_file(b""), _memory_file(b"")
    forked = _Program(setup, job)
    if forked.pid == 0:
        program.take_descriptors(stdin, stdout, os.open(os.devnull, os.O_RDWR))
        _lock_down(setup, job)
        program.run_inspection(job.source)
    ended = _watch(forked)
    if ended != "exit":
        forked.kill()
    status, _ = forked.reap()
    return {"ended": ended, "status": status}, os.pread(stdout, os.fstat(stdout).st_size, 0)
