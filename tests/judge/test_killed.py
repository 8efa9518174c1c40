"""Programs that the host kills: that is no verdict, and once it is no failure either."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from appsplus.errors import SandboxError
from appsplus.judge import BEST_EFFORT, Job, Judge, Report
from appsplus.problem import IOFormat, Limits, UnitTest, Verdict

WORK = "import time\ndef work():\n    for i in range(20_000_000): pass\n    time.sleep(1)\n"
STDIN = f"{WORK}work()\nprint(1)"
CALL = f"{WORK}def f(_):\n    work()\n    return 1"
LIMITS = Limits(cpu_s=20.0, wall_s=60.0)
_TICKS = 10  # of CPU time (0.1 s): neither the template nor the compiler of a new judge has used so many
JOBS = {
    "stdin": Job(STDIN, IOFormat.STDIN, (UnitTest("", "1"),), limits=LIMITS),
    "call": Job(CALL, IOFormat.CALL, (UnitTest("[0]", "1"),), "f", limits=LIMITS),
}


@pytest.fixture
def fresh_judge() -> Iterator[Judge]:
    with Judge(isolation=BEST_EFFORT) as judge:
        if os.geteuid() != 0:
            pytest.skip("only root may kill a program from outside")
        if not judge.rungs["namespaces"] or "nested_pid_namespace" in judge.rungs["missing"]:
            pytest.skip("without a PID namespace a program can kill itself, so nothing is known about who did")
        yield judge


def kill_its_program(judge: Judge, answer: "Future[Report]", before: int = 0) -> int:
    """Wait for a program below the judge, another one than before, and kill it from outside. Returns its number."""
    while not answer.done():
        for worker in list(judge._workers.values()):
            for program in below(worker.process.pid):
                if program != before and is_busy(program):
                    os.kill(program, signal.SIGKILL)
                    return program
        time.sleep(0.02)
    raise AssertionError(f"no program was seen before the answer came: {answer.result()}")


def below(pid: int) -> list[int]:
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return children + [deeper for child in children for deeper in below(child)]


def is_busy(pid: int) -> bool:
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    # The judge's own processes wait, or have children
    return state.strip() == "R" and int(fields[10]) > _TICKS and not below(pid)


@pytest.mark.parametrize("io_format", JOBS)
def test_a_program_that_the_host_has_killed_is_run_again(fresh_judge: Judge, io_format: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(fresh_judge.run, JOBS[io_format])
        kill_its_program(fresh_judge, answer)
        assert answer.result().verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("io_format", JOBS)
def test_a_program_that_the_host_kills_each_time_has_no_verdict(fresh_judge: Judge, io_format: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(fresh_judge.run, JOBS[io_format])
        kill_its_program(fresh_judge, answer, kill_its_program(fresh_judge, answer))
        with pytest.raises(SandboxError, match="the host killed a program that was within its limits"):
            answer.result()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_that_kills_itself_has_a_verdict(fresh_judge: Judge, number: int) -> None:
    program = f"import os\nos.kill(os.getpid(), {int(number)})\nprint(1)"
    report = fresh_judge.run(Job(program, IOFormat.STDIN, (UnitTest("", "1"),)))
    assert report.verdict is Verdict.RUN_TIME_ERROR
