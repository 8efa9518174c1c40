"""Python values as JSON text, without losing what tells them apart. Runs on both sides of the sandbox; standard library only.

    None, bool, int, float, str, list        themselves (NaN and the infinities as Python's json writes them)
    dict with string keys                    an object
    any other dict                           {"$dict": [[key, value], ...]}, in the dict's order
    tuple                                    {"$tuple": [...]}
    set, frozenset                           {"$set": [...]}, sorted by the elements' text
    range, generators, views, iterators      {"$iter": [...]}
    int of more than 4,000 digits            {"$int": "0x..."}, since decimal conversion is quadratic
    bytes                                    {"$bytes": "hex"}
    anything else                            {"$object": "type name"}, equal to nothing

A natural dict with a key that begins with "$" is written as "$dict". Subclasses count as their base type.
"""

import json
from collections.abc import Collection, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from itertools import chain
from typing import Any

MAX_DEPTH = 200
# What `json.loads` and `json.dumps` make anew, or look for with regular expressions, at each call; of trees only
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
_text_of = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, json.JSONEncoder().default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True
)
_BIG = 10**4000
_TAG = '"$'  # with it begins, in any text that has one, what is not itself
_AS_IT_IS = {int, float, str, bool, type(None)}  # but for large integers
_Items = list[Any] | tuple[Any, ...]
_SERIAL: tuple[type[Iterable[Any]], ...] = (range, KeysView, ValuesView, ItemsView, Iterator)


def encode(value: Any) -> str:
    """The text of a value that a program returned. Iterators are used up. Raises what iterating them raises."""
    return "".join(_text_of(_plain(value, 0), 0))


def decode(text: str) -> Any:
    """The value that a text stands for. Raises ValueError for text that `encode` cannot have written."""
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        end = -1
    if end != len(text):  # white space around it, or no JSON
        value = json.loads(text)
    return _revive(value) if _TAG in text else value


def _plain(value: Any, depth: int) -> Any:
    if value is None or value is True or value is False:
        return value
    if depth > MAX_DEPTH:
        return {"$object": "nested too deeply"}
    if isinstance(value, list):
        return _plain_items(value if type(value) is list else list(list.__iter__(value)), depth)
    if isinstance(value, int):
        number = int.__add__(value, 0)
        return number if -_BIG < number < _BIG else {"$int": hex(number)}
    if isinstance(value, float):
        return float.__add__(value, 0.0) if value == value else float("nan")
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, tuple):
        return {"$tuple": _plain_items(value if type(value) is tuple else tuple(tuple.__iter__(value)), depth)}
    return _plain_container(value, depth)


def _plain_items(items: _Items, depth: int) -> _Items:
    """The elements of a list or a tuple, in one that is written as a list."""
    return items if _are_plain(items, depth) else [_plain(item, depth + 1) for item in items]


def _are_plain(items: Collection[Any], depth: int) -> bool:
    """Whether all elements of a container are written as they are; of long ones this is told in a fraction of the time that
    it takes to go through them.
    """
    kinds = set(map(type, items))
    if depth >= MAX_DEPTH:
        return False
    if kinds == {list}:
        return _are_plain(list(chain.from_iterable(items)), depth + 1)
    if not kinds <= _AS_IT_IS:
        return False
    if int not in kinds:
        return True
    numbers = items if len(kinds) == 1 else [item for item in items if type(item) is int]
    return min(numbers) > -_BIG and max(numbers) < _BIG


def _plain_container(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        return _plain_dict(value, depth)
    if isinstance(value, (set, frozenset)):
        return {"$set": sorted(_plain_items([*value], depth), key=lambda item: _text_of(item, 0))}
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": bytes(value).hex()}
    if type(value).__module__.partition(".")[0] == "numpy" and hasattr(value, "tolist"):
        return _plain(value.tolist(), depth + 1)
    if isinstance(value, _SERIAL):
        return {"$iter": _plain_items(list(value), depth)}
    if isinstance(value, Mapping) or type(value).__name__ == "deque":
        return _plain(dict(value) if isinstance(value, Mapping) else list(value), depth + 1)
    return {"$object": type(value).__name__}


def _plain_dict(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    items = list(dict.items(value))
    as_it_is = _are_plain(dict.values(value), depth)
    if all(isinstance(key, str) and not key.startswith("$") for key, _ in items):
        if as_it_is and type(value) is dict and set(map(type, value)) <= _AS_IT_IS:
            return value
        return {str.__str__(key): _plain(item, depth + 1) for key, item in items}
    if as_it_is and _are_plain(dict.keys(value), depth):
        return {"$dict": items}
    return {"$dict": [[_plain(key, depth + 1), _plain(item, depth + 1)] for key, item in items]}


def _hashable(value: Any) -> Any:
    """What a set or a dict can hold: a list was a tuple before the judge compared it."""
    return tuple(map(_hashable, value)) if isinstance(value, list) else value


def _revive(plain: Any) -> Any:
    if isinstance(plain, list):
        kinds = set(map(type, plain))
        return [_revive(item) for item in plain] if list in kinds or dict in kinds else plain
    if not isinstance(plain, dict):
        return plain
    if len(plain) == 1:
        (tag, content), *_ = plain.items()
        match tag:
            case "$tuple":
                return tuple(_revive(content))
            case "$dict":
                return {_hashable(_revive(key)): _revive(item) for key, item in content}
            case "$set":
                return set(map(_hashable, _revive(content)))
            case "$iter":
                return iter(_revive(content))
            case "$int":
                return int(content, 16)
            case "$bytes":
                return bytes.fromhex(content)
    return {key: _revive(item) for key, item in plain.items()}
