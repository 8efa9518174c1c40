"""Executable and executed lines against coverage.py, on programs written for it and on real solutions.

Programs run in subprocesses: this file is also the script that does it (`python test_tracer.py coverage|tracer`, a JSON
list of jobs on standard input, a JSON list of results on standard output).
"""

import contextlib
import json
import mmap
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import types
import typing
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appsplus.judge.probes import prepared, recorder
from appsplus.judge.tracer import LineMap, LineTracer, executable_lines, hit_size

ROOT = Path(__file__).resolve().parents[2]
APPS = ROOT.parent / "shared" / "data" / "apps"
CPU_S = 3  # of one run of one program; what takes longer, under either tool, is not compared

Job = dict[
    str, Any
]  # source; "stdin": texts, one run each; or "entry_point" and "calls": argument lists, one run in all
Lines = list[int] | None  # None: no result within CPU_S

SPECIAL_PROGRAMS = {
    "empty": "",
    "no newline at the end": "x = 1\nif x:\n    y = 2",
    "windows line ends": "x = 1\r\nif x:\r\n    y = (1,\r\n         2)\r\nz = 3\r\n",
    "old macintosh line ends": "x = 1\rif x:\r    y = 2\rz = 3\r",
    "form feed inside a line": "x = 1\ny = (1,\x0c2)\n",
    "blank lines and comments": "\n\n# one\nx = 1\n\n    # two\ny = 2  # three\n",
    "tabs": "if 1:\n\tx = 1\n\tif x:\n\t\ty = (1,\n\t\t\t2)\n",
}

