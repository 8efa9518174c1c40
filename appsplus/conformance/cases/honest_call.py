"""Honest programs of the call format: how the function is found and called, and what may happen around the call."""

from functools import partial

from appsplus.conformance.case import Group, call_case

_call = partial(call_case, Group.HONEST)

CASES = (
    _call(
        "defines-a-function",
        "the plainest program there is",
        """
        def f(a, b):
            return a + b
        """,
        [([1, 2], 3), (["a", "b"], "ab"), ([[1], [2]], [1, 2])],
    ),
    _call(
        "defines-a-function-without-parameters",
        "a call without arguments; an input format of one argument per line cannot say that",
        "def f(): return 42",
        [([], 42)],
    ),
    _call(
        "defines-a-method-of-solution",
        "LeetCode's shape: a class Solution, made anew for each unit test",
        """
        class Solution:
            def __init__(self):
                self.calls = 0
            def f(self, a: int) -> int:
                self.calls += 1
                return a + self.calls
        """,
        [([1], 2), ([1], 2)],
    ),
    _call(
        "defines-a-static-and-a-class-method",
        "methods that take no self",
        """
        class Solution:
            base = 10
            @staticmethod
            def double(a):
                return 2 * a
            @classmethod
            def f(cls, a):
                return cls.base + cls.double(a)
        """,
        [([1], 12)],
    ),
    _call(
        "binds-its-function-by-a-lambda",
        "a function is whatever the name is bound to",
        "f = lambda *a: sum(a)",
        [([1, 2, 3], 6), ([0], 0)],
    ),
    _call(
        "binds-its-function-by-a-partial",
        "an object that can be called is a function too",
        """
        from functools import partial
        f = partial(pow, 2)
        """,
        [([10], 1024)],
    ),
    _call(
        "decorates-its-function",
        "with a cache, which must not make wrong what is asked next",
        """
        from functools import lru_cache
        @lru_cache(None)
        def f(n):
            return n if n < 2 else f(n - 1) + f(n - 2)
        """,
        [([10], 55), ([90], 2880067194370816120), ([10], 55)],
    ),
    _call(
        "defines-its-function-under-a-condition",
        "names are found when the module has run, not by reading its text",
        """
        import sys
        if sys.version_info >= (3,):
            def f(a):
                return a
        else:
            f = None
        """,
        [([1], 1)],
    ),
    _call(
        "defines-its-function-twice",
        "the last one counts",
        """
        def f(a):
            return 1
        def f(a):
            return 2
        """,
        [([0], 2)],
    ),
    _call(
        "has-default-and-extra-parameters",
        "arguments are given by position",
        """
        def f(a, b=10, *rest, scale=1):
            return (a + b + sum(rest)) * scale
        """,
        [([1], 11), ([1, 2], 3), ([1, 2, 3, 4], 10)],
    ),
    _call(
        "calls-itself-by-its-name",
        "the function's name is global to the program",
        """
        def f(n):
            return 1 if n == 0 else n * f(n - 1)
        """,
        [([20], 2432902008176640000)],
    ),
    _call(
        "uses-global-constants-and-helpers",
        "one name space for the whole program",
        """
        MOD = 10**9 + 7
        def helper(x):
            return x % MOD
        def f(x):
            return helper(x * x)
        """,
        [([10**9], 49)],
    ),
    _call(
        "relies-on-names-that-graders-offer",
        "List, Counter, gcd, deque and their like, which starter codes use without an import",
        """
        def f(a: List[int]) -> Optional[int]:
            d = defaultdict(int)
            for x in deque(a):
                d[x] += 1
            return Counter(a)[1] + gcd(4, 6) + len(d) + (inf > 0)
        """,
        [([[1, 1]], 6)],
    ),
    _call(
        "relies-on-builtins-that-star-imports-shadow",
        "a grader that runs `from math import *` and `from operator import *` replaces pow and sum's friends",
        """
        def f(a):
            return pow(a, 2, 5), sum([a, 1]), abs(-a), isinstance(a, int), open.__name__
        """,
        [([3], [4, 4, 3, True, "open"])],
    ),
    _call(
        "has-a-main-guard-of-tests",
        "the module is imported, not run: its own examples stay still",
        """
        def f(a):
            return a
        if __name__ == "__main__":
            raise SystemExit("the examples ran")
        """,
        [([1], 1)],
    ),
    _call(
        "prints-while-it-computes",
        "standard output is no answer in this format, and may not disturb it",
        """
        import sys
        print("loading")
        def f(a):
            print("debug", a)
            sys.stdout.write("x" * 10_000)
            print("error", file=sys.stderr)
            return a
        """,
        [([1], 1), ([2], 2)],
    ),
    _call(
        "writes-to-descriptors-1-and-2",
        "a result that travels over standard output is broken by this",
        r"""
        import os
        def f(a):
            os.write(1, b'{"result": 0}\n')
            os.write(2, b"debug\n")
            return a
        """,
        [([1], 1)],
    ),
    _call(
        "prints-a-lot-while-it-computes",
        "a pipe that nobody empties blocks the program that fills it",
        """
        def f(a):
            for _ in range(2000):
                print("x" * 99)
            return a
        """,
        [([1], 1)],
    ),
    _call(
        "finds-standard-input-empty",
        "there is no input in this format; reading it ends at once",
        """
        import sys
        rest = sys.stdin.read()
        def f(_):
            try:
                input()
            except EOFError:
                return rest
        """,
        [([0], "")],
    ),
    _call(
        "uses-threads",
        "work in threads that are joined before the answer",
        """
        import threading
        def f(n):
            done = []
            threads = [threading.Thread(target=done.append, args=(i,)) for i in range(n)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return sorted(done)
        """,
        [([3], [0, 1, 2])],
    ),
    _call(
        "recurses-10000-levels-deep",
        "graders of functions raise the recursion limit, and solutions rely on it",
        """
        def f(n):
            return 0 if n == 0 else 1 + f(n - 1)
        """,
        [([10_000], 10_000)],
    ),
    _call(
        "raises-and-catches-exceptions",
        "exceptions inside the program are its own",
        """
        def f(a):
            try:
                return a[5]
            except IndexError:
                pass
            try:
                raise KeyboardInterrupt
            except BaseException:
                return "none"
        """,
        [([[1]], "none")],
    ),
    _call(
        "defines-dataclasses-of-its-own",
        "dataclasses look their module up in sys.modules",
        """
        from __future__ import annotations
        from dataclasses import dataclass
        @dataclass
        class Point:
            x: int
            y: "int" = 0
        class Solution:
            def f(self, xs: list[int]) -> int:
                return max(Point(x).x for x in xs)
        """,
        [([[3, 7, 5]], 7)],
    ),
    _call(
        "takes-strings-of-any-kind",
        "quotes, newlines, null characters, emoji and lone surrogates arrive as they are",
        """
        def f(s):
            return s[::-1], len(s)
        """,
        [(["\"'\\\n\t\0"], ["\0\t\n\\'\"", 6]), (["żółw🐢"], ["🐢włóż", 5]), (["\ud800a"], ["a\ud800", 2])],
    ),
    _call(
        "takes-a-large-argument",
        "20,000 numbers in, the sum out",
        """
        def f(a):
            return sum(a)
        """,
        [([list(range(20_000))], 199990000)],
    ),
    _call(
        "answers-many-unit-tests",
        "150 unit tests in one process, each with arguments of its own",
        """
        def f(a, b):
            return a * b
        """,
        [([n, n + 1], n * (n + 1)) for n in range(150)],
    ),
)
