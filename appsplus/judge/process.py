"""A program's process as the worker sees it: started, timed, killed, reaped. Standard library only.

Time is measured from outside, with the kernel's clock of the program's process, so a program cannot stop or fool it.
"""

import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appsplus.judge import program, scratch
from appsplus.judge.frames import Channel
from appsplus.judge.line_map import LineMap
from appsplus.judge.placement import SHORT_MS, Placement
from appsplus.judge.task import Task, packed
from appsplus.judge.template import Template
from appsplus.judge.waiting import Waiting

_FIRST_LOOK = 0.05  # of the wall limit: how long a program has waited by then may be another unit test's waiting
_PATIENCE = 20  # times the wall limit that a program may wait for a CPU


@dataclass
class Setup:
    """What holds for every job of a worker."""

    channel: Channel
    make_template: Callable[[], Template]
    make_rules: Callable[[], int] | None  # of Landlock, for the /tmp that is mounted now: a descriptor
    waiting: Waiting
    owns_tmp: bool  # /tmp is a file system that this worker has mounted
    killed_by_host_only: bool  # programs are PID 1, whom no SIGKILL of their own reaches
    base_memory_bytes: int  # mapped by an idle worker
    placement: Placement = field(default_factory=Placement)
    template: Template | None = None
    rules: int = -1
    rules_know: tuple[int, int] = (-1, -1)  # which /tmp the rules are for

    def stop_template(self) -> None:
        """End the process that programs are forked from; the next program has a new one."""
        if self.template is not None:
            self.template.stop()
            self.template = None

    def prepare(self) -> None:
        """Before a program is forked: an empty /tmp, and rules that know it."""
        scratch.clear(mounted=self.owns_tmp)
        found = scratch.folder().stat()
        known = found.st_dev, found.st_ctime_ns  # the number of a device is used again, and soon
        if self.make_rules is not None and known != self.rules_know:
            if self.rules >= 0:
                os.close(self.rules)
            self.rules, self.rules_know = self.make_rules(), known


@dataclass
class Job:
    """The parts of a job that the sandbox may know."""

    source: str
    entry_point: str | None
    inputs: list[str]
    cpu_s: float  # beyond it a unit test has failed
    kill_cpu_s: float  # beyond it the program is killed
    wall_s: float
    memory_bytes: int
    output_bytes: int
    coverage: bool
    alone: bool  # every unit test in a fork of its own
    stop_after_timeouts: int


def job_of(request: dict[str, Any], base_memory_bytes: int) -> Job:
    """The job that a request of the parent asks for. `base_memory_bytes`: what an idle worker has mapped."""
    limits = request["limits"]
    return Job(
        source=request["program"],
        entry_point=request.get("entry_point"),
        inputs=request.get("inputs", []),
        cpu_s=limits["cpu_s"],
        kill_cpu_s=limits["kill_cpu_s"],
        wall_s=limits["wall_s"],
        memory_bytes=(limits["memory_mib"] << 20) + base_memory_bytes,
        output_bytes=limits["output_mib"] << 20,
        coverage=request.get("coverage", False),
        alone=request.get("alone", False),
        stop_after_timeouts=request.get("stop_after_timeouts", 1),
    )


class Clock:
    """CPU and wall seconds of one process, read from outside, and its limits.

    Time that it has waited for a CPU does not count against the wall limit: `granted_s`, looked up when the limit is reached.
    """

    def __init__(self, pid: int, cpu_s: float, wall_s: float, waited_s: Callable[[], float]) -> None:
        self._clock = (~pid << 3) | 2  # the kernel's CPUCLOCK_SCHED of a process
        self._cpu_s, self._wall_s = cpu_s, wall_s
        self._waited_s, self._waited_0 = waited_s, -1.0
        self.granted_s = 0.0
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
        until_s = self._wall_s + self.granted_s
        if self._waited_0 < 0:
            until_s = _FIRST_LOOK * self._wall_s
            if wall_s >= until_s:
                self._waited_0, until_s = self._waited_s(), self._wall_s
        if wall_s >= until_s:
            waited_s = min(self._waited_s() - self._waited_0, _PATIENCE * self._wall_s)
            self.granted_s = max(self.granted_s, waited_s)  # a thread may have ended
            until_s = self._wall_s + self.granted_s
        left_s = min(self._cpu_s - cpu_s, until_s - wall_s)
        return 0.0 if left_s <= 0 else left_s * 1000 + 1

    def exceeded(self) -> str:
        """Which limit ended the run: "cpu" or "wall"."""
        return "cpu" if self.spent()[0] >= self._cpu_s else "wall"


