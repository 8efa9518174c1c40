"""What a process is told that is forked for a program: plain data, marshalled. Standard library only."""

import marshal
import os
from dataclasses import dataclass, field
from typing import Self

CALLS, STDIN, COMPILER = "calls", "stdin", "compiler"


@dataclass(slots=True)
class Task:
    """What to become, within which limits, and with which of the descriptors that came along, by name."""

    role: str
    cpu_s: float | None  # what it may use in all, should the worker's clock fail; None: only the clock holds
    memory_bytes: int
    file_bytes: int
    code: bytes = b""  # as `compiling.loaded` reads it
    has_end: bool = False
    keeps: str = ""  # see `state`
    entry_point: str = ""
    inputs: list[str] = field(default_factory=list)
    descriptors: tuple[str, ...] = ()

    def dumped(self) -> bytes:
        """As bytes."""
        return marshal.dumps(tuple(getattr(self, name) for name in self.__slots__))

    @classmethod
    def loaded(cls, content: bytes) -> Self:
        """From bytes."""
        return cls(*marshal.loads(content))


def memory_file(content: bytes) -> int:
    """A descriptor of an anonymous file with this content, at its beginning."""
    descriptor = os.memfd_create("std")
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


class HitFile:
    """Where a program's process writes which lines were executed: memory that outlives it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.descriptor = memory_file(bytes(size))

    def content(self) -> bytes:
        """One byte per line."""
        return os.pread(self.descriptor, self.size, 0).ljust(self.size, b"\0")

    def clear(self) -> None:
        """Forget all lines."""
        os.pwrite(self.descriptor, bytes(self.size), 0)

    def close(self) -> None:
        """Release it here; whoever has mapped it keeps it."""
        os.close(self.descriptor)
