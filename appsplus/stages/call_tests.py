"""The ways in which the unit tests of a function can be read, most literal first, and which of them the solutions prove.

APPS stores an expected value as it is or inside a list of one, arguments as a list or as lines of JSON text, and dict keys
as text even where they were integers. A reading is consistent: it treats all unit tests of a problem alike. What the
solutions return decides between readings; the comparison is the judge's, never a looser one.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from appsplus import jsonl
from appsplus.judge import Report, compare
from appsplus.problem import Change, Checker, RawProblem, Reason, Rejection, UnitTest, Verdict

_HUGE = 10**4000  # the judge's JSON writes integers beyond as {"$int": hex}

Values = list[Any]
Run = Callable[[tuple[UnitTest, ...]], list[Report]]


@dataclass(frozen=True, slots=True)
class Reading:
    """Unit tests, and what was changed to read them so."""

    unit_tests: tuple[UnitTest, ...]
    changes: tuple[Change, ...]


_LINES = Change("arguments_parsed", "arguments stored as lines of JSON text, one a line, were read as values")
_TEXTS = Change(
    "arguments_parsed", "arguments stored as JSON text each were read as values: the solutions take them so"
)
_SINGLE = Change("argument_wrapped", "an input that is no list of arguments became the only argument")
_LIST = Change("argument_wrapped", "an input list became the only argument: the solutions take it so")
_UNWRAPPED = Change("output_unwrapped", "expected values came out of a list of one: the solutions return them so")
_PARSED = Change(
    "output_parsed", "expected values stored as JSON text were read as values: the solutions return them so"
)
_KEYS = Change("integer_keys_restored", "keys of expected dicts became integers again: the solutions return them so")
_KEYS_IN = Change("integer_keys_restored", "keys of argument dicts became integers again: the solutions expect them so")
_SETS = Change("set_restored", "expected lists became sets again: the solutions return sets")


def choose(raw: RawProblem, run: Run) -> Reading | Rejection:
    """The first reading that a solution passes whole; else the one with which a solution agrees on most unit tests.

    `run` judges the witnesses on unit tests. Another reading of the inputs costs another run, and is tried only where
    no solution agrees with any unit test so far; readings of the outputs cost nothing. Without a witness the most
    literal reading stands.
    """
    raw_outputs = list(raw.outputs or ())
    best: Reading | None = None
    most = -1
    for inputs, input_changes in _input_readings(list(raw.inputs or ())):
        if most > 0 and input_changes in ([_LIST], [_SINGLE]):
            break  # what agrees now and then by accident is no reason to wrap what is a list of arguments already
        literal = _reading(inputs, raw_outputs, input_changes)
        reports = run(literal.unit_tests)
        for outputs, output_changes in _output_readings(raw_outputs):
            reading = _reading(inputs, outputs, [*input_changes, *output_changes])
            as_is = reading.unit_tests == literal.unit_tests
            agreed = max((_agreed(reading, report, raw.checker, as_is=as_is) for report in reports), default=0)
            if agreed > most:
                most, best = agreed, reading
            if agreed == len(raw_outputs):
                return reading
        if not reports:
            break
    if best is None or (_SINGLE in best.changes and most <= 0):
        return _malformed(list(raw.inputs or ()))
    return best


def _malformed(inputs: Values) -> Rejection:
    number, value = next(((n, v) for n, v in enumerate(inputs) if not isinstance(v, list)), (0, inputs[0]))
    detail = f"input {number} is {type(value).__name__}; a function needs a list of arguments, or one JSON value a line"
    return Rejection(Reason.MALFORMED_TESTS, detail, {"value": shown(value)})


def shown(value: Any) -> str:
    """The beginning of a value, as evidence."""
    try:
        return repr(value)[:300]
    except ValueError:  # an integer of thousands of digits
        return jsonl.dumps(value)[:300]


def tagged(value: Any, *, ordered: bool = False) -> Any:
    """A value as the judge's JSON (`appsplus.judge.values`). `ordered`: a dict whose order JSON would lose is a "$dict"."""
    if isinstance(value, list):
        return [tagged(item, ordered=ordered) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -_HUGE < value < _HUGE:
        return {"$int": hex(value)}
    if not isinstance(value, dict):
        return value
    keys = list(value)
    plain = all(isinstance(key, str) and not key.startswith("$") for key in keys)
    if plain and not (ordered and keys != sorted(keys)):
        return {key: tagged(item, ordered=ordered) for key, item in value.items()}
    return {"$dict": [[key, tagged(item, ordered=ordered)] for key, item in value.items()]}


def _input_readings(inputs: Values) -> Iterator[tuple[Values, list[Change]]]:
    if all(isinstance(value, list) for value in inputs):
        yield inputs, []
        if any(map(_has_number_keys, inputs)):
            yield _integer_keys(inputs), [_KEYS_IN]
        if any(isinstance(item, str) for value in inputs for item in value):
            texts = [[_loaded(item) if isinstance(item, str) else item for item in value] for value in inputs]
            if not any(item is _NOT_JSON for value in texts for item in value):
                yield texts, [_TEXTS]
        yield [[value] for value in inputs], [_LIST]
    elif all(isinstance(value, str) for value in inputs):
        lines = [[_loaded(line) for line in value.split("\n") if line.strip()] for value in inputs]
        if not any(item is _NOT_JSON for value in lines for item in value):
            yield lines, [_LINES]
        yield [[value] for value in inputs], [_SINGLE]
    elif not any(isinstance(value, str) for value in inputs):
        yield [value if isinstance(value, list) else [value] for value in inputs], [_SINGLE]


def _output_readings(outputs: Values) -> Iterator[tuple[Values, list[Change]]]:
    yield outputs, []
    shapes: list[tuple[Values, list[Change]]] = [(outputs, [])]
    if all(isinstance(value, list) and len(value) == 1 for value in outputs):
        shapes.append(([value[0] for value in outputs], [_UNWRAPPED]))
    if all(isinstance(value, str) for value in outputs):
        parsed = [_loaded(value) for value in outputs]
        if not any(value is _NOT_JSON for value in parsed):
            shapes.append((parsed, [_PARSED]))
    yield from shapes[1:]
    for values, changes in shapes:
        if any(map(_has_number_keys, values)):
            yield _integer_keys(values), [*changes, _KEYS]
        if all(isinstance(value, list) for value in values):
            yield [_Set(value) for value in values], [*changes, _SETS]


def _reading(inputs: Values, outputs: Values, changes: Sequence[Change]) -> Reading:
    pairs = zip(inputs, outputs, strict=True)
    unit_tests = (UnitTest(jsonl.dumps(tagged(i, ordered=True)), jsonl.dumps(_expected(o))) for i, o in pairs)
    return Reading(tuple(unit_tests), tuple(changes))


def _agreed(reading: Reading, report: Report, checker: Checker | None, *, as_is: bool) -> int:
    """Unit tests on which a solution, by what it returned, agrees with a reading."""
    if as_is:
        return sum(test.verdict is Verdict.ACCEPTED for test in report.unit_tests)
    pairs = enumerate(zip(reading.unit_tests, report.unit_tests, strict=False))
    return sum(_agree(t.output, r.actual, r.actual_hash, checker, number) for number, (t, r) in pairs if r.actual)


def _agree(expected: str, actual: str, actual_hash: str, checker: Checker | None, number: int) -> bool:
    try:
        return compare.value_is_right(expected, compare.parse_actual(actual), checker, number)
    except ValueError:  # cut off: a long value is compared whole, by its hash
        return hashlib.sha256(expected.encode()).hexdigest() == actual_hash


@dataclass(frozen=True, slots=True)
class _Set:
    """An expected list that is to be read as a set."""

    items: Values


class _NotJson:
    """Text that is no JSON."""


_NOT_JSON = _NotJson()


def _expected(value: Any) -> Any:
    if isinstance(value, _Set):
        return {"$set": sorted((tagged(item) for item in value.items), key=json.dumps)}
    return tagged(value)


def _loaded(text: str) -> Any:
    try:
        return jsonl.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return _NOT_JSON


def _has_number_keys(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_number_keys, value))
    return isinstance(value, dict) and (_all_numbers(value) or any(map(_has_number_keys, value.values())))


def _all_numbers(value: dict[str, Any]) -> bool:
    return bool(value) and all(key.isascii() and key.removeprefix("-").isdecimal() for key in value)


def _integer_keys(value: Any) -> Any:
    if isinstance(value, list):
        return [_integer_keys(item) for item in value]
    if not isinstance(value, dict):
        return value
    restored = _all_numbers(value)
    return {int(key) if restored else key: _integer_keys(item) for key, item in value.items()}
