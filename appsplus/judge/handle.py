"""The parent's end of one worker process: start it, ask it, end it, and say why where it failed."""

import importlib.util
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from appsplus.errors import InputError, SandboxError
from appsplus.judge import cgroup, scratch
from appsplus.judge.frames import Channel

_START_S = 60.0
# The packages without what they import for their users: a worker's memory is inherited by every program
_START_WORKER = """
import sys, types
for name in ("appsplus", "appsplus.judge"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [sys.argv[2] + "/" + name.replace(".", "/")]
from appsplus.judge import worker
worker.main(sys.argv[1])
"""
_ROOT = Path(__file__).resolve().parents[2]
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "MALLOC_ARENA_MAX": "1",  # else a few threads use up a program's memory, the sooner the more CPUs a machine has
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
}

Frame = tuple[bytes, dict[str, Any], bytes]


class WorkerHandle:
    """One warm worker. Raises SandboxError where it does not start, InputError for a package that is not installed.

    Whatever else goes wrong with it shows as OSError, EOFError or ValueError of `ask`; `close` then tells its last words.
    """

    def __init__(self, *, hash_seed: int, modules: tuple[str, ...]) -> None:
        packages = [str(path) for name in modules for path in _package_paths(name)]
        ours, theirs = socket.socketpair()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._tmp = Path(tempfile.mkdtemp(prefix="appsplus-"))
        # As -I, but for -E: what environment it has is ours, and says the hash seed
        python = [getattr(sys, "_base_executable", sys.executable), "-s", "-P", "-S", "-B", "-W", "ignore"]
        with theirs:
            self.process = subprocess.Popen(
                [*python, "-c", _START_WORKER, str(theirs.fileno()), str(_ROOT)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                env={**_ENVIRONMENT, "PYTHONHASHSEED": str(hash_seed)},
                cwd="/",
                start_new_session=True,  # a terminal's Ctrl-C is for us; we end the worker
            )
        self._group = cgroup.around(self.process.pid)
        self._channel = Channel(ours)
        ours.settimeout(_START_S)
        options = {
            "modules": modules,
            "packages": packages,
            "hidden": str(_ROOT),
            "hash_seed": hash_seed,
            "tmp": str(self._tmp),
            "cgroup": self._group is not None,
            "no_cgroup": cgroup.WHY_NOT,
        }
        try:
            self._channel.send(b"O", options)
            _, hello, _ = self._channel.receive()
        except (OSError, EOFError) as error:
            raise SandboxError(f"the judge's worker did not start: {self.close(error)}") from error
        self.rungs: dict[str, Any] = hello["rungs"]
        if self.rungs["root"]:  # it has a /tmp of its own; should we be killed, nothing of ours is left here
            with suppress(OSError):
                self._tmp.rmdir()
        self.scale: float = hello["scale"]  # see `calibration`

    def ask(self, request: dict[str, Any], *, timeout_s: float) -> Iterator[Frame]:
        """Send a request; the frames of the answer, the last of kind "E".

        `timeout_s` is for each; a worker whose program has waited for a CPU and is given more time says so, and begins anew.
        """
        if self._group is not None and "limits" in request:
            self._group.fit(request["limits"]["memory_mib"])
        self._channel.connection.settimeout(timeout_s)
        self._channel.send(b"J", request)
        while True:
            frame = self._channel.receive()
            if frame[0] == b"W":
                continue
            yield frame
            if frame[0] == b"E":
                return

    def kill(self) -> None:
        """End the worker and everything in it, at once; a thread that waits for its answer gets EOFError."""
        self.process.kill()

    def close(self, error: Exception | None = None) -> str:
        """Release everything. Returns the last lines that the worker wrote to its log, else what `error` says."""
        self._channel.close()
        self.process.kill()
        self.process.wait()
        if self._group is not None:
            self._group.remove()
        with suppress(OSError):  # there is none, or a process that is about to end still writes there
            scratch.empty(self._tmp)
            self._tmp.rmdir()
        lines: list[str] = []
        with suppress(ValueError):  # closed before
            self._log.seek(0)
            lines = self._log.read().decode(errors="replace").strip().splitlines()
            self._log.close()
        return " / ".join(line.strip() for line in lines[-3:]) if lines else f"{type(error).__name__}: {error}"


@cache
def is_installed(package: str) -> bool:
    """Whether a package lies beside appsplus, to be offered to programs."""
    return importlib.util.find_spec(package) is not None


def _package_paths(name: str) -> list[Path]:
    """The package's directory and, for wheels, its bundled libraries. Raises InputError where it is not installed."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"the package {name!r} is not installed beside appsplus; install it, or do not offer it")
    package = Path(next(iter(spec.submodule_search_locations)))
    libraries = package.with_name(f"{package.name}.libs")
    return [path for path in (package, libraries) if path.is_dir()]
