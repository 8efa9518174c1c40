"""One command and what it has cost: wall time, core seconds, the driver's own share of them and its peak memory.

A shared machine is not equally fast at all times. So a loop of fixed length is timed every few seconds beside the command, by
its own CPU time: core seconds of two commands compare after each has been divided by its loop's.
"""

import itertools
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks" / "speed"))

import machine  # noqa: E402

_EVERY_S = 0.5
_LOOP_EVERY, _LOOP = 10, 500_000  # glances; turns of the loop
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """What a process and all that it started have taken."""

    wall_s: float
    core_s: float  # of all processes, programs included
    driver_core_s: float  # of the process itself
    driver_peak_mib: float  # its highest resident memory (VmHWM)
    loop_ms: float  # CPU milliseconds of the loop beside it, the median
    output: str


def run(arguments: list[str], log: Path, cpus: int | None = None) -> Cost:
    """Run `appsplus ARGUMENTS`, watched from outside, on all CPUs or on so many. Exits with its last words where it fails."""
    begin = "from appsplus.cli import main; main()"
    if cpus is not None:
        begin = f"import os; os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[:cpus]}); {begin}"
    command = [sys.executable, "-c", begin, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started, cores, own, peak = time.monotonic(), 0.0, 0.0, 0.0
    with log.open("w") as errors:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        reader = _Reader(process)
        loops = [_loop_ms()]
        for glance in itertools.count(1):
            if glance % _LOOP_EVERY == 0:
                loops.append(_loop_ms())
            cores, own, peak = (max(old, new) for old, new in zip((cores, own, peak), _seen(process.pid), strict=True))
            if reader.ended(_EVERY_S):
                break
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"appsplus {' '.join(arguments)} failed:\n{log.read_text()[-2000:]}")
    cores = max(cores, usage.ru_utime + usage.ru_stime)  # of it and all descendants that were waited for
    return Cost(
        round(time.monotonic() - started, 2),
        round(cores, 2),
        round(own, 2),
        round(peak, 1),
        round(statistics.median(loops), 3),
        reader.text,
    )


def _loop_ms() -> float:
    started = time.thread_time()
    for _ in range(_LOOP):
        pass
    return 1000 * (time.thread_time() - started)


class _Reader:
    """The output of a process, read as it comes, in a thread."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.text = ""
        self._process = process
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        self.text = self._process.stdout.read()

    def ended(self, timeout_s: float) -> bool:
        """Whether it has, after so long at most."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()


def _seen(pid: int) -> tuple[float, float, float]:
    """Core seconds of the tree, of the process itself, and its peak memory in MiB; zeros once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        peak = next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)
        return machine.cpu_s(pid), (int(fields[11]) + int(fields[12])) / _TICKS_PER_S, peak
    except OSError:
        return 0.0, 0.0, 0.0


def folder_bytes(path: Path) -> int:
    """All files below a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


class Results:
    """A JSON file of results, written after each, so that a run that was ended goes on after the last one."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self._path = path
        self.found: dict[str, Any] = {} if fresh or not path.exists() else json.loads(path.read_text())

    def keep(self, name: str, value: Any) -> None:
        """Write one result."""
        self.found[name] = value
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.found, indent=1) + "\n")
        temporary.replace(self._path)