class Program:
    """A forked program: its process, and what the kernel says of it."""

    def __init__(
        self,
        setup: Setup,
        task: Task,
        body: tuple[Any, ...],
        descriptors: Mapping[str, int],
        cpu_s: float,
        wall_s: float,
    ) -> None:
        """`descriptors`: "stdin" and "report", and maybe "stdout" and "hit". Raises OSError."""
        setup.prepare()
        given = dict(descriptors) if setup.rules < 0 else {**descriptors, "rules": setup.rules}
        if setup.template is None:
            setup.template = setup.make_template()
        message = packed(task, body, given)
        setup.placement.settle(setup.template.pid)
        self.pid = setup.template.fork(message, list(given.values()))
        os.close(given["body"])
        self.handle = os.pidfd_open(self.pid)
        self._setup, self._most_cpu_s, self._killed = setup, task.cpu_s, False
        self.is_quick = True
        self.restart_clock(cpu_s, wall_s)

    def restart_clock(self, cpu_s: float, wall_s: float) -> None:
        """Count from now on, with these limits."""
        self.clock = Clock(self.pid, cpu_s, wall_s, lambda: self._setup.waiting.seconds(self.handle))

    def left_ms(self) -> float:
        """As the clock has it; where that grants time for waiting, the parent is told, whose patience ends otherwise."""
        granted_s = self.clock.granted_s
        left_ms = self.clock.left_ms()
        if self.clock.granted_s > granted_s:
            self._setup.channel.send(b"W", {})
        return left_ms

    def settle(self) -> None:
        """Have it run where the worker is, until it takes long."""
        self.is_quick = True
        self._setup.placement.settle(self.pid)

    def takes_long(self) -> None:
        """It may run on any CPU from now on, as may the worker."""
        self.is_quick = False
        self._setup.placement.leave(self.pid)

    def kill(self) -> None:
        """Kill the process, and with it, as PID 1 of its namespace, everything it started."""
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        self._killed = not poll.poll(0)  # else it had ended before
        signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def reap(self) -> tuple[int, resource.struct_rusage]:
        """Wait for the end: exit status as a shell gives it (negative: a signal), and resource usage.

        Raises RuntimeError for a SIGKILL that can only have come from the host: that says nothing about the program.
        """
        _, wait_status, usage = os.wait4(self.pid, 0)
        os.close(self.handle)
        status = os.waitstatus_to_exitcode(wait_status)
        if status == -signal.SIGKILL and not self._killed and self._setup.killed_by_host_only:
            cpu_s = usage.ru_utime + usage.ru_stime
            if self._most_cpu_s is None or cpu_s < self._most_cpu_s:
                raise RuntimeError(
                    "the host killed a program that was within its limits, as a kernel does that runs out of memory:"
                    " use fewer workers, or make memory free"
                )
        return status, usage


def watch(forked: Program, answers: int | None = None) -> str:
    """Sleep until the program has ended ("exit"), has something to say ("answer"), or exceeds a limit."""
    poll = select.poll()
    poll.register(forked.handle, select.POLLIN)
    if answers is not None:
        poll.register(answers, select.POLLIN)
    while True:
        left_ms = forked.left_ms()
        if left_ms <= 0:
            return forked.clock.exceeded()
        ready = [descriptor for descriptor, _ in poll.poll(min(left_ms, SHORT_MS) if forked.is_quick else left_ms)]
        if forked.is_quick and not ready:
            forked.takes_long()
        if answers is not None and answers in ready:
            return "answer"
        if ready:
            return "exit"


def started(report: bytes | bytearray) -> bytes:
    """What follows the mark that a program's process makes before the program's own code runs.

    Raises RuntimeError where it is missing: whatever happened then is our fault, and no verdict.
    """
    if not report.startswith(program.STARTED):
        raise RuntimeError(f"the process ended before its program was started: {bytes(report[:300])!r}")
    return bytes(report[len(program.STARTED) :])


def one_way() -> tuple[int, int]:
    """Two ends of a connection: one to read from, one to write to.

    A pipe that a program has one end of it can open by name (/proc/self/fd), and so take back what it wrote, or write where
    it reads. A socket it cannot.
    """
    reader, writer = socket.socketpair()
    reader.shutdown(socket.SHUT_WR)
    writer.shutdown(socket.SHUT_RD)
    return reader.detach(), writer.detach()


def read_available(descriptor: int) -> bytes:
    """What has come in by now, up to 64 KiB; never waits."""
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return b""


def head_of(ended: str, cpu_s: float, wall_s: float, peak_mib: float, status: int = 0) -> dict[str, Any]:
    """How a unit test ended, as the parent is told. `fresh`: its process had run no other."""
    return {"ended": ended, "cpu_s": cpu_s, "wall_s": wall_s, "peak_mib": peak_mib, "status": status, "fresh": True}


def send_reports(setup: Setup, first: int, reports: Sequence[tuple[dict[str, Any], bytes]]) -> None:
    """Tell the parent of unit tests that have ended, from the number `first` on."""
    heads = [{**head, "size": len(body)} for head, body in reports]
    setup.channel.hold(b"T", {"first": first, "reports": heads}, b"".join([body for _, body in reports]))


def with_lines(head: dict[str, Any], lines: LineMap | None, hit: bytes | None, before: bytes = b"") -> dict[str, Any]:
    """The head with the executed lines, if they were asked for; `before` was hit earlier and counts too."""
    if lines is not None and hit is not None:
        seen = bytes(a | b for a, b in zip(hit, before, strict=True)) if before else hit
        head["executed"] = list(lines.executed(seen))
    return head
