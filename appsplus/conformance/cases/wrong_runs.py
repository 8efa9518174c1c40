"""Wrong programs of the stdin format that crash after a right answer, leave wrongly, meet a limit, or are no programs."""

from functools import partial

from appsplus.conformance.case import LOOPS, SLEEPS, Group, stdin_case
from appsplus.problem import Verdict

_stdin = partial(stdin_case, Group.WRONG)
_AC, _RE, _CE = Verdict.ACCEPTED, Verdict.RUN_TIME_ERROR, Verdict.COMPILE_ERROR
_TLE, _MLE, _OLE = Verdict.TIME_LIMIT_EXCEEDED, Verdict.MEMORY_LIMIT_EXCEEDED, Verdict.OUTPUT_LIMIT_EXCEEDED

CASES = (
    _stdin(
        "prints-the-right-answer-and-crashes",
        "an exception after the output is an error all the same",
        """
        print(4, flush=True)
        1 / 0
        """,
        [("", "4\n")],
        _RE,
    ),
    _stdin(
        "prints-the-right-answer-and-exits-with-status-1",
        "a status other than 0 says that the program failed",
        """
        print(4)
        exit(1)
        """,
        [("", "4\n")],
        _RE,
    ),
    _stdin(
        "prints-the-right-answer-and-exits-with-a-message",
        "sys.exit with a text is status 1",
        """
        import sys
        print(4)
        sys.exit("failed")
        """,
        [("", "4\n")],
        _RE,
    ),
    _stdin(
        "prints-the-right-answer-and-leaves-by-os-exit-3",
        "the status counts, however it came to be",
        """
        import os
        print(4, flush=True)
        os._exit(3)
        """,
        [("", "4\n")],
        _RE,
    ),
    _stdin(
        "prints-the-right-answer-and-segfaults",
        "a signal ends it after the output",
        """
        import ctypes
        print(4, flush=True)
        ctypes.string_at(0)
        """,
        [("", "4\n")],
        _RE,
    ),
    _stdin(
        "prints-the-right-answer-and-interrupts-itself",
        "KeyboardInterrupt is a failure of the program, and not of the judge",
        """
        print(4, flush=True)
        raise KeyboardInterrupt
        """,
        [("", "4\n")],
        _RE,
    ),
    _stdin(
        "leaves-by-os-exit-without-a-flush",
        "what stays in the buffer is lost, as in a shell",
        """
        import os
        print(4)
        os._exit(0)
        """,
        [("", "4\n")],
        Verdict.WRONG_ANSWER,
    ),
    _stdin(
        "prints-half-of-the-answer-and-crashes",
        "the crash is the verdict, not the comparison",
        """
        print(1, flush=True)
        print(int("x"))
        """,
        [("", "1\n2\n")],
        _RE,
    ),
    _stdin(
        "fails-in-a-system-exit-handler",
        "an exception inside `finally` after exit(0)",
        """
        print(4, flush=True)
        try:
            exit(0)
        finally:
            [][0]
        """,
        [("", "4\n")],
        _RE,
    ),
    _stdin("fails-on-its-input", "the plainest run-time error", "print(int(input()))", [("x\n", "1\n")], _RE),
    _stdin("reads-past-the-end", "EOFError that is not caught", "input(); print(input())", [("1\n", "\n")], _RE),
    _stdin(
        "fails-in-one-unit-test-only",
        "each unit test has a verdict of its own",
        "print(12 // int(input()))",
        [("3\n", "4\n"), ("0\n", "0\n"), ("4\n", "3\n")],
        _RE,
        unit_verdicts=(_AC, _RE, _AC),
    ),
    _stdin(
        "recurses-without-end",
        "a RecursionError, and no crash of the judge",
        """
        def f():
            return f()
        f()
        """,
        [("", "\n")],
        _RE,
    ),
    _stdin(
        "raises-an-exception-of-its-own",
        "an exception that is no Exception, and has no text",
        """
        class Strange(BaseException):
            def __str__(self):
                raise ValueError("no text")
        print(4, flush=True)
        raise Strange
        """,
        [("", "4\n")],
        _RE,
    ),
    _stdin(
        "imports-what-is-not-there",
        "a missing module is an error of the program",
        "import no_such_module_anywhere\nprint(4)",
        [("", "4\n")],
        _RE,
    ),
    _stdin("aborts", "SIGABRT", "import os\nprint(4, flush=True)\nos.abort()", [("", "4\n")], _RE),
    _stdin("has-a-syntax-error", "found before anything runs", "print(4)\nprint(", [("", "4\n")], _CE),
    _stdin("is-python-2", "a print statement", "print 4\n", [("", "4\n")], _CE),
    _stdin(
        "mixes-tabs-and-spaces",
        "white space that Python 3 refuses",
        "if True:\n\tprint(4)\n        print(5)\n",
        [("", "4\n5\n")],
        _CE,
    ),
    _stdin("is-prose", "an answer that is no program", "The answer is to print 4.", [("", "4\n")], _CE),
    _stdin(
        "is-fenced-markdown",
        "a judge takes programs; whoever extracts them takes the fence away",
        "```python\nprint(4)\n```\n",
        [("", "4\n")],
        _CE,
    ),
    _stdin(
        "contains-a-null-character",
        "ValueError on some versions, SyntaxError on others",
        "print(4)\0",
        [("", "4\n")],
        _CE,
    ),
    _stdin("contains-a-lone-surrogate", "a text that has no UTF-8 form", "print('\ud800')", [("", "4\n")], _CE),
    _stdin(
        "returns-outside-a-function",
        "a syntax error that only the compiler finds",
        "print(4)\nreturn",
        [("", "4\n")],
        _CE,
    ),
    _stdin(
        "loops-without-end",
        "the CPU limit ends it",
        "while True: pass",
        [("", "4\n")],
        _TLE,
        limits=LOOPS,
    ),
    _stdin(
        "prints-the-right-answer-and-loops-without-end",
        "an answer counts when the program ends in time",
        """
        print(4, flush=True)
        while True:
            pass
        """,
        [("", "4\n")],
        _TLE,
        limits=LOOPS,
    ),
    _stdin(
        "prints-the-right-answer-and-sleeps",
        "waiting costs no CPU time; the wall limit ends it",
        """
        import time
        print(4, flush=True)
        time.sleep(3600)
        """,
        [("", "4\n")],
        _TLE,
        limits=SLEEPS,
    ),
    _stdin(
        "prints-the-right-answer-too-late",
        "after ten times the limit",
        """
        import time
        end = time.process_time() + 3
        while time.process_time() < end:
            pass
        print(4)
        """,
        [("", "4\n")],
        _TLE,
        limits=LOOPS,
    ),
    _stdin(
        "waits-for-a-thread-that-never-ends",
        "a thread that is no daemon keeps the program alive",
        """
        import threading
        print(4, flush=True)
        threading.Thread(target=threading.Event().wait).start()
        """,
        [("", "4\n")],
        _TLE,
        limits=SLEEPS,
    ),
    _stdin(
        "loops-in-an-atexit-handler",
        "the end of a program is part of its run",
        """
        import atexit
        @atexit.register
        def work():
            while True:
                pass
        print(4, flush=True)
        """,
        [("", "4\n")],
        _TLE,
        limits=LOOPS,
    ),
    _stdin(
        "is-too-slow-in-one-unit-test-only",
        "the others keep their verdicts",
        """
        n = int(input())
        while n == 2:
            pass
        print(n)
        """,
        [("1\n", "1\n"), ("2\n", "2\n"), ("3\n", "3\n")],
        _TLE,
        limits=LOOPS,
        unit_verdicts=(_AC, _TLE, _AC),
    ),
    _stdin(
        "uses-too-much-memory",
        "600 MiB under a limit of 256, then the right answer",
        """
        data = [bytes(1 << 20) for _ in range(600)]
        print(4)
        """,
        [("", "4\n")],
        _MLE,
    ),
    _stdin(
        "prints-too-much",
        "64 MiB under a limit of 1 MiB",
        """
        for _ in range(64):
            print("x" * (1 << 20))
        """,
        [("", "4\n")],
        _OLE,
    ),
)
