"""The rlimits of programs. Standard library only."""

import ctypes
import resource
from functools import cache

from appsplus.judge.isolation import STACK_MIB

THREADS = 128
OPEN_FILES = 128
_Limits = tuple[tuple[int, int], ...]  # which, and how much
_SHARED: _Limits = (
    (resource.RLIMIT_NOFILE, OPEN_FILES),
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_MEMLOCK, 0),
    (resource.RLIMIT_MSGQUEUE, 0),
)
_LEAST: _Limits = (  # for the limits of any job, and for the worker
    (resource.RLIMIT_CPU, resource.RLIM_INFINITY),
    (resource.RLIMIT_AS, 64 << 30),
    (resource.RLIMIT_FSIZE, 64 << 30),
    (resource.RLIMIT_NPROC, THREADS),
    (resource.RLIMIT_STACK, STACK_MIB << 20),
)


def limit_all() -> None:
    """Those that all programs share, put on the process that they are forked from."""
    for kind, most in possible(_SHARED):
        resource.setrlimit(kind, (most, most))


def limits(cpu_s: float | None, memory_bytes: int, file_bytes: int) -> _Limits:
    """Those of one program, soft and hard alike."""
    return possible(
        (
            (
                resource.RLIMIT_CPU,
                resource.RLIM_INFINITY if cpu_s is None else int(cpu_s) + 2,
            ),  # behind `process.Clock`
            (resource.RLIMIT_AS, memory_bytes),
            (resource.RLIMIT_FSIZE, file_bytes),
            (resource.RLIMIT_NPROC, THREADS),  # not on those who fork it: they share the user's number with others
        )
    )


def possible(wanted: _Limits) -> _Limits:
    """Each, or the lower one that this process has and may not raise."""
    found = []
    for kind, most in wanted:
        _, hard = resource.getrlimit(kind)
        found.append((kind, min((limit for limit in (most, hard) if limit != resource.RLIM_INFINITY), default=most)))
    return tuple(found)


def refused(*, as_root: bool) -> str:
    """Which of them are lower than they should be, or do not hold, and what would help; empty where all are in force.

    `as_root`: whether programs are root's, whose threads the kernel does not limit.
    """
    if as_root:
        return "root may have any number of threads; start as an ordinary user (docker run --user 1000)"
    wanted = (*_SHARED, *_LEAST)
    lower = [kind for (kind, most), (_, possible) in zip(wanted, possible(wanted), strict=True) if most != possible]
    if not lower:
        return ""
    names = {kind: name for name, kind in sorted(vars(resource).items(), reverse=True) if name.startswith("RLIMIT_")}
    return f"hard limits here are lower than those of programs; raise {', '.join(names[kind] for kind in lower)} (ulimit -H)"


@cache
def both(most: int) -> "ctypes.Array[ctypes.c_ulong]":
    """Soft and hard limit, as the C library wants them."""
    return (ctypes.c_ulong * 2)(most, most)
