"""The process that reads programs' texts: it compiles them, and answers inspections. Standard library only.

Nothing of a program is executed in it. So one such process, forked and locked down as a program is, serves
all programs of a worker, and a program's own process need not pay for the compiler's memory, nor for the compiler's
death. What it makes of a text goes, marshalled, to the process of that program and to no other; the worker does not
look into it. It is ended after a text that was too much for it in any way, and after a large one.

Frames: "P" to compile {coverage, memory_bytes} or "I" to inspect {offered, memory_bytes}, the text as the body; the answer
is "P" with the head of `compiling.Compiled` and the marshalled code, or "I" with the inspection as JSON.
"""

import contextlib
import json
import os
import resource
import socket
from typing import Any, NoReturn

from appsplus.judge import compiling, inspection, rlimits
from appsplus.judge.compiling import Compiled
from appsplus.judge.frames import Channel
from appsplus.judge.process import Job, Program, Setup, watch
from appsplus.judge.task import COMPILER, Task

_LARGE = 1 << 18  # characters of a text after which the process is not used again
_CODING = ("utf-8", "surrogatepass")


class Compiler:
    """The worker's end of it."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._forked: Program | None = None
        self._channel: Channel

    def compile(self, job: Job) -> Compiled:
        """What the compiler makes of a program; a text that kills it, or takes too long, does not compile."""
        found, ended = self._asked(job, b"P", {"coverage": job.coverage})
        if found is None:
            return Compiled(error=compiling.died(ended))
        head, body = found
        if head.pop("spent"):
            self.stop()
        return Compiled(**head, code=body)

    def inspect(self, job: Job, offered: list[str]) -> bytes:
        """An inspection as JSON; empty where the text was too much. `offered`: packages that another worker has."""
        found, _ = self._asked(job, b"I", {"offered": offered})
        return b"" if found is None else found[1]

    def stop(self) -> int:
        """End the process, if there is one; its exit status."""
        if self._forked is None:
            return 0
        self._forked.kill()
        status, _ = self._forked.reap()
        self._channel.close()
        self._forked = None
        return status

    def _asked(self, job: Job, kind: bytes, head: dict[str, Any]) -> tuple[tuple[dict[str, Any], bytes] | None, int]:
        """The answer, or None and the status with which the process ended. One that is new decides: another may have been
        worn out by earlier texts."""
        is_new = self._forked is None
        forked = self._started()
        forked.restart_clock(compiling.CPU_S, compiling.WALL_S)
        forked.settle()
        text = job.source.encode(*_CODING)
        with contextlib.suppress(BrokenPipeError, EOFError, ConnectionResetError):
            self._channel.send(kind, {**head, "memory_bytes": job.memory_bytes}, text)
            if watch(forked, self._channel.connection.fileno()) == "answer":
                _, facts, body = self._channel.receive()
                is_worn = not is_new and facts.get("spent")
                if is_worn or len(text) > _LARGE:
                    self.stop()
                return self._asked(job, kind, head) if is_worn else ((facts, body), 0)
        status = self.stop()
        return (None, status) if is_new else self._asked(job, kind, head)

    def _started(self) -> Program:
        if self._forked is None:
            ours, theirs = socket.socketpair()
            task = Task(COMPILER, cpu_s=None, memory_bytes=resource.RLIM_INFINITY, file_bytes=0)
            descriptors = {"stdin": theirs.fileno(), "report": theirs.fileno()}
            forked = Program(self._setup, task, (), descriptors, compiling.CPU_S, compiling.WALL_S)
            theirs.close()
            self._forked, self._channel = forked, Channel(ours)
        return self._forked


def serve(channel: Channel) -> NoReturn:
    """Answer until the connection closes."""
    while True:
        try:
            kind, head, body = channel.receive()
        except (EOFError, OSError):
            os._exit(0)
        [(limit, most)] = rlimits.possible(((resource.RLIMIT_AS, head["memory_bytes"]),))
        resource.setrlimit(limit, (most, resource.getrlimit(limit)[1]))
        text = body.decode(*_CODING)
        if kind == b"I":
            channel.send(b"I", {}, json.dumps(inspection.inspect(text, head["offered"])).encode())
        else:
            channel.send(b"P", *compiling.compiled(text, coverage=head["coverage"]))
