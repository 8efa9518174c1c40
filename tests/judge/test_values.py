"""Values survive the way out of the sandbox, and nothing passes for what it is not."""

from collections import Counter, OrderedDict, deque
from enum import IntEnum
from typing import Any

import pytest

from appsplus.judge.values import decode, encode


class Colour(IntEnum):
    RED = 1


class Liar:
    def __eq__(self, other: object) -> bool:
        return True


class LyingInt(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __int__(self) -> int:
        return 42

    __hash__ = int.__hash__


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (1.0, "1.0"),
        (float("inf"), "Infinity"),
        ("é\ud800", '"\\u00e9\\ud800"'),
        ([1, [2]], "[1,[2]]"),
        ((1, 2), '{"$tuple":[1,2]}'),
        ({3, 1, 2}, '{"$set":[1,2,3]}'),
        ({"a": 1}, '{"a":1}'),
        ({1: 2}, '{"$dict":[[1,2]]}'),
        ({"$x": 1}, '{"$dict":[["$x",1]]}'),
        (range(3), '{"$iter":[0,1,2]}'),
        ((i for i in "ab"), '{"$iter":["a","b"]}'),
        ({"a": 1}.keys(), '{"$iter":["a"]}'),
        (b"\x00\xff", '{"$bytes":"00ff"}'),
        (Counter("aab"), '{"a":2,"b":1}'),
        (OrderedDict(a=1), '{"a":1}'),
        (deque([1, 2]), "[1,2]"),
        (Colour.RED, "1"),
        (LyingInt(5), "5"),
        (Liar(), '{"$object":"Liar"}'),
        (1 + 2j, '{"$object":"complex"}'),
    ],
)
def test_a_value_is_written_by_its_kind(value: Any, text: str) -> None:
    assert encode(value) == text


def test_an_integer_of_any_length_is_written_in_linear_time_as_hexadecimal() -> None:
    assert encode(10**4000) == '{"$int":"' + hex(10**4000) + '"}'
    assert encode(10**4000 - 1) == "9" * 4000


def test_a_list_that_holds_itself_ends_at_a_fixed_depth() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert encode(endless).count("[") == 201


@pytest.mark.parametrize("value", [None, True, -3, 2.5, "x", [1, [2]], (1, (2,)), {1, 2}, {1: [2]}, {"$x": 1}, b"a"])
def test_arguments_arrive_as_they_were_written(value: Any) -> None:
    again = decode(encode(value))
    assert again == value
    assert type(again) is type(value)
