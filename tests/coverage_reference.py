"""What coverage.py says of one program on its unit tests: the independent reference for the judge's executed lines.

Run as a script: reads {"program", "entry_point", "inputs", "cpu_s"} as lines of JSON from standard input, writes
{"executable", "executed"} to standard output; a unit test that coverage.py could not finish has null, and so have the
executable lines of a program that it cannot parse. One fork per unit test; only for programs of our own or of the real
data, with limits, in a temporary folder.
"""

import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import types
from pathlib import Path
from typing import Any


class Reference:
    """This file as a script, warm: coverage.py is imported once, and every unit test is a fork."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        environment = {**os.environ, "PYTHONHASHSEED": "0", "COVERAGE_CORE": "ctrace"}
        self._script = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self._folder.name,
            env=environment,
        )

    def __enter__(self) -> "Reference":
        return self

    def __exit__(self, *_: object) -> None:
        self._script.communicate()
        self._folder.cleanup()

    def lines(self, program: str, entry_point: str | None, inputs: list[str], cpu_s: float = 20.0) -> dict[str, Any]:
        """Executable lines of a program, and those executed by each unit test."""
        request = {"program": program, "entry_point": entry_point, "inputs": inputs, "cpu_s": cpu_s}
        assert self._script.stdin is not None
        assert self._script.stdout is not None
        self._script.stdin.write(json.dumps(request).encode() + b"\n")
        self._script.stdin.flush()
        answer: dict[str, Any] = json.loads(self._script.stdout.readline())
        return answer


def main() -> None:
    import coverage  # noqa: F401  # before any fork

    for line in sys.stdin.buffer:
        with tempfile.TemporaryDirectory(dir=".") as folder, contextlib.chdir(folder):
            print(json.dumps(_answer(json.loads(line))), flush=True)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from coverage import Coverage

    file = Path("program.py").resolve()
    file.write_text(request["program"], encoding="utf-8", newline="")
    executed = [_in_a_fork(request, file, text) for text in request["inputs"]]
    cov = Coverage(data_file=None, config_file=False)
    cov.clear_exclude()
    try:
        return {"executable": cov.analysis2(str(file))[1], "executed": executed}
    except Exception:  # coverage.py refuses programs that the compiler takes: a form feed where the indentation counts
        return {"executable": None, "executed": executed}


def _in_a_fork(request: dict[str, Any], file: Path, text: str) -> list[int] | None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            lines = _traced(request, file, text)
            os.write(writing, json.dumps(lines).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return json.loads(answer) if answer else None


def _traced(request: dict[str, Any], file: Path, text: str) -> list[int]:
    from coverage import Coverage

    resource.setrlimit(resource.RLIMIT_CPU, (int(request["cpu_s"]),) * 2)
    resource.setrlimit(resource.RLIMIT_STACK, (1 << 28, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    sys.setrecursionlimit(50_000)
    sys.set_int_max_str_digits(0)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    sys.stdin = io.StringIO()
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    code = compile(request["program"], str(file), "exec", dont_inherit=True)
    cov = Coverage(data_file=None, config_file=False, include=[str(file)])
    cov.clear_exclude()
    entry_point = request["entry_point"]
    module = types.ModuleType("__main__" if entry_point is None else "solution")
    if entry_point is None:
        _standard_input(text)
        sys.modules["__main__"] = module
        sys.argv = ["main.py"]
    else:
        _offer_names(module)
    cov.start()
    with contextlib.suppress(BaseException):
        exec(code, module.__dict__)
        if entry_point is not None:
            owner = module.__dict__.get("Solution")
            method = isinstance(owner, type) and hasattr(owner, entry_point)
            function = getattr(owner(), entry_point) if method else module.__dict__[entry_point]
            _use_up(function(*_decoded(text)))
    threading._shutdown()  # type: ignore[attr-defined]
    with contextlib.suppress(Exception):
        sys.stdout.flush()  # which may be the program's own, and its lines count
    cov.stop()
    statements, missing = cov.analysis2(str(file))[1], cov.analysis2(str(file))[3]
    return sorted(set(statements) - set(missing))


def _standard_input(text: str) -> None:
    descriptor = os.memfd_create("stdin")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(text.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.dup2(descriptor, 0)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115


def _offer_names(module: types.ModuleType) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from appsplus.judge import prelude

    module.__dict__.update(prelude.names())


def _decoded(text: str) -> Any:
    from appsplus.judge import values

    return values.decode(text)


def _use_up(value: Any) -> None:
    """As the judge does: an iterator's lines count as executed when it is read."""
    if hasattr(value, "__next__"):
        for _ in value:
            pass


if __name__ == "__main__":
    with contextlib.redirect_stderr(io.StringIO()):
        main()
