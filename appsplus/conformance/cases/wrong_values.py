"""Wrong programs of the call format: answers that look right to a comparison that is too kind."""

from functools import partial
from typing import Any

from appsplus.conformance.case import Case, Group, call_case
from appsplus.problem import Checker, Verdict

_call = partial(call_case, Group.WRONG)


def _returns(name: str, why: str, returned: str, expected: Any, checker: Checker | None = None) -> Case:
    """A program that returns the value of an expression where another value is expected."""
    program = f"def f(_):\n    return {returned}\n"
    return _call(name, why, program, [([0], expected)], Verdict.WRONG_ANSWER, checker=checker)


CASES = (
    _returns("returns-another-number", "the plainest wrong answer", "5", 4),
    _returns("returns-true-for-1", "True == 1 in Python", "True", 1),
    _returns("returns-1-for-true", "and 1 == True", "1", True),
    _returns("returns-0-for-false", "and 0 == False", "0", False),
    _returns("returns-truth-values-in-a-list-for-numbers", "the same inside a list", "[True, False]", [1, 0]),
    _returns("returns-a-float-for-an-integer", "1.0 == 1 in Python", "1.0", 1),
    _returns("returns-a-float-for-an-integer-beyond-its-precision", "10.0**18 == 10**18", "10.0**18", 10**18),
    _returns(
        "returns-an-integer-that-is-off-by-one-in-a-million", "a tolerance is for floats only", "1000001", 1000000
    ),
    _returns("returns-a-large-integer-that-is-off-by-one", "as floats both are 1e18", "10**18 + 1", 10**18),
    _returns("returns-a-huge-integer-that-is-off-by-one", "compared digit by digit", "10**5000 + 1", 10**5000),
    _returns("returns-a-float-beyond-the-tolerance", "off by one in ten thousand", "0.33337", 0.33333),
    _returns("returns-a-rounded-float", "3.14 is not pi within 1e-6", "round(3.14159265, 2)", 3.14159265),
    _returns("returns-nan", "nan is not less than any distance away from a number", "float('nan')", 1.0),
    _returns("returns-infinity-for-a-number", "infinity is within no tolerance", "float('inf')", 1e308),
    _returns("returns-the-text-of-a-number", "a comparison of str()", "'4'", 4),
    _returns("returns-a-number-for-its-text", "a comparison of str()", "4", "4"),
    _returns("returns-none-for-0", "not None is true, and so is not 0", "None", 0),
    _returns("returns-none-for-an-empty-list", "an empty answer is a value", "None", []),
    _returns("returns-0-for-none", "no value is expected", "0", None),
    _returns("returns-an-empty-list-for-none", "no value is expected", "[]", None),
    _returns("returns-an-empty-text-for-an-empty-list", "both are false", "''", []),
    _returns("returns-elements-in-another-order", "a comparison of sorted lists or of sets", "[2, 1, 3]", [1, 2, 3]),
    _returns("returns-rows-in-another-order", "a comparison of sets of tuples", "[[3, 4], [1, 2]]", [[1, 2], [3, 4]]),
    _returns("returns-an-element-too-few", "a comparison by zip() stops at the shorter side", "[1, 2]", [1, 2, 3]),
    _returns("returns-an-element-too-many", "a comparison by zip() stops at the shorter side", "[1, 2, 3]", [1, 2]),
    _returns("returns-an-empty-list-for-a-full-one", "all() of nothing is true", "[]", [1]),
    _returns("returns-each-element-once", "a comparison of sets", "[1, 2]", [1, 1, 2]),
    _returns("returns-a-set-for-a-list", "a set has no order", "{1, 2, 3}", [1, 2, 3]),
    _returns("returns-one-number-for-a-list-of-them", "numpy broadcasts one number over many", "1", [1, 1, 1]),
    _returns(
        "returns-the-first-element-of-a-list",
        "some graders compare with the first element of what is expected",
        "1",
        [1],
    ),
    _returns(
        "returns-its-answer-in-a-list", "some graders compare with the first element of what is returned", "[4]", 4
    ),
    _returns("returns-a-list-in-a-list", "the same, one level down", "[[1, 2]]", [1, 2]),
    _returns("returns-a-flat-list", "a comparison after flattening", "[1, 2, 3, 4]", [[1, 2], [3, 4]]),
    _returns("returns-another-case-in-a-text", "a comparison that folds case", "'Yes'", "YES"),
    _returns("returns-a-text-with-spaces-around-it", "a comparison that strips texts", "' a '", "a"),
    _returns("returns-letters-for-a-text", "a text is no list of letters", "list('ab')", "ab"),
    _returns("returns-a-text-for-letters", "nor a list of letters a text", "'ab'", ["a", "b"]),
    _returns("returns-bytes-for-a-text", "bytes are no text", "b'ab'", "ab"),
    _returns("returns-text-keys-for-numbers", "JSON turns keys into texts", "{'1': 2}", {"$dict": [[1, 2]]}),
    _returns("returns-number-keys-for-texts", "JSON turns keys into texts", "{1: 2}", {"1": 2}),
    _returns("returns-a-key-too-many", "a comparison of the expected keys only", "{'a': 1, 'b': 2}", {"a": 1}),
    _returns("returns-a-key-too-few", "a comparison of the returned keys only", "{'a': 1}", {"a": 1, "b": 2}),
    _returns("returns-pairs-for-a-dict", "pairs are no dict", "[['a', 1]]", {"a": 1}),
    _returns("returns-the-keys-of-a-dict", "iterating over a dict gives its keys", "{'a': 1, 'b': 2}", ["a", "b"]),
    _returns(
        "returns-a-wrong-value-deep-inside",
        "a comparison of the outer levels",
        "[[1, [2, [3, [5]]]]]",
        [[1, [2, [3, [4]]]]],
    ),
    _returns(
        "returns-a-wrong-generator", "a comparison that does not look at the elements", "(i for i in [1, 3])", [1, 2]
    ),
    _returns(
        "returns-a-fraction",
        "an exact number is no float, and not written as one",
        "__import__('fractions').Fraction(1, 2)",
        0.5,
    ),
    _returns("returns-a-complex-number", "(1+0j) == 1 in Python", "complex(1)", 1),
    _returns("returns-its-function", "an object of the program equals nothing", "f", "f"),
    _returns("returns-a-class", "nor does a class", "int", 0),
    _returns("returns-notimplemented", "the answer of a comparison that gave up", "NotImplemented", True),
    _returns(
        "returns-a-list-that-contains-itself",
        "comparing or writing it down must end",
        "(a := [1], a.append(a))[0]",
        [1],
    ),
    _returns(
        "returns-a-list-nested-5000-deep",
        "beyond what JSON writers and readers recurse into",
        "__import__('functools').reduce(lambda a, _: [a], range(5000), [])",
        [],
    ),
    _call(
        "prints-its-answer-and-returns-none",
        "standard output is no answer in this format",
        """
        def f(a):
            print(a)
        """,
        [([4], 4)],
        Verdict.WRONG_ANSWER,
    ),
    _call(
        "answers-the-sample-only-by-return",
        "the first unit test is the sample of the description",
        """
        def f(n):
            return 4 if n == 2 else 0
        """,
        [([2], 4), ([3], 9)],
        Verdict.WRONG_ANSWER,
        unit_verdicts=(Verdict.ACCEPTED, Verdict.WRONG_ANSWER),
    ),
    _call(
        "answers-with-what-the-unit-test-before-wanted",
        "state that makes wrong answers right must not be carried over",
        """
        last = []
        def f(n):
            last.append(n * n)
            return last[0]
        """,
        [([2], 4), ([2], 4), ([3], 4)],
        Verdict.WRONG_ANSWER,
        unit_verdicts=(Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.WRONG_ANSWER),
    ),
    _call(
        "counts-its-calls",
        "right only when all unit tests run in one process, in their order",
        """
        calls = 0
        def f(_):
            global calls
            calls += 1
            return calls
        """,
        [([0], 1), ([0], 2), ([0], 3)],
        Verdict.WRONG_ANSWER,
        unit_verdicts=(Verdict.ACCEPTED, Verdict.WRONG_ANSWER, Verdict.WRONG_ANSWER),
    ),
    _call(
        "returns-its-changed-argument-where-a-copy-is-expected",
        "an expected value that shares objects with the arguments changes with them",
        """
        def f(a):
            a.append(9)
            return a
        """,
        [([[1]], [1])],
        Verdict.WRONG_ANSWER,
    ),
    _returns(
        "repeats-an-element-under-the-checker-unordered",
        "any order, but each element as often as expected",
        "[1, 2, 2]",
        [1, 1, 2],
        Checker("unordered"),
    ),
    _returns(
        "reorders-inner-lists-under-the-checker-unordered",
        "only the outer list is free",
        "[[2, 1]]",
        [[1, 2]],
        Checker("unordered"),
    ),
    _returns(
        "returns-true-for-1-under-the-checker-unordered",
        "the kinds of the elements stay compared",
        "[2, True]",
        [1, 2],
        Checker("unordered"),
    ),
    _returns(
        "returns-another-word-under-the-checker-any-case",
        "either case, but the same word",
        "'no'",
        "YES",
        Checker("any_case"),
    ),
    _returns(
        "returns-no-alternative-under-the-checker-any-of",
        "one of those listed, and nothing else",
        "4",
        1,
        Checker("any_of", (("2", "3"),)),
    ),
    _returns(
        "returns-a-number-for-infinity", "within a relative tolerance of infinity lies every number", "7", float("inf")
    ),
    _returns(
        "returns-infinity-for-the-other-one",
        "within a relative tolerance of infinity lies every number",
        "-1e999",
        float("inf"),
    ),
)
