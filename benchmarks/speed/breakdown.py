"""Where the time of an execution goes: what each rung of the isolation costs, a job, a further unit test, and the floor.

Isolation is measured by taking it away: the same judge is started with one rung, or all of them, replaced by nothing.
A variant counts only where the worker's own report (`Judge.rungs`) says that the rung is off and the others hold.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any
from unittest.mock import patch

import machine
from contestants import PYTHON
from work import Task

from appsplus.judge import BEST_EFFORT, Job, Judge, handle, worker
from appsplus.problem import IOFormat, UnitTest, Verdict

_MAIN = "worker.main(sys.argv[1])"
_MODULES = "from appsplus.judge import isolation, landlock, rlimits, seccomp"  # which the worker has anyway
_NOTHING = "(lambda *a, **k: None)"
_TAKEN_AWAY = {
    "seccomp": "seccomp.refused = lambda: 'taken away'; ",
    "landlock": "landlock.abi = lambda: 0; ",
    "rlimits": "rlimits.limits = lambda *a: (); ",
    "namespaces, root, user": f"isolation.enter_namespaces = isolation.drop_user = {_NOTHING}; ",
}
_GONE = {
    "seccomp": ("seccomp",),
    "landlock": ("landlock",),
    "rlimits": (),
    "namespaces, root, user": ("namespaces", "root", "user"),
}
_STDIN = "print(int(input()) + 1)\n"
_CALL = "def add(a):\n    return a + 1\n"
_MANY = 20


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one execution, in milliseconds."""

    cpu_ms: float
    wall_ms: float


