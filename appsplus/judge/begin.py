"""What a process does that was forked for a program, before it runs anything of it. Standard library only.

A process must copy every page of memory that it writes to first, and Python writes wherever it looks at an object: to lock
a program down by functions that call functions cost it more than to run a short one. So the template, whose pages are its
own, makes a list of system calls, and the forked process makes them, one after the other.
"""

import ctypes
import marshal
import mmap
import os
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NoReturn

from appsplus.judge import compiler, isolation, landlock, program, rlimits, scratch, seccomp
from appsplus.judge.frames import Channel
from appsplus.judge.isolation import libc
from appsplus.judge.task import CALLS, COMPILER, STDIN, Task, parts, task_of

_PR_SET_PDEATHSIG = 1
_Call = tuple[Callable[..., int], tuple[Any, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Powers:
    """What there is to be given up, beyond what every process gives up."""

    filter: ctypes.Structure | None  # of system calls
    namespaces: bool  # capabilities in one of our own, where all processes die with the worker


def prepared(powers: Powers, message: bytes, descriptors: bytes) -> Callable[[], NoReturn]:
    """What the process is to do that a message of the worker asks for. Raises OSError.

    `descriptors`: their numbers, as C has them.
    """
    size, rest = parts(message)
    task, named, calls = _ways(powers, rest, descriptors)
    buffers = [mmap.mmap(named[name], 0) for name in ("hit", "hits") if name in named]
    return partial(_begin, task, named["body"], size, buffers, calls)


@lru_cache(256)  # most programs begin as the one before
def _ways(powers: Powers, message: bytes, descriptors: bytes) -> tuple[Task, dict[str, int], list[_Call]]:
    """The task, the descriptors by name, and the system calls."""
    task = task_of(message)
    named = dict(zip(task.descriptors, memoryview(descriptors).cast("i"), strict=True))
    calls: list[_Call] = [
        (libc.dup2, (0, 2)),  # the template's 0 and 1 are /dev/null
        (libc.dup2, (named["stdin"], 0)),
        (libc.dup2, (named.get("stdout", 1), 1)),
        (libc.dup2, (named["report"], program.REPORT)),
        (libc.setsid, ()),  # no signal to a group reaches us
        (libc.chdir, (os.fsencode(scratch.folder()),)),
    ]
    calls.append((libc.capset, isolation.NO_CAPABILITIES))
    if not powers.namespaces:
        calls.append((libc.prctl, (_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)))
    for kind, most in rlimits.limits(task.cpu_s, task.memory_bytes, task.file_bytes):
        if kind != resource.RLIMIT_AS or not task.is_large:  # else see `_read`
            calls.append((libc.setrlimit, (kind, rlimits.both(most))))
    if "rules" in named:
        calls.append((libc.syscall, (landlock.RESTRICT, named["rules"], 0)))
    if powers.filter is not None:  # the last that needs a power
        calls.append((libc.prctl, (*seccomp.SET_FILTER, ctypes.byref(powers.filter), 0, 0)))
    return task, named, calls


def _begin(task: Task, file: int, size: int, buffers: list[mmap.mmap], calls: list[_Call]) -> NoReturn:
    """In the forked process: do it all. A fault of ours on the way ends the process, with the reason told."""
    try:
        body = _read(file, size, task.memory_bytes) if task.is_large else marshal.loads(os.pread(file, size, 0))
        for call, arguments in calls:
            if call(*arguments) < 0:
                raise OSError(ctypes.get_errno(), call.__name__)
        os.closerange(program.FIRST_FREE_DESCRIPTOR, rlimits.OPEN_FILES)  # the template's connections are among them
        _ROLES[task.role](*body, *buffers)
    except BaseException as error:
        os.write(program.REPORT, f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(1)


def _read(file: int, size: int, memory_bytes: int) -> tuple[Any, ...]:
    """A large body. It is no part of the memory that the program may use, which is limited here."""
    before = isolation.address_space_bytes()
    body: tuple[Any, ...] = marshal.loads(os.pread(file, size, 0))
    memory_bytes += max(0, isolation.address_space_bytes() - before)
    [(kind, most)] = rlimits.possible(((resource.RLIMIT_AS, memory_bytes),))
    resource.setrlimit(kind, (most, most))
    return body


def _compile() -> NoReturn:
    compiler.serve(Channel(socket.socket(fileno=program.REPORT)))


_ROLES: dict[str, Callable[..., NoReturn]] = {STDIN: program.run_stdin, CALLS: program.run_calls, COMPILER: _compile}
