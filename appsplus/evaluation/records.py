"""Frozen dataclasses to JSON, back, and to a JSON schema: the dataclasses are the only definition of a file's format.

A field is a str, int, float, bool, None, a union of these, a `Literal`, a tuple of one type, a dict with text as keys,
another such record, or `Any`. A field with a default may be absent from a file. Unknown keys are refused: what a reader
does not know it must not drop.
"""

import dataclasses
import sys
import types
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Record = TypeVar("Record")

_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}
_SCHEMAS = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
}


def to_json(record: Any) -> Any:
    """A record as plain JSON values, its fields in the order of the definition."""
    if dataclasses.is_dataclass(record):
        return {field.name: to_json(getattr(record, field.name)) for field in dataclasses.fields(record)}
    if isinstance(record, (tuple, list)):
        return [to_json(item) for item in record]
    if isinstance(record, dict):
        return {key: to_json(value) for key, value in record.items()}
    return record


def from_json(kind: type[Record], value: Any, where: str = "") -> Record:
    """The record that `value` spells. Raises ValueError that names the place, what is there and what should be."""
    return _read(kind, value, where)  # type: ignore[no-any-return]


def json_schema(kind: type, title: str) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a record and of all records in it."""
    records: dict[str, Any] = {}
    top = _schema(kind, records)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **top, "$defs": records}


def _read(kind: Any, value: Any, where: str) -> Any:
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _read_record(kind, value, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        if value not in arguments:
            raise _wrong(where, " or ".join(map(repr, arguments)), value)
        return value
    if origin in (Union, types.UnionType):
        return _read_union(arguments, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise _wrong(where, "a list", value)
        return tuple(_read(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value)
        return {key: _read(arguments[1], item, f"{where}[{key!r}]") for key, item in value.items()}
    if not _is_a(kind, value):
        raise _wrong(where, _NAMES[kind], value)
    return float(value) if kind is float else value


def _is_a(kind: type, value: Any) -> bool:
    if kind is float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and abs(value) <= sys.float_info.max  # an integer may be too large for a float
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _read_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    wanted = [kind for kind in kinds if kind is not type(None)]
    for kind in wanted[:-1]:
        try:
            return _read(kind, value, where)
        except ValueError:
            continue
    return _read(wanted[-1], value, where)


def _read_record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := sorted(value.keys() - fields.keys()):
        raise ValueError(f"{_at(where)}has a field {unknown[0]!r} that is not known")
    if lacking := [name for name, field in fields.items() if name not in value and _is_required(field)]:
        raise ValueError(f"{_at(where)}has no field {lacking[0]!r}")
    return kind(
        **{name: _read(hints[name], value[name], f"{where}.{name}".lstrip(".")) for name in fields if name in value}
    )


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _at(where: str) -> str:
    return f"{where} " if where else "the document "


def _wrong(where: str, wanted: str, value: Any) -> ValueError:
    text = repr(value)
    return ValueError(f"{_at(where)}must be {wanted}; got {text if len(text) <= 60 else text[:57] + '...'}")


def _schema(kind: Any, records: dict[str, Any]) -> dict[str, Any]:
    if kind is Any:
        return {}
    if dataclasses.is_dataclass(kind):
        name = kind.__name__  # type: ignore[union-attr]
        if name not in records:
            records[name] = {}
            records[name] |= _record_schema(kind, records)
        return {"$ref": f"#/$defs/{name}"}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(argument, records) for argument in arguments]}
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0], records)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], records)}
    return dict(_SCHEMAS[kind])


def _record_schema(kind: Any, records: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {
        "type": "object",
        "description": (kind.__doc__ or "").strip().split("\n")[0],
        "properties": {field.name: _schema(hints[field.name], records) for field in dataclasses.fields(kind)},
        "required": [field.name for field in dataclasses.fields(kind) if _is_required(field)],
        "additionalProperties": False,
    }
