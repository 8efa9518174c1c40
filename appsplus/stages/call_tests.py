"""The ways in which the unit tests of a function can be read, most literal first.

APPS stores an expected value as it is or inside a list of one, arguments as a list or as lines of JSON text, and dict keys
as text even where they were integers. Each reading here is a consistent one, for all unit tests of the problem alike.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from appsplus import jsonl
from appsplus.problem import Change, RawProblem, Reason, Rejection, UnitTest


@dataclass(frozen=True, slots=True)
class Reading:
    """Unit tests, and what was changed to read them so."""

    unit_tests: tuple[UnitTest, ...]
    changes: tuple[Change, ...]


_PARSED = Change("arguments_parsed", "unit tests stored as lines of JSON text were read as values")
_UNWRAPPED = Change(
    "output_unwrapped", "expected values stored in a list of one were taken out: the solutions return them so"
)
_KEYS_OUT = Change(
    "integer_keys_restored", "keys of expected dicts became integers again: the solutions return them so"
)
_KEYS_IN = Change("integer_keys_restored", "keys of argument dicts became integers again: the solutions expect them so")


def readings(raw: RawProblem) -> list[Reading] | Rejection:
    """Every reading that the values allow; a rejection where there is none."""
    inputs, outputs, changes = list(raw.inputs or ()), list(raw.outputs or ()), []
    if any(isinstance(value, str) for value in inputs):
        parsed = [_parsed_arguments(value) if isinstance(value, str) else value for value in inputs]
        if any(value is None for value in parsed):
            return _malformed(inputs, parsed.index(None))
        if all(isinstance(value, str) for value in outputs):
            outputs = [_parsed_value(value) for value in outputs]
        inputs, changes = parsed, [_PARSED]
    for number, arguments in enumerate(inputs):
        if not isinstance(arguments, list):
            return _malformed(inputs, number)
    found = [_reading(inputs, outputs, changes)]
    options: list[tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None, list[Change]]] = []
    wrapped = all(isinstance(value, list) and len(value) == 1 for value in outputs)
    keys_out, keys_in = any(map(_has_number_keys, outputs)), any(map(_has_number_keys, inputs))
    if wrapped:
        options.append((None, _unwrap, [_UNWRAPPED]))
    if keys_out:
        options.append((None, _integer_keys, [_KEYS_OUT]))
    if keys_in:
        options.append((_integer_keys, None, [_KEYS_IN]))
    if keys_in and keys_out:
        options.append((_integer_keys, _integer_keys, [_KEYS_IN, _KEYS_OUT]))
    if wrapped and keys_out:
        options.append((None, lambda value: _integer_keys(value[0]), [_UNWRAPPED, _KEYS_OUT]))
    if wrapped and keys_in:
        options.append((_integer_keys, _unwrap, [_UNWRAPPED, _KEYS_IN]))
    for change_input, change_output, own in options:
        changed_inputs = inputs if change_input is None else [change_input(value) for value in inputs]
        changed_outputs = outputs if change_output is None else [change_output(value) for value in outputs]
        found.append(_reading(changed_inputs, changed_outputs, [*changes, *own]))
    return found


def tagged(value: Any) -> Any:
    """A value as the judge's JSON: dicts whose keys are not all plain text become {"$dict": [[key, value], ...]}."""
    if isinstance(value, list):
        return [tagged(item) for item in value]
    if not isinstance(value, dict):
        return value
    if all(isinstance(key, str) and not key.startswith("$") for key in value):
        return {key: tagged(item) for key, item in value.items()}
    return {"$dict": [[key, tagged(item)] for key, item in value.items()]}


def _reading(inputs: list[Any], outputs: list[Any], changes: list[Change]) -> Reading:
    pairs = zip(inputs, outputs, strict=True)
    unit_tests = tuple(UnitTest(jsonl.dumps(tagged(i)), jsonl.dumps(tagged(o))) for i, o in pairs)
    return Reading(unit_tests, tuple(changes))


def _malformed(inputs: list[Any], number: int) -> Rejection:
    value = inputs[number]
    detail = f"input {number} is {type(value).__name__}; a function needs a list of arguments, or one JSON value a line"
    return Rejection(Reason.MALFORMED_TESTS, detail, {"value": repr(value)[:300]})


def _parsed_arguments(text: str) -> list[Any] | None:
    """One JSON value a line; None where a line is none."""
    try:
        return [jsonl.loads(line) for line in text.split("\n") if line.strip()]
    except (json.JSONDecodeError, RecursionError):
        return None


def _parsed_value(text: str) -> Any:
    try:
        return jsonl.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return text


def _unwrap(value: list[Any]) -> Any:
    return value[0]


def _has_number_keys(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_number_keys, value))
    if isinstance(value, dict):
        return _all_numbers(value) or any(map(_has_number_keys, value.values()))
    return False


def _all_numbers(value: dict[str, Any]) -> bool:
    return bool(value) and all(key.removeprefix("-").isdecimal() and key.isascii() for key in value)


def _integer_keys(value: Any) -> Any:
    if isinstance(value, list):
        return [_integer_keys(item) for item in value]
    if not isinstance(value, dict):
        return value
    keys = (int(key) for key in value) if _all_numbers(value) else iter(value)
    return {key: _integer_keys(item) for key, item in zip(keys, value.values(), strict=True)}
