"""Honest programs of the stdin format: the ways to write standard output, and output that is right in another shape."""

from functools import partial

from appsplus.conformance.case import Group, stdin_case
from appsplus.problem import Checker

_stdin = partial(stdin_case, Group.HONEST)

CASES = (
    _stdin(
        "writes-without-a-newline-and-without-a-flush",
        "what is left in the buffer at the end is output",
        """
        import sys
        sys.stdout.write("42")
        """,
        [("", "42\n")],
    ),
    _stdin(
        "writes-bytes-to-sys-stdout-buffer",
        "a text stream in place of sys.stdout has no buffer",
        """
        import sys
        sys.stdout.buffer.write(b"42\\n")
        """,
        [("", "42\n")],
    ),
    _stdin(
        "writes-by-os-write",
        "descriptor 1 must be the output, not only the object sys.stdout",
        """
        import os
        os.write(1, b"42\\n")
        """,
        [("", "42\n")],
    ),
    _stdin(
        "writes-by-print-and-os-write-in-turn",
        "one descriptor, one order: what is flushed first comes first",
        """
        import os
        print(1, flush=True)
        os.write(1, b"2\\n")
        print(3)
        """,
        [("", "1\n2\n3\n")],
    ),
    _stdin(
        "writes-to-a-second-stream-on-descriptor-1",
        "open(1) and os.fdopen(1) are standard output too",
        """
        import os
        with open(1, "w", closefd=False) as file:
            file.write("1\\n")
        with os.fdopen(1, "w") as file:
            file.write("2\\n")
        """,
        [("", "1\n2\n")],
    ),
    _stdin(
        "writes-by-opening-dev-stdout",
        "the device by its name",
        """
        with open("/dev/stdout", "w") as file:
            print(42, file=file)
        """,
        [("", "42\n")],
        needs=("proc",),
    ),
    _stdin(
        "replaces-sys-stdout-and-writes-once-at-the-end",
        "a template of contests: collect in memory, write at the end",
        """
        import io
        import sys
        real, sys.stdout = sys.stdout, io.StringIO()
        for n in range(3):
            print(n)
        real.write(sys.stdout.getvalue())
        """,
        [("", "0\n1\n2\n")],
    ),
    _stdin(
        "writes-by-the-bytesio-template-of-contests",
        "a stream of its own whose buffer is written to descriptor 1 by an atexit handler",
        """
        import atexit
        import io
        import os
        import sys
        buffer = io.BytesIO()
        sys.stdout = io.TextIOWrapper(buffer, write_through=True)
        atexit.register(lambda: os.write(1, buffer.getvalue()))
        print(42)
        """,
        [("", "42\n")],
    ),
    _stdin(
        "prints-inside-redirect-stdout",
        "what is captured by the program itself is no output",
        """
        import contextlib
        import io
        with contextlib.redirect_stdout(io.StringIO()) as captured:
            print("hidden")
        print(len(captured.getvalue()))
        """,
        [("", "7\n")],
    ),
    _stdin(
        "writes-to-sys-dunder-stdout",
        "sys.__stdout__ is standard output",
        """
        import sys
        sys.stdout = None
        print("lost")
        print(42, file=sys.__stdout__)
        """,
        [("", "42\n")],
    ),
    _stdin(
        "closes-standard-output-when-done",
        "a closed stream is no error at the end of a program",
        """
        import sys
        print(42)
        sys.stdout.close()
        """,
        [("", "42\n")],
    ),
    _stdin(
        "reconfigures-standard-output",
        "methods that only a real text stream has",
        """
        import sys
        sys.stdout.reconfigure(line_buffering=True, newline="\\r\\n")
        print(42)
        """,
        [("", "42\n")],
    ),
    _stdin(
        "prints-debug-lines-to-standard-error",
        "standard error is not part of the answer",
        """
        import sys
        print("debug", file=sys.stderr)
        print(42)
        sys.stderr.write("done\\n")
        """,
        [("", "42\n")],
    ),
    _stdin(
        "writes-to-descriptor-2",
        "standard error is a real descriptor",
        """
        import os
        os.write(2, b"debug\\n")
        print(42)
        """,
        [("", "42\n")],
    ),
    _stdin(
        "logs-and-warns",
        "logging and warnings go to standard error",
        """
        import logging
        import warnings
        logging.warning("careful")
        warnings.warn("old")
        print(42)
        """,
        [("", "42\n")],
    ),
    _stdin(
        "writes-much-to-standard-error",
        "a pipe that nobody empties blocks the program that fills it",
        """
        import sys
        for _ in range(3000):
            print("x" * 99, file=sys.stderr)
        print(42)
        """,
        [("", "42\n")],
    ),
    _stdin(
        "writes-half-a-mebibyte",
        "more than a pipe holds; nothing may be cut",
        """
        for _ in range(5000):
            print("x" * 99)
        """,
        [("", ("x" * 99 + "\n") * 5000)],
    ),
    _stdin(
        "prints-with-sep-and-end",
        "print's own ways to write",
        """
        print(1, 2, 3, sep=", ", end=";\\n")
        print(*range(3), sep="\\n")
        """,
        [("", "1, 2, 3;\n0\n1\n2\n")],
    ),
    _stdin(
        "leaves-spaces-at-the-ends-of-lines",
        "no reader sees them, so no judge should",
        """
        for row in ([1, 2], [3, 4]):
            for x in row:
                print(x, end=" ")
            print()
        """,
        [("", "1 2\n3 4\n")],
    ),
    _stdin(
        "leaves-empty-lines-at-the-end",
        "nor these",
        r"""
        print("1\n2\n\n")
        """,
        [("", "1\n2")],
    ),
    _stdin(
        "ends-lines-in-crlf",
        "a carriage return before the newline is white space at the end of a line",
        r"""
        print("1\r")
        print("2\r")
        """,
        [("", "1\n2\n")],
    ),
    _stdin(
        "prints-numbers-on-one-line-where-lines-are-expected",
        "the same words in the same order, as checkers of contests compare them",
        "print(1, 2, 3)",
        [("", "1\n2\n3\n")],
    ),
    _stdin(
        "prints-a-float-with-other-digits",
        "a float is right within 1e-6, however many digits are shown",
        """
        print(1 / 3)
        print("%.2f" % 0.5)
        print(2e-3)
        """,
        [("", "0.33333333\n0.5\n0.002\n")],
    ),
    _stdin(
        "prints-a-whole-number-where-a-float-is-expected",
        "2 is a good way to write 2.0",
        "print(2)",
        [("", "2.0\n")],
    ),
    _stdin(
        "prints-negative-zero-where-zero-is-expected-as-a-float",
        "-0.0 is 0.0",
        "print(-0.0)",
        [("", "0.0\n")],
    ),
    _stdin(
        "prints-a-large-float-within-the-relative-tolerance",
        "one part in a million of the expected value",
        "print(123456789.5)",
        [("", "123456790.0\n")],
    ),
    _stdin(
        "prints-nothing-where-nothing-is-expected",
        "an empty answer can be the right one",
        "pass",
        [("", ""), ("", "\n")],
    ),
    _stdin(
        "prints-lines-in-any-order-under-the-checker-unordered",
        "a decision that the order of lines is free",
        r"""
        print("b 2\na 1")
        """,
        [("", "a 1\nb 2\n")],
        checker=Checker("unordered"),
    ),
    _stdin(
        "prints-another-case-under-the-checker-any-case",
        "a decision that letters of either case are right",
        "print('yEs')",
        [("", "YES\n")],
        checker=Checker("any_case"),
    ),
    _stdin(
        "prints-one-of-several-answers-under-the-checker-any-of",
        "a decision that a unit test has several right answers",
        """
        n = int(input())
        print(n - 1, 1)
        """,
        [("5\n", "1 4\n"), ("3\n", "1 2\n")],
        checker=Checker("any_of", (("2 3\n", "4 1\n"), ("2 1\n",))),
    ),
    _stdin(
        "prints-what-a-checker-program-accepts",
        "several right answers that no list holds: a program of the problem's author decides",
        "print(3)",
        [("12\n", "2\n"), ("9\n", "3\n")],
        checker=Checker(
            "program", program="def check(given, expected, actual):\n    return int(given) % int(actual) == 0"
        ),
    ),
    _stdin(
        "prints-as-much-as-it-may",
        "the limit is 1 MiB, which this is to the byte",
        "print('x' * ((1 << 20) - 1))",
        [("", "x" * ((1 << 20) - 1) + "\n")],
    ),
    _stdin(
        "prints-numbers-in-any-order-under-the-checker-unordered",
        "lines are compared as the ladder compares them: 1.00 is 1.0 wherever it stands",
        "print('1.00')\nprint('0.5')",
        [("", "0.5\n1.0\n")],
        checker=Checker("unordered"),
    ),
)
