"""How long a program has waited for a CPU: the machine's fault, not its own. Standard library only; runs in the worker.

The kernel counts it for every thread (/proc/PID/schedstat, the second number). The worker's own /proc shows it no program,
so it keeps a descriptor of the host's, which no program inherits. A thread that waits now is known up to its last turn only.
"""

import os

from appsplus.judge.isolation import above_streams

_NS_PER_S = 1e9


class Waiting:
    """Asks the host's /proc, opened before the worker leaves the host."""

    def __init__(self) -> None:
        try:
            self._proc = above_streams(os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        except OSError:  # there is none
            self._proc = -1

    def seconds(self, handle: int) -> float:
        """What the thread that waited most has waited, of the process that a pidfd stands for.

        Threads take turns, so their sum would count the same second many times. 0 where the kernel does not tell.
        """
        try:
            threads = f"{self._number(handle)}/task"
            return max(self._of_thread(f"{threads}/{name}") for name in self._names(threads)) / _NS_PER_S
        except (OSError, ValueError, IndexError):
            return 0.0

    def _number(self, handle: int) -> int:
        """The process's number in the host's /proc, where it has another than here."""
        lines = self._text(f"self/fdinfo/{handle}").splitlines()
        return int(next((line.split()[1] for line in lines if line.startswith("Pid:")), "0"))

    def _names(self, folder: str) -> list[str]:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._proc)
        try:
            return [entry.name for entry in os.scandir(opened)]
        finally:
            os.close(opened)

    def _of_thread(self, folder: str) -> int:
        return int(self._text(f"{folder}/schedstat").split()[1])

    def _text(self, name: str) -> str:
        opened = os.open(name, os.O_RDONLY, dir_fd=self._proc)
        try:
            return os.read(opened, 4096).decode()
        finally:
            os.close(opened)
