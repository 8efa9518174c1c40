"""From the fields of a foreign record to a `RawProblem`, or to a `Rejected` where its shape cannot be used.

The fields are named by our targets (`columns.TARGETS`); their values are whatever the source held. Only shape is
checked here: an empty description or a missing solution is a fact that the stage `complete` rules on.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from appsplus import jsonl
from appsplus.problem import DIFFICULTIES, Change, RawProblem, Reason, Rejection

MAX_DEPTH = 100
"""Lists and objects inside one another in a test; deeper ones cannot be handled without exhausting the stack."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not even be read as a problem, with what is known of it."""

    problem_id: str
    source: str
    split: str
    rejection: Rejection
    description: str = ""
    url: str = ""
    license: str = ""
    difficulty: str = "unknown"


class MalformedError(Exception):
    """Part of a record has the wrong shape. Never leaves this package: it becomes a `Rejected`."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.rejection = Rejection(reason, detail)


class Tests(NamedTuple):
    """The unit tests of a record, as `RawProblem` holds them."""

    inputs: tuple[Any, ...] | None = None
    outputs: tuple[Any, ...] | None = None
    entry_point: str | None = None


def make_record(
    problem_id: str,
    split: str,
    origin: str,
    fields: Mapping[str, Any],
    *,
    labels: Mapping[str, str] | None = None,
    changes: tuple[Change, ...] = (),
) -> RawProblem | Rejected:
    """Check the shape of `fields`. `labels`: what the source calls a field. `origin`: its name, if it states none."""
    names = {} if labels is None else labels
    try:
        tests = _tests(fields, names)
        return RawProblem(
            problem_id=problem_id,
            source=text_of(fields.get("source")) or origin,
            split=split,
            description=_text(fields, "description", names),
            solutions=_solutions(fields.get("solutions"), names.get("solutions", "solutions")),
            inputs=tests.inputs,
            outputs=tests.outputs,
            entry_point=tests.entry_point,
            starter_code=_text(fields, "starter_code", names),
            difficulty=_difficulty(fields.get("difficulty")),
            url=text_of(fields.get("url")),
            license=text_of(fields.get("license")),
            changes=changes,
        )
    except MalformedError as error:
        return rejected(problem_id, split, origin, fields, error)


def rejected(problem_id: str, split: str, origin: str, fields: Mapping[str, Any], error: MalformedError) -> Rejected:
    """The record of a malformed problem, with all of `fields` that can be shown."""
    description = fields.get("description")
    return Rejected(
        problem_id=problem_id,
        source=text_of(fields.get("source")) or origin,
        split=split,
        rejection=error.rejection,
        description=description if isinstance(description, str) else "",
        url=text_of(fields.get("url")),
        license=text_of(fields.get("license")),
        difficulty=_difficulty(fields.get("difficulty")),
    )


def decode(value: Any, label: str, reason: Reason) -> Any:
    """The value of JSON text; blank text is None, anything but text is itself. Raises MalformedError."""
    if not isinstance(value, str):
        return value
    if not value.strip("\ufeff \t\r\n"):
        return None
    try:
        return jsonl.loads(value.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise MalformedError(reason, f"{label} is broken JSON at {where}: {error.msg}") from error
    except RecursionError as error:
        raise MalformedError(reason, f"{label} is nested more than {MAX_DEPTH} deep") from error


def kind_of(value: Any) -> str:
    """What JSON calls the type of a value, with its article."""
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null" if value is None else f"a {type(value).__name__}")


def text_of(value: Any) -> str:
    """A remark (a licence, a URL) as text: a value that is none is kept as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None or _is_deep(value) else jsonl.dumps(value)


def _text(fields: Mapping[str, Any], target: str, labels: Mapping[str, str]) -> str:
    value = fields.get(target)
    if value is not None and not isinstance(value, str):
        label = labels.get(target, target)
        raise MalformedError(Reason.MALFORMED_RECORD, f"{label} is {kind_of(value)}; expected text")
    return value or ""


