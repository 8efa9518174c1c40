"""Honest programs of the call format: arguments that are changed, state that is kept, and answers that a checker takes."""

from functools import partial

from appsplus.conformance.case import Group, call_case
from appsplus.problem import Checker

_call = partial(call_case, Group.HONEST)

CASES = (
    _call(
        "changes-its-arguments",
        "a judge that hands the same list to the next unit test, or shows it as input, has lost it",
        """
        def f(a):
            a.sort()
            a.append(0)
            return a
        """,
        [([[3, 1]], [1, 3, 0])] * 3,
    ),
    _call(
        "changes-what-lies-inside-its-arguments",
        "a shallow copy is not enough",
        """
        def f(grid):
            for row in grid:
                row[0] += 1
            return grid
        """,
        [([[[1, 2], [3, 4]]], [[2, 2], [4, 4]])] * 2,
    ),
    _call(
        "keeps-its-arguments",
        "arguments belong to one unit test; what the program kept of them must not change",
        """
        kept = []
        def f(a):
            kept.append(a)
            return len(kept[0])
        """,
        [([[1]], 1), ([[1, 2]], 2)],
    ),
    _call(
        "keeps-state-in-a-global-list",
        "a submission runs its module once per test on the site it was written for",
        """
        seen = []
        def f(a):
            seen.append(a)
            return len(seen)
        """,
        [([1], 1)] * 3,
    ),
    _call(
        "keeps-state-in-a-global-number",
        "rebinding a global is state too",
        """
        count = 0
        def f(_):
            global count
            count += 1
            return count
        """,
        [([0], 1)] * 3,
    ),
    _call(
        "keeps-state-in-a-default-argument",
        "the well-known trap: a default list is made once",
        """
        def f(a, seen=[]):
            seen.append(a)
            return seen
        """,
        [([1], [1]), ([2], [2])],
    ),
    _call(
        "keeps-state-in-a-class",
        "class attributes outlive the object that each unit test makes",
        """
        class Solution:
            memo = {}
            def f(self, key):
                self.memo[key] = len(self.memo)
                return self.memo[key]
        """,
        [(["a"], 0), (["b"], 0)],
    ),
    _call(
        "keeps-state-in-an-attribute-of-its-function",
        "a function is an object",
        """
        def f(_):
            f.calls = getattr(f, "calls", 0) + 1
            return f.calls
        """,
        [([0], 1)] * 2,
    ),
    _call(
        "keeps-state-in-a-closure",
        "state that no name of the module shows",
        """
        def make():
            n = 0
            def step(_):
                nonlocal n
                n += 1
                return n
            return step
        f = make()
        """,
        [([0], 1)] * 2,
    ),
    _call(
        "keeps-state-in-a-module-of-the-library",
        "another module's state is state of the process: the seed, the decimal context",
        """
        import decimal
        import random
        random.seed(7)
        def f(n):
            before = decimal.getcontext().prec
            decimal.getcontext().prec = n
            return before, random.randint(1, 6)
        """,
        [([5], [28, 3])] * 2,
    ),
    _call(
        "keeps-state-in-a-cache-of-wrong-keys",
        "a cache that does not know all it depends on: right when each unit test starts afresh",
        """
        from functools import lru_cache
        grid = None
        @lru_cache(None)
        def cell(i):
            return grid[i]
        def f(a):
            global grid
            grid = a
            return sum(cell(i) for i in range(len(a)))
        """,
        [([[1, 2]], 3), ([[5, 5]], 10)],
    ),
    _call(
        "keeps-state-in-an-iterator",
        "an iterator that is used up by the first call",
        """
        primes = iter([2, 3, 5])
        def f(_):
            return next(primes)
        """,
        [([0], 2)] * 2,
    ),
    _call(
        "returns-elements-in-any-order-under-the-checker-unordered",
        "a decision that the order of a list's elements is free",
        """
        def f(a):
            return [[x, -x] for x in reversed(a)]
        """,
        [([[1, 2]], [[1, -1], [2, -2]])],
        checker=Checker("unordered"),
    ),
    _call(
        "returns-another-case-under-the-checker-any-case",
        "a decision that letters of either case are right",
        "def f(_): return ['yes', 1]",
        [([0], ["YES", 1])],
        checker=Checker("any_case"),
    ),
    _call(
        "returns-one-of-several-answers-under-the-checker-any-of",
        "a decision that a unit test has several right answers",
        "def f(n): return n",
        [([1], 1), ([2], -2)],
        checker=Checker("any_of", ((), ("2", "3"))),
    ),
)
