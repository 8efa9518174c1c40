"""What a process does that was forked for a program, before it sees anything of it. Standard library only."""

import mmap
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from appsplus.judge import compiler, isolation, landlock, program, seccomp
from appsplus.judge.frames import Channel
from appsplus.judge.task import CALLS, COMPILER, STDIN, Task

_LARGE = 1 << 16  # bytes of a task


@dataclass(frozen=True, slots=True)
class Powers:
    """What there is to be given up, beyond what every process gives up."""

    filter: "seccomp._Program | None"
    capabilities: bool


def begin(powers: Powers, descriptors: Sequence[int]) -> NoReturn:
    """Become what the task says. A fault of ours on the way there ends the process, with the reason told."""
    try:
        task, memory_bytes = _read(descriptors[0])
        named = dict(zip(task.descriptors, descriptors[1:], strict=True))
        hit = mmap.mmap(named["hit"], 0) if "hit" in named else None
        program.take_descriptors(named["stdin"], named["report"], named.get("stdout"))
        os.chdir(isolation.tmp())
        _give_up(powers, task, memory_bytes, named.get("rules"))
        _run(task, hit)
    except BaseException as error:
        os.write(program.REPORT, f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(1)


def _read(descriptor: int) -> tuple[Task, int]:
    """The task, and the bytes of memory that its program may use: large inputs are no part of them."""
    content = os.pread(descriptor, _LARGE, 0)
    if len(content) < _LARGE:
        task = Task.loaded(content)
        return task, task.memory_bytes
    before = isolation.address_space_bytes()
    task = Task.loaded(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
    return task, task.memory_bytes + max(0, isolation.address_space_bytes() - before)


def _give_up(powers: Powers, task: Task, memory_bytes: int, rules: int | None) -> None:
    """In order. Then nothing is left but memory, a clock that runs, and descriptors 0 to 3."""
    os.setsid()  # no signal to a group reaches us
    if powers.capabilities:
        isolation.drop_capabilities()
    isolation.die_with_parent()
    isolation.limit_resources(cpu_s=task.cpu_s, memory_bytes=memory_bytes, file_bytes=task.file_bytes)
    if rules is not None:
        landlock.restrict(rules)
    os.closerange(program.FIRST_FREE_DESCRIPTOR, 256)  # the connections of the template are among them
    if powers.filter is not None:
        seccomp.install(powers.filter, isolation.libc.prctl)


def _run(task: Task, hit: Any) -> NoReturn:
    if task.role == STDIN:
        program.run_stdin(task.code, hit, has_end=task.has_end)
    if task.role == CALLS:
        program.run_calls(task.code, hit, task.entry_point, task.inputs, keeps=task.keeps)
    assert task.role == COMPILER
    compiler.serve(Channel(socket.socket(fileno=program.REPORT)))
