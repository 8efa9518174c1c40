"""Whether one call of a program may change what the next one sees."""

import pytest

from appsplus.judge.state import keeps_state


@pytest.mark.parametrize(
    ("program", "keeps"),
    [
        ("def f(a): return a", False),
        ("import math\nN = 10\nclass Solution:\n    M = (1, 2)\n    def f(self): self.x = 1", False),
        ('"""Text."""\nMOD = 10**9 + 7', False),
        ("seen = {}\ndef f(a): seen[a] = 1", True),
        ("n = 0\ndef f():\n    global n\n    n += 1", True),
        ("def f(a, s=[]): pass", True),
        ("@lru_cache(None)\ndef f(a): return a", True),
        ("class Solution:\n    seen = []", True),
        ("def f(): f.n = 1", True),
        ("class Solution:\n    n = 0\n    def f(self): Solution.n += 1", True),
        ("def f():\n    n = 0\n    def g():\n        n = 1\n        return lambda: n\n    return g", False),
        ("def f(compare=lambda a, b: a < b): return compare(1, 2)", False),
        ("import random\nrandom.seed(1)\ndef f(): return 1", True),
        ("for i in range(3): pass", True),
    ],
)
def test_programs_that_may_keep_state_are_found(program: str, keeps: bool) -> None:
    assert keeps_state(compile(program, "<program>", "exec")) is keeps
