"""Honest programs of the stdin format: what they find around them, recursion, memory, large numbers, the library."""

import sys
from functools import partial

from appsplus.conformance.case import Group, stdin_case
from appsplus.problem import Limits

_stdin = partial(stdin_case, Group.HONEST)
_OLD = sys.version_info < (3, 12)
# 3.12 gives calls that go through C few levels, whatever a program asks for
_DEEP_WAYS = ("5000\n", "519363\n") if _OLD else ("100\n", "35150\n")
_IN_TRACER = (4,) if _OLD else ()  # 3.12 and later have no events in a trace function, for any tool

CASES = (
    _stdin(
        "finds-one-argument",
        "sys.argv holds the program's name only",
        """
        import sys
        print(len(sys.argv))
        """,
        [("", "1\n")],
    ),
    _stdin(
        "finds-builtins-as-they-are",
        "a judge that takes builtins or functions of os away breaks honest programs that mention them",
        """
        import builtins
        import os
        import shutil
        names = "abs eval exec exit help input open print quit".split()
        print([n for n in names if getattr(builtins, n, None) is None])
        print([n for n in ("remove", "getcwd", "rename", "kill", "fork") if getattr(os, n, None) is None])
        print(shutil.rmtree is None)
        """,
        [("", "[]\n[]\nFalse\n")],
    ),
    _stdin(
        "finds-a-dunder-file-and-no-package",
        "names of a module that is run as a program",
        "print(isinstance(__file__, str), __package__, __spec__, __doc__)",
        [("", "True None None None\n")],
    ),
    _stdin(
        "finds-no-names-of-the-judge",
        "globals hold what Python puts there; a judge that offers names in advance hides a NameError",
        """
        print(sorted(n for n in globals() if not n.startswith("__")))
        try:
            heappush
        except NameError:
            print("no such name")
        """,
        [("", "[]\nno such name\n")],
    ),
    _stdin(
        "writes-and-reads-a-file-of-its-own",
        "the working directory, or /tmp, takes a small file",
        """
        import os
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a")
            with open(path, "w") as file:
                file.write("x")
            print(open(path).read(), os.path.getsize(path))
        """,
        [("", "x 1\n")],
    ),
    _stdin(
        "creates-the-same-file-in-every-unit-test",
        "what one unit test leaves in the working directory must not meet the next",
        """
        with open("conformance-scratch.txt", "x") as file:
            file.write(input())
        print(open("conformance-scratch.txt").read())
        """,
        [("a\n", "a\n"), ("b\n", "b\n")],
    ),
    _stdin(
        "keeps-time",
        "clocks work, and the time zone is fixed",
        """
        import datetime
        import time
        start = time.perf_counter()
        print(time.time() > 1.6e9, time.perf_counter() >= start, datetime.datetime.now().year > 2020)
        """,
        [("", "True True True\n")],
    ),
    _stdin(
        "seeds-its-random-numbers",
        "the generator is Python's own",
        """
        import random
        random.seed(7)
        print([random.randint(1, 6) for _ in range(5)])
        """,
        [("", "[3, 2, 4, 6, 1]\n")],
    ),
    _stdin(
        "recurses-deeply-after-raising-the-limit",
        "20,000 frames after sys.setrecursionlimit, as solutions of graph problems do",
        """
        import sys
        sys.setrecursionlimit(10**6)
        def depth(n):
            return 0 if n == 0 else 1 + depth(n - 1)
        print(depth(20_000))
        """,
        [("", "20000\n")],
    ),
    _stdin(
        "recurses-deeply-through-a-cache",
        "each level takes C stack too on CPython 3.11; 8 MiB of stack hold these",
        """
        import sys
        from functools import lru_cache
        sys.setrecursionlimit(10**5)
        @lru_cache(maxsize=None)
        def ways(n):
            return 1 if n < 2 else (ways(n - 1) + ways(n - 2)) % 1_000_007
        print(ways(int(input())))
        """,
        [_DEEP_WAYS],
    ),
    _stdin(
        "recurses-through-generators",
        "yield from, 400 levels deep, within a shell's limit",
        """
        def count(n):
            if n:
                yield n
                yield from count(n - 1)
        print(sum(count(400)))
        """,
        [("", "80200\n")],
    ),
    _stdin(
        "meets-the-recursion-limit-and-recovers",
        "a RecursionError can be caught",
        """
        import sys
        sys.setrecursionlimit(500)
        def dive():
            return dive()
        try:
            dive()
        except RecursionError:
            print("deep enough")
        """,
        [("", "deep enough\n")],
    ),
    _stdin(
        "raises-its-stack-limit",
        "resource.setrlimit(RLIMIT_STACK), as templates of contests do before deep recursion; a shell allows it",
        """
        import resource
        import sys
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 26, resource.RLIM_INFINITY))
        sys.setrecursionlimit(10**5)
        print("ready")
        """,
        [("", "ready\n")],
    ),
    _stdin(
        "prints-an-integer-of-6001-digits",
        "Python's limit on the digits of an integer is lifted by the program, as newer solutions do",
        """
        import sys
        sys.set_int_max_str_digits(0)
        print(10**6000)
        """,
        [("", "1" + "0" * 6000 + "\n")],
    ),
    _stdin(
        "reads-and-prints-large-integers-without-asking",
        "solutions from before that limit existed convert 5,000 digits as they are",
        "print(int(input()) + 1)",
        [("9" * 5000 + "\n", "1" + "0" * 5000 + "\n")],
    ),
    _stdin(
        "computes-exactly",
        "decimal, fractions and integers beyond 64 bits",
        """
        from decimal import Decimal, getcontext
        from fractions import Fraction
        getcontext().prec = 30
        print(Decimal(1) / 8, Fraction(1, 3) + Fraction(1, 6), 2**100 % 1_000_000_007)
        print(Decimal(2).sqrt())
        """,
        [("", "0.125 1/2 976371285\n1.41421356237309504880168872421\n")],
    ),
    _stdin(
        "uses-memory-within-its-limit",
        "100 MiB under a limit of 256 MiB",
        """
        data = bytearray(100 << 20)
        data[::4096] = b"x" * len(data[::4096])
        print(len(data) >> 20)
        """,
        [("", "100\n")],
    ),
    _stdin(
        "works-for-a-third-of-a-second",
        "CPU time within the limit is no fault, however loaded the machine",
        """
        import time
        end = time.process_time() + 0.33
        n = 0
        while time.process_time() < end:
            n += 1
        print(n > 0)
        """,
        [("", "True\n")],
        limits=Limits(cpu_s=4.0, wall_s=40.0, memory_mib=256, output_mib=1),
    ),
    _stdin(
        "defines-dataclasses-enums-and-types",
        "these look their own module up in sys.modules",
        """
        from __future__ import annotations
        import enum
        import typing
        from dataclasses import dataclass, field
        @dataclass(order=True)
        class Item:
            cost: int
            parts: list[str] = field(default_factory=list, compare=False)
        class Colour(enum.Enum):
            RED = 1
        class Pair(typing.NamedTuple):
            a: int
            b: str = "x"
        print(min(Item(2), Item(1)), Colour(1), Pair(1))
        print(typing.get_type_hints(Item)["cost"])
        """,
        [("", "Item(cost=1, parts=[]) Colour.RED Pair(a=1, b='x')\n<class 'int'>\n")],
    ),
    _stdin(
        "pickles-a-class-of-its-own",
        "pickle finds a class by its module, which is __main__",
        """
        import copy
        import pickle
        class Point:
            def __init__(self, x):
                self.x = x
        print(pickle.loads(pickle.dumps(Point(3))).x, copy.deepcopy(Point(4)).x)
        """,
        [("", "3 4\n")],
    ),
    _stdin(
        "executes-text",
        "exec, eval and compile are part of the language",
        """
        scope = {}
        exec("def f(x): return x + 1", scope)
        print(scope["f"](1), eval("2 ** 10"), eval(compile("[i for i in range(3)]", "here", "eval")))
        """,
        [("", "2 1024 [0, 1, 2]\n")],
    ),
    _stdin(
        "imports-what-solutions-import",
        "the modules of the standard library that answers on contest sites use most",
        """
        import array, bisect, cmath, collections, copy, datetime, decimal, fractions, functools, hashlib, heapq
        import io, itertools, json, math, operator, os, queue, random, re, statistics, string, sys, threading, time
        import typing, unicodedata, zlib, base64, calendar, textwrap, types, struct, uuid, locale, platform, ast
        print(bisect.bisect([1, 3], 2), heapq.nsmallest(2, [3, 1, 2]), math.comb(5, 2), re.findall("a+", "aabba"))
        print(hashlib.md5(b"a").hexdigest(), zlib.crc32(b"a"), calendar.monthrange(2024, 2)[1])
        """,
        [("", "1 [1, 2] 10 ['aa', 'a']\n0cc175b9c0f1b6a831c399e269772661 3904355907 29\n")],
    ),
    _stdin(
        "imports-everything-from-a-module",
        "a star import may bind any name, also one that a judge relies on",
        """
        from math import *
        from os import *
        from time import *
        print(floor(pi), open is not None)
        """,
        [("", "3 True\n")],
    ),
    _stdin(
        "names-its-variables-like-builtins",
        "a program may shadow what it likes; it is its own process",
        """
        str, list, len, sum, open, type, id = 1, 2, 3, 4, 5, 6, 7
        json = sys = os = result = stdin = None
        print(str + list + len + sum + open + type + id)
        """,
        [("", "28\n")],
    ),
    _stdin(
        "sorts-by-its-own-locale-free-rule",
        "the locale is that of C, in UTF-8: sorting and formatting are Python's own",
        """
        import locale
        print(sorted("bAaÄ"), "%.2f" % 1234.5, locale.localeconv()["decimal_point"])
        """,
        [("", "['A', 'a', 'b', 'Ä'] 1234.50 .\n")],
    ),
    _stdin(
        "waits-for-its-own-garbage",
        "gc works, and can be turned off",
        """
        import gc
        import weakref
        class Node:
            pass
        gc.disable()
        a = Node()
        a.self = a
        alive = weakref.ref(a)
        del a
        print(alive() is None, gc.collect() > 0, alive() is None)
        """,
        [("", "False True True\n")],
    ),
    _stdin(
        "traces-itself",
        "sys.settrace belongs to the program; executed lines are known all the same",
        """
        import sys
        seen = []
        def trace(frame, event, arg):
            seen.append(event)
        def f(x):
            if x:
                return 1
            return 2
        sys.settrace(trace)
        f(1)
        sys.settrace(None)
        print("call" in seen)
        """,
        [("", "True\n")],
        executed_lines=(1, 2, 3, *_IN_TRACER, 5, 6, 7, 9, 10, 11, 12),
    ),
    _stdin(
        "is-long",
        "a table of 20,000 lines compiles in its time",
        "table = {\n" + "".join(f"    {n}: {n * n},\n" for n in range(20_000)) + "}\nprint(table[int(input())])\n",
        [("19999\n", "399960001\n")],
    ),
    _stdin(
        "has-a-byte-order-mark-and-an-encoding-line",
        "a file as editors on Windows write it",
        "\ufeff# -*- coding: utf-8 -*-\nprint('é')\n",
        [("", "é\n")],
    ),
    _stdin(
        "has-crlf-line-ends-in-its-source",
        "source from a site's form often has them",
        "if True:\r\n    print('''a\r\nb''')\r\n",
        [("", "a\nb\n")],
    ),
)