# Line 1 is the line after the heading.
PLAIN_PROGRAMS = r'''
#### only a comment
# nothing here

#### only a docstring
"""Nothing
here."""
#### docstring then code
"""Doc
string."""
x = 1
#### string that is no docstring
x = 1
"""not
a docstring"""
y = 2
#### docstrings everywhere
class A:
    """Of
    A."""
    def f(self):
        """Of f."""
        return 1
    async def g(self):
        """Of
        g."""
A().f()
#### function of only a docstring
def f():
    """Only this."""
f()
#### docstring below an if
if 1:
    def f():
        "one"
        return 2
    f()
#### bytes and f-strings are no docstrings
def f():
    b"x"
def g():
    f"{1}"
f()
g()
#### multi-line call
print(
    1,
    2,
)
x = 1
#### multi-line call never reached
def f():
    print(
        1,
        2,
    )
x = 1
#### multi-line call that raises inside
def g():
    raise ValueError
print(
    1,
    g(),
    3,
)
x = 1
#### multi-line list and dict
a = [
    1,
    2,
]
b = {
    'x': a,
    'y': [
        a,
    ],
}
#### multi-line condition
a = 1
if (
    a
    and a > 0
    or a < -1
):
    b = 2
else:
    b = 3
#### multi-line chained comparison
a = 2
if (1
    < a
    < 3
    != 4):
    b = 1
#### multi-line arithmetic
a = (1 +
     2 +
     3)
b = a + \
    4
#### backslash continuations
a = 1
if a and \
   a > 0:
    b = 2; \
    c = 3
assert a, \
    b
#### backslash after else
a = 0
if a:
    b = 1
else: \
    b = 2
#### multi-line strings
a = """one
two
three"""
b = "x" \
    "y"
c = ("p"
     "q")
#### multi-line f-string
a = 1
b = f"""{a}
{a +
1}
{[i for i in range(3)]}
"""
c = 2
#### multi-line signature
def f(
    a,
    b=1,
    *c,
):
    return (
        a
        + b
    )
f(1)
#### multi-line decorators
def d(x):
    return lambda f: f
@d(
    1,
)
@d(2)
def f(
    a,
):
    return a
f(1)
@d(3)
@d(
    4)
class A:
    @staticmethod
    @d(5)
    def g():
        pass
A.g()
#### decorators never called
def d(f):
    return f
@d
def f():
    return 1
#### generators
def g():
    yield 1
    x = 2
    yield x
    return
for i in g():
    pass
next(g())
#### generator never resumed
def g():
    a = 1
    yield a
    b = 2
    yield b
it = g()
next(it)
#### generator closed in a finally
def g():
    try:
        yield 1
    finally:
        a = 1
it = g()
next(it)
it.close()
#### generator send and throw
def g():
    while True:
        try:
            x = yield
            y = x
        except KeyError:
            z = 1
            break
it = g()
next(it)
it.send(1)
try:
    it.throw(KeyError)
except StopIteration:
    pass
#### yield from
def a():
    yield 1
    return 2
def b():
    x = yield from a()
    yield x
list(b())
#### generator expression
g = (
    x
    for x in range(3)
    if x
)
y = list(g)
h = (x for x in ())
#### recursion
def f(n):
    if n == 0:
        return 0
    return n + f(n - 1)
f(20)
#### mutual recursion
def a(n):
    if n:
        return b(n - 1)
    return 1
def b(n):
    if n:
        return a(n - 1)
    return 2
a(3)
#### recursion error that ends the program
def f(n):
    return f(n + 1)
f(0)
x = 1
#### recursion error that is caught
def f(n):
    return f(n + 1)
for i in range(3):
    try:
        f(0)
    except RecursionError:
        x = 1
def g():
    return 2
y = g()
#### recursion error caught below
def f(n):
    try:
        return f(n + 1)
    except RecursionError:
        return n
    finally:
        pass
x = f(0)
if x:
    y = 1
#### recursion error in a with
class C:
    def __enter__(self):
        return self
    def __exit__(self, *a):
        b = 1
        return True
def f():
    f()
with C():
    f()
x = 1
#### exception handlers
def f(x):
    try:
        return 1 / x
    except TypeError:
        return 2
    except (ValueError,
            ZeroDivisionError) as e:
        return 3
    except:
        return 4
f(0)
f(None)
#### try else finally
def f(x):
    try:
        y = 1 / x
    except ZeroDivisionError:
        y = 0
    else:
        y = 2
    finally:
        z = 3
    return y
f(0)
f(1)
#### try finally with return
def f():
    for i in range(3):
        try:
            return i
        finally:
            x = 1
    return 9
f()
#### nested try
try:
    try:
        1 / 0
    finally:
        x = 1
    y = 2
except ZeroDivisionError:
    z = 3
w = 4
#### except star
try:
    raise ExceptionGroup('x', [ValueError(1), KeyError(2)])
except* ValueError as e:
    a = 1
except* TypeError:
    b = 2
except* KeyError:
    c = 3
#### raise from
try:
    try:
        raise KeyError
    except KeyError as e:
        raise ValueError(
            1) from e
except ValueError:
    pass
#### uncaught exception
x = 1
raise ValueError
y = 2
#### exit
import sys
x = 1
if x:
    exit()
y = 2
#### sys.exit in a function
import sys
def f():
    try:
        sys.exit(3)
    finally:
        x = 1
    y = 2
f()
z = 3
#### threads
import threading
def f(n):
    if n > 1:
        x = 1
    else:
        x = 2
    return x
ts = [threading.Thread(target=f, args=(i,)) for i in range(4)]
for t in ts:
    t.start()
for t in ts:
    t.join()
#### thread with a large stack
import sys, threading
sys.setrecursionlimit(20000)
threading.stack_size(1 << 26)
def f(n):
    if n == 0:
        return 0
    return 1 + f(n - 1)
def main():
    x = f(15000)
    y = 1
t = threading.Thread(target=main)
t.start()
t.join()
#### thread pool
from concurrent.futures import ThreadPoolExecutor
def f(n):
    return n
with ThreadPoolExecutor(2) as p:
    x = list(p.map(f, range(5)))
#### thread that outlives the main one
import threading, time
def f():
    time.sleep(0.05)
    x = 1
threading.Thread(target=f).start()
y = 2
#### class bodies
class A:
    x = 1
    def f(self):
        return self.x
    class B:
        y = 2
        if y == 3:
            z = 1
    @property
    def p(self):
        return 1
A().f()
#### metaclass and slots
class M(type):
    def __call__(cls):
        return super().__call__()
class A(metaclass=M):
    __slots__ = (
        'a',
        'b',
    )
A()
#### dataclass
from dataclasses import dataclass, field
@dataclass(
    order=True)
class P:
    x: int
    y: list = field(
        default_factory=list)
p = P(1)
q = p < P(2)
#### named tuple
from collections import namedtuple
P = namedtuple('P', 'x y')
p = P(1, 2)
q = p._replace(
    x=2)
#### nested functions
def f():
    x = 1
    def g():
        nonlocal x
        x += 1
        return x
    def h():
        return x
    return g()
f()
#### global
x = 1
def f():
    global x
    x = 2
f()
#### lambdas
f = lambda x: x
g = lambda: (
    1 +
    f(2)
)
h = lambda: 3
f(1)
g()
#### multi-line lambda never called
f = sorted([3, 1],
           key=lambda x:
               -x)
g = (lambda:
     1)
#### comprehensions
a = [i for i in range(3)]
b = {
    i: j
    for i in a
    for j in a
    if i
    if j
}
c = {i
     for i in ()}
#### comprehension in a function
def f(n):
    return [
        [
            i * j
            for i in range(n)
        ]
        for j in range(n)
        if j
    ]
f(3)
#### match
def f(x):
    match x:
        case 0:
            return 'zero'
        case int() if x > 5:
            return 'big'
        case [a, *b]:
            return a
        case {'k': v,
              **rest}:
            return v
        case str() | bytes():
            return 's'
        case _:
            return None
f(0)
f(9)
f([1])
f({'k': 1})
f(3)
#### match that falls through
x = 3
match x:
    case 1:
        y = 1
    case 2:
        y = 2
z = 3
#### match with a class pattern
class P:
    __match_args__ = ('x',)
    def __init__(self, x):
        self.x = x
match P(1):
    case P(2):
        a = 1
    case P(x=1):
        a = 2
#### with
class C:
    def __enter__(self):
        return self
    def __exit__(self, *a):
        return False
with C() as a, \
        C() as b:
    x = 1
y = 2
#### with in parentheses
from contextlib import nullcontext as n
with (
    n(1) as a,
    n(2) as b,
):
    c = a + b
d = 1
#### with that swallows
from contextlib import suppress
with suppress(ValueError):
    x = 1
    raise ValueError
    y = 2
z = 3
#### with and return
from contextlib import nullcontext
def f():
    with nullcontext():
        for i in range(3):
            if i:
                return i
    return 9
f()
#### context manager function
from contextlib import contextmanager
@contextmanager
def c():
    x = 1
    try:
        yield x
    finally:
        y = 2
with c() as z:
    w = z
#### async
import asyncio
class C:
    async def __aenter__(self):
        return self
    async def __aexit__(self, *a):
        return None
async def g():
    for i in range(2):
        yield i
        await asyncio.sleep(0)
async def main():
    async with C() as c:
        async for x in g():
            y = x
        else:
            z = 1
    w = [i async for i in g()]
    return w
async def never():
    await main()
asyncio.run(main())
#### gather
import asyncio
async def f(n):
    await asyncio.sleep(0)
    return n
async def main():
    return await asyncio.gather(
        f(1),
        f(2),
    )
asyncio.run(main())
#### if 0
if 0:
    x = 1
else:
    y = 2
if False:
    z = 3
if None: w = 1
#### if 1
if 1:
    x = 1
else:
    y = 2
if not 0:
    z = 3
if True: pass
#### while True
n = 0
while True:
    n += 1
    if n > 3:
        break
else:
    x = 1
while 1:
    break
#### while 0
while 0:
    x = 1
else:
    y = 2
#### if __debug__
if __debug__:
    x = 1
else:
    y = 2
if not __debug__:
    z = 3
#### constant folding
x = (1 +
     2 *
     3)
y = 'a' 'b'
z = (1,
     2)
if 1 and 0:
    w = 1
if 'x' 'y':
    v = 2
#### constants as statements
1
'x'
...
None
x = 1
x
(
1)
#### semicolons
a = 1; b = 2; c = (3,
4)
if a: b = 3; c = 4
d = 5; e = 6
#### one-line bodies
for i in range(3): x = i
while x: x -= 1
def f(): return 1
class A: y = 2
try: z = 3
except: w = 4
finally: v = 5
#### one-line body across lines
if 1: x = (1,
           2)
else: y = (1,
           2)
#### for else
for i in range(3):
    if i == 5:
        break
else:
    x = 1
for i in range(3):
    break
else:
    y = 2
#### while else
n = 2
while n:
    n -= 1
else:
    x = 1
while n < 3:
    n += 1
    if n == 2:
        break
else:
    y = 1
#### elif chain
def f(x):
    if x == 0:
        return 0
    elif x == 1:
        return 1
    elif (x ==
          2):
        return 2
    else:
        return 3
f(1)
f(3)
#### else on its own
x = 1
if x:
    pass
else:
    pass
if not x:
    y = 1
else:
    pass
#### pass
def f():
    pass
class A:
    pass
for i in range(2):
    pass
if i:
    pass
while False:
    pass
f()
#### continue
for i in range(3):
    if i == 1:
        continue
    x = i
for i in range(3):
    if i:
        x = 1
    else:
        continue
#### continue at the end
for i in range(3):
    if i == 1:
        x = 2
        continue
    elif i == 5:
        continue
    continue
while i:
    i -= 1
    continue
#### break through finally
for i in range(3):
    try:
        if i:
            break
        continue
    finally:
        x = i
y = 1
#### walrus
import re
if (m := re.match('a', 'ab')) is not None:
    x = m
while (n := len('a')) > 1:
    y = n
z = [w
     for i in range(3)
     if (w := i)]
#### conditional expressions
a = 1
b = (2
     if a
     else 3)
c = (
    4 if not a else
    5
)
d = 1 if a else 2
#### short circuits
def f():
    return 1
a = (f()
     or f()
     or f())
b = (0 and
     f())
#### annotations
x: int
y: int = 1
class A:
    z: int
    w: str = 'a'
def f(a: int,
      b: str = '') -> int:
    c: int
    d: int = 1
    return d
f(1)
#### future annotations
from __future__ import annotations
x: Undefined
y: Undefined = 1
def f(a: Undefined) -> Undefined:
    return a
f(1)
#### docstring and future
"""Doc."""
from __future__ import annotations
x = 1
#### star expressions
a, *b = 1, 2, 3
print(*b,
      *[1],
      **{})
c = [*a, ] if 0 else [*b,
                      a]
for x, *y in [(1, 2), (3,)]:
    pass
#### subscripts and slices
a = [1, 2, 3]
b = a[
    0:
    2
]
a[
    1
] = 5
b += [
    1]
#### assert
assert True
assert (1,
        2)
try:
    assert 1 == 2, \
        'message'
except AssertionError:
    x = 1
assert False, (
    'x')
#### del
a = b = c = 1
del a
del (
    b,
    c,
)
#### imports
import os, sys
from math import (
    sqrt,
    floor,
)
from collections import *
try:
    import does_not_exist
except ImportError:
    does_not_exist = None
#### dead code after return
def f():
    return 1
    x = 2
    return x
def g():
    raise ValueError
    y = 1
f()
#### dead code after continue and break
for i in range(2):
    continue
    x = 1
while True:
    break
    y = 2
#### dead code after an endless loop
def f():
    while True:
        return 1
    return 2
f()
#### return without a value
def f(x):
    if x:
        return
    y = 1
    return None
f(1)
def g():
    for i in range(3):
        if i == 7:
            return
g()
#### implicit return of an if
def f(x):
    if x:
        y = 1
    elif x is None:
        y = 2
f(0)
#### default arguments
def d():
    return 1
def f(a=d(),
      b=lambda:
          d()):
    return b()
f()
#### closures in a loop
fs = []
for i in range(3):
    def f(i=i):
        return i
    fs.append(f)
fs[1]()
#### functions on one line
def a(): pass; x = 1
f, g = lambda: 1, lambda: 2
f()
#### two functions from one line
fs = [lambda x: x + 1, lambda x:
      x + 2]
fs[0](1)
fs[1](1)
#### operators of a class
class V:
    def __init__(self, x):
        self.x = x
    def __add__(self, o):
        return V(self.x + o.x)
    def __lt__(self, o):
        return self.x < o.x
    def __hash__(self):
        return 1
v = V(1) + V(2)
w = sorted([v, V(0)])
#### cached recursion
from functools import lru_cache
@lru_cache(maxsize=None)
def f(n):
    if n < 2:
        return n
    return f(n - 1) + f(n - 2)
f(30)
#### hot loop with an untaken branch
s = 0
for i in range(2000):
    if i % 3 == 0:
        s += 1
    elif i < 0:
        s -= 1
    else:
        s += 2
#### all lines seen, then another call
def f(x):
    return x
for i in range(5):
    f(i)
def g():
    return f(1)
g()
x = 1
#### exec and eval
x = 1
exec('y = 1\nz = 2\nw = 3\nv = 4\nu = 5')
if x == 2:
    y = 3
    z = 4
t = eval('x\n+ y')
#### callback from C
class K:
    def __init__(self, x):
        self.x = x
    def __eq__(self, o):
        return self.x == o.x
a = [K(1), K(2)].index(
    K(2))
import functools
b = functools.reduce(
    lambda p, q:
        p + q, [1, 2])
#### destructor
class A:
    def __del__(self):
        x = 1
a = A()
del a
b = 2
#### pragma is nothing special
x = 1
if x == 2:  # pragma: no cover
    y = 2
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import os
def f(): ...
#### names that shadow builtins
list = set = len = print = getattr = None
def bytes(x):
    return x
x = bytes(1)
#### reading input
n = int(input())
for _ in range(n):
    a, b = map(int, input().split())
    if a > b:
        x = 1
    else:
        x = 2
#### main guard
def main():
    return 1
if __name__ == '__main__':
    main()
else:
    x = 1
#### non-ASCII
é = 'ü'
if é == (
        'ü'):
    ñ = 1
'''


