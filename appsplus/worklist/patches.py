"""Proposals as JSON Patches on `ledger.document`: what a reviewer can accept with one key."""

from collections.abc import Iterable
from typing import Any

from appsplus import jsonl
from appsplus.judge import compare
from appsplus.problem import IOFormat, Problem, RawProblem

Patch = tuple[dict[str, Any], ...]

_UNREADABLE = ("set_restored", "integer_keys_restored")  # readings of outputs whose raw form is not made here


def expected_output(problem: Problem, unit_test: int, actual: str) -> Patch | None:
    """Make `actual`, as a report holds it, the expected output, in the form in which the source has outputs.

    None where the source's form is not one that can be told from the problem's changes, or no JSON can hold the value.
    """
    path = f"/outputs/{unit_test}"
    if problem.io_format is IOFormat.STDIN:
        return ({"op": "replace", "path": path, "value": actual},)
    made = {change.what for change in problem.changes}
    try:
        value = compare.parse_actual(actual)
    except ValueError:
        return None
    if made.intersection(_UNREADABLE) or not _is_plain(value):
        return None
    if "output_unwrapped" in made:
        value = [value]
    if "output_parsed" in made:
        value = jsonl.dumps(value)
    return ({"op": "replace", "path": path, "value": value},)


def _is_plain(value: Any) -> bool:
    """Whether a tagged value is what it says: no set, no object, no dict of other keys than text."""
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return not any(key.startswith("$") for key in value) and all(map(_is_plain, value.values()))
    return True


def without_tests(raw: RawProblem, unit_tests: Iterable[int]) -> Patch:
    """Take unit tests out, the last first, so that the numbers before them stay right."""
    dropped = sorted(set(unit_tests), reverse=True)
    listed = 0 if raw.checker is None else len(raw.checker.any_of)
    patch: list[dict[str, Any]] = []
    for number in dropped:
        patch += ({"op": "remove", "path": f"/{name}/{number}"} for name in ("inputs", "outputs"))
        if number < listed:
            patch.append({"op": "remove", "path": f"/checker/any_of/{number}"})
    return tuple(patch)


def checker(kind: str, *, any_of: Iterable[Iterable[str]] = (), program: str = "") -> Patch:
    """Give the problem a checker."""
    value = {"kind": kind, "any_of": [list(outputs) for outputs in any_of], "program": program}
    return ({"op": "replace", "path": "/checker", "value": value},)
