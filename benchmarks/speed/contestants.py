"""What runs side by side: our judge, the judges of other projects, a plain process per unit test, bubblewrap.

All are driven from threads of this process, one a worker, as an evaluation harness would; a contestant that is not being
measured sits idle. Outputs of plain processes are compared as stripped text, the cheapest comparison there is.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import machine
from work import LIMITS, Task

from appsplus.conformance.peers import Peer, open_peer
from appsplus.judge import Judge
from appsplus.problem import IOFormat, Verdict

_IMPORTS = """import collections, functools, heapq, itertools, math, operator, random, re, string
from typing import *
from collections import *
from functools import *
from itertools import *
from heapq import *
from bisect import *
from math import *
"""
PYTHON = getattr(sys, "_base_executable", sys.executable)
Judged = Callable[[Task], bool]


@dataclass(frozen=True, slots=True)
class Pass:
    """One contestant's way through a group."""

    wall_s: float
    cpu_s: (
        float  # of everything: harness, judge, programs; not to be had for bubblewrap, which leaves its child unwaited
    )
    accepted: int


class Contestant:
    """Something that judges tasks with a number of workers. A context manager."""

    def __init__(self, name: str, formats: frozenset[IOFormat], workers: Sequence[Judged], stack: ExitStack) -> None:
        self.name, self.formats, self._workers, self._stack = name, formats, workers, stack

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, tasks: Sequence[Task]) -> Pass:
        """Judge the tasks, the workers taking them in turn."""
        todo = iter(tasks)

        def work(judged: Judged) -> int:
            return sum(judged(task) for task in todo)  # a list's iterator hands each task to one thread

        cpu_0, wall_0 = machine.cpu_s(os.getpid()), time.monotonic()
        with ThreadPoolExecutor(len(self._workers)) as pool:
            accepted = sum(pool.map(work, self._workers))
        wall_s = time.monotonic() - wall_0
        return Pass(wall_s, machine.cpu_s(os.getpid()) - cpu_0, accepted)


def ours(workers: int, *, isolation: str, coverage: bool = False) -> Contestant:
    stack = ExitStack()
    judges = [stack.enter_context(Judge(isolation=isolation)) for _ in range(workers)]

    def judged(judge: Judge) -> Judged:
        return lambda task: judge.run(task.job(coverage=coverage)).verdict is Verdict.ACCEPTED

    name = "ours, coverage" if coverage else "ours"
    return Contestant(name, frozenset(IOFormat), [judged(judge) for judge in judges], stack)


def peer(name: str, checkout: Path, workers: int) -> Contestant:
    """A peer; programs for EvalPlus, which alone imports nothing before them, are preceded by the usual imports."""
    imports = _IMPORTS if name == "evalplus" else ""
    stack = ExitStack()
    peers = [stack.enter_context(open_peer(name, checkout)) for _ in range(workers)]

    def judged(one: Peer) -> Judged:
        return lambda t: (
            one.judge(imports + t.program, t.io_format, t.unit_tests, t.entry_point, LIMITS).accepted is True
        )

    return Contestant(name, peers[0].formats, [judged(one) for one in peers], stack)


def processes(name: str, command: Sequence[str], workers: int) -> Contestant:
    """A fresh process per unit test: `command` and the program's file."""
    stack = ExitStack()

    def judged(task: Task) -> bool:
        with tempfile.NamedTemporaryFile("w", suffix=".py", dir="/dev/shm") as file:
            file.write(task.program)
            file.flush()
            return all(_passes([*command, file.name], test.input, test.output) for test in task.unit_tests)

    return Contestant(name, frozenset({IOFormat.STDIN}), [judged] * workers, stack)


def _passes(command: list[str], text: str, expected: str) -> bool:
    try:
        ran = subprocess.run(command, input=text, capture_output=True, text=True, timeout=LIMITS.wall_s)
    except subprocess.TimeoutExpired:
        return False
    return ran.returncode == 0 and ran.stdout.split() == expected.split()


def bubblewrap() -> list[str] | None:
    """bubblewrap with what our strict isolation has: all namespaces, read-only libraries; None: not installed or refused."""
    program = shutil.which("bwrap")
    if program is None:
        return None
    shown = ["/usr", "/lib", "/lib64", "/bin", str(Path(PYTHON).resolve().parents[1]), "/dev/shm"]
    binds = [word for path in shown if Path(path).exists() for word in ("--ro-bind", path, path)]
    command = [program, "--unshare-all", "--die-with-parent", *binds, "--proc", "/proc", "--tmpfs", "/tmp", "--"]
    works = subprocess.run([*command, PYTHON, "-I", "-S", "-c", ""], capture_output=True).returncode == 0
    return command if works else None


_BARE = """
import sys, json, time
task = json.load(sys.stdin)
names = {"__name__": "solution"}
spent = []
exec(task["imports"], names)
code = compile(task["program"], "solution", "exec")
began = time.process_time()
exec(code, names)
loaded_s = time.process_time() - began
entry = task["entry_point"]
function = names.get(entry) or getattr(names["Solution"](), entry)
for text in task["inputs"]:
    arguments = json.loads(text)
    began = time.process_time()
    function(*arguments)
    spent.append(time.process_time() - began)
sys.stderr.write(json.dumps(loaded_s + sum(spent)))
"""


def bare_cpu_s(task: Task) -> float:
    """CPU seconds of a program's own code in a plain interpreter: loading it and the calls, nothing around them.

    With the judge's hash seed: how long a program searches may depend on the order of a set of strings.
    """
    question = {
        "imports": _IMPORTS,
        "program": task.program,
        "entry_point": task.entry_point,
        "inputs": [t.input for t in task.unit_tests],
    }
    command = [PYTHON, "-s", "-P", "-c", "import sys; sys.setrecursionlimit(20000)" + _BARE]
    environment = {"PYTHONHASHSEED": str(task.job().hash_seed)}
    ran = subprocess.run(
        command, input=json.dumps(question), capture_output=True, text=True, check=True, env=environment
    )
    return float(json.loads(ran.stderr.splitlines()[-1]))