def parse(text: str) -> dict[str, str]:
    parts = (part.partition("\n") for part in text.split("#### ")[1:])
    return {name: program for name, _, program in parts}


PROGRAMS = SPECIAL_PROGRAMS | parse(PLAIN_PROGRAMS)

# The entry point `f` is called several times in one process: every unit test counts afresh. Name, argument lists, program.
CALLS_AS_TEXT = r"""
#### branches | [[0], [1], [0], [2]]
def f(x):
    if x:
        y = 1
    else:
        y = 2
    return y
#### all lines in one test, then few | [[3], [0], [3], [0]]
def f(x):
    a = 0
    for i in range(x):
        a += i
    return a
#### method | [[0], [3], [1]]
class Solution:
    def f(self, x):
        return self.g(x)
    def g(self, x):
        if x > 1:
            return 1
        return 2
#### memory between tests | [[1], [1], [2]]
memo = {}
def f(n):
    if n in memo:
        return memo[n]
    memo[n] = n
    return f(n)
#### suspended generator | [[], [], [], []]
def g():
    i = 0
    while True:
        yield i
        i += 1
        if i > 1:
            x = 1
it = g()
def f():
    return next(it)
#### generator whose lines were all seen | [[], [], []]
def g():
    for i in range(9):
        yield i
it = g()
def f():
    return next(it)
#### error in a test | [[0], [1], [0]]
def f(x):
    try:
        return 1 / x
    finally:
        y = 1
#### stack overflow in a test | [[1], [0], [1], [0]]
def f(x):
    if x:
        return 1
    return f(x)
#### threads | [[0], [1], [0]]
import threading
def w(x):
    if x:
        y = 1
    else:
        y = 2
def f(x):
    t = threading.Thread(target=w, args=(x,))
    t.start()
    t.join()
"""
CALLS = {
    heading.partition(" | ")[0]: (program, json.loads(heading.partition(" | ")[2]))
    for heading, program in parse(CALLS_AS_TEXT).items()
}


