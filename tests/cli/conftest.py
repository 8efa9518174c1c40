"""The command line as its users run it: in this process where that is enough, in one of its own where signals matter."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appsplus import cli

SCRIPT = Path(sys.executable).parent / "appsplus"


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Ran]]:
    """Run `appsplus ARGUMENTS...` in this process, 80 columns wide."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setenv("COLUMNS", "80")

    def command(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["appsplus", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Ran(int(ended.value.code or 0), *capsys.readouterr())

    yield command
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _heed_interruption() -> None:
    """A test run in the background has SIGINT ignored, and its children would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `appsplus ARGUMENTS...` as a process of its own, with pipes for its output."""
    started: list[subprocess.Popen[str]] = []

    def command(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [SCRIPT, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "xdg-cache")},
            preexec_fn=_heed_interruption,
        )
        started.append(process)
        return process

    yield command
    for process in started:
        process.kill()
        process.communicate()
