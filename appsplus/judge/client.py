"""`Judge`, the parent's side: hand jobs to a worker, run again what is in doubt, and answer with a report."""

import hashlib
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from appsplus import jsonl
from appsplus.errors import InputError, SandboxError
from appsplus.judge import checkers, rounds, verdicts
from appsplus.judge.gate import Gate
from appsplus.judge.handle import WorkerHandle, is_installed
from appsplus.judge.job import Inspection, Job, Report
from appsplus.problem import Limits, Verdict

STRICT, BEST_EFFORT = "strict", "best-effort"
ISOLATIONS = (STRICT, BEST_EFFORT)
STRICT_RUNGS = ("namespaces", "root", "user", "seccomp", "rlimits")
_LARGEST_PROGRAM = 16 << 20  # characters
_ON_DEMAND = ("numpy",)  # offered by a worker of its own, to programs that import it
_IMPORTS = re.compile(r"\b(?:import|from)\b|(?:__import__|import_module)\(\s*['\"]\Z")
_LINE_CHARS, _MOST_NAMED = 4000, 1000  # what is read of a line before a name, and how many names are looked at
_LIST = re.compile(r"[ \t\n\r]*\[")  # how JSON begins one
_gate = Gate()


def _renew_gate() -> None:
    """In a forked child: whoever was inside is not here, and would never leave."""
    global _gate
    _gate = Gate()


os.register_at_fork(after_in_child=_renew_gate)


@cache
def version() -> str:
    """What verdicts depend on besides the job: this package's judge, by its source, the interpreter, and numpy."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    offered = [f"{name}{metadata.version(name)}" for name in _ON_DEMAND if is_installed(name)]
    return "-".join([digest.hexdigest()[:16], ".".join(map(str, sys.version_info[:3])), *offered])


class Judge:
    """A warm, isolated worker process that runs one program at a time. A context manager; safe to share among threads.

    `isolation`: "strict" refuses to run without namespaces, an empty root, seccomp and rlimits; "best-effort" takes what
    the kernel gives (`rungs` says what that is). `hash_seed` is the programs' PYTHONHASHSEED, `modules` the packages
    offered beyond the standard library and numpy. Raises SandboxError where the sandbox cannot be had, InputError for
    an unknown option.
    """

    def __init__(self, *, isolation: str = STRICT, hash_seed: int = 0, modules: tuple[str, ...] = ()) -> None:
        if isolation not in ISOLATIONS:
            raise InputError(f"isolation must be one of {', '.join(ISOLATIONS)}; got {isolation!r}")
        self.isolation, self.hash_seed, self.modules = isolation, hash_seed, modules
        self._lock, self._owner = threading.Lock(), os.getpid()
        self._workers: dict[tuple[str, ...], WorkerHandle] = {}  # by the packages they offer
        self._closed = False
        self._rungs = self._worker(modules).rungs

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def rungs(self) -> dict[str, Any]:
        """Which rungs of the isolation hold (bool each), and `missing`: name -> why, and what would make it so."""
        return self._rungs

    @property
    def scale(self) -> float:
        """What CPU limits are multiplied by on this machine; see `appsplus.judge.calibration`."""
        return self._worker(self.modules).scale

    def close(self) -> None:
        """End the worker and everything in it, at once; a thread that waits for an answer gets SandboxError."""
        if self._owner != os.getpid():
            return  # the worker is that of the process that this one was forked from
        self._closed = True
        for worker in list(self._workers.values()):
            worker.kill()
        with self._lock:
            for modules in list(self._workers):
                self._workers.pop(modules).close()

    def run(self, job: Job) -> Report:
        """Judge a program. Raises SandboxError when the judge itself fails, twice in a row.

        Raises ValueError for a job of another hash seed or other modules than this worker was started with, and
        InputError for a checker that does not compile.
        """
        if (job.hash_seed, job.modules) != (self.hash_seed, self.modules):
            raise ValueError(
                f"this judge was started with hash seed {self.hash_seed} and modules {self.modules};"
                f" the job wants {job.hash_seed} and {job.modules}: start another Judge for it"
            )
        if len(job.program) > _LARGEST_PROGRAM:
            return verdicts.not_compiled(job, _too_large())
        with self._its_turn():
            runs, scale = self._again_once(job.program, lambda w: (rounds.judged(w, job, _gate), w.scale))
            if isinstance(runs, str):
                return verdicts.not_compiled(job, runs)
            found, executable = runs
            _refuse_no_arguments(job, found)
            if checkers.is_asked(job, found):
                question = checkers.question(job, found)
                answers = self._again_once(question.program, lambda worker: rounds.judged(worker, question, _gate))
                found = checkers.answered(found, answers if isinstance(answers, str) else answers[0])
        return verdicts.report_of(found, executable, scale)

    def inspect(self, program: str) -> Inspection:
        """Parse a program inside the sandbox. Raises SandboxError when the judge itself fails, twice in a row."""
        if len(program) > _LARGEST_PROGRAM:
            return Inspection(syntax_error=_too_large())
        with self._its_turn():
            found: Inspection = self._again_once(program, _inspect(program))
        return found

    @contextmanager
    def _its_turn(self) -> Iterator[None]:
        """One question at a time. Raises SandboxError in a forked process: two would read each other's answers."""
        if self._owner != os.getpid():
            raise SandboxError("this judge was started by the process that this one was forked from; start one here")
        with self._lock:
            yield

    def _worker(self, modules: tuple[str, ...]) -> WorkerHandle:
        """The worker that offers these packages, started if need be. Raises SandboxError."""
        if modules not in self._workers:
            worker = WorkerHandle(hash_seed=self.hash_seed, modules=modules)
            lacking = [name for name in STRICT_RUNGS if not worker.rungs[name]]
            if self.isolation == STRICT and lacking:
                worker.close()
                reasons = "; ".join(f"{n}: {worker.rungs['missing'].get(n, 'not available')}" for n in lacking)
                raise SandboxError(
                    f"strict isolation is not available here ({reasons}). Programs are untrusted: enable what is"
                    " missing, or accept less with --isolation best-effort"
                )
            self._workers[modules] = worker
        return self._workers[modules]

    def _again_once(self, program: str, work: Callable[[WorkerHandle], Any]) -> Any:
        modules = self.modules + tuple(name for name in _wanted(program) if name not in self.modules)
        for attempt in (1, 2):
            if not self._closed:
                worker = self._worker(modules)
            if self._closed:  # asked after the start: `close` ends a worker that it sees, we end one that it missed
                if modules in self._workers:
                    self._workers.pop(modules).close()
                raise SandboxError("the judge was closed before it answered")
            try:
                return work(worker)
            except (OSError, EOFError, json.JSONDecodeError) as error:
                words = self._workers.pop(modules).close(error)
                if attempt == 2:
                    raise SandboxError(f"the judge's worker failed twice on one job: {words}") from error
            except BaseException:  # what it still has to say would be taken for the answer to the next question
                self._workers.pop(modules).close()
                raise
        raise AssertionError("unreachable")


