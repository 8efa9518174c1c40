"""Honest programs of the call format: the kinds of answers that a function may give."""

from functools import partial

from appsplus.conformance.case import Group, call_case

_call = partial(call_case, Group.HONEST)
_INFINITY = float("inf")

CASES = (
    _call("returns-none", "no value is a value", "def f(a): a.clear()", [([[1]], None)]),
    _call(
        "returns-tuples-where-lists-are-expected",
        "the data is JSON, which has no tuples",
        """
        def f(n):
            return (n, (n + 1, [n + 2]))
        """,
        [([1], [1, [2, [3]]])],
    ),
    _call(
        "returns-a-generator",
        "the elements are the answer; a judge that compares the object refuses it",
        """
        def f(n):
            for i in range(n):
                yield i * i
        """,
        [([4], [0, 1, 4, 9]), ([0], [])],
    ),
    _call(
        "returns-map-filter-and-zip",
        "iterators inside a list count as lists too",
        """
        def f(a):
            return [map(str, a), filter(None, a), zip(a, a), reversed(a)]
        """,
        [([[0, 1]], [["0", "1"], [1], [[0, 0], [1, 1]], [1, 0]])],
    ),
    _call(
        "returns-a-range-and-views-of-a-dict",
        "things that are iterated over like lists",
        """
        def f(d):
            return range(3), d.keys(), d.values(), d.items()
        """,
        [([{"a": 1}], [[0, 1, 2], ["a"], [1], [["a", 1]]])],
    ),
    _call(
        "returns-a-deque-and-an-array",
        "sequences of the standard library",
        """
        from collections import deque
        def f(a):
            d = deque(a)
            d.rotate(1)
            return d
        """,
        [([[1, 2, 3]], [3, 1, 2])],
    ),
    _call(
        "returns-dicts-of-other-types",
        "Counter, defaultdict and OrderedDict are dicts",
        """
        from collections import Counter, OrderedDict, defaultdict
        def f(s):
            d = defaultdict(list)
            d[s].append(1)
            return [Counter(s), d, OrderedDict(b=1, a=2)]
        """,
        [(["aab"], [{"a": 2, "b": 1}, {"aab": [1]}, {"a": 2, "b": 1}])],
    ),
    _call(
        "returns-a-dict-with-keys-that-are-no-strings",
        "keys keep their type: 1 is not '1'",
        """
        def f(a):
            return {x: str(x) for x in a}
        """,
        [([[1, 2]], {"$dict": [[1, "1"], [2, "2"]]})],
    ),
    _call(
        "returns-a-set-where-a-set-is-expected",
        "a set has no order, so none is compared",
        """
        def f(a):
            return set(a)
        """,
        [([[3, 1, 2, 1]], {"$set": [1, 2, 3]})],
    ),
    _call(
        "returns-subclasses-of-plain-types",
        "named tuples, IntEnum and a str of its own count as what they are made of",
        """
        import enum
        from typing import NamedTuple
        class Pair(NamedTuple):
            a: int
            b: int
        class Level(enum.IntEnum):
            LOW = 1
        class Word(str):
            pass
        def f(_):
            return [Pair(1, 2), Level.LOW, Word("x")]
        """,
        [([0], [[1, 2], 1, "x"])],
    ),
    _call(
        "returns-truth-values",
        "True and False as themselves, alone and in lists",
        """
        def f(a):
            return [x > 1 for x in a] if a else not a
        """,
        [([[1, 2]], [False, True]), ([[]], True)],
    ),
    _call(
        "returns-a-float-within-the-tolerance",
        "0.1 + 0.2 is 0.3 for every grader",
        """
        def f(a, b):
            return a + b
        """,
        [([0.1, 0.2], 0.3), ([1e9, 0.4], 1000000000.0)],
    ),
    _call(
        "returns-a-whole-number-where-a-float-is-expected",
        "2 is 2.0 where a float is expected",
        """
        def f(a):
            return sum(a) // len(a)
        """,
        [([[1, 3]], 2.0)],
    ),
    _call(
        "returns-infinity",
        "not a number of JSON, but of Python's",
        """
        def f(a):
            return [min(a, default=float("inf")), float("-inf")]
        """,
        [([[]], [_INFINITY, -_INFINITY])],
    ),
    _call(
        "returns-an-integer-of-5001-digits",
        "beyond what Python 3.11 converts to text without being asked",
        """
        def f(n):
            return 10**n
        """,
        [([5000], 10**5000), ([30_000], 10**30_000)],
    ),
    _call(
        "returns-a-negative-large-integer-inside-a-list",
        "the same inside a list, below zero",
        """
        def f(n):
            return [-(10**n), 1]
        """,
        [([5000], [-(10**5000), 1])],
    ),
    _call(
        "returns-a-list-that-is-nested-100-deep",
        "deep, and still reasonable",
        """
        def f(n):
            a = []
            for _ in range(n - 1):
                a = [a]
            return a
        """,
        [([100], eval("[" * 100 + "]" * 100))],
    ),
    _call(
        "returns-one-list-twice",
        "a shared object is no cycle",
        """
        def f(a):
            return [a, a, {"a": a}]
        """,
        [([[1]], [[1], [1], {"a": [1]}])],
    ),
    _call(
        "returns-100000-numbers",
        "half a mebibyte of answer, more than a pipe holds",
        """
        def f(n):
            return list(range(n))
        """,
        [([100_000], list(range(100_000)))],
    ),
    _call(
        "returns-an-object-with-keys-that-look-like-tags",
        "what a judge uses to write values down may occur in values",
        """
        def f(a):
            return {"$tuple": a, "$set": [1]}
        """,
        [([[1]], {"$dict": [["$tuple", [1]], ["$set", [1]]]})],
    ),
)
