"""Time spent waiting for a CPU is the host's: how it is read, and that it does not count against the wall limit."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appsplus.judge import BEST_EFFORT, Job, Judge, Report
from appsplus.judge.process import _PATIENCE, Clock
from appsplus.judge.waiting import Waiting
from appsplus.problem import IOFormat, Limits, UnitTest, Verdict

WORKING = "total = 0\nfor i in range(6_000_000): total += i * i\nprint(1)"
BUSY = [sys.executable, "-c", "while True: pass"]


class Script(Clock):
    """A clock that shows what the test says."""

    def __init__(self, *, cpu_limit_s: float = 100.0) -> None:
        self.cpu_s = self.wall_s = self.waited_s = 0.0
        super().__init__(os.getpid(), cpu_limit_s, 20.0, lambda: self.waited_s)

    def spent(self) -> tuple[float, float]:
        return self.cpu_s, self.wall_s

    def at(self, wall_s: float, waited_s: float) -> float:
        """Seconds left then."""
        self.wall_s, self.waited_s = wall_s, waited_s
        return self.left_ms() / 1000


def test_who_has_slept_is_ended_at_the_limit() -> None:
    clock = Script()
    assert 0 < clock.at(0.5, 0.0) <= 0.6
    assert clock.at(1.5, 0.01) == pytest.approx(18.5, abs=0.01)
    assert clock.at(20.0, 0.01) == 0
    assert clock.exceeded() == "wall"


def test_who_has_waited_has_so_much_more_time() -> None:
    clock = Script()
    clock.at(1.0, 0.0)
    assert clock.at(20.0, 15.0) == pytest.approx(15.0, abs=0.01)
    assert clock.at(35.0, 27.0) == pytest.approx(12.0, abs=0.01)
    assert clock.at(47.1, 27.0) == 0


def test_what_was_waited_before_is_another_unit_test_s() -> None:
    clock = Script()
    clock.at(1.0, 9.0)
    assert clock.at(20.0, 9.0) == 0


def test_a_thread_that_ends_takes_nothing_away() -> None:
    clock = Script()
    clock.at(1.0, 0.0)
    clock.at(20.0, 15.0)
    assert clock.at(34.0, 2.0) == pytest.approx(1.0, abs=0.01)


def test_nobody_waits_for_ever() -> None:
    clock = Script()
    clock.at(1.0, 0.0)
    assert clock.at(20.0 * (1 + _PATIENCE), 20.0 * (1 + _PATIENCE)) == 0


def test_waiting_gives_no_cpu_time() -> None:
    clock = Script(cpu_limit_s=5.0)
    clock.at(1.0, 0.0)
    clock.cpu_s = 5.0
    assert clock.at(20.0, 15.0) == 0
    assert clock.exceeded() == "cpu"


@pytest.fixture
def one_cpu() -> Iterator[int]:
    """This process, and what it starts, on one CPU, beside five that are busy there."""
    before = os.sched_getaffinity(0)
    cpu = min(before)
    os.sched_setaffinity(0, {cpu})
    busy = [subprocess.Popen(BUSY) for _ in range(5)]
    try:
        yield cpu
    finally:
        for process in busy:
            process.kill()
            process.wait()
        os.sched_setaffinity(0, before)


def kernel_counts() -> None:
    """Skip where the kernel does not tell how long a thread has waited."""
    if not Path("/proc/self/schedstat").exists() or Path("/proc/self/schedstat").read_text().split()[1] == "0":
        pytest.skip("this kernel does not count the time that processes wait for a CPU (CONFIG_SCHED_INFO)")


def test_the_host_s_proc_tells(one_cpu: int) -> None:
    waiting, began = Waiting(), time.monotonic()
    with subprocess.Popen(BUSY) as process:
        kernel_counts()
        handle = os.pidfd_open(process.pid)
        seen = [0.0]
        while seen[-1] < 0.2 and time.monotonic() - began < 60:
            time.sleep(0.05)
            seen.append(waiting.seconds(handle))
        reference = int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[1]) / 1e9
        process.kill()
    assert waiting.seconds(handle) == 0.0  # nobody is there
    os.close(handle)
    assert seen == sorted(seen)
    assert 0.2 <= seen[-1] <= reference <= time.monotonic() - began


def judged(judge: Judge, program: str) -> Report:
    limits = Limits(cpu_s=20.0, wall_s=0.8)
    return judge.run(Job(program, IOFormat.STDIN, (UnitTest("", "1"),), limits=limits))


def test_a_program_that_waits_for_its_turn_is_not_too_late(one_cpu: int) -> None:
    """It shares a CPU with five others, and takes several times its wall limit."""
    with Judge(isolation=BEST_EFFORT) as judge:
        kernel_counts()
        [report] = judged(judge, WORKING).unit_tests
        assert (report.verdict, report.error) == (Verdict.ACCEPTED, "")
        assert report.wall_s > 0.8
        in_a_thread = "import threading\ndef run():\n    " + WORKING.replace("\n", "\n    ")
        in_a_thread += "\nthread = threading.Thread(target=run)\nthread.start()\nthread.join()"
        assert judged(judge, in_a_thread).verdict is Verdict.ACCEPTED
        assert judged(judge, "import time\ntime.sleep(60)\nprint(1)").verdict is Verdict.TIME_LIMIT_EXCEEDED
