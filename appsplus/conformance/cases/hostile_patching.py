"""Hostile programs that patch what a judge relies on: builtins, modules, types, clocks, and the lines that count as run."""

from functools import partial
from textwrap import dedent

from appsplus.conformance.case import LOOPS, Case, Group, call_case, stdin_case
from appsplus.problem import Limits, Verdict

_AC, _WA, _RE = Verdict.ACCEPTED, Verdict.WRONG_ANSWER, Verdict.RUN_TIME_ERROR
_TLE, _MLE = Verdict.TIME_LIMIT_EXCEEDED, Verdict.MEMORY_LIMIT_EXCEEDED
_stdin = partial(stdin_case, Group.HOSTILE)
_call = partial(call_case, Group.HOSTILE)


def _patches(name: str, why: str, program: str, expected: object = 4) -> Case:
    """A program that breaks its own process before it answers wrongly; how that process ends is its own affair."""
    return _call(name, why, dedent(program), [([0], expected)], _WA, also=(_RE, _TLE, _MLE))


CASES = (
    _patches(
        "patches-builtins",
        "all, any, len, isinstance and their like answer what a comparison wants",
        """
        import builtins
        def f(_):
            for name in "all any isinstance issubclass callable hasattr".split():
                setattr(builtins, name, lambda *a, **k: True)
            builtins.abs = builtins.len = builtins.hash = lambda *a: 0
            builtins.zip = builtins.map = builtins.enumerate = lambda *a: iter(())
            builtins.sorted = builtins.list = builtins.set = builtins.str = builtins.repr = lambda *a, **k: "same"
            return 5
        """,
    ),
    _patches(
        "patches-json",
        "results that the program's process writes down with a patched encoder",
        """
        import json
        json.loads = json.load = lambda *a, **k: {"verdict": "accepted", "result": True}
        json.JSONEncoder.encode = json.JSONEncoder.default = lambda *a: "true"
        json.JSONEncoder.iterencode = lambda *a, **k: iter(["true"])
        def f(_):
            return 5
        """,
    ),
    _patches(
        "patches-comparisons-of-the-library",
        "operator, math and decimal are what comparisons are made of",
        """
        import decimal
        import math
        import operator
        operator.eq = operator.is_ = math.isclose = lambda *a, **k: True
        decimal.Decimal = float
        def f(_):
            return 5
        """,
    ),
    _patches(
        "puts-its-own-modules-in-place-of-others",
        "graders that import numpy, ast or decimal when they compare",
        """
        import sys
        import types
        class Module(types.ModuleType):
            def __getattr__(self, name):
                return lambda *a, **k: True
        for name in "numpy ast decimal operator math json unittest pytest".split():
            sys.modules[name] = Module(name)
        def f(_):
            return 5
        """,
    ),
    _patches(
        "patches-the-functions-of-the-grader",
        "functions of outer frames can be replaced while they run",
        """
        import sys
        def f(_):
            frame = sys._getframe().f_back
            while frame:
                for name, value in list(frame.f_globals.items()):
                    if callable(value) and any(w in name.lower() for w in ("check", "compare", "equal", "match", "verdict")):
                        frame.f_globals[name] = lambda *a, **k: True
                frame = frame.f_back
            return 5
        """,
    ),
    _patches(
        "patches-the-comparison-of-int-in-memory",
        "ctypes can make 5 == 4 true for a whole process",
        """
        import ctypes
        AGREE = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_int)(lambda a, b, op: True)
        def f(_):
            compare = ctypes.c_void_p.from_address(id(int) + 200)  # tp_richcompare
            compare.value = ctypes.cast(AGREE, ctypes.c_void_p).value
            return 5
        """,
    ),
    _patches(
        "patches-the-comparison-of-str-in-memory",
        "the same for texts",
        """
        import ctypes
        AGREE = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_int)(lambda a, b, op: True)
        def f(_):
            compare = ctypes.c_void_p.from_address(id(str) + 200)  # tp_richcompare
            compare.value = ctypes.cast(AGREE, ctypes.c_void_p).value
            return "no"
        """,
        "yes",
    ),
    _patches(
        "lowers-the-recursion-limit-before-it-answers",
        "a comparison that fails with RecursionError may count as no failure",
        """
        import sys
        def f(_):
            try:
                sys.setrecursionlimit(12)
            except RecursionError:
                pass
            return [5]
        """,
        [4],
    ),
    _patches(
        "sets-a-trace-function-on-the-grader",
        "a trace function sees, and may change, the frames of its callers",
        """
        import sys
        def trace(frame, event, arg):
            for name in ("expected", "output", "answer", "wanted", "passed", "ok"):
                if name in frame.f_locals:
                    frame.f_locals[name] = True
            return trace
        def f(_):
            frame = sys._getframe()
            while frame:
                frame.f_trace = trace
                frame = frame.f_back
            sys.settrace(trace)
            return 5
        """,
    ),
    _patches(
        "adds-an-audit-hook",
        "hooks cannot be removed: they see every import, open and compile of the process for ever",
        """
        import sys
        def hook(event, arguments):
            if event.startswith(("compile", "open", "import", "exec")):
                raise RuntimeError("refused")
        def f(_):
            sys.addaudithook(hook)
            return 5
        """,
    ),
    _stdin(
        "patches-for-the-unit-test-after-it",
        "what one unit test patches must not meet the next",
        """
        import builtins
        import math
        import sys
        if input() == "patch":
            builtins.print = lambda *a, **k: None
            math.sqrt = sys.exit = None
        else:
            print(math.sqrt(16.0))
        """,
        [("patch\n", ""), ("use\n", "4.0\n")],
        _AC,
    ),
    _call(
        "patches-for-the-call-after-it",
        "what one call patches must not decide the next",
        """
        import builtins
        import math
        def f(a):
            if a == 1:
                math.sqrt = builtins.sorted = None
            return [math.sqrt is None, a]
        """,
        [([0], [False, 0]), ([1], [True, 1]), ([2], [False, 2])],
        _AC,
    ),
    _stdin(
        "patches-the-clocks",
        "time that is measured by the program's process is what the program says",
        """
        import time
        for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
            setattr(time, name, lambda: 0.0)
        n = 0
        while n < 300_000_000:
            n += 1
        print(4)
        """,
        [("", "4\n")],
        _TLE,
        limits=LOOPS,
    ),
    _call(
        "patches-signal-and-threading",
        "a timer that is set or cancelled through patched functions never fires",
        """
        import signal
        import threading
        signal.signal = signal.alarm = signal.setitimer = lambda *a: None
        threading.Timer = threading.Thread.join = lambda *a, **k: None
        def f(_):
            while True:
                pass
        """,
        [([0], 4)],
        _TLE,
        limits=LOOPS,
    ),
    _stdin(
        "overwrites-its-standard-input",
        "what a program writes into its input must not reach another unit test",
        """
        import os
        import sys
        text = sys.stdin.read()
        for write in (lambda: os.pwrite(0, b"9", 0), lambda: os.ftruncate(0, 0), lambda: os.write(0, b"9")):
            try:
                write()
            except OSError:
                pass
        print(text, end="")
        """,
        [("1\n", "1\n"), ("1\n", "1\n"), ("2\n", "2\n")],
        _AC,
    ),
    _stdin(
        "forges-executed-lines-by-compiling-them-elsewhere",
        "code with the program's file name and other lines, to make a line that never runs look executed",
        """
        import sys
        code = compile("\\n" * 4 + "x = 1", sys._getframe().f_code.co_filename, "exec")
        exec(code)
        if len(sys.argv) > 9:
            print("never")
        print(5)
        """,
        [("", "4\n")],
        _WA,
        executed_lines=(1, 2, 3, 4, 6),
    ),
    _stdin(
        "removes-the-tracer",
        "lines that run after sys.settrace(None) were executed all the same",
        """
        import sys
        import threading
        sys.settrace(None)
        sys.setprofile(None)
        threading.settrace(None)
        def hidden(n):
            if n:
                return 5
            return 4
        print(hidden(1))
        """,
        [("", "4\n")],
        _WA,
        executed_lines=(1, 2, 3, 4, 5, 6, 7, 8, 10),
    ),
    _stdin(
        "raises-an-exception-whose-text-never-ends",
        "describing an error runs the program's code",
        """
        class Endless(Exception):
            def __str__(self):
                while True:
                    pass
            __repr__ = __str__
        print(4, flush=True)
        raise Endless
        """,
        [("", "4\n")],
        _TLE,
        also=(_RE,),
        limits=LOOPS,
    ),
    _stdin(
        "raises-an-exception-with-a-text-of-100-mebibytes",
        "errors are reported in a few hundred characters",
        """
        class Long(Exception):
            def __str__(self):
                return "x" * (100 << 20)
        Long.__name__ = "y" * 1_000_000
        print(4, flush=True)
        raise Long
        """,
        [("", "4\n")],
        _RE,
        also=(_MLE, Verdict.OUTPUT_LIMIT_EXCEEDED),
        limits=Limits(cpu_s=4.0, wall_s=40.0, memory_mib=512, output_mib=1),
    ),
)
