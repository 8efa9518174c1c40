"""What the machine is, and what a tree of processes has cost: CPU seconds, memory. Reads /proc."""

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from appsplus.judge import available_cpus

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_ROOT = Path(__file__).resolve().parents[2]


def facts() -> dict[str, Any]:
    """The machine, the interpreter and the commit that figures belong to."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in info if line.startswith("model name")]
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "cpu": models[0] if models else platform.machine(),
        "cpus": available_cpus(),
        "memory_gib": round(memory_kib / 2**20, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "as_root": os.geteuid() == 0,
        "commit": _git("rev-parse", "HEAD") + ("-modified" if _git("status", "--porcelain", "appsplus") else ""),
        "command": " ".join(["python", *(_told(argument) for argument in sys.argv)]),
    }


def _told(argument: str) -> str:
    """An argument without where things lie on this machine."""
    name, equals, value = argument.rpartition("=")
    path = Path(value)
    return f"{name}{equals}PATH/{path.name}" if path.is_absolute() else argument


def _git(*arguments: str) -> str:
    try:
        return subprocess.run(["git", "-C", str(_ROOT), *arguments], capture_output=True, text=True).stdout.strip()
    except OSError:
        return "unknown"


def tree(root: int) -> list[int]:
    """A process and all that descend from it, as far as they run now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, i = [root], 0
    while i < len(found):
        found += children.get(found[i], [])
        i += 1
    return found


def cpu_s(root: int) -> float:
    """CPU seconds of a process, of its descendants, and of those of them that were waited for."""
    return sum(sum(own_cpu_s(pid)) for pid in tree(root))


def own_cpu_s(pid: int) -> tuple[float, float]:
    """CPU seconds of a process itself, and of those descendants that were waited for; 0 when it is gone."""
    ticks = [int(field) for field in _stat(pid)[11:15]]
    return sum(ticks[:2]) * _TICK_S, sum(ticks[2:]) * _TICK_S


def pss_mib(root: int) -> float | None:
    """Memory of a tree of processes, each shared page divided among those that share it; None: may not be read."""
    total_kib = 0
    for pid in tree(root):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except FileNotFoundError:
            continue
        except OSError:
            return None
        total_kib += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total_kib / 1024


def resident_mib(root: int) -> float:
    """Resident memory of one process."""
    return int(Path(f"/proc/{root}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def descriptors(root: int) -> int:
    """Open file descriptors of one process."""
    return len(list(Path(f"/proc/{root}/fd").iterdir()))


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent, ...; none when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
