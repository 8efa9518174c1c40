"""Whether one call of a program may change what the next one sees."""

from typing import Any

import pytest

from appsplus.judge import Job, Judge
from appsplus.judge.kept import Kept
from appsplus.judge.state import ANYTHING, NOTHING, VALUES, keeps
from appsplus.problem import IOFormat, UnitTest, Verdict


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("def f(a): return a", NOTHING),
        ("import math\nN = 10\nclass Solution:\n    M = (1, 2)\n    def f(self): self.x = 1", NOTHING),
        ('"""Text."""\nMOD = 10**9 + 7', NOTHING),
        ("seen = {}\ndef f(a): seen[a] = 1", VALUES),
        ("n = 0\ndef f():\n    global n\n    n += 1", ANYTHING),
        ("def f(a, s=[]): pass", VALUES),
        ("@lru_cache(None)\ndef f(a): return a", VALUES),
        ("class Solution:\n    seen = []", VALUES),
        ("def f(): f.n = 1", ANYTHING),
        ("class Solution:\n    n = 0\n    def f(self): Solution.n += 1", ANYTHING),
        ("def f():\n    n = 0\n    def g():\n        n = 1\n        return lambda: n\n    return g", NOTHING),
        ("def f(compare=lambda a, b: a < b): return compare(1, 2)", NOTHING),
        ("import random\nrandom.seed(1)\ndef f(): return 1", ANYTHING),
        ("import decimal\ndecimal.getcontext().prec = 50\ndef f(): return 1", ANYTHING),
        ("for i in range(3): pass", VALUES),
    ],
)
def test_code_says_what_it_may_keep(program: str, expected: str) -> None:
    assert keeps(compile(program, "<program>", "exec")) == expected


def loaded(program: str) -> tuple[dict[str, Any], Kept]:
    names: dict[str, Any] = {"__name__": "solution"}
    code = compile(program, "<program>", "exec")
    exec(code, names)
    return names, Kept(names, code.co_names)


@pytest.mark.parametrize(
    ("program", "call", "changes"),
    [
        ("T = [1, 2]\ndef f(): return T[0]", "f()", False),
        ("T = [1, 2]\ndef f(): T.append(3)", "f()", True),
        ("T = [[0] * 2 for _ in range(2)]\ndef f(): T[1][0] = 5", "f()", True),
        ("T = {}\ndef f(): T[1] = 2", "f()", True),
        ("T = {1}\ndef f():\n    t = T\n    t.add(2)", "f()", True),
        ("def f(seen=[]): seen.append(1)", "f()", True),
        ("def f(*, seen={}): seen[1] = 1", "f()", True),
        ("class Solution:\n    seen = []\n    def f(self): self.seen.append(1)", "Solution().f()", True),
        ("class A:\n    seen = []\nclass B(A):\n    def f(self): A.seen.append(1)", "B().f()", True),
        ("class A:\n    @classmethod\n    def f(cls, s=[]): s.append(1)", "A.f()", True),
        ("class A:\n    def g(self, s=[]): s.append(1)\n    f = property(g)", "A().f", True),
        ("def outer():\n    seen = []\n    def g(): seen.append(1)\n    return g\nf = outer()", "f()", True),
        ("import re\nWORDS = re.compile('a+')\ndef f(): return WORDS.findall('aa')", "f()", False),
        ("from typing import List\nT = List[int]\nN = len([1])\ndef f(x: T = (1,)): return x", "f()", False),
        ("from collections import *\nfrom heapq import heappush\nT = []\ndef f(): heappush(T, 1)", "f()", True),
        ("s = []\ns.append(s) if False else s.append(1)\ndef f(): return s", "f()", False),
    ],
)
def test_a_change_of_what_was_made_at_the_start_is_seen(program: str, call: str, changes: bool) -> None:
    names, kept = loaded(program)
    assert not kept.has_changed()
    exec(call, names)
    assert kept.has_changed() is changes


@pytest.mark.parametrize(
    "program",
    [
        "from functools import lru_cache\n@lru_cache(None)\ndef f(a): return a",
        "from itertools import count\nids = count()",
        "from collections import defaultdict\nT = defaultdict(list)",
        "class A: pass\na = A()",
        "T = []\npush = T.append",
        "T = {'f': print}",
        "T = []\nT.append(T)",
        "T = [0] * 2_000_000",
        "g = (i for i in range(3))",
        "class M(type): pass\nclass A(metaclass=M): pass",
    ],
)
def test_what_cannot_be_compared_is_said(program: str) -> None:
    with pytest.raises(ValueError, match="what this module keeps"):
        loaded(program)


@pytest.mark.parametrize(
    ("program", "answers"),
    [
        ("T = [5]\ndef f(a): return T[0] + a", [6, 7, 8, 9]),
        ("T = []\ndef f(a):\n    T.append(a)\n    return len(T)", [1, 1, 1, 1]),
        ("T = []\ndef f(a):\n    if a == 2: T.append(a)\n    return len(T)", [0, 1, 0, 0]),
        ("T = []\ndef f(a):\n    T.append(a)\n    if a == 2: raise ValueError\n    return len(T)", [1, None, 1, 1]),
        ("from itertools import count\nids = count()\ndef f(a): return next(ids)", [0, 0, 0, 0]),
        (
            "class Solution:\n    seen = []\n    def f(self, a):\n        self.seen.append(a)\n        return len(self.seen)",
            [1] * 4,
        ),
        ("T = list('x' * 2_000_000)\ndef f(a):\n    T.append(a)\n    return len(T)", [2_000_001] * 4),
    ],
)
@pytest.mark.parametrize("coverage", [False, True])
def test_no_unit_test_sees_what_another_left_behind(
    program: str, answers: list[int], coverage: bool, judge: Judge
) -> None:
    tests = tuple(UnitTest(f"[{number}]", str(answer)) for number, answer in enumerate(answers, start=1))
    report = judge.run(Job(program, IOFormat.CALL, tests, "f", coverage=coverage))
    expected = [Verdict.RUN_TIME_ERROR if answer is None else Verdict.ACCEPTED for answer in answers]
    assert [test.verdict for test in report.unit_tests] == expected
