"""What a process is told that is forked for a program. Standard library only.

A task goes to the template as a message. What the program itself is made of, its code and its inputs, is the task's body: a
file that the forked process reads. The template does not, so that no program finds the one before it in its memory.
"""

import marshal
import os
import struct
from dataclasses import dataclass
from typing import Any

STDIN, CALLS, COMPILER = "stdin", "calls", "compiler"
LARGEST_MESSAGE = 1 << 12  # bytes
_SIZE = struct.Struct("<Q")
_LARGE = 1 << 16  # bytes of a body


@dataclass(frozen=True, slots=True)
class Task:
    """What to become, within which limits, and with which of the descriptors that come along, by name."""

    role: str
    cpu_s: float | None  # what it may use in all, should the worker's clock fail; None: only the clock holds
    memory_bytes: int
    file_bytes: int
    descriptors: tuple[str, ...] = ()
    is_large: bool = False  # the body


def packed(task: Task, body: tuple[Any, ...], descriptors: dict[str, int]) -> bytes:
    """A message. `body`: arguments of `program.run_stdin` or `program.run_calls`. `descriptors` go with it, to which a new
    one is added, "body", for the caller to close.
    """
    content = marshal.dumps(body)
    descriptors["body"] = memory_file(content)
    names = tuple(descriptors)
    head = task.role, task.cpu_s, task.memory_bytes, task.file_bytes, names, len(content) > _LARGE
    return _SIZE.pack(len(content)) + marshal.dumps(head)


def parts(message: bytes) -> tuple[int, bytes]:
    """Of a message: the size of the body in bytes, and the rest, for `task_of`."""
    [size] = _SIZE.unpack_from(message)
    return size, message[_SIZE.size :]


def task_of(rest: bytes) -> Task:
    """The task of a message."""
    return Task(*marshal.loads(rest))


def memory_file(content: bytes) -> int:
    """A descriptor of an anonymous file with this content, at its beginning."""
    descriptor = os.memfd_create("std")
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


class HitFile:
    """Where a program's process writes which lines were executed, in so many places: memory that outlives it."""

    def __init__(self, size: int, places: int = 1) -> None:
        self.size, self.places = size, places
        self.descriptor = memory_file(bytes(places * size))

    def content(self, place: int = 0) -> bytes:
        """One byte per line."""
        return os.pread(self.descriptor, self.size, place * self.size).ljust(self.size, b"\0")

    def clear(self) -> None:
        """Forget all lines."""
        os.pwrite(self.descriptor, bytes(self.size), 0)

    def close(self) -> None:
        """Release it here; whoever has mapped it keeps it."""
        os.close(self.descriptor)
