"""Hostile programs that use more memory, output and stack than they may, and those that no compiler can take."""

from functools import partial

from appsplus.conformance.case import LOOPS, QUICK, Group, call_case, stdin_case
from appsplus.problem import Limits, Verdict

_RE, _CE, _TLE = Verdict.RUN_TIME_ERROR, Verdict.COMPILE_ERROR, Verdict.TIME_LIMIT_EXCEEDED
_MLE, _OLE = Verdict.MEMORY_LIMIT_EXCEEDED, Verdict.OUTPUT_LIMIT_EXCEEDED
_stdin = partial(stdin_case, Group.HOSTILE)
_call = partial(call_case, Group.HOSTILE)
_MEMORY = Limits(cpu_s=4.0, wall_s=40.0, memory_mib=128, output_mib=1)

CASES = (
    _stdin(
        "raises-its-own-limits",
        "limits are hard: a program may lower them only",
        """
        import resource
        for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE):
            for limit in ((-1, -1), (-1, resource.getrlimit(kind)[1])):
                try:
                    resource.setrlimit(kind, limit)
                except (OSError, ValueError):
                    pass
        data = [bytes(1 << 20) for _ in range(600)]
        print(4)
        """,
        [("", "4\n")],
        _MLE,
    ),
    _stdin(
        "takes-memory-in-steps",
        "until there is none",
        "x = []\nwhile True:\n    x.append(bytearray(1 << 20))",
        [("", "4\n")],
        _MLE,
        limits=_MEMORY,
        harmful=True,
    ),
    _stdin(
        "takes-memory-at-once", "a tebibyte", "x = bytearray(1 << 40)\nprint(4)", [("", "4\n")], _MLE, limits=_MEMORY
    ),
    _stdin(
        "takes-memory-by-doubling",
        "a text that doubles",
        "x = 'x'\nwhile len(x) < 1 << 31:\n    x += x\nprint(4)",
        [("", "4\n")],
        _MLE,
        limits=_MEMORY,
    ),
    _stdin(
        "takes-memory-by-a-format",
        "two gigabytes of padding",
        "print('%2000000000d' % 4)",
        [("", "4\n")],
        _MLE,
        limits=_MEMORY,
    ),
    _stdin(
        "takes-memory-by-a-shift",
        "an integer of a terabit",
        "print((1 << (1 << 40)) & 4)",
        [("", "0\n")],
        _MLE,
        limits=_MEMORY,
    ),
    _stdin(
        "takes-memory-by-a-shared-mapping",
        "anonymous shared pages are not part of a heap",
        """
        import mmap
        try:
            area = mmap.mmap(-1, 800 << 20)
            for i in range(0, len(area), 4096):
                area[i] = 1
            print("escaped")
        except (OSError, ValueError, MemoryError):
            print("contained")
        """,
        [("", "contained\n")],
        also=(_MLE,),
        limits=_MEMORY,
    ),
    _stdin(
        "takes-memory-by-files-in-memory",
        "memfd_create: files that no limit on address space counts",
        """
        import os
        try:
            files = []
            for i in range(400):
                files.append(os.memfd_create(str(i)))
                os.write(files[-1], bytes(2 << 20))
                os.lseek(files[-1], 0, os.SEEK_END)
            print("escaped")
        except OSError:
            print("contained")
        """,
        [("", "contained\n")],
        also=(_MLE,),
        limits=_MEMORY,
    ),
    _stdin(
        "catches-memoryerror-for-ever",
        "what does not fit is asked for again and again",
        """
        x = []
        while True:
            try:
                x.append(bytearray(64 << 20))
            except MemoryError:
                pass
        """,
        [("", "4\n")],
        _TLE,
        also=(_MLE,),
        limits=Limits(cpu_s=0.5, wall_s=40.0, memory_mib=128, output_mib=1),
        harmful=True,
    ),
    _call(
        "returns-a-billion-laughs",
        "a value of 60 small lists that is written out as 2^60 of them",
        """
        def f(_):
            a = ["ha"]
            for _ in range(60):
                a = [a, a]
            return a
        """,
        [([0], ["ha"])],
        _MLE,
        also=(_TLE, _OLE, _RE, Verdict.WRONG_ANSWER),
        limits=Limits(cpu_s=2.0, wall_s=40.0, memory_mib=128, output_mib=1),
    ),
    _stdin(
        "expands-entities-in-xml",
        "the original billion laughs, in the standard library's parser",
        """
        import xml.etree.ElementTree as tree
        entities = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
        try:
            tree.fromstring(f'<!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><x>&a9;</x>')
        except tree.ParseError:
            print("refused by the parser")
        """,
        [("", "4\n")],
        Verdict.WRONG_ANSWER,
        also=(_MLE, _TLE, _RE),
        limits=_MEMORY,
    ),
    _stdin(
        "prints-without-end",
        "until the limit",
        "while True:\n    print('x' * 1000)",
        [("", "4\n")],
        _OLE,
        limits=QUICK,
        harmful=True,
    ),
    _stdin(
        "prints-without-end-and-catches-errors",
        "a write that fails is no end",
        """
        while True:
            try:
                print("x" * 1000, flush=True)
            except OSError:
                pass
        """,
        [("", "4\n")],
        _OLE,
        also=(_TLE,),
        limits=LOOPS,
        harmful=True,
    ),
    _stdin(
        "stretches-its-output",
        "a file is made long without a write: a judge that reads it whole reads a tebibyte of nothing",
        """
        import os
        for stretch in (lambda: os.ftruncate(1, 1 << 40), lambda: os.lseek(1, 1 << 40, 0)):
            try:
                stretch()
            except OSError:
                pass
        os.write(1, b"5")
        """,
        [("", "4\n")],
        Verdict.WRONG_ANSWER,
        also=(_OLE, _RE),
    ),
    _stdin(
        "overflows-the-stack-of-c",
        "recursion through C with the limit taken away: a segmentation fault",
        """
        import sys
        sys.setrecursionlimit(2**31 - 1)
        def dive(x):
            return sorted([x], key=dive)
        dive(1)
        """,
        [("", "4\n")],
        _RE,
        also=(_MLE,),
        limits=Limits(cpu_s=10.0, wall_s=60.0, memory_mib=512, output_mib=1),
    ),
    _stdin(
        "segfaults",
        "a null pointer is read",
        "import ctypes\nctypes.string_at(0)",
        [("", "4\n")],
        _RE,
    ),
    _stdin(
        "jumps-to-nowhere",
        "bytecode that no compiler writes crashes the interpreter",
        """
        def f():
            pass
        f.__code__ = f.__code__.replace(co_code=bytes([100, 255] * 8 + [83, 0]), co_consts=())
        print(f())
        """,
        [("", "4\n")],
        _RE,
        also=(_TLE, Verdict.WRONG_ANSWER, _MLE),
    ),
    _stdin("nests-5000-parentheses", "too deep for the parser", "(" * 5000 + ")" * 5000, [("", "")], _CE),
    _stdin(
        "nests-200000-signs",
        "deep enough to end a compiler that recurses",
        "x = " + "-" * 200_000 + "1",
        [("", "")],
        _CE,
    ),
    _stdin(
        "adds-1000000-terms",
        "a tree that is deep on one side",
        "x = " + "1+" * 1_000_000 + "1",
        [("", "")],
        _CE,
        also=(_RE,),
    ),
    _stdin("chains-100000-attributes", "deep again, by dots", "x" + ".a" * 100_000, [("", "")], _CE, also=(_RE,)),
)
