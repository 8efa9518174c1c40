"""Hostile programs that forge an answer on the channel of results. Each deserves a verdict other than accepted."""

from functools import partial

from appsplus.conformance.case import SLEEPS, Group, call_case, stdin_case
from appsplus.problem import Verdict

_WA, _RE = Verdict.WRONG_ANSWER, Verdict.RUN_TIME_ERROR
_NO_ANSWER = (Verdict.TIME_LIMIT_EXCEEDED, Verdict.OUTPUT_LIMIT_EXCEEDED, Verdict.MEMORY_LIMIT_EXCEEDED)
_stdin = partial(stdin_case, Group.HOSTILE)
_call = partial(call_case, Group.HOSTILE)
_FORGE = r"""
import json
import os
import pickle
import struct

VERDICTS = [
    b'{"verdict": "accepted", "passed": true, "ok": true, "result": true}\n',
    b'[true]\n',
    b"accepted\nOK\nAC\nPASS\n",
    pickle.dumps(True),
    pickle.dumps([True]),
    struct.pack("<I", 4) + b"true",
    struct.pack("<Q", 4) + b"true",
]

def forge():
    for descriptor in range(3, 64):
        for verdict in VERDICTS:
            try:
                os.set_blocking(descriptor, False)
                os.write(descriptor, verdict)
            except OSError:
                break
"""
_LISTS = r"""
import gc
import sys

def forge():
    frame = sys._getframe()
    while frame:
        for name, value in list(frame.f_locals.items()):
            if any(word in name.lower() for word in ("result", "detail", "status", "passed", "metadata", "output")):
                for call in (lambda: value.append([True]), lambda: value.append("passed")):
                    try:
                        call()
                    except Exception:
                        pass
        frame = frame.f_back
    for thing in gc.get_objects():
        if type(thing).__module__ == "multiprocessing.sharedctypes":
            try:
                if hasattr(thing, "value"):
                    thing.value = 1
                else:
                    thing[:] = [1] * len(thing)
            except Exception:
                pass
"""


CASES = (
    _stdin(
        "prints-a-verdict",
        "standard output is the answer, never the verdict on it",
        r"""
        print('{"verdict": "accepted", "passed": true}')
        print("All tests passed", "OK", "True", sep="\n")
        """,
        [("", "4\n")],
        _WA,
    ),
    _stdin(
        "writes-verdicts-to-every-descriptor",
        "the channel of results is open in the program's process, and must carry no verdicts",
        _FORGE + "forge()\nprint(5)\n",
        [("", "4\n")],
        _WA,
    ),
    _stdin(
        "writes-verdicts-to-every-descriptor-and-leaves",
        "and then nothing more is said by the judge's own code",
        _FORGE + "forge()\nos._exit(0)\n",
        [("", "4\n")],
        _WA,
    ),
    _call(
        "writes-verdicts-to-every-descriptor-before-it-is-called",
        "an answer given before the question is no answer",
        _FORGE + "forge()\ndef f(_):\n    return 5\n",
        [([0], 4)],
        _WA,
        also=(_RE, *_NO_ANSWER),
    ),
    _call(
        "writes-verdicts-to-every-descriptor-and-leaves-a-call",
        "and then nothing more is said by the judge's own code",
        _FORGE + "def f(_):\n    forge()\n    os._exit(0)\n",
        [([0], 4)],
        _RE,
        also=(_WA, *_NO_ANSWER),
    ),
    _stdin(
        "appends-to-the-lists-of-results-and-leaves",
        "graders keep results in lists and shared memory that the program's process can write",
        _LISTS + "import os\nforge()\nos._exit(0)\n",
        [("", "4\n")],
        _WA,
    ),
    _call(
        "appends-to-the-lists-of-results-and-leaves-a-call",
        "graders keep results in lists and shared memory that the program's process can write",
        _LISTS + "import os\ndef f(_):\n    forge()\n    os._exit(0)\n",
        [([0], 4)],
        _RE,
    ),
    _stdin(
        "closes-every-descriptor",
        "a closed channel is the end of the program, not of the judge",
        """
        import os
        os.closerange(0, 256)
        """,
        [("", "4\n")],
        _WA,
        also=(_RE,),
    ),
    _call(
        "closes-every-descriptor-in-a-call",
        "a closed channel is the end of the program, not of the judge",
        """
        import os
        def f(_):
            os.closerange(0, 256)
            return 4
        """,
        [([0], 4)] * 2,
        _RE,
        unit_verdicts=(_RE, _RE),
    ),
    _call(
        "floods-every-descriptor",
        "a judge that reads results without a limit, or line by line, is buried",
        """
        import os
        def f(_):
            for descriptor in range(3, 64):
                try:
                    os.set_blocking(descriptor, False)
                    for _ in range(2000):
                        os.write(descriptor, bytes(65536))
                except OSError:
                    pass
            return 5
        """,
        [([0], 4)],
        _WA,
        also=(_RE, *_NO_ANSWER),
    ),
    _call(
        "answers-by-half-and-waits",
        "a judge that waits for the rest of an answer waits for ever",
        """
        import os
        import time
        def f(_):
            for descriptor in range(3, 64):
                for half in (b'{"result": ', b"V", bytes(9)):
                    try:
                        os.write(descriptor, half)
                    except OSError:
                        pass
            time.sleep(3600)
        """,
        [([0], 4)],
        Verdict.TIME_LIMIT_EXCEEDED,
        also=(_RE, _WA, Verdict.OUTPUT_LIMIT_EXCEEDED),
        limits=SLEEPS,
    ),
    _call(
        "answers-with-what-no-reader-expects",
        "nesting, huge numbers, NaN, invalid UTF-8 and half a surrogate, on every descriptor",
        r"""
        import os
        def f(_):
            texts = [b"[" * 50_000, b"9" * 50_000, b"NaN\n", b"\xff\xfe\n", b'"\\ud800"\n', b'{"$int": "zz"}\n', b"\n\n\n"]
            for descriptor in range(3, 64):
                for text in texts:
                    try:
                        os.set_blocking(descriptor, False)
                        os.write(descriptor, text)
                    except OSError:
                        pass
            os._exit(0)
        """,
        [([0], 4)],
        _RE,
        also=(_WA, *_NO_ANSWER),
    ),
    _stdin(
        "forges-an-exception-on-an-infinite-line",
        "a number that JSON has and no line can be; what follows must be judged as ever",
        """
        import os
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, b'["E", "m", [[Infinity, "x"]]]')
            except OSError:
                pass
        os._exit(1)
        """,
        [("", "4\n")],
        _RE,
    ),
    _stdin(
        "takes-back-what-was-said-of-it",
        "a pipe can be opened again by name, and read at the other end",
        """
        import os
        for descriptor in range(3, 64):
            try:
                other = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_NONBLOCK)
                os.read(other, 1 << 16)
            except OSError:
                pass
        print(4)
        """,
        [("", "4\n")],
        Verdict.ACCEPTED,
    ),
)
