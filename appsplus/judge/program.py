"""What happens in the process of a program, after it has been locked down. Standard library only.

A program of the stdin format finds what it would find in a shell: descriptors 0, 1 and 2, `sys.argv`, a `__main__` of its
own, threads that are waited for, atexit handlers, an exit status. A program of the call format is a module named
`solution`; its function, or the method of its class `Solution`, is called once per unit test with fresh arguments.
Nothing in here is trusted by the parent: a program may patch all of it, and would only change its own answers, and how much
of its time counts for which of its unit tests.
"""

import atexit
import builtins
import ctypes
import gc
import json
import os
import resource
import struct
import sys
import threading
import time
import types
from collections.abc import Callable
from typing import Any, NoReturn

from appsplus.judge import compiling, prelude, probes, state, values
from appsplus.judge.isolation import libc
from appsplus.judge.kept import Kept
from appsplus.judge.line_map import Hit
from appsplus.judge.probes import Probes
from appsplus.judge.tracer import LineTracer

Recorder = LineTracer | Probes
RECURSION_LIMIT = 50_000  # frames; a shell has 1,000, graders of functions have more
FIRST_FREE_DESCRIPTOR = 4  # 0, 1, 2, and 3 for the report
STARTED = b"S"  # written to the report before a program's own code runs
REPORT = 3
_FRAMES = 10  # of a traceback, from either end
ANSWER = struct.Struct("<cII")  # kind, peak resident KiB, length; so many bytes follow, the mark and the answer
QUESTION = struct.Struct("<II")  # number of the first unit test, how many
VALUE, ERROR, READY = b"V", b"E", b"R"  # kinds of answers
SPENT = b"K"  # after the next answer this process takes no other unit test: it keeps something
Record = tuple[bytes, bytes]  # kind, body
_SOON_S = 0.0005  # what took longer is told before the next unit test begins
_LONG = 1 << 16  # bytes of an answer that is told at once
_ONE = struct.pack("<I", 1)  # the end of a question about one unit test
_exit, _now, _len = os._exit, time.perf_counter, len
_usage, _MAXRSS = (ctypes.c_long * 18)(), 4  # of getrusage; to have Python make an object of it costs as much as a call
_main, _solution = types.ModuleType("__main__"), types.ModuleType("solution")
_LIBRARY = os.path.dirname(os.__file__)  # noqa: PTH120


def make_streams() -> None:
    """Make the standard streams, once, in the worker, on files such as a program gets; every program inherits them.

    To make them costs a fifth of a short run. Afterwards descriptors 0, 1 and 3 are /dev/null, so that nothing of ours
    lies where a process puts something when it begins.
    """
    null, log = os.open(os.devnull, os.O_RDWR), os.dup(2)
    for target in (0, 1):
        empty = os.memfd_create("std")
        os.dup2(empty, target)
        os.close(empty)
    os.dup2(null, 2)
    kinds: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape", "closefd": False}
    sys.stdin = sys.__stdin__ = open(0, **kinds)  # type: ignore[misc]  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", **kinds)  # type: ignore[misc]  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", **kinds)  # type: ignore[misc]  # noqa: SIM115
    for target, source in ((0, null), (1, null), (2, log), (REPORT, null)):
        os.dup2(source, target)
    for descriptor in (null, log):
        if descriptor != REPORT:
            os.close(descriptor)


def make_modules() -> None:
    """Make the modules that programs become, once, in the worker: to fill one costs a program a tenth of a short run."""
    _main.__dict__.update(__file__="main.py", __builtins__=builtins)
    _solution.__dict__.update(prelude.names(), __file__="solution.py", __builtins__=builtins)
    sys.modules["__main__"] = _main
    sys.argv = ["main.py"]


def run_stdin(compiled: bytes, has_end: bool, hit: Hit | None = None) -> NoReturn:
    """Run a program as a shell would, and end this process with its status. Lines go to `hit`, if there is one.

    Descriptors: 0, 1 and 2 are the program's, 3 is for our report.
    """
    status = 1
    try:
        code, traced = _prepared(compiled, hit)
        os.write(REPORT, STARTED)
        if traced is not None:
            traced.start()
        status = _status_of(code, _main.__dict__)
        status = _finish(status, _main.__dict__ if has_end else None)
    finally:
        _exit(status)


def _prepared(compiled: bytes, hit: Hit | None) -> tuple[types.CodeType, Recorder | None]:
    """The code, and what records its lines into `hit`."""
    code, places = compiling.loaded(compiled)
    return (code, None) if hit is None else probes.recorder(code, places, hit)


def _status_of(code: types.CodeType, names: dict[str, Any]) -> int:
    try:
        exec(code, names)
    except SystemExit as leaving:
        if leaving.code is None:
            return 0
        return leaving.code & 0xFF if isinstance(leaving.code, int) else 1
    except BaseException as error:
        os.write(REPORT, _described(error))
        return 1
    return 0


def _finish(status: int, names: dict[str, Any] | None) -> int:
    """What the interpreter does at its end, as far as a program can see it in its output.

    `names`: of the program, where letting them go may do something.
    """
    if len(threading._active) > 1 or threading._threading_atexits:  # type: ignore[attr-defined]
        threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    status = _flushed(status)
    if names is not None:
        sys.stdout = sys.__stdout__  # what the program put there may be about to lose its names
        _let_go(names)
        status = _flushed(status)
    return status