# ---- the script: runs jobs, each in a fork of a bare process


def serve(tool: str) -> None:
    """Answer the jobs on standard input."""
    sys.setrecursionlimit(1000)
    jobs = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        run = {"coverage": run_with_coverage, "tracer": run_with_tracer, "probes": run_with_probes}[tool]
        json.dump([answer(run, job) for job in jobs], sys.stdout)


def answer(run: Any, job: Job) -> dict[str, Any]:
    path = str(Path("program.py").resolve())
    Path(path).write_bytes(job["source"].encode())
    inputs = job.get("stdin") or [""]
    tests = [lines for text in inputs for lines in run(job, path, text)]
    return {"executable": executable_by(run, path, job["source"]), "tests": tests}


def executable_by(run: Any, path: str, source: str) -> Lines:
    if run is not run_with_coverage:
        return list(executable_lines(source))
    cov = bare_coverage(path)
    cov.start()
    cov.stop()
    return sorted(cov.analysis2(path)[1])


def run_with_tracer(job: Job, path: str, text: str) -> list[Lines]:
    """The judge's way: a buffer per test, shared with a child that may die in any manner."""
    code = compile(job["source"], "<program>", "exec", dont_inherit=True)
    return run_recorded(job, text, lambda hit: (code, LineTracer(code, hit)))


