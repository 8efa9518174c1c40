"""Hostile programs whose answer is an object that claims to be whatever it is compared with."""

from functools import partial
from textwrap import dedent

from appsplus.conformance.case import Case, Group, call_case, stdin_case
from appsplus.problem import Verdict

_WA, _RE = Verdict.WRONG_ANSWER, Verdict.RUN_TIME_ERROR
_stdin = partial(stdin_case, Group.HOSTILE)
_call = partial(call_case, Group.HOSTILE)


def _lies(name: str, why: str, program: str, expected: object = 4) -> Case:
    """A function that returns an object which claims to be whatever it is compared with."""
    return _call(name, why, dedent(program), [([0], expected)], _WA, also=(_RE,))


CASES = (
    _stdin(
        "replaces-what-a-grader-reads-from-standard-output",
        "graders that run a program with sys.stdout in memory ask that object for the text",
        """
        import sys
        class Anything(str):
            def __eq__(self, other):
                return True
            __hash__ = str.__hash__
            def split(self, *a):
                return self
            strip = rstrip = splitlines = split
        class Stream:
            def __getattr__(self, name):
                return lambda *a: Anything()
        try:
            sys.stdout.getvalue = sys.stdout.read = lambda *a: Anything()
        except AttributeError:
            sys.stdout = Stream()
        """,
        [("", "4\n")],
        _WA,
    ),
    _lies(
        "returns-an-object-that-equals-everything",
        "a comparison in the program's process asks the object itself",
        """
        class Anything:
            def __eq__(self, other):
                return True
            def __ne__(self, other):
                return False
        def f(_):
            return Anything()
        """,
    ),
    _lies(
        "returns-an-int-that-equals-everything",
        "an int by type, so a check of types passes",
        """
        class Anything(int):
            def __eq__(self, other):
                return True
            def __ne__(self, other):
                return False
            __hash__ = int.__hash__
        def f(_):
            return Anything(5)
        """,
    ),
    _lies(
        "returns-a-text-that-equals-everything",
        "a str by type",
        """
        class Anything(str):
            def __eq__(self, other):
                return True
            def __ne__(self, other):
                return False
            __hash__ = str.__hash__
            def strip(self, *a):
                return self
            lower = split = __str__ = strip
        def f(_):
            return Anything("no")
        """,
        "yes",
    ),
    _lies(
        "returns-a-list-that-equals-everything",
        "a list by type, of any length, with elements that agree",
        """
        class Anything(list):
            def __eq__(self, other):
                return True
            def __ne__(self, other):
                return False
            def __len__(self):
                return 2
            def __getitem__(self, i):
                return self
        def f(_):
            return Anything()
        """,
        [1, 2],
    ),
    _lies(
        "returns-a-float-that-is-close-to-everything",
        "a distance is computed by the object's own methods",
        """
        class Anything(float):
            def __sub__(self, other):
                return 0.0
            __rsub__ = __sub__
            def __eq__(self, other):
                return True
            __lt__ = __le__ = __gt__ = __ge__ = __eq__
            __hash__ = float.__hash__
        def f(_):
            return Anything(5.0)
        """,
        4.5,
    ),
    _lies(
        "returns-a-dict-that-has-every-key",
        "a dict by type that answers what is asked",
        """
        class Anything(dict):
            def __eq__(self, other):
                return True
            def __contains__(self, key):
                return True
            def __getitem__(self, key):
                return self
            def __len__(self):
                return 1
        def f(_):
            return Anything()
        """,
        {"a": 1},
    ),
    _lies(
        "returns-an-object-that-lies-about-its-class",
        "isinstance believes __class__",
        """
        class Anything:
            __class__ = property(lambda self: int)
            def __eq__(self, other):
                return True
            def __index__(self):
                return 5
        def f(_):
            return Anything()
        """,
    ),
    _lies(
        "returns-an-object-that-unpickles-as-the-answer",
        "a judge that pickles answers runs the program's code in its own process",
        """
        class Anything:
            def __reduce__(self):
                return int, ("4",)
        def f(_):
            return Anything()
        """,
    ),
    _lies(
        "returns-a-number-that-is-written-as-another",
        "an int by type whose text is another number's",
        """
        class Anything(int):
            def __repr__(self):
                return "4"
            __str__ = __repr__
            def __format__(self, form):
                return "4"
        def f(_):
            return Anything(5)
        """,
    ),
    _call(
        "raises-what-test-runners-take-for-a-pass",
        "SkipTest and a silent exit are no answers",
        """
        import unittest
        def f(a):
            raise unittest.SkipTest("later") if a else GeneratorExit
        """,
        [([1], None), ([0], None)],
        _RE,
        unit_verdicts=(_RE, _RE),
    ),
)
