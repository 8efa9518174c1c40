"""Is what came out what was expected? The whole rule, in one place, decided in the parent process only.

Text (standard output) climbs a ladder and stops at the first rung that holds:

    exact        the same characters
    trailing     the same after dropping white space at line ends and empty lines at the end
    tokens       the same words between white space, in the same order
    floats       as tokens; a word that is *expected* as a float (it has a "." or an exponent) may differ by 1e-6,
                 relative or absolute

Values (the call format) are compared as type-tagged JSON (`appsplus.judge.values`): 1 is not True, 1 is not 1.0 unless
the expected value is a float (then within 1e-6), a tuple or an iterator equals a list of the same elements. A set equals
only a set, with elements that agree, in whatever order either is written. A dict equals only a dict with the same keys,
whose values agree; the order of keys means nothing, and a key is compared exactly: 1 is neither 1.0 nor "1". Never lists as
sets, never by folding case, never integers as floats. A `Checker` widens this for one problem.
"""

import json
import marshal
import math
import re
from typing import Any

from appsplus import jsonl
from appsplus.problem import Checker

TOLERANCE = 1e-6
_FLOAT = re.compile(r"[+-]?(?=[0-9.]*[.eE])(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z", re.ASCII)
_LONGEST_NUMBER = 400  # characters; a longer word is no float
_LONG = 256  # characters of a value: first compared as bytes, which is many times faster than element by element
_LONGEST_INTEGER = (
    4300  # digits; `values` writes longer ones in base 16, since decimal takes time that grows with the square
)
_LONG_DIGITS = re.compile(rf"(?<![0-9])[0-9]{{{_LONGEST_INTEGER + 1}}}")
_TAG_MARKS = ("$", "\\u0024")  # what every tag of `values` begins with, and as JSON may hide it


class ExpectedValueError(ValueError):
    """What a dataset expects is no JSON."""


def text_rung(expected: str, actual: str) -> str | None:
    """The first rung on which two texts agree: exact, trailing, tokens or floats; None where they do not."""
    if expected == actual:
        return "exact"
    if _without_trailing(expected) == _without_trailing(actual, expected.count("\n")):
        return "trailing"
    wanted = expected.split()
    got = actual.split(None, len(wanted))  # words beyond are one: a program may have written millions
    if wanted == got:
        return "tokens"
    if len(wanted) == len(got) and all(map(_words_agree, wanted, got)):
        return "floats"
    return None


def _without_trailing(text: str, most_lines: int | None = None) -> str | None:
    """None where more line ends than `most_lines` are left."""
    text = text.rstrip()
    if most_lines is not None and text.count("\n") > most_lines:
        return None
    return "\n".join(line.rstrip() for line in text.split("\n"))


def _words_agree(expected: str, actual: str) -> bool:
    if expected == actual:
        return True
    if len(expected) > _LONGEST_NUMBER or len(actual) > _LONGEST_NUMBER:
        return False
    if not (_FLOAT.match(expected) and _NUMBER.match(actual)):
        return False
    wanted = float(expected)
    return not math.isinf(wanted) and _close(wanted, float(actual))  # what overflows is another number in other words


def _close(expected: float, actual: float) -> bool:
    if expected != expected:
        return actual != actual
    if math.isinf(expected):
        return expected == actual
    return expected == actual or abs(expected - actual) <= TOLERANCE * max(1.0, abs(expected))


def values_agree(expected: Any, actual: Any) -> bool:
    """Compare two tagged JSON values; only the expected side widens anything."""
    expected, actual = _listed(expected), _listed(actual)
    if isinstance(expected, bool) or isinstance(actual, bool) or expected is None:
        return type(expected) is type(actual) and bool(expected == actual)
    if isinstance(expected, int):
        return isinstance(actual, int) and expected == actual
    if isinstance(expected, float):
        return isinstance(actual, (int, float)) and _numbers_close(expected, actual)
    if isinstance(expected, list):
        return isinstance(actual, list) and len(expected) == len(actual) and all(map(values_agree, expected, actual))
    if isinstance(expected, dict):
        return isinstance(actual, dict) and _objects_agree(expected, actual)
    return type(expected) is type(actual) and bool(expected == actual)


def _numbers_close(expected: float, actual: int | float) -> bool:
    try:
        return _close(expected, float(actual))
    except OverflowError:
        return False


def _listed(value: Any) -> Any:
    """Tuples and iterators count as lists; long integers as integers."""
    if isinstance(value, dict) and len(value) == 1:
        (tag, content), *_ = value.items()
        if tag in ("$tuple", "$iter") and isinstance(content, list):
            return content
        if tag == "$int" and isinstance(content, str):
            return int(content, 16)
    return value


def _objects_agree(expected: dict[str, Any], actual: dict[str, Any]) -> bool:
    if "$object" in actual or expected.keys() != actual.keys():
        return False
    if expected.keys() == {"$dict"}:
        return _pairs_agree(expected["$dict"], actual["$dict"])
    if expected.keys() == {"$set"}:
        return _elements_agree(expected["$set"], actual["$set"])
    return all(values_agree(item, actual[key]) for key, item in expected.items())


def _elements_agree(expected: Any, actual: Any) -> bool:
    """Whether two lists have elements that agree, in whatever order."""
    if not (isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual)):
        return False
    return _are_one(expected, actual) or values_agree(sorted(expected, key=_order), sorted(actual, key=_order))


