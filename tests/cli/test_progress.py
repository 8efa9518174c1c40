"""Progress: a live line on a terminal, few plain lines in a log, nothing on standard output."""

import io
import re
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from rich.console import Console

from appsplus.cli import progress
from appsplus.engine.costs import Spent


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_every_ten_seconds_and_one_at_the_end_of_a_pass(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.shown_progress() as shown:
        shown.start("judging", None)
        for number in range(1500):
            clock[0] += 0.01
            if number % 3:
                shown.advance("kept")
            else:
                shown.advance("rejected", ("complete", "passing", "runnable", "passing", "corrected")[number // 3 % 5])
        shown.start("annotating", 1500)
        clock[0] += 2
        shown.advance("kept")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "judging: 1,000 problems: 666 kept, 334 rejected (134 passing, 67 complete, 67 runnable, 66 elsewhere); 10 s",
        "judging: 1,500 problems:"
        " 1,000 kept, 500 rejected (200 passing, 100 complete, 100 runnable, 100 elsewhere); 15 s",
        "annotating: 1 of 1,500 problems: 1 kept, 0 rejected; 2 s",
    ]


class OneMachine:
    """What progress asks of an engine."""

    answered: ClassVar[dict[str, int]] = {}

    def __init__(self) -> None:
        self.spent = Spent()
        self.tell = print


def test_a_log_gets_lines_also_while_nothing_gets_ready(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.01)
    engine: Any = OneMachine()
    engine.spent.judged.programs = 1234
    told = ""
    with progress.shown_progress(engine=engine) as shown:
        shown.start("judging", 50)
        for _ in range(1000):
            told += capsys.readouterr().err
            if told.count("\n") > 2:
                break
            time.sleep(0.02)
    lines = [line.rpartition(";")[0] for line in told.splitlines()]
    assert set(lines) == {"judging: 0 of 50 problems: 0 kept, 0 rejected; 1,234 programs judged"}
    assert len(lines) > 2


def test_where_nothing_is_known_yet_nothing_is_told_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.shown_progress("samples", None) as shown:
        shown.start("sampling", 50)
    assert capsys.readouterr().err == "sampling: 0 of 50 samples: 0 s\n"
    for wide, told in ((True, ": 1,234 programs judged"), (False, "")):
        engine: Any = OneMachine()
        assert f"{progress._Told(progress._Counts(None, stages=0), progress.Beside(engine), wide=wide)}" == ""
        engine.spent.judged.programs = 1234
        assert f"{progress._Told(progress._Counts(None, stages=0), progress.Beside(engine), wide=wide)}" == told


def test_a_build_that_fails_at_once_tells_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.shown_progress():
        pass
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("width", "stages"), [(80, ""), (120, r" \(1 passing\)")], ids=["narrow", "wide"])
def test_a_terminal_shows_counts_and_ends_with_both_passes(
    width: int, stages: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=width, color_system=None, legacy_windows=False)
    monkeypatch.setattr(progress, "Console", lambda **_: terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress.shown_progress() as shown:
        shown.start("judging", None)
        for outcome, stage in (("kept", ""), ("kept", ""), ("rejected", "passing")):
            shown.advance(outcome, stage)
        shown.start("annotating", 3)
        for outcome, stage in (("kept", ""), ("kept", ""), ("rejected", "passing")):
            shown.advance(outcome, stage)
    seen = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", screen.getvalue()).replace("\r", "\n")
    first, second = [line.rstrip() for line in seen.splitlines() if line.strip()][-2:]
    assert re.fullmatch(rf"✓ judging    ━+ 3 problems: 2 kept, 1 rejected{stages} 0:00:0\d", first)
    assert re.fullmatch(rf"✓ annotating ━+ 3 problems: 2 kept, 1 rejected{stages} 0:00:0\d", second)