def run_with_probes(job: Job, path: str, text: str) -> list[Lines]:
    code = compile(job["source"], "<program>", "exec", dont_inherit=True)
    code, places = prepared(code, LineMap(job["source"], code))
    return run_recorded(job, text, lambda hit: recorder(code, places, hit))


def run_recorded(job: Job, text: str, make: Any) -> list[Lines]:
    line_map = LineMap(job["source"])
    hits = [mmap.mmap(-1, line_map.size) for _ in job.get("calls") or [None]]
    current = mmap.mmap(-1, line_map.size)
    code, traced = make(current)
    before = bytearray()

    def begin(test: int) -> None:
        if test > 0:
            hits[test - 1][:] = current[:]
        elif job.get("calls"):
            before[:] = current[:]
        traced.clear()

    def child() -> None:
        traced.start()
        execute(code, job, begin)
        hits[-1][:] = current[:]

    finished = fork(child, text)
    return [list(line_map.executed(hit)) if finished else None for hit in hits]


def run_with_coverage(job: Job, path: str, text: str) -> list[Lines]:
    tests = len(job.get("calls") or [None])
    source = job["source"].replace("\r\n", "\n").replace("\r", "\n")
    code = compile(source, path, "exec", dont_inherit=True)
    end, begin_ = os.pipe()

    def child() -> None:
        cov = bare_coverage(path)
        cov.start()
        names = iter(range(tests))
        execute(code, job, lambda _: cov.switch_context(f"test {next(names)}"))
        cov.stop()
        with os.fdopen(begin_, "w") as file:
            json.dump(lines_of(cov, path, tests if job.get("calls") else None), file)

    finished = fork(child, text, end_of_parent=begin_)
    with os.fdopen(end) as file:
        written = file.read()
    return json.loads(written) if finished and written else [None] * tests


