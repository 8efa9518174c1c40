"""`--columns description=question,...`: which column of a foreign table holds which of our fields."""

from collections.abc import Mapping
from typing import Any

from appsplus.errors import InputError

TARGETS = (
    "problem_id",
    "description",
    "solutions",  # a list of programs, or one program as text
    "inputs",
    "outputs",
    "input_output",  # {"inputs": [...], "outputs": [...], "fn_name": ...}, or the same as JSON text
    "unit_tests",  # [{"input": ..., "output": ...}, ...]
    "entry_point",
    "starter_code",
    "difficulty",
    "url",
    "license",
    "source",
    "split",
)

APPS_COLUMNS = {
    "problem_id": "problem_id",
    "description": "question",
    "solutions": "solutions",
    "input_output": "input_output",
    "starter_code": "starter_code",
    "difficulty": "difficulty",
    "url": "url",
    "license": "license",
    "source": "source",
    "split": "split",
}
"""Our field -> the column of a table of APPS; what a table lacks is absent."""

_TESTS = ({"unit_tests"}, {"inputs", "outputs"}, {"input_output"})  # the ways to hold tests; one is enough

MISSING = object()
"""What `look_up` finds where there is nothing; a column may well hold None."""


def parse_columns(text: str) -> dict[str, str]:
    """Read "description=question,solutions=answers.python": target=column; a column may be a dotted path.

    Raises InputError for an unknown or repeated target, or for tests that are mapped in two ways.
    """
    columns: dict[str, str] = {}
    for part in text.split(","):
        target, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column:
            raise InputError(f"--columns: got {part.strip()!r}; expected TARGET=COLUMN, e.g. description=question")
        if target in columns:
            raise InputError(f"--columns: {target} is given twice: {columns[target]} and {column}; give it once")
        columns[target] = column
    check_columns(columns)
    return columns


def check_columns(columns: Mapping[str, str]) -> None:
    """Raise InputError for an unknown target, or for tests that are mapped in two ways."""
    for target in columns:
        if target not in TARGETS:
            raise InputError(f"--columns: unknown target {target!r}; the targets are: {', '.join(TARGETS)}")
    ways = [sorted(way & columns.keys()) for way in _TESTS if way & columns.keys()]
    if len(ways) > 1:
        given = " and ".join("+".join(way) for way in ways)
        raise InputError(
            f"--columns: the unit tests are given as {given}; give one of unit_tests, inputs+outputs, input_output"
        )


def all_columns(columns: Mapping[str, str]) -> dict[str, str]:
    """The given columns, and for each target that is not given the column of APPS (tests: only if none are given)."""
    tests_given = any(way & columns.keys() for way in _TESTS)
    defaults = {t: c for t, c in APPS_COLUMNS.items() if not (tests_given and t == "input_output")}
    return defaults | dict(columns)


def look_up(row: Mapping[str, Any], column: str) -> Any:
    """The value of a column, or of a dotted path into nested objects; MISSING if there is none."""
    if column in row:
        return row[column]
    value: Any = row
    for key in column.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return MISSING
        value = value[key]
    return value