def _pairs_agree(expected: list[Any], actual: list[Any]) -> bool:
    try:
        found = {jsonl.dumps(normal_form(key)): item for key, item in actual}
        wanted = [(jsonl.dumps(normal_form(key)), item) for key, item in expected]
        return len(expected) == len(actual) == len(found) and all(
            key in found and values_agree(item, found[key]) for key, item in wanted
        )
    except (TypeError, ValueError):
        return False


def parse_actual(text: str) -> Any:
    """The value in a program's answer. Hostile text raises ValueError (also for numbers or nesting beyond reason)."""
    try:
        value = read_hostile(text)
        return normal_form(value) if any(mark in text for mark in _TAG_MARKS) else value
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_hostile(text: str) -> Any:
    """JSON that a program wrote. Raises ValueError for integers beyond reason, whatever this process allows itself."""
    if len(text) <= _LONGEST_INTEGER or not _LONG_DIGITS.search(text):
        return json.loads(text)
    return json.loads(text, parse_int=_short_int)


def _short_int(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER:
        raise ValueError("an integer of too many digits")
    return int(digits)


def normal_form(value: Any) -> Any:
    """A value with tuples and iterators as lists: what two programs must share to have given the same answer.

    Long integers stay as they are: in decimal they would cost time that grows with the square of their length.
    Raises ValueError for what no answer can hold.
    """
    if isinstance(value, dict) and len(value) == 1:
        (tag, content), *_ = value.items()
        if tag in ("$tuple", "$iter") and isinstance(content, list):
            value = content
        elif tag == "$int":
            int(content if isinstance(content, str) else "none", 16)  # raises where it is none
    if isinstance(value, list):
        return [normal_form(item) if isinstance(item, (list, dict)) else item for item in value]
    if isinstance(value, dict):
        return {key: normal_form(item) for key, item in value.items()}
    return value


def text_is_right(expected: str, actual: str, checker: Checker | None, unit_test: int) -> bool:
    """Whether standard output answers a unit test (by its index), under the problem's checker if it has one."""
    if text_rung(expected, actual) is not None:
        return True
    if checker is None:
        return False
    if checker.kind == "unordered":
        return _lines_agree(expected, actual)
    if checker.kind == "any_case":
        return text_rung(expected.lower(), actual.lower()) is not None
    return any(text_rung(other, actual) is not None for other in _alternatives(checker, unit_test))


def value_is_right(expected: str, actual: Any, checker: Checker | None, unit_test: int) -> bool:
    """Whether a returned value (parsed) answers a unit test; `expected` is the JSON of the dataset.

    Raises ExpectedValueError where that is none.
    """
    wanted = _expected_value(expected)
    if len(expected) > _LONG and "$" not in expected and _are_one(wanted, actual):
        return True
    if values_agree(wanted, actual):
        return True
    if checker is None:
        return False
    if checker.kind == "any_case":
        return values_agree(_lowered(wanted), _lowered(actual))
    if checker.kind == "unordered":
        return _elements_agree(_listed(wanted), _listed(actual))
    return any(values_agree(_expected_value(other), actual) for other in _alternatives(checker, unit_test))


def _expected_value(text: str) -> Any:
    try:
        return jsonl.loads(text)
    except ValueError as error:
        raise ExpectedValueError(str(error)) from None


def _are_one(left: Any, right: Any) -> bool:
    """Whether two values without tags are the same in kind, content and order, as bytes; if not, they may still agree."""
    try:
        return marshal.dumps(left, 2) == marshal.dumps(right, 2)
    except ValueError:  # nested too deeply
        return False


def _lowered(value: Any) -> Any:
    """A value with its texts in lower case; keys stay as they are."""
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, list):
        return [_lowered(item) for item in value]
    return {key: _lowered(item) for key, item in value.items()} if isinstance(value, dict) else value


def _lines_agree(expected: str, actual: str) -> bool:
    """Whether two texts have the same lines in any order, each compared word by word."""
    if len(expected.split()) != len(actual.split()):
        return False  # before a program's millions of lines are sorted
    wanted, got = _sorted_lines(expected), _sorted_lines(actual)
    return len(wanted) == len(got) and all(
        len(ours) == len(theirs) and all(map(_words_agree, ours, theirs))
        for ours, theirs in zip(wanted, got, strict=True)
    )


def _sorted_lines(text: str) -> list[list[str]]:
    lines = [line.split() for line in text.split("\n")]
    return sorted(filter(None, lines), key=lambda words: [_word_order(word) for word in words])


def _word_order(word: str) -> tuple[int, float, str]:
    """Numbers by their value, however they are written."""
    number = float(word) if len(word) <= _LONGEST_NUMBER and _NUMBER.match(word) else math.inf
    return (1, 0.0, word) if math.isinf(number) else (0, number, "")


def _order(value: Any) -> tuple[Any, ...]:
    """Values of a kind beside each other, numbers by their value; never NaN, which is in no order."""
    value = _listed(value)
    if isinstance(value, bool) or value is None or value != value:
        return 0, str(value)
    if isinstance(value, (int, float)):
        return 1, value
    if isinstance(value, str):
        return 2, value
    if isinstance(value, list):
        return 3, [_order(item) for item in value]
    content = (
        (key, 1, sorted(map(_order, item)))
        if key in ("$set", "$dict") and isinstance(item, list)
        else (key, 0, _order(item))
        for key, item in sorted(value.items())
    )
    return 4, list(content)


def _alternatives(checker: Checker, unit_test: int) -> tuple[str, ...]:
    return checker.any_of[unit_test] if unit_test < len(checker.any_of) else ()