def bare_coverage(path: str) -> Any:
    import coverage

    cov = coverage.Coverage(data_file=None, config_file=False, include=[path], messages=False)
    cov.clear_exclude()
    return cov


def lines_of(cov: Any, path: str, contexts: int | None) -> list[Lines]:
    _, statements, _, missing, _ = cov.analysis2(path)
    if contexts is None:
        return [sorted(set(statements) - set(missing))]
    from coverage.parser import PythonParser

    parser = PythonParser(filename=path)
    parser.parse_source()
    lines: list[Lines] = []
    for test in range(contexts):
        cov.get_data().set_query_context(f"test {test}")
        lines.append(sorted(parser.first_lines(cov.get_data().lines(path) or []) & parser.statements))
    return lines


def fork(child: Any, text: str, end_of_parent: int | None = None) -> bool:
    """Run `child` in a process of its own, with `text` on standard input; say whether it ended in time."""
    pid = os.fork()
    if pid == 0:
        try:
            confine(text)
            child()
        finally:
            os._exit(0)
    if end_of_parent is not None:
        os.close(end_of_parent)
    ends = time.monotonic() + 6 * CPU_S
    while time.monotonic() < ends:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return not os.WIFSIGNALED(status) or os.WTERMSIG(status) not in (signal.SIGXCPU, signal.SIGKILL)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


