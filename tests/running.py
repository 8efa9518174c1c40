"""Commands that run in processes of their own: what is below them, and how far they are."""

import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

from appsplus.engine.cache import FILE_NAME


def descendants(pid: int) -> set[tuple[int, str]]:
    """(pid, start time) of every process below `pid`."""
    children: dict[int, list[tuple[int, str]]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(int(fields[1]), []).append((int(path.parent.name), fields[19]))
    found: set[tuple[int, str]] = set()
    todo = [pid]
    while todo:
        below = children.get(todo.pop(), [])
        found.update(below)
        todo += [child for child, _ in below]
    return found


def is_alive(pid: int, started: str) -> bool:
    try:
        fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return fields[19] == started and fields[0] not in "ZX"


def command_of(pid: int) -> str:
    """What a process is, as it says."""
    try:
        return f"{pid} {Path(f'/proc/{pid}/cmdline').read_bytes().replace(bytes(1), b' ').decode()[:150]}"
    except (FileNotFoundError, ProcessLookupError):
        return f"{pid}, which has just ended"


def assert_all_end(processes: set[tuple[int, str]], within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while left := [pid for pid, started in processes if is_alive(pid, started)]:
        assert time.monotonic() < deadline, f"these processes outlived their parent: {[*map(command_of, left)]}"
        time.sleep(0.02)


def answers(cache: Path) -> int:
    """How many answers are in a cache that another process is filling."""
    try:
        with closing(sqlite3.connect(f"file:{cache / FILE_NAME}?mode=ro", uri=True, timeout=5)) as database:
            return int(database.execute("SELECT count(*) FROM answers").fetchone()[0])
    except sqlite3.OperationalError:  # not there yet
        return 0


def wait_for_answers(
    build: subprocess.Popen[str], cache: Path, count: int, within_s: float = 60.0
) -> set[tuple[int, str]]:
    """Wait until the judge has given `count` answers; returns the processes that were seen below the build."""
    seen = descendants(build.pid)
    deadline = time.monotonic() + within_s
    while answers(cache) < count and build.poll() is None:
        assert time.monotonic() < deadline
        seen |= descendants(build.pid)
        time.sleep(0.01)
    return seen | descendants(build.pid)