def measure(groups: dict[str, list[Task]], *, isolation: str, repeat: int, jobs: int) -> dict[str, Any]:
    """Everything in this module. `groups`: real programs, of which call-tiny and stdin-tiny are used."""
    tasks = groups["call-tiny"]
    with ExitStack() as stack:
        judges = {"all rungs": stack.enter_context(Judge(isolation=isolation))}
        for name, taken in [*((f"without {r}", (r,)) for r in _TAKEN_AWAY), ("no rung", tuple(_TAKEN_AWAY))]:
            judges[name] = stack.enter_context(_without(taken))
        costs: dict[str, dict[str, list[Cost]]] = {name: {} for name in judges}
        for _ in range(repeat):
            for name, judge in judges.items():
                for kind, job in _jobs().items():
                    number = max(1, jobs // len(job.unit_tests))
                    costs[name].setdefault(kind, []).append(_pass(judge, job, number))
        strict = judges["all rungs"]
        floors = _floors(tasks, strict, jobs)
        by_process = {group: _by_process(strict, groups[group], repeat) for group in ("call-tiny", "stdin-tiny")}
    table = {name: {kind: _summary(passes) for kind, passes in kinds.items()} for name, kinds in costs.items()}
    return {
        "ms_per_job": table,
        "isolation_ms_per_execution": {
            kind: _differences(costs["all rungs"][kind], costs["no rung"][kind], executions)
            for kind, executions in (("stdin, 1 test", 1), (f"stdin, {_MANY} tests", _MANY), ("call, 1 test", 1))
        },
        "rung_ms_per_stdin_execution": {
            rung: _differences(costs["all rungs"]["stdin, 1 test"], costs[f"without {rung}"]["stdin, 1 test"], 1)
            for rung in _TAKEN_AWAY
        },
        "further_test_ms": {
            name: {
                form: _differences(kinds[f"{form}, {_MANY} tests"], kinds[f"{form}, 1 test"], _MANY - 1)
                for form in ("stdin", "call")
            }
            for name, kinds in costs.items()
            if name in ("all rungs", "no rung")
        },
        "floors_ms": floors,
        "by_process_ms": by_process,
    }


def _jobs() -> dict[str, Job]:
    one, call = UnitTest("1\n", "2\n"), UnitTest("[1]", "2")
    return {
        "stdin, 1 test": Job(_STDIN, IOFormat.STDIN, (one,)),
        f"stdin, {_MANY} tests": Job(_STDIN, IOFormat.STDIN, (one,) * _MANY),
        "call, 1 test": Job(_CALL, IOFormat.CALL, (call,), "add"),
        f"call, {_MANY} tests": Job(_CALL, IOFormat.CALL, (call,) * _MANY, "add"),
        "compile error": Job("a b", IOFormat.STDIN, (one,)),
    }


@contextmanager
def _without(taken: tuple[str, ...]) -> Iterator[Judge]:
    """A judge that lacks rungs. Raises RuntimeError where taking them away did not work."""
    changes = "".join(_TAKEN_AWAY[rung] for rung in taken)
    start = handle._START_WORKER.replace(_MAIN, f"{_MODULES}; {changes}{_MAIN}")
    with patch.object(handle, "_START_WORKER", start):  # and no longer: the next variant begins with what it was
        judge = Judge(isolation=BEST_EFFORT)
    with judge:
        gone = [name for rung in taken for name in _GONE[rung]]
        for name in ("namespaces", "root", "user", "seccomp", "landlock"):
            if judge.rungs[name] == (name in gone):
                raise RuntimeError(f"rung {name} was to be {'off' if name in gone else 'on'}: {judge.rungs}")
        yield judge


def _pass(judge: Judge, job: Job, number: int) -> Cost:
    cpu_0, wall_0 = machine.cpu_s(os.getpid()), time.monotonic()
    for _ in range(number):
        report = judge.run(job)
    wall_s = time.monotonic() - wall_0
    if report.verdict not in (Verdict.ACCEPTED, Verdict.COMPILE_ERROR):
        raise RuntimeError(f"a right program was not accepted: {report}")
    return Cost((machine.cpu_s(os.getpid()) - cpu_0) * 1000 / number, wall_s * 1000 / number)


def _summary(passes: list[Cost]) -> dict[str, Any]:
    return {"cpu": spread([p.cpu_ms for p in passes]), "wall": spread([p.wall_ms for p in passes])}


def _differences(more: list[Cost], less: list[Cost], executions: int) -> dict[str, Any]:
    """By how much the passes of one kind cost more than those of another that ran beside them, per execution."""
    pairs = list(zip(more, less, strict=True))
    return {
        "cpu": spread([(m.cpu_ms - n.cpu_ms) / executions for m, n in pairs]),
        "wall": spread([(m.wall_ms - n.wall_ms) / executions for m, n in pairs]),
    }


def spread(values: list[float]) -> dict[str, float]:
    """Median and range."""
    return {"median": round(median(values), 4), "min": round(min(values), 4), "max": round(max(values), 4)}


def _floors(tasks: list[Task], judge: Judge, jobs: int) -> dict[str, float]:
    """What cannot be had for less by a judge that forks from a warm interpreter."""
    script = f"""
import importlib, json, os, sys, time
for name in {worker.WARM!r}:
    importlib.import_module(name)
began, cpu = time.monotonic(), sum(os.times()[:4])
for _ in range(500):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
print(json.dumps([(time.monotonic() - began) * 2, (sum(os.times()[:4]) - cpu) * 2]))
"""
    ran = subprocess.run([PYTHON, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    fork_wall_ms, fork_cpu_ms = json.loads(ran.stdout)
    job = _jobs()[f"stdin, {_MANY} tests"]
    before = time.process_time()
    for _ in range(max(1, jobs // _MANY)):
        judge.run(job)
    parent_ms = (time.process_time() - before) * 1000 / (max(1, jobs // _MANY) * _MANY)
    return {
        "fork and exit of a warm interpreter, wall": round(fork_wall_ms, 4),
        "fork and exit of a warm interpreter, CPU": round(fork_cpu_ms, 4),
        "compile a program of call-tiny, CPU": round(_timed_ms(lambda: _compile(tasks)) / len(tasks), 4),
        "parent: ask, collect, compare, CPU a unit test": round(parent_ms, 4),
    }


def _by_process(judge: Judge, tasks: list[Task], repeat: int) -> dict[str, Any]:
    """CPU time of a real program, all its unit tests, by the process that spends it; and how many unit tests it has."""
    jobs = [task.job() for task in tasks]
    for job in jobs:
        judge.run(job)
    [started] = [handle.process.pid for handle in judge._workers.values()]
    *_, own, template, compiler = machine.tree(started)  # what was started waits for the worker, PID 1 of its namespace
    names = {"parent: compare": os.getpid(), "worker: collect": own, "template: fork": template, "compiler": compiler}

    def spent() -> dict[str, float]:
        found = {name: machine.own_cpu_s(pid)[0] for name, pid in names.items()}
        return {**found, "programs: isolate, run, end": machine.own_cpu_s(own)[1]}

    passes: dict[str, list[float]] = {}
    for _ in range(repeat):
        before = spent()
        for job in jobs:
            judge.run(job)
        for name, cpu_s in spent().items():
            passes.setdefault(name, []).append((cpu_s - before[name]) * 1000 / len(jobs))
    tests = sum(len(job.unit_tests) for job in jobs) / len(jobs)
    return {"unit_tests": round(tests, 2), **{name: spread(values) for name, values in passes.items()}}


def _compile(tasks: list[Task]) -> None:
    for task in tasks:
        compile(task.program, "program", "exec", dont_inherit=True)


def _timed_ms(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000