def confine(text: str) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        os.dup2(file.fileno(), 0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    for descriptor in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    random.seed(0)


def execute(code: types.CodeType, job: Job, begin: Any) -> None:
    """Run the module, then the calls, `begin(i)` before each; wait for the program's threads."""
    names: dict[str, Any] = {"__name__": "__main__"}
    if job.get("calls"):
        names = {**typing.__dict__, "__name__": "solution"}
    with contextlib.suppress(BaseException):
        exec(code, names)
    for test, arguments in enumerate(job.get("calls") or []):
        begin(test)
        with contextlib.suppress(BaseException):
            owner = names.get("Solution")
            name = job["entry_point"]
            function = getattr(owner(), name) if isinstance(owner, type) and hasattr(owner, name) else names[name]
            function(*arguments)
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()


# ---- the tests


def run_jobs(tool: str, jobs: list[Job], timeout_s: float = 300) -> list[dict[str, Any]]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-W", "ignore", __file__, tool]
    ran = subprocess.run(
        command, input=json.dumps(jobs), capture_output=True, text=True, timeout=timeout_s, env=environment, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return typing.cast(list[dict[str, Any]], json.loads(ran.stdout))


@pytest.fixture(scope="module", params=["tracer", "probes"])
def both(request: pytest.FixtureRequest) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """What coverage.py and one of our ways say of every program above."""
    jobs: dict[str, Job] = {name: {"source": source, "stdin": ["2\n1 2\n2 1\n"]} for name, source in PROGRAMS.items()}
    for name, (source, calls) in CALLS.items():
        jobs[f"calls: {name}"] = {"source": source, "entry_point": "f", "calls": calls}
    expected, got = (run_jobs(tool, list(jobs.values())) for tool in ("coverage", request.param))
    return dict(zip(jobs, zip(expected, got, strict=True), strict=True))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_has_the_lines_that_coverage_reports(name: str, both: Any) -> None:
    expected, got = both[name]
    assert got == expected
    assert None not in expected["tests"]


@pytest.mark.parametrize("name", CALLS)
def test_every_unit_test_counts_afresh(name: str, both: Any) -> None:
    expected, got = both[f"calls: {name}"]
    assert got == expected
    assert None not in expected["tests"]
    assert len(expected["tests"]) == len(CALLS[name][1])


def traced_lines(source: str) -> tuple[int, ...]:
    line_map = LineMap(source)
    code = compile(source, "<program>", "exec", dont_inherit=True)
    hit = bytearray(line_map.size)
    traced = LineTracer(code, hit)
    traced.start()
    try:
        with contextlib.suppress(Exception):
            exec(code, {})
    finally:
        traced.stop()
    return line_map.executed(hit)


def test_executable_lines_are_the_first_lines_of_statements_without_docstrings() -> None:
    source = '"""Doc\nstring."""\nx = (1,\n     2)\n\ndef f(\n    a,\n):\n    """Doc."""\n    return a\n'
    assert executable_lines(source) == (3, 6, 10)


def test_an_else_line_and_a_comment_are_not_executable() -> None:
    assert executable_lines("if x:\n    a = 1\nelse:\n    # no\n    a = 2\n") == (1, 2, 5)


def test_a_byte_order_mark_does_not_hinder() -> None:
    assert executable_lines("\ufeffx = 1\ny = 2\n") == (1, 2)


def test_a_form_feed_at_the_start_of_a_line_ends_nothing() -> None:
    assert executable_lines("x = 1\n\f\ndef f():\n    return 1\n\fy = 2\n") == (1, 3, 4, 5)


@pytest.mark.parametrize(
    ("source", "error"), [("if x\n", SyntaxError), ("x = '\0'\n", (ValueError, SyntaxError)), ("'\ud800'", ValueError)]
)
def test_text_that_does_not_compile_raises_what_compile_raises(source: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        LineMap(source)


def test_invalid_escapes_of_a_program_are_no_warning_of_ours() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert executable_lines("x = '\\d'\n1 is 1\n") == (1, 2)


def test_the_line_map_sends_each_line_of_a_statement_to_its_first() -> None:
    assert LineMap("a = 1\nb = (1,\n  2,\n)\nc = 3\n").first_line == {2: 2, 3: 2, 4: 2}


def test_reaching_any_line_of_a_statement_counts_and_nothing_else_does() -> None:
    line_map = LineMap("a = 1\nb = (1,\n     f())\n\nc = 3\n")
    assert line_map.executable == (1, 2, 5)
    assert line_map.executed(bytes([0, 0, 0, 1, 1, 0, 0])) == (2,)


def test_the_buffer_size_is_known_before_parsing() -> None:
    assert hit_size("") == 2
    assert hit_size("a\nb\r\nc\rd") == 5  # lines 1 to 4
    assert LineMap("a = 1\nb = 2").size == hit_size("a = 1\nb = 2") == 3


def test_a_buffer_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="program of 3 lines needs a byte more than that; got 3"):
        LineTracer(compile("a = 1\nb = 2\nc = 3\n", "<program>", "exec"), bytearray(3))


def test_only_what_ran_is_executed() -> None:
    assert traced_lines("x = 0\nif x:\n    y = 1\nelse:\n    y = 2\n") == (1, 2, 5)


def test_lines_run_before_start_and_after_stop_do_not_count() -> None:
    source = "def f():\n    return 1\ndef g():\n    return 2\ndef h():\n    return 3\n"
    code = compile(source, "<program>", "exec")
    names: dict[str, Any] = {}
    hit = bytearray(hit_size(source))
    traced = LineTracer(code, hit)
    exec(code, names)
    names["f"]()
    traced.start()
    names["g"]()
    traced.stop()
    names["h"]()
    assert LineMap(source).executed(hit) == (4,)


def test_recording_goes_on_after_a_second_start() -> None:
    source = "def f(x):\n    if x:\n        return 1\n    return 2\n"
    code = compile(source, "<program>", "exec")
    names: dict[str, Any] = {}
    exec(code, names)
    hit = bytearray(hit_size(source))
    traced = LineTracer(code, hit)
    traced.start()
    names["f"](0)
    traced.stop()
    names["f"](1)
    assert LineMap(source).executed(hit) == (2, 4)
    traced.start()
    names["f"](1)
    traced.stop()
    assert LineMap(source).executed(hit) == (2, 3, 4)


def test_stop_puts_back_the_trace_function_that_was_there() -> None:
    before = sys.gettrace()

    def other(*_: Any) -> None:
        return None

    sys.settrace(other)
    try:
        traced_lines("x = 1\n")
        assert sys.gettrace() is other
    finally:
        sys.settrace(before)


def test_code_of_another_file_is_not_recorded() -> None:
    source = "def f(g):\n    return g()\n"
    code, other = compile(source, "<program>", "exec"), compile("\n\n\ndef g():\n    return 1\n", "<other>", "exec")
    names: dict[str, Any] = {}
    exec(code, names)
    exec(other, names)
    hit = bytearray(10)
    traced = LineTracer(code, hit)
    traced.start()
    names["f"](names["g"])
    traced.stop()
    assert [line for line, count in enumerate(hit) if count] == [2]


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)", "os.abort()"])
def test_lines_survive_the_sudden_death_of_the_process(end: str) -> None:
    source = f"import os\ndef f():\n    x = 1\n    {end}\n    y = 2\nf()\nz = 3\n"
    script = (
        "import mmap, os, resource, sys\nfrom appsplus.judge.tracer import LineMap, LineTracer\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "source = sys.argv[1]\ncode = compile(source, '<program>', 'exec')\nlines = LineMap(source)\n"
        "hit = mmap.mmap(-1, lines.size)\npid = os.fork()\n"
        "if pid == 0:\n    LineTracer(code, hit).start()\n    exec(code, {})\n    os._exit(0)\n"
        "os.waitpid(pid, 0)\nprint(lines.executed(hit))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script, source], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "(1, 2, 3, 4, 6)\n"


# ---- real solutions


def real_problems() -> Iterator[tuple[list[str], dict[str, Any]]]:
    from appsplus import jsonl

    for folder in sorted(APPS.glob("*/*")):
        if (folder / "solutions.json").exists() and (folder / "input_output.json").exists():
            yield (
                jsonl.loads((folder / "solutions.json").read_bytes()),
                jsonl.loads((folder / "input_output.json").read_bytes()),
            )


def compiles(source: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(source, "<program>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError):
            return False
    return True


@pytest.mark.real_data
@pytest.mark.skipif(not APPS.exists(), reason="the real problems are not beside this checkout")
def test_all_real_solutions_have_the_executable_lines_that_coverage_reports() -> None:
    from coverage.exceptions import NotPython
    from coverage.parser import PythonParser

    compared = 0
    for path in sorted(APPS.glob("*/*/solutions.json")):
        for source in json.loads(path.read_bytes()):
            if not compiles(source):
                continue
            text = source.replace("\r\n", "\n").replace("\r", "\n").replace("\f", " ") + "\n"  # as it reads a file
            parser = PythonParser(text=text)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    parser.parse_source()
                except NotPython:  # a form feed where the indentation counts
                    assert "\f" in source
                    continue
            line_map = LineMap(source)
            assert line_map.executable == tuple(sorted(parser.statements)), path
            assert line_map.first_line == parser.multiline_map, path
            compared += 1
    assert compared > 8500


@pytest.mark.real_data
@pytest.mark.skipif(not APPS.exists(), reason="the real problems are not beside this checkout")
@pytest.mark.parametrize("ours_is", ["tracer", "probes"])
def test_a_sample_of_real_solutions_executes_the_lines_that_coverage_reports(ours_is: str) -> None:
    jobs = sample_jobs(per_format=75)
    expected, got = (run_jobs(tool, jobs, timeout_s=1800) for tool in ("coverage", ours_is))
    compared = 0
    for job, reference, ours in zip(jobs, expected, got, strict=True):
        assert ours["executable"] == reference["executable"]
        for theirs, mine in zip(reference["tests"], ours["tests"], strict=True):
            if theirs is not None and mine is not None:
                assert mine == theirs, job["source"]
                compared += len(mine) > 0
    assert compared > 350


def sample_jobs(per_format: int) -> list[Job]:
    """The first solution that compiles of some problems, on its three shortest inputs."""
    problems = list(real_problems())
    random.Random(0).shuffle(problems)
    jobs: dict[bool, list[Job]] = {True: [], False: []}
    for solutions, tests in problems:
        entry_point, source = tests.get("fn_name"), next(filter(compiles, solutions), None)
        inputs = [i for i in tests["inputs"] if isinstance(i, list if entry_point else str)]
        shortest = sorted(inputs, key=lambda i: len(repr(i)))[:3]
        kind = jobs[entry_point is not None]
        if source is None or not shortest or len(kind) == per_format:
            continue
        kind.append(
            {
                "source": source,
                **({"entry_point": entry_point, "calls": shortest} if entry_point else {"stdin": shortest}),
            }
        )
    return jobs[False] + jobs[True]


if __name__ == "__main__":
    serve(sys.argv[1])
