"""The parent's side: start a worker, hand it jobs, compare what comes back, assign the verdict."""

import contextlib
import hashlib
import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from appsplus import jsonl
from appsplus.errors import InputError, SandboxError
from appsplus.judge import compare
from appsplus.judge.frames import receive, send
from appsplus.judge.job import Inspection, Job, Report, UnitTestReport
from appsplus.problem import IOFormat, Limits, UnitTest, Verdict

Answer = TypeVar("Answer", Report, Inspection)
STRICT, BEST_EFFORT = "strict", "best-effort"
ISOLATIONS = (STRICT, BEST_EFFORT)
EXCERPT_CHARS = 2000
STRICT_RUNGS = ("namespaces", "root", "user", "seccomp", "rlimits")
_START_S, _GRACE_S = 60.0, 60.0
_LARGEST_PROGRAM = 16 << 20  # characters
_COVERAGE_COST = 20  # a traced program may take so many times its CPU limit
_START_WORKER = (
    "import sys; sys.path.insert(0, sys.argv[2]); from appsplus.judge import worker; worker.main(sys.argv[1])"
)
_ROOT = Path(__file__).resolve().parents[2]
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
}


@cache
def version() -> str:
    """What verdicts depend on besides the job: this package's judge, by its source, and the interpreter's version."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"{digest.hexdigest()[:16]}-{'.'.join(map(str, sys.version_info[:3]))}"


class Judge:
    """A warm, isolated worker process that runs one program at a time. A context manager; safe to share among threads.

    `isolation`: "strict" refuses to run without namespaces, an empty root, seccomp and rlimits; "best-effort" takes what
    the kernel gives (`rungs` says what that is). `hash_seed` is the programs' PYTHONHASHSEED, `modules` the packages
    offered beyond the standard library. Raises SandboxError where the sandbox cannot be had, InputError for an
    unknown option.
    """

    def __init__(self, *, isolation: str = STRICT, hash_seed: int = 0, modules: tuple[str, ...] = ()) -> None:
        if isolation not in ISOLATIONS:
            raise InputError(f"isolation must be one of {', '.join(ISOLATIONS)}; got {isolation!r}")
        self.isolation, self.hash_seed, self.modules = isolation, hash_seed, modules
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._start()

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

    def close(self) -> None:
        """End the worker and everything in it, at once; a thread that waits for an answer gets SandboxError."""
        self._closed = True
        if (worker := self._worker) is not None:
            worker.kill()
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._worker is not None:
            self._connection.close()
            self._worker.kill()
            self._worker.wait()
            self._log.close()
            self._worker = None

    def run(self, job: Job) -> Report:
        """Judge a program. Raises SandboxError when the judge itself fails, twice in a row.

        Raises ValueError for a job of another hash seed or other modules than this worker was started with.
        """
        if (job.hash_seed, job.modules) != (self.hash_seed, self.modules):
            raise ValueError(
                f"this judge was started with hash seed {self.hash_seed} and modules {self.modules};"
                f" the job wants {job.hash_seed} and {job.modules}: start another Judge for it"
            )
        if len(job.program) > _LARGEST_PROGRAM:
            return _all(job, Verdict.COMPILE_ERROR, f"the program has more than {_LARGEST_PROGRAM:,} characters")
        with self._lock:
            return self._again_once(lambda: self._run(job))

    def inspect(self, program: str) -> Inspection:
        """Parse a program inside the sandbox. Raises SandboxError when the judge itself fails, twice in a row."""
        if len(program) > _LARGEST_PROGRAM:
            return Inspection(syntax_error=f"the program has more than {_LARGEST_PROGRAM:,} characters")
        with self._lock:
            return self._again_once(lambda: self._inspect(program))

    def _start(self) -> None:
        packages = [str(path) for name in self.modules for path in _package_paths(name)]
        ours, theirs = socket.socketpair()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        python = [getattr(sys, "_base_executable", sys.executable), "-s", "-P", "-S", "-B", "-W", "ignore"]
        with theirs:
            self._worker = subprocess.Popen(
                [*python, "-c", _START_WORKER, str(theirs.fileno()), str(_ROOT)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                env={**_ENVIRONMENT, "PYTHONHASHSEED": str(self.hash_seed)},
                cwd="/",
                start_new_session=True,  # a terminal's Ctrl-C is for us; we end the worker
            )
        self._connection = ours
        self._connection.settimeout(_START_S)
        try:
            send(ours, b"O", {"modules": self.modules, "packages": packages, "hidden": str(_ROOT)})
            _, hello, _ = receive(ours)
        except (OSError, EOFError) as error:
            raise SandboxError(f"the judge's worker did not start: {self._last_words(error)}") from error
        self._rungs: dict[str, Any] = hello["rungs"]
        lacking = [name for name in STRICT_RUNGS if not self._rungs[name]]
        if self.isolation == STRICT and lacking:
            self._stop()
            reasons = "; ".join(f"{name}: {self._rungs['missing'].get(name, 'not available')}" for name in lacking)
            raise SandboxError(
                f"strict isolation is not available here ({reasons}). Programs are untrusted: enable what is missing,"
                " or accept less with --isolation best-effort"
            )

    def _last_words(self, error: BaseException) -> str:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        self._stop()
        return " / ".join(line.strip() for line in lines[-3:]) if lines else f"{type(error).__name__}: {error}"

    def _again_once(self, work: Callable[[], Answer]) -> Answer:
        for attempt in (1, 2):
            if self._worker is None and not self._closed:
                self._start()
            if self._closed:  # asked after the start: `close` ends a worker that it sees, we end one that it missed
                self._stop()
                raise SandboxError("the judge was closed before it answered")
            try:
                return work()
            except (OSError, EOFError, json.JSONDecodeError) as error:
                words = self._last_words(error)
                if attempt == 2:
                    raise SandboxError(f"the judge's worker failed twice on one job: {words}") from error
        raise AssertionError("unreachable")

    def _run(self, job: Job) -> Report:
        report, executable = self._ask(job, job.unit_tests, alone=False)
        if isinstance(report, str):
            return _all(job, Verdict.COMPILE_ERROR, report)
        unsure = [i for i, (r, fresh) in enumerate(report) if r.verdict is not Verdict.ACCEPTED and not fresh]
        if unsure:
            report = self._confirmed(job, report, unsure)
        unit_tests = tuple(r for r, _ in report)
        verdict = next((r.verdict for r in unit_tests if r.verdict is not Verdict.ACCEPTED), Verdict.ACCEPTED)
        return Report(verdict, unit_tests, executable)

    def _confirmed(self, job: Job, report: list[tuple[UnitTestReport, bool]], unsure: list[int]) -> Any:
        """Run what failed after other unit tests again, each in a process of its own; that verdict counts."""
        again, _ = self._ask(job, tuple(job.unit_tests[i] for i in unsure), alone=True, positions=unsure)
        if isinstance(again, str):
            raise EOFError(f"a program compiled once and not the second time: {again}")  # noqa: TRY004
        confirmed = dict(zip(unsure, again, strict=False))
        kept = [confirmed.get(i, pair) for i, pair in enumerate(report)]
        return kept[: unsure[len(again)]] if len(again) < len(unsure) else kept

    def _ask(
        self, job: Job, unit_tests: tuple[UnitTest, ...], *, alone: bool, positions: list[int] | None = None
    ) -> tuple[list[tuple[UnitTestReport, bool]] | str, tuple[int, ...] | None]:
        """(report, whether its process was fresh) per unit test that was run, or why the program does not compile."""
        limits = {f.name: getattr(job.limits, f.name) for f in fields(Limits)}
        if job.coverage:
            limits["cpu_s"] *= _COVERAGE_COST
            limits["wall_s"] *= _COVERAGE_COST
        self._connection.settimeout(limits["wall_s"] + _GRACE_S)
        request = {
            "kind": "judge",
            "program": job.program,
            "entry_point": job.entry_point,
            "inputs": [t.input for t in unit_tests],
            "limits": limits,
            "coverage": job.coverage,
            "alone": alone,
            "stop_after_timeouts": job.stop_after_timeouts,
        }
        send(self._connection, b"J", request)
        compiled, reports = None, []
        while True:
            kind, head, body = receive(self._connection)
            if kind == b"E":
                break
            if kind == b"C":
                compiled = head
            else:
                number = head["unit_test"] if positions is None else positions[head["unit_test"]]
                reports.append((_unit_test_report(job, number, head, body), bool(head["fresh"])))
        if compiled is None:
            return _compiler_died(head["exit"]), None
        if compiled["error"] is not None:
            return str(compiled["error"]), None
        if head["exit"] != 0 or not reports:
            raise EOFError(f"the supervisor ended with status {head['exit']}")
        executable = compiled["executable"]
        return reports, None if executable is None else tuple(executable)

    def _inspect(self, program: str) -> Inspection:
        self._connection.settimeout(2 * _GRACE_S)
        send(self._connection, b"J", {"kind": "inspect", "program": program})
        body, inspected = b"", False
        while True:
            kind, head, content = receive(self._connection)
            if kind == b"E":
                break
            body, inspected = content, True
        if not inspected:
            raise EOFError(f"the supervisor ended with status {head['exit']}")
        return _read_inspection(body)


def _compiler_died(status: int) -> str:
    return f"the compiler died on this program (status {status}): too deep, too large or too slow to compile"


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


def _all(job: Job, verdict: Verdict, error: str) -> Report:
    one = UnitTestReport(verdict, cpu_s=0.0, wall_s=0.0, peak_mib=0.0, error=error)
    return Report(verdict, (one,) * len(job.unit_tests), () if job.coverage else None)


def _unit_test_report(job: Job, number: int, head: dict[str, Any], body: bytes) -> UnitTestReport:
    verdict, actual, error = _judged(job, number, head, body)
    executed = head.get("executed")
    return UnitTestReport(
        verdict=verdict,
        cpu_s=head["cpu_s"],
        wall_s=head["wall_s"],
        peak_mib=head["peak_mib"],
        actual=actual[:EXCERPT_CHARS],
        actual_hash=hashlib.sha256(actual.rstrip().encode("utf-8", "surrogatepass")).hexdigest() if actual else "",
        error=error,
        executed_lines=None if executed is None else tuple(executed),
    )


def _judged(job: Job, number: int, head: dict[str, Any], body: bytes) -> tuple[Verdict, str, str]:
    """Verdict, what came out, what went wrong."""
    match head["ended"]:
        case "cpu":
            return Verdict.TIME_LIMIT_EXCEEDED, "", f"more than {job.limits.cpu_s:g} s of CPU time"
        case "wall":
            return Verdict.TIME_LIMIT_EXCEEDED, "", f"more than {job.limits.wall_s:g} s of wall time"
        case "output":
            return Verdict.OUTPUT_LIMIT_EXCEEDED, "", f"more than {job.limits.output_mib} MiB of output"
        case "value":
            return _judged_value(job, number, body)
        case "exit" if head["status"] == 0 and job.io_format is IOFormat.STDIN:
            text = body.decode("utf-8", "replace")
            unit_test = job.unit_tests[number]
            right = compare.text_is_right(unit_test.output, text, job.checker, number)
            return (Verdict.ACCEPTED if right else Verdict.WRONG_ANSWER), text, ""
        case _:
            return _judged_error(head, body)


def _judged_value(job: Job, number: int, body: bytes) -> tuple[Verdict, str, str]:
    try:
        value = compare.parse_actual(body.decode())
    except ValueError:
        return Verdict.WRONG_ANSWER, "", "the answer is no value that the judge can read"
    right = compare.value_is_right(job.unit_tests[number].output, value, job.checker, number)
    return (Verdict.ACCEPTED if right else Verdict.WRONG_ANSWER), jsonl.dumps(value), ""


def _judged_error(head: dict[str, Any], body: bytes) -> tuple[Verdict, str, str]:
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        kind, message, line = json.loads(body)
        text = f"{kind}: {message}" if message else str(kind)
        if isinstance(line, int):
            text += f" (line {line})"
        verdict = Verdict.MEMORY_LIMIT_EXCEEDED if kind == "MemoryError" else Verdict.RUN_TIME_ERROR
        return verdict, "", text[:600]
    status = head["status"]
    return Verdict.RUN_TIME_ERROR, "", f"killed by signal {-status}" if status < 0 else f"exit status {status}"


def _package_paths(name: str) -> list[Path]:
    """The package's directory and, for wheels, its bundled libraries. Raises InputError where it is not installed."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"the package {name!r} is not installed beside appsplus; install it, or do not offer it")
    package = Path(next(iter(spec.submodule_search_locations)))
    libraries = package.with_name(f"{package.name}.libs")
    return [path for path in (package, libraries) if path.is_dir()]


def available_cpus() -> int:
    """CPUs this process may use; the default number of workers."""
    return len(os.sched_getaffinity(0))
