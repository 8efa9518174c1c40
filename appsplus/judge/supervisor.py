"""A job of the stdin format: compile once, fork per run. And inspections. Standard library only.

The supervisor is a fork of the worker, and every program is a fork of the supervisor in a PID namespace of its own. Jobs
of the call format do without one (`call_runs`): there the program's own process compiles.

Frames to the parent: "C" after compilation {error, executable}, "T" per unit test {unit_test, ended, cpu_s, wall_s,
peak_mib, fresh, status, executed} with what the program wrote as the body, "I" the answer to an inspection.

`ended` says how a unit test ended: exit (with `status`), value, error, cpu, wall, output.
"""

import os
import resource
import signal
from typing import NoReturn

from appsplus.judge import compiling, program
from appsplus.judge.frames import send
from appsplus.judge.process import Job, Program, Setup, become, lock_down, memory_file, watch
from appsplus.judge.stdin_runs import judge_stdin


def supervise(setup: Setup, job: Job) -> None:
    """Do one job and answer the parent. Raises ConnectionError when the parent is gone."""
    compiled = _compiled(setup, job)
    if compiled.code is not None:
        judge_stdin(setup, job, compiled.code, compiled.lines)


def _compiled(setup: Setup, job: Job) -> compiling.Compiled:
    """Compile under a CPU timer that kills this process; the worker then reports that the compiler died."""
    resource.setrlimit(resource.RLIMIT_AS, (job.memory_bytes, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, compiling.CPU_S)
    found = compiling.compiled(job.source, coverage=job.coverage)
    signal.setitimer(signal.ITIMER_PROF, 0)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    executable = None if found.lines is None else found.lines.executable
    send(setup.connection, b"C", {"error": found.error, "executable": executable})
    return found


def inspect(setup: Setup, job: Job, offered: list[str]) -> None:
    """Answer an inspection. `offered`: packages that another worker has."""
    stdin, stdout = memory_file(b""), memory_file(b"")
    forked = Program(setup, compiling.CPU_S, compiling.WALL_S)

    def run() -> NoReturn:
        program.take_descriptors(stdin, stdin, stdout)
        lock_down(setup, job, compiling.CPU_S)
        program.run_inspection(job.source, offered)

    if forked.pid == 0:
        become(run)
    ended = watch(forked)
    if ended != "exit":
        forked.kill()
    status, _ = forked.reap()
    body = os.pread(stdout, os.fstat(stdout).st_size, 0)
    for descriptor in (stdin, stdout):
        os.close(descriptor)
    send(setup.connection, b"I", {"ended": ended, "status": status}, body)