def _difficulty(value: Any) -> str:
    word = value.strip().lower() if isinstance(value, str) else ""
    return word if word in DIFFICULTIES else "unknown"


def _solutions(value: Any, label: str) -> tuple[str, ...]:
    solutions = decode(value, label, Reason.MALFORMED_RECORD)
    if solutions is None:
        return ()
    if not isinstance(solutions, list):
        detail = f"{label} is {kind_of(solutions)}; expected a list of programs"
        raise MalformedError(Reason.MALFORMED_RECORD, detail)
    for index, solution in enumerate(solutions):
        if not isinstance(solution, str):
            detail = f"{label}[{index}] is {kind_of(solution)}; expected the text of a program"
            raise MalformedError(Reason.MALFORMED_RECORD, detail)
    return tuple(solutions)


def _tests(fields: Mapping[str, Any], labels: Mapping[str, str]) -> Tests:
    """The tests, from `unit_tests`, else `inputs` and `outputs`, else `input_output`; a field `entry_point` wins."""
    if fields.get("unit_tests") is not None:
        tests = _from_unit_tests(fields["unit_tests"], labels.get("unit_tests", "unit_tests"))
    elif fields.get("inputs") is not None or fields.get("outputs") is not None:
        inputs, outputs = (_list(fields.get(name), labels.get(name, name)) for name in ("inputs", "outputs"))
        tests = Tests(inputs, outputs)
    else:
        tests = _from_input_output(fields.get("input_output"), labels.get("input_output", "input_output"))
    if any(_is_deep(value) for value in (*(tests.inputs or ()), *(tests.outputs or ()))):
        raise MalformedError(Reason.MALFORMED_TESTS, f"a unit test is nested more than {MAX_DEPTH} deep")
    entry_point = _entry_point(fields.get("entry_point"), labels.get("entry_point", "entry_point"))
    return tests._replace(entry_point=entry_point or tests.entry_point)


def _from_input_output(value: Any, label: str) -> Tests:
    value = decode(value, label, Reason.MALFORMED_TESTS)
    if value is None:
        return Tests()
    if not isinstance(value, dict):
        detail = f"{label} is {kind_of(value)}; expected an object with inputs and outputs"
        raise MalformedError(Reason.MALFORMED_TESTS, detail)
    inputs, outputs = (_list(value.get(name), f"{name} of {label}") for name in ("inputs", "outputs"))
    return Tests(inputs, outputs, _entry_point(value.get("fn_name"), f"fn_name of {label}"))


def _from_unit_tests(value: Any, label: str) -> Tests:
    cases = _list(value, label)
    for index, case in enumerate(cases or ()):
        if not (isinstance(case, dict) and "input" in case and "output" in case):
            found = (
                f"an object with {', '.join(sorted(case)) or 'nothing'}" if isinstance(case, dict) else kind_of(case)
            )
            detail = f"{label}[{index}] is {found}; expected an object with input and output"
            raise MalformedError(Reason.MALFORMED_TESTS, detail)
    if cases is None:
        return Tests()
    return Tests(tuple(case["input"] for case in cases), tuple(case["output"] for case in cases))


def _list(value: Any, label: str) -> tuple[Any, ...] | None:
    value = decode(value, label, Reason.MALFORMED_TESTS)
    if value is not None and not isinstance(value, list):
        raise MalformedError(Reason.MALFORMED_TESTS, f"{label} is {kind_of(value)}; expected a list")
    return None if value is None else tuple(value)


def _entry_point(value: Any, label: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise MalformedError(Reason.MALFORMED_TESTS, f"{label} is {kind_of(value)}; expected the name of a function")
    return (value or "").strip() or None


def _is_deep(value: Any) -> bool:
    """Whether lists and objects lie more than MAX_DEPTH deep; level by level, so that no depth exhausts the stack."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level if isinstance(parent, list | dict) for child in _children(parent)]
        if not level:
            return False
    return any(isinstance(value, list | dict) for value in level)


def _children(value: list[Any] | dict[str, Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value
