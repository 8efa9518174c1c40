"""The judges of other projects, driven from the user's own checkouts; none of their code is here.

    with open_peer("apps", Path("~/apps").expanduser()) as peer:
        answer = peer.judge(program, IOFormat.STDIN, (UnitTest("2\\n", "4\\n"),), None, Limits())

A peer runs in a process of its own (`peer_driver`), in a container of ours (`peer_container`), since most of them have no
sandbox and the programs of the suite are hostile. What is called there, and with which settings: see `peer_calls`. A
driver that gives no answer in wall_s times the unit tests plus 30 s is killed; one that a program killed, or left
processes or files in, is replaced before the next program.

Not protected: the memory of the machine (8 GiB a process), its CPU time, and what user nobody may read.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from appsplus.conformance.peer_calls import MODULES, NAMES
from appsplus.errors import InputError
from appsplus.problem import IOFormat, Limits, UnitTest

__all__ = ["NAMES", "Peer", "PeerAnswer", "open_peer"]

_PROJECTS = {
    "apps": "hendrycks/apps",
    "livecodebench": "LiveCodeBench/LiveCodeBench",
    "evalplus": "evalplus/evalplus",
    "verl": "volcengine/verl",
}
_ROOT = Path(__file__).resolve().parents[2]
_START_S, _GRACE_S = 120.0, 30.0
_LARGEST_ANSWER = 16 << 20  # bytes


@dataclass(frozen=True, slots=True)
class PeerAnswer:
    """What a peer says of one program."""

    accepted: bool | None  # None: no answer, it hung or crashed, or its input format cannot express the question
    unit_tests: tuple[bool | None, ...]  # as far as it says; None: nothing said of this one
    detail: str  # what it returned, shortened, or why there is no answer
    wall_s: float


class Peer:
    """The judge of another project, one program at a time. A context manager; made by `open_peer`."""

    def __init__(self, name: str, checkout: Path) -> None:
        self.name, self.checkout = name, checkout
        self.commit = _commit(checkout)
        self.formats: frozenset[IOFormat] = frozenset({IOFormat.CALL} if name == "evalplus" else IOFormat)
        self.cpu_s = 0.0  # CPU seconds of the driver's container, up to its last answer
        self._before_s = 0.0  # of earlier drivers
        self._driver: subprocess.Popen[bytes] | None = None
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process in which all of this peer's are, or None while there is none."""
        return None if self._driver is None else self._driver.pid

    def close(self) -> None:
        """Kill the driver, and with it everything in its container."""
        if (driver := self._driver) is None:
            return
        self._driver = None
        self._before_s = self.cpu_s
        driver.kill()
        driver.wait()
        for pipe in (driver.stdin, driver.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._log.close()

    def judge(
        self,
        program: str,
        io_format: IOFormat,
        unit_tests: Sequence[UnitTest],
        entry_point: str | None,
        limits: Limits,
    ) -> PeerAnswer:
        """Have a program judged. Raises InputError for a format that the peer does not have."""
        if io_format not in self.formats:
            raise InputError(f"{self.name} has no {io_format} format; it has {', '.join(sorted(self.formats))}")
        if self._driver is None:
            self._start()
        question = {
            "program": program,
            "call": io_format is IOFormat.CALL,
            "unit_tests": [[t.input, t.output] for t in unit_tests],
            "entry_point": entry_point,
            "cpu_s": limits.cpu_s,
            "wall_s": limits.wall_s,
            "memory_mib": limits.memory_mib,
        }
        began, limit_s = time.monotonic(), limits.wall_s * len(unit_tests) + _GRACE_S
        nothing: tuple[bool | None, ...] = (None,) * len(unit_tests)
        try:
            answer = self._exchange(question, limit_s)
        except TimeoutError:
            self.close()
            return PeerAnswer(None, nothing, f"no answer in {limit_s:g} s", time.monotonic() - began)
        except (OSError, EOFError, ValueError) as error:
            self.close()
            why = str(error) or type(error).__name__
            return PeerAnswer(None, nothing, f"its process ended without an answer ({why})", time.monotonic() - began)
        wall_s = time.monotonic() - began
        self.cpu_s = self._before_s + answer["cpu_s"]
        if answer["left_behind"]:
            self.close()
        said = tuple(answer["unit_tests"])[: len(unit_tests)]
        return PeerAnswer(answer["accepted"], said + nothing[len(said) :], answer["detail"], wall_s)

    def _start(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._driver = subprocess.Popen(
            [sys.executable, "-P", "-m", "appsplus.conformance.peer_driver", self.name, str(self.checkout)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
            cwd="/",
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": "/tmp",
                "LANG": "C.UTF-8",
                "TZ": "UTC",
                "PYTHONPATH": str(_ROOT),
                "PYTHONHASHSEED": "0",
                "PYTHONDONTWRITEBYTECODE": "1",
                **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
            },
            start_new_session=True,
        )
        try:
            hello = self._receive(time.monotonic() + _START_S)
        except (OSError, EOFError, ValueError) as error:
            self._driver.wait(10)
            self._log.seek(0)
            lines = self._log.read().decode(errors="replace").strip().splitlines()
            self.close()
            words = lines[-1].strip() if lines else f"{type(error).__name__}: {error}"
            raise InputError(f"the judge of {self.name} at {self.checkout} did not start: {words}") from error
        if "error" in hello:
            self.close()
            raise InputError(hello["error"])

    def _exchange(self, question: dict[str, Any], limit_s: float) -> dict[str, Any]:
        assert self._driver is not None and self._driver.stdin is not None
        deadline = time.monotonic() + limit_s
        view = memoryview(json.dumps(question).encode() + b"\n")
        descriptor = self._driver.stdin.fileno()
        os.set_blocking(descriptor, False)
        while view:
            _, ready, _ = select.select([], [descriptor], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            view = view[os.write(descriptor, view) :]
        return self._receive(deadline)

    def _receive(self, deadline: float) -> dict[str, Any]:
        assert self._driver is not None and self._driver.stdout is not None
        line, descriptor = bytearray(), self._driver.stdout.fileno()
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            part = os.read(descriptor, 1 << 16)
            if not part:
                raise EOFError("its pipe was closed")
            line += part
            if len(line) > _LARGEST_ANSWER:
                raise ValueError("its answer is too long")
        answer: dict[str, Any] = json.loads(line)
        return answer


def open_peer(name: str, checkout: Path) -> Peer:
    """The judge of another project, in the user's checkout of it.

    Raises InputError where the path is no checkout of that project, a package that it imports is not installed, or no
    container can be had for it.
    """
    if name not in NAMES:
        raise InputError(f"a peer is one of {', '.join(NAMES)}; got {name!r}")
    checkout = checkout.expanduser().resolve()
    marker = checkout / MODULES[name]
    if not marker.is_file():
        raise InputError(
            f"{checkout} is no checkout of {_PROJECTS[name]}: it has no {MODULES[name]};"
            f" give the folder that `git clone` of that project made"
        )
    return Peer(name, checkout)


def _commit(checkout: Path) -> str:
    """The commit that is checked out, or "unknown"."""
    command = ["git", "-c", f"safe.directory={checkout}", "-C", str(checkout), "rev-parse", "--show-toplevel", "HEAD"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.split("\n")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return said[1] if Path(said[0]) == checkout else "unknown"
