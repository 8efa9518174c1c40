"""A warm judge for all tests of this folder, results made by hand, and the command as its users run it."""

import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from appsplus import cli
from appsplus.conformance import Group, Outcome, Results, Row
from appsplus.judge import BEST_EFFORT, Judge

MACHINE = {
    "appsplus": "1.0",
    "judge": "abc",
    "python": "3.11.7",
    "kernel": "6.1",
    "architecture": "x86_64",
    "cpus": 2,
    "user": "ordinary",
    "isolation": "strict",
    "rungs": {"namespaces": True, "root": True, "seccomp": False},
}


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    with Judge(isolation=BEST_EFFORT) as worker:
        yield worker


@pytest.fixture
def results() -> Results:
    """Three cases of the table; ours fails one, a peer all that it is asked."""
    right, wrong = Outcome(True, "accepted"), Outcome(False, "accepted", "[True]")
    rows = (
        Row("leaves-by-exit-0", Group.HONEST, "accepted", {"ours": right, "apps": Outcome(False, "refused", "[-1]")}),
        Row("returns-true-for-1", Group.WRONG, "wrong_answer", {"ours": Outcome(True, "wrong_answer"), "apps": wrong}),
        Row(
            "segfaults",
            Group.HOSTILE,
            "run_time_error",
            {"ours": Outcome(False, "SandboxError", "ended with | 11"), "apps": Outcome(None, "", "has no format")},
        ),
    )
    return Results(MACHINE, {"apps": "0123456789abcdef"}, rows, ("file x",))


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Ran]]:
    """Run `appsplus judge-conformance ARGUMENTS...` in this process, 100 columns wide."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setenv("COLUMNS", "100")

    def command(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["appsplus", "judge-conformance", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Ran(int(ended.value.code or 0), *capsys.readouterr())

    yield command
    for number, handler in handlers.items():
        signal.signal(number, handler)