def _flushed(status: int) -> int:
    for stream in (sys.stdout, sys.__stdout__):
        try:
            if stream is not None:
                stream.flush()
        except ValueError:
            pass  # closed by the program, as it may
        except Exception:
            status = status or 120
    return status


def _let_go(names: dict[str, Any]) -> None:
    """Finalizers run, and files that were left open are flushed, while builtins and the program's names can still be used."""
    for name, value in list(names.items()):
        if isinstance(value, (types.GeneratorType, types.CoroutineType)) or hasattr(type(value), "__del__"):
            names[name] = None
    value = None
    for private in (True, False):
        for name in list(names):
            if name.startswith("_") is private and name != "__builtins__":
                names[name] = None
    gc.collect()


def _described(error: BaseException) -> bytes:
    """Type, message and traceback of an exception, as JSON of at most a few kilobytes.

    The traceback is cut to the program's own lines, [line, function] each, and to the outermost and innermost of them.
    """
    try:
        lines, traceback = [], error.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == compiling.FILENAME:
                lines.append([traceback.tb_lineno, traceback.tb_frame.f_code.co_name[:60]])
            traceback = traceback.tb_next
        if len(lines) > 2 * _FRAMES:
            lines[_FRAMES:-_FRAMES] = []
        message = str(error).replace(_LIBRARY, "<python>")  # where Python lies is the host's business
        return json.dumps([str(type(error).__name__)[:100], message[:300], lines]).encode()
    except BaseException:
        return b'["Exception", "", []]'


def run_calls(
    compiled: bytes,
    entry_point: str,
    inputs: list[str],
    keeps: str,
    mark: bytes,
    hit: Hit | None = None,
    hits: Hit | None = None,
) -> NoReturn:
    """Answer unit tests by number, read from descriptor 0, until it closes, on descriptor 3. `mark`: what each record has.

    Lines go to `hit`, if there is one, and from there to `hits`, a place for each of the unit tests that are asked at once
    and, the last, one for the module's own code.
    Of several, answers are told together, unless they take long: each that is told wakes the worker.
    """
    try:
        code, traced = _prepared(compiled, hit)
        questions = os.dup(0)
        os.dup2(1, 0)
        question = os.read(questions, QUESTION.size)
        records = [(STARTED, b"")]
        told = _now()
        if question.endswith(_ONE):
            records = _told(mark, records)
        if traced is not None:
            traced.start()
        try:
            find, kept, is_spent = _load(code, entry_point, looks=keeps == state.VALUES)
        except BaseException as error:
            _told(mark, [*records, (ERROR, _described(error))])
            _exit(1)
        records += [(SPENT, b""), (READY, b"")] if is_spent else [(READY, b"")]
        if hit is not None and hits is not None:
            hits[-len(hit) :] = hit[:]
        while len(question) == QUESTION.size:
            first, count = QUESTION.unpack(question)
            for place in range(count):
                if _now() - told > _SOON_S:
                    records, told = _told(mark, records), _now()
                if traced is not None:
                    traced.clear()
                record = _answer(find, inputs[first + place])
                if hit is not None and hits is not None:
                    hits[place * len(hit) : (place + 1) * len(hit)] = hit[:]
                if not is_spent and kept is not None and kept.has_changed():
                    is_spent = True
                    records.append((SPENT, b""))
                records.append(record)
                if is_spent:
                    break
                if len(record[1]) > _LONG:
                    records, told = _told(mark, records), _now()
            records, told = _told(mark, records), _now()
            if is_spent:
                break
            question = os.read(questions, QUESTION.size)
    finally:
        _exit(0)


def _load(
    code: types.CodeType, entry_point: str, *, looks: bool
) -> tuple[Callable[[], Callable[..., Any]], Kept | None, bool]:
    """Run the module. How to find the function; what the module keeps, if that is to be looked at; and whether that
    cannot be told, so that the next unit test might see it. Raises whatever the module raises.
    """
    sys.modules["solution"] = _solution
    names = _solution.__dict__
    offered = names.pop(entry_point, None)  # a name of the prelude is no answer to a question about it
    exec(code, names)
    owner: Any = names.get("Solution")
    is_method = isinstance(owner, type) and hasattr(owner, entry_point)
    if entry_point not in names:
        if not is_method:
            raise NameError(f"name {entry_point!r} is not defined by the program")
        if offered is not None:
            names[entry_point] = offered
    find = (lambda: getattr(owner(), entry_point)) if is_method else (lambda: names[entry_point])
    try:
        return find, Kept(names, code.co_names) if looks else None, False
    except ValueError:
        return find, None, True


def _answer(find: Callable[[], Callable[..., Any]], arguments: str) -> Record:
    try:
        return VALUE, values.encode(find()(*values.decode(arguments))).encode()
    except BaseException as error:
        return ERROR, _described(error)


def _told(mark: bytes, records: list[Record]) -> list[Record]:
    """Write these records; returns those that are left, none."""
    libc.getrusage(resource.RUSAGE_SELF, _usage)
    answer = b""
    for kind, body in records:
        answer += ANSWER.pack(kind, _usage[_MAXRSS], _len(mark) + _len(body)) + mark + body
    while answer:
        answer = answer[os.write(REPORT, answer) :]
    return []
