"""After the hostile programs: is anything left, and is the judge still the same?

Looked at from two sides. A program in the judge says what it finds of earlier ones; and this process counts its
descendants (zombies too), and looks on the host for files and for segments, semaphores and queues of System V that carry
the suite's mark.
"""

import contextlib
import os
import tempfile
import time
from pathlib import Path

from appsplus.judge import Job, Judge
from appsplus.problem import IOFormat, UnitTest, Verdict

MARK = "appsplus-conformance"  # part of the name of every file that a case may leave
KEY = 0x41505053  # of every segment, semaphore and queue
_SETTLE_S = 5.0  # a process that was killed may take a moment to be gone
_LOOK = """\
import os
import sys
found = []
for folder in (".", "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue"):
    if os.path.isdir(folder):
        found += [f"file {name}" for name in os.listdir(folder) if "conformance" in name or folder in (".", "/tmp")]
if os.path.isdir("/proc/self"):
    own = os.readlink("/proc/self")
    found += [f"process {name}" for name in os.listdir("/proc") if name.isdigit() and name != own]
print(sys.stdin.read().strip(), *sorted(set(found)))
"""


class Leftovers:
    """A look at the machine and the judge before hostile programs run, to be compared with one after."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._look()  # so that whatever a judge starts with its first program is there
        self._processes = len(descendants(os.getpid()))
        self._host = _on_the_host()

    def find(self) -> tuple[str, ...]:
        """What is there now and was not before, or should not be: a line for each thing."""
        found = self._look()
        found += sorted(_on_the_host() - self._host)
        end = time.monotonic() + _SETTLE_S
        while (more := len(descendants(os.getpid())) - self._processes) > 0 and time.monotonic() < end:
            time.sleep(0.05)
        if more > 0:
            found.append(f"{more} more processes than before")
        return tuple(found)

    def _look(self) -> list[str]:
        """What an honest program finds, and whether it is judged as it should be."""
        job = Job(_LOOK, IOFormat.STDIN, (UnitTest("found:\n", "found:\n"),))
        report = self._judge.run(job)
        if report.verdict is Verdict.ACCEPTED:
            return []
        seen = report.unit_tests[0]
        return [f"an honest program afterwards: {report.verdict}: {(seen.error or seen.actual).strip()[:300]}"]


def descendants(pid: int) -> set[int]:
    """All processes that a process started, and those that these did; zombies count."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = {pid}
    while new := {child for child, parent in parents.items() if parent in found} - found:
        found |= new
    return found - {pid}


def _on_the_host() -> set[str]:
    folders = {Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path.cwd(), Path.home()}
    found = {f"file {path}" for folder in folders if folder.is_dir() for path in folder.glob(f"*{MARK}*")}
    for kind in ("shm", "sem", "msg"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/sysvipc/{kind}").read_text().splitlines()[1:]:
                if int(line.split()[0]) & 0xFFFFFFFF == KEY:
                    found.add(f"{kind} of System V with the key {KEY:#x}")
    return found