def _refuse_no_arguments(job: Job, runs: list[verdicts.Run]) -> None:
    """Where a call failed, it may be that nothing could be called with. Raises InputError."""
    for number, run in enumerate(runs if job.entry_point is not None else ()):
        if run.report.verdict is Verdict.RUN_TIME_ERROR and not _is_list(job.unit_tests[number].input, run):
            raise InputError(
                f"the input of unit test {number + 1} is no JSON list of arguments: {job.unit_tests[number].input[:60]!r};"
                " the call format calls a function with such a list"
            )


def _is_list(text: str, run: verdicts.Run) -> bool:
    """Whether an input is a list. One that is not even JSON never gets as far as a line of the program, and is parsed only
    then: most programs that a policy writes fail.
    """
    if not _LIST.match(text):
        return False
    if run.report.traceback:
        return True
    try:
        return isinstance(jsonl.loads(text), list)
    except RecursionError:  # a program could read it
        return True
    except ValueError:
        return False


def _too_large() -> str:
    return f"the program has more than {_LARGEST_PROGRAM:,} characters; shorten it, or let its tables be read from the input"


def _wanted(program: str) -> list[str]:
    return [name for name in _ON_DEMAND if is_installed(name) and _imports(program, name)]


def _imports(program: str, name: str) -> bool:
    """Whether a program seems to import a package; in time that is linear in its length, whatever it looks like."""
    if name not in program:
        return False
    for number, named in enumerate(re.finditer(rf"\b{name}\b", program)):
        before = program[max(0, named.start() - _LINE_CHARS) : named.start()].replace("\\\n", " ")
        if number == _MOST_NAMED or _IMPORTS.search(before.rpartition("\n")[2].rpartition("#")[2]):
            return True
    return False


def _inspect(program: str) -> Callable[[WorkerHandle], Inspection]:
    limits = Limits()
    request = {
        "kind": "inspect",
        "program": program,
        "offered": [name for name in _ON_DEMAND if is_installed(name)],
        "limits": {
            **{n: getattr(limits, n) for n in ("wall_s", "memory_mib", "output_mib", "cpu_s")},
            "kill_cpu_s": 10,
        },
    }

    def work(worker: WorkerHandle) -> Inspection:
        (_, _, body), _ = worker.ask(request, timeout_s=rounds.GRACE_S)
        return _read_inspection(body)

    return work


def _read_inspection(body: bytes) -> Inspection:
    try:
        found: dict[str, Any] = json.loads(body)
    except (ValueError, RecursionError):
        return Inspection(syntax_error="the parser died on this program: too deep, too large or too slow to parse")
    return inspection_from_json(found)


def inspection_from_json(found: dict[str, Any]) -> Inspection:
    """The inspection that a JSON object stands for."""
    fields: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in found.items()}
    return Inspection(**fields)


def available_cpus() -> int:
    """CPUs this process may use; the default number of workers."""
    return len(os.sched_getaffinity(0))
