"""Quick programs run on one CPU, with all that belongs to their job; slow ones, and idle workers, on any."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appsplus.judge import Job, Judge
from appsplus.judge.placement import SHORT_MS, Placement
from appsplus.problem import IOFormat, UnitTest, Verdict

CPUS = len(os.sched_getaffinity(0))
many_cpus = pytest.mark.skipif(CPUS == 1, reason="this machine has one CPU: there is nothing to choose")
SEEN = "import os, time\nseen = len(os.sched_getaffinity(0))\n"
SLOW = f"time.sleep({20 * SHORT_MS / 1000})\n"


def is_accepted(judge: Judge, program: str, expected: str) -> bool:
    return judge.run(Job(program, IOFormat.STDIN, (UnitTest("", expected),))).verdict is Verdict.ACCEPTED


@many_cpus
def test_a_program_begins_on_one_cpu_and_may_go_where_it_likes_when_it_takes_long(judge: Judge) -> None:
    for _ in range(2):  # the second begins as if there had been no first
        assert is_accepted(judge, f"{SEEN}{SLOW}print(seen, len(os.sched_getaffinity(0)))", f"1 {CPUS}")


@many_cpus
def test_so_it_is_with_unit_tests_of_one_process(judge: Judge) -> None:
    program = f"import os, time\ndef f(slow):\n    if slow: {SLOW}    return len(os.sched_getaffinity(0))"
    cases = (UnitTest("[false]", "1"), UnitTest("[true]", str(CPUS)), UnitTest("[false]", str(CPUS)))
    assert judge.run(Job(program, IOFormat.CALL, cases, "f")).verdict is Verdict.ACCEPTED


@many_cpus
def test_a_worker_between_two_jobs_may_run_anywhere(judge: Judge) -> None:
    assert is_accepted(judge, "print(1)", "1")
    process, is_worker = judge._workers[()].process.pid, False
    while children := Path(f"/proc/{process}/task/{process}/children").read_text().split():
        assert os.sched_getaffinity(process) == os.sched_getaffinity(0)
        process, is_worker = int(children[0]), len(children) > 1
    assert is_worker  # the last that was asked: its children are the template and the compiler


@many_cpus
def test_whoever_settles_is_where_the_worker_is_until_all_may_leave() -> None:
    script = (
        "import os, subprocess, sys; from appsplus.judge.placement import Placement\n"
        "other = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
        "allowed = os.sched_getaffinity(0); placement = Placement()\n"
        "for _ in range(2):\n"
        "    placement.settle(other.pid); here = os.sched_getaffinity(0)\n"
        "    assert len(here) == 1 and os.sched_getaffinity(other.pid) == here\n"
        "    placement.leave(other.pid)\n"
        "    assert os.sched_getaffinity(0) == os.sched_getaffinity(other.pid) == allowed\n"
        "other.kill(); other.wait(); placement.settle(other.pid); placement.leave(other.pid)\n"
        "assert os.sched_getaffinity(0) == allowed"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_where_there_is_one_cpu_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    placement = Placement()
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: pytest.fail("an affinity was set"))
    placement.settle(1)
    placement.leave()
