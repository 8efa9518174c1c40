"""Wrong programs of the call format whose run goes wrong: no function, crashes, limits; each unit test by itself."""

from functools import partial

from appsplus.conformance.case import LOOPS, Group, call_case
from appsplus.problem import Limits, Verdict

_call = partial(call_case, Group.WRONG)
_AC, _RE, _CE = Verdict.ACCEPTED, Verdict.RUN_TIME_ERROR, Verdict.COMPILE_ERROR
_TLE, _MLE, _OLE = Verdict.TIME_LIMIT_EXCEEDED, Verdict.MEMORY_LIMIT_EXCEEDED, Verdict.OUTPUT_LIMIT_EXCEEDED

CASES = (
    _call(
        "fails-in-one-call-only",
        "each unit test has a verdict of its own",
        """
        def f(a):
            return 12 // a
        """,
        [([0], 0), ([3], 4)],
        _RE,
        unit_verdicts=(_RE, _AC),
    ),
    _call(
        "loops-in-one-call-only",
        "the others keep their verdicts; some graders lose the whole problem",
        """
        def f(a):
            while a == 2:
                pass
            return a
        """,
        [([1], 1), ([2], 2), ([3], 3)],
        _TLE,
        limits=LOOPS,
        unit_verdicts=(_AC, _TLE, _AC),
    ),
    _call(
        "leaves-in-one-call-only",
        "sys.exit is no answer, not even of None",
        """
        import sys
        def f(a):
            if a == 2:
                sys.exit(0)
        """,
        [([2], None), ([1], None)],
        _RE,
        unit_verdicts=(_RE, _AC),
    ),
    _call(
        "ends-its-process-in-one-call-only",
        "os._exit(0) is no answer, and the others keep their verdicts",
        """
        import os
        def f(a):
            if a == 2:
                os._exit(0)
        """,
        [([1], None), ([2], None), ([3], None)],
        _RE,
        unit_verdicts=(_AC, _RE, _AC),
    ),
    _call(
        "has-no-such-function",
        "a name that the program does not define",
        "def g(): return 4",
        [([0], 4)] * 2,
        _RE,
        unit_verdicts=(_RE, _RE),
    ),
    _call("has-no-function-but-a-number", "a name that cannot be called", "f = 4", [([0], 4)], _RE),
    _call("takes-too-few-arguments", "a TypeError of the call", "def f(a): return a", [([4, 4], 4)], _RE),
    _call(
        "crashes-on-import",
        "the module's own code fails",
        "def f(_): return 4\n1 / 0",
        [([0], 4)] * 2,
        _RE,
        unit_verdicts=(_RE, _RE),
    ),
    _call(
        "exits-on-import",
        "the module leaves before it can be called",
        "def f(_): return 4\nraise SystemExit",
        [([0], 4)],
        _RE,
    ),
    _call(
        "has-a-syntax-error-in-a-function",
        "found before anything runs",
        "def f(:\n    return 4",
        [([0], 4)] * 2,
        _CE,
        unit_verdicts=(_CE, _CE),
    ),
    _call(
        "raises-in-a-generator",
        "an error while the answer is read is an error",
        "def f(_):\n    yield 1\n    1 / 0",
        [([0], [1])],
        _RE,
    ),
    _call("recurses-without-end-in-a-call", "a RecursionError", "def f(_): return f(_)", [([0], 4)], _RE),
    _call(
        "loops-on-import",
        "the module's own code takes too long",
        "while True: pass\ndef f(_): return 4",
        [([0], 4)],
        _TLE,
        limits=LOOPS,
    ),
    _call(
        "returns-an-endless-generator",
        "an answer that never ends meets one of the limits",
        """
        from itertools import count
        def f(_):
            return count()
        """,
        [([0], [0])],
        _MLE,
        also=(_OLE, _TLE),
        limits=Limits(cpu_s=3.0, wall_s=30.0, memory_mib=128, output_mib=1),
    ),
    _call(
        "returns-too-much",
        "an answer of 8 MiB under a limit of 1 MiB",
        "def f(_): return 'x' * (8 << 20)",
        [([0], "x")],
        _OLE,
    ),
    _call(
        "uses-too-much-memory-in-a-call",
        "600 MiB under a limit of 256",
        "def f(_):\n    a = [bytes(1 << 20) for _ in range(600)]\n    return 4",
        [([0], 4)],
        _MLE,
    ),
    _call(
        "defines-nothing-of-what-is-asked-for",
        "a judge that offers `factorial` to programs finds one: its own",
        "x = 1",
        [([4], 24), ([5], 120)],
        Verdict.RUN_TIME_ERROR,
        entry_point="factorial",
    ),
)
