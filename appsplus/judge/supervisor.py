"""One job, supervised: compile the program, run it on its unit tests, report. Standard library only.

The supervisor is a fork of the worker, and every program is a fork of the supervisor in a PID namespace of its own.

Frames to the parent: "C" after compilation {error, executable}, "T" per unit test {unit_test, ended, cpu_s, wall_s,
peak_mib, fresh, status, executed} with what the program wrote as the body, "I" the answer to an inspection.

`ended` says how a unit test ended: exit (with `status`), value, error, cpu, wall, output.
"""

import os
import resource
import signal
from types import CodeType
from typing import Any

from appsplus.judge import inspection, probes, program, tracer
from appsplus.judge.call_runs import judge_calls
from appsplus.judge.frames import send
from appsplus.judge.process import Job, Program, Setup, lock_down, memory_file, watch
from appsplus.judge.stdin_runs import judge_stdin

COMPILE_CPU_S = 10.0
_MIB = 1 << 20


def supervise(setup: Setup, request: dict[str, Any]) -> None:
    """Do one job and answer the parent. Raises ConnectionError when the parent is gone."""
    if request["kind"] == "inspect":
        job = Job(request["program"], None, [""], COMPILE_CPU_S, 60.0, 1024 * _MIB, 16 * _MIB, False, True, 1)
        head, body = _inspect(setup, job)
        send(setup.connection, b"I", head, body)
        return
    limits = request["limits"]
    job = Job(
        source=request["program"],
        entry_point=request["entry_point"],
        inputs=request["inputs"],
        cpu_s=limits["cpu_s"],
        wall_s=limits["wall_s"],
        memory_bytes=limits["memory_mib"] * _MIB + setup.base_memory_bytes,
        output_bytes=limits["output_mib"] * _MIB,
        coverage=request["coverage"],
        alone=request["alone"],
        stop_after_timeouts=request["stop_after_timeouts"],
    )
    code, lines = _compile(setup, job)
    if code is None:
        return
    if job.entry_point is None:
        judge_stdin(setup, job, code, lines)
    else:
        job.alone = job.alone or inspection.keeps_state(job.source)
        judge_calls(setup, job, code, lines)


def _compile(setup: Setup, job: Job) -> tuple[CodeType | None, tracer.LineMap | None]:
    """Compile under a CPU timer that kills this process; the worker then reports that the compiler died."""
    resource.setrlimit(resource.RLIMIT_AS, (job.memory_bytes, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, COMPILE_CPU_S)
    lines = None
    try:
        if job.coverage:
            code, lines = probes.coverage_plan(job.source, program.FILENAME)
        else:
            code = compile(job.source, program.FILENAME, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        send(setup.connection, b"C", {"error": _describe_compile_error(error), "executable": None})
        return None, None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    send(setup.connection, b"C", {"error": None, "executable": None if lines is None else lines.executable})
    return code, lines


def _describe_compile_error(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    text = (getattr(error, "msg", None) or str(error))[:300]
    return f"{type(error).__name__}: {text}" + (f" (line {line})" if line else "")


def _inspect(setup: Setup, job: Job) -> tuple[dict[str, Any], bytes]:
    stdin, stdout = memory_file(b""), memory_file(b"")
    forked = Program(setup, job)
    if forked.pid == 0:
        program.take_descriptors(stdin, stdout, os.open(os.devnull, os.O_RDWR))
        lock_down(setup, job)
        program.run_inspection(job.source)
    ended = watch(forked)
    if ended != "exit":
        forked.kill()
    status, _ = forked.reap()
    return {"ended": ended, "status": status}, os.pread(stdout, os.fstat(stdout).st_size, 0)
