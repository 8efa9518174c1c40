"""What a reviewer typed into the form of corrections, as a JSON Patch on `appsplus.ledger.document`.

Browsers normalise what they put into a text field, so a field counts as changed only if it differs from what the page put
there (`shown`), not from the record. A value of a unit test is text where a program reads it as text, else JSON.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from appsplus import jsonl
from appsplus.errors import InputError
from appsplus.ledger import document
from appsplus.problem import CHECKER_KINDS, RawProblem

Operation = dict[str, Any]
NO_CHECKER = "none"
CHECKERS = (NO_CHECKER, *CHECKER_KINDS)
_UNSHOWABLE = re.compile("[\0\ud800-\udfff]")


def shown(text: str) -> str:
    """A text as a browser gives it back when nobody has touched it."""
    return _UNSHOWABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def value_text(value: Any, is_stdin: bool) -> str:
    """An input or expected output as the form shows it: text that a program reads or prints as it is, else JSON."""
    if isinstance(value, str) and is_stdin:
        return shown(value)
    with jsonl.unlimited_int_digits():
        return shown(json.dumps(value, ensure_ascii=False))


def patch_from_form(raw: RawProblem, form: Mapping[str, str]) -> tuple[Operation, ...]:
    """What the form changes, () for nothing. Raises InputError for a field that cannot be read, naming it."""
    dropped = _dropped("drop_test", len(raw.inputs or ()), form)
    return (
        *_texts(raw, form),
        *_solutions(raw, form),
        *_checker(raw, form),
        *_outputs(raw, form, dropped),
        *_drops(raw, form, dropped),
        *_added(raw, form),
    )


def _texts(raw: RawProblem, form: Mapping[str, str]) -> Iterator[Operation]:
    for name in ("description", "starter_code", "entry_point"):
        before = getattr(raw, name)
        if name in form and _typed(form[name]) != shown(before or ""):
            after = _typed(form[name])
            yield _replace(f"/{name}", after.strip() or None if name == "entry_point" else after)


def _solutions(raw: RawProblem, form: Mapping[str, str]) -> Iterator[Operation]:
    """Solutions that are edited, dropped (the last one first) and added."""
    dropped = _dropped("drop_solution", len(raw.solutions), form)
    for number, code in enumerate(raw.solutions):
        text = form.get(f"solution_{number}")
        if text is not None and number not in dropped and _typed(text) != shown(code):
            yield _replace(f"/solutions/{number}", _typed(text))
    for number in dropped:
        yield {"op": "remove", "path": f"/solutions/{number}"}
    if form.get("new_solution", "").strip():
        yield {"op": "add", "path": "/solutions/-", "value": _typed(form["new_solution"])}


def _checker(raw: RawProblem, form: Mapping[str, str]) -> Iterator[Operation]:
    kind = form.get("checker_kind")
    if kind is None:
        return
    if kind not in CHECKERS:
        raise InputError(f"the checker {kind!r} is not known; expected one of {', '.join(CHECKERS)}")
    after: dict[str, Any] | None = None
    if kind != NO_CHECKER:
        after = {"kind": kind, "any_of": [], "program": ""}
    if after and kind == "program":
        after["program"] = _typed(form.get("checker_program", ""))
        if not after["program"].strip():
            raise InputError("a checker of kind program needs a program that defines check(input, expected, actual)")
    if after and kind == "any_of":
        after["any_of"] = _alternatives(form.get("checker_any_of", ""))
    if after != document(raw)["checker"]:
        yield _replace("/checker", after)


def _alternatives(text: str) -> list[list[str]]:
    advice = (
        "a checker of kind any_of needs a JSON list with, for each unit test, a list of further outputs that are right, e.g. "
        '[["2 1\\n"], []]'
    )
    try:
        found = jsonl.loads(text)
    except (ValueError, RecursionError):
        raise InputError(advice) from None
    if not isinstance(found, list) or not all(
        isinstance(r, list) and all(isinstance(t, str) for t in r) for r in found
    ):
        raise InputError(advice)
    return found


def _dropped(what: str, count: int, form: Mapping[str, str]) -> list[int]:
    """The numbers that go, the last one first."""
    return [number for number in reversed(range(count)) if form.get(f"{what}_{number}")]


def _outputs(raw: RawProblem, form: Mapping[str, str], dropped: list[int]) -> Iterator[Operation]:
    is_stdin = raw.entry_point is None
    for number, value in enumerate(raw.outputs or ()):
        text = form.get(f"output_{number}")
        if text is not None and number not in dropped and _typed(text) != value_text(value, is_stdin):
            after = _value(_typed(text), value, is_stdin, f"the output of unit test {number}")
            yield _replace(f"/outputs/{number}", after)


def _drops(raw: RawProblem, form: Mapping[str, str], dropped: list[int]) -> Iterator[Operation]:
    keeps_alternatives = raw.checker is not None and form.get("checker_kind", raw.checker.kind) == raw.checker.kind
    for number in dropped:
        yield {"op": "remove", "path": f"/inputs/{number}"}
        yield {"op": "remove", "path": f"/outputs/{number}"}
        if keeps_alternatives and raw.checker is not None and number < len(raw.checker.any_of):
            yield {"op": "remove", "path": f"/checker/any_of/{number}"}


def _added(raw: RawProblem, form: Mapping[str, str]) -> Iterator[Operation]:
    if not form.get("new_output", "").strip() and not form.get("new_input", "").strip():
        return
    is_stdin = raw.entry_point is None
    for name in ("input", "output"):
        text = _typed(form.get(f"new_{name}", ""))
        present = getattr(raw, f"{name}s")
        example = present[0] if present else "" if is_stdin else []
        value = _value(text, example, is_stdin, f"the {name} of the new unit test")
        if present is None:
            yield _replace(f"/{name}s", [value])
        else:
            yield {"op": "add", "path": f"/{name}s/-", "value": value}


def _value(text: str, like: Any, is_stdin: bool, what: str) -> Any:
    """What was typed, in the form of the value `like`."""
    if isinstance(like, str) and is_stdin:
        return text
    try:
        return jsonl.loads(text)
    except (ValueError, RecursionError) as error:
        example = value_text(like, is_stdin)[:80]
        raise InputError(f"{what} is not JSON ({error}); expected a value like {example}") from None


def _typed(text: str) -> str:
    return text.replace("\r\n", "\n")


def _replace(path: str, value: Any) -> Operation:
    return {"op": "replace", "path": path, "value": value}
