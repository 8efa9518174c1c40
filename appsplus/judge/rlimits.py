"""The rlimits of programs. Standard library only."""

import ctypes
import resource
from functools import cache

THREADS = 128
OPEN_FILES = 128


def limit_all() -> None:
    """Those that all programs share, put on the process that they are forked from."""
    for kind, most in (
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def limits(cpu_s: float | None, memory_bytes: int, file_bytes: int) -> tuple[tuple[int, int], ...]:
    """Those of one program, soft and hard alike: which, and how much."""
    return (
        (resource.RLIMIT_CPU, resource.RLIM_INFINITY if cpu_s is None else int(cpu_s) + 2),  # behind `process.Clock`
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NPROC, THREADS),  # not on those who fork it: they share the user's number with others
    )


@cache
def both(most: int) -> "ctypes.Array[ctypes.c_ulong]":
    """Soft and hard limit, as the C library wants them."""
    return (ctypes.c_ulong * 2)(most, most)
