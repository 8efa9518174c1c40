"""A control group around a worker, where this process may make one: a bound on memory and processes as a whole.

The limits of a single program are rlimits; this is what they cannot count: page cache, files in /tmp and in memory,
and all processes of a worker together. Versions 1 and 2 of the kernel's interface.
"""

import contextlib
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

_PIDS = 400
_MARGIN_MIB = 1024  # what a worker and the kernel may use beside the program
_MEMORY = ("memory.max", "memory.limit_in_bytes")  # version 2, version 1
_LIMITS = ("pids.max", *_MEMORY)
_ROOT = Path("/sys/fs/cgroup")
_numbers = itertools.count()
_OWN = Path("/proc/self/cgroup")
WHY_NOT = "no control group may be made here; run as root, or by `systemd-run --user --scope`, to have one"


class ControlGroup:
    """One group per controller hierarchy (version 1), or one for all (version 2)."""

    def __init__(self, folders: list[Path]) -> None:
        self._folders = folders
        self._memory_mib = 0

    def hold(self, pid: int) -> None:
        """Move a process into the group; what it starts follows. Raises OSError."""
        for folder in self._folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def fit(self, memory_mib: int) -> None:
        """Make room for programs of this memory limit; never shrinks. Raises OSError."""
        if memory_mib <= self._memory_mib:
            return
        self._memory_mib = memory_mib
        for folder in self._folders:
            for name in _MEMORY:
                if (folder / name).exists():
                    (folder / name).write_text(str((memory_mib + _MARGIN_MIB) << 20))

    def remove(self) -> None:
        """Remove the group; its processes must have been killed."""
        for folder in self._folders:
            for _ in range(50):
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:  # the last process is not quite gone
                    time.sleep(0.01)


def around(pid: int) -> ControlGroup | None:
    """A new group with this process in it, below the caller's own; None where that is not allowed."""
    folders: list[Path] = []
    limits = set()
    with contextlib.suppress(OSError):
        for parent in dict.fromkeys(_own_groups()):
            _sweep(parent)
            folder = parent / f"appsplus-{os.getpid()}-{next(_numbers)}"
            folder.mkdir()
            folders.append(folder)
            limits |= {name for name in _LIMITS if (folder / name).exists()}
            if (folder / "pids.max").exists():
                (folder / "pids.max").write_text(str(_PIDS))
        if "pids.max" in limits and len(limits) > 1:
            group = ControlGroup(folders)
            group.hold(pid)
            return group
    ControlGroup(folders).remove()
    return None


def _own_groups() -> Iterator[Path]:
    """Where this process's groups of the memory and pids controllers are, below which there may be others.

    In version 2 a group that holds processes has none with limits below it: there it is the nearest one above that may.
    """
    with contextlib.suppress(OSError):
        for line in _OWN.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers and (_ROOT / "cgroup.controllers").exists():
                own = _ROOT / path.lstrip("/")
                for group in (own, *own.parents):
                    if {"memory", "pids"} <= set((group / "cgroup.subtree_control").read_text().split()):
                        yield group
                        break
                    if group == _ROOT:
                        break
            for name in controllers.split(","):
                if name in ("memory", "pids"):
                    yield _ROOT / name / path.lstrip("/")


def _sweep(parent: Path) -> None:
    """Remove what a killed run has left."""
    for folder in parent.glob("appsplus-*-*"):
        pid = folder.name.split("-")[1]
        if not Path(f"/proc/{pid}").exists():
            with contextlib.suppress(OSError):
                folder.rmdir()
