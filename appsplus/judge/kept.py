"""Whether a call has changed what a program made when it was loaded. Standard library only; runs in its process.

Programs make tables in their module: lists of names, dictionaries of points, patterns. As long as these stay what they
were, the next unit test sees what it would see in a fresh process, and needs none. Looked at are the module's own names and
what hangs on them: defaults and closures of functions, attributes of classes, elements of containers.
"""

import marshal
import re
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

_LARGE = 1 << 20  # bytes: a larger state costs more to compare than a process
_FIXED = (
    type(None), bool, int, float, complex, str, bytes, range, re.Pattern, types.ModuleType, type(...), types.GenericAlias,
    types.UnionType, types.MemberDescriptorType, types.GetSetDescriptorType, typing.TypeVar,
)  # fmt: skip
_NOT_KEPT = ("__annotations__", "__dict__", "__weakref__")
_CONTAINERS = (list, dict, set, tuple, frozenset, bytearray)


class _UnknownError(Exception):
    """Something hangs on the module that may change without being seen."""


class Kept:
    """The values that a module has made, and what they were then."""

    def __init__(self, names: Mapping[str, Any], bound: Iterable[str]) -> None:
        """`names`: of the module; `bound`: those that its own code may have bound.

        Raises ValueError where something hangs on them that cannot be compared.
        """
        self._values: list[Any] = []
        self._seen: set[int] = set()
        self._names = names
        try:
            self._look_at_all(names[name] for name in bound if name in names and name not in _NOT_KEPT)
            self._before = self._now()
        except (_UnknownError, ValueError, MemoryError, RecursionError) as error:
            raise ValueError(f"what this module keeps cannot be compared: {error}") from None
        if len(self._before) > _LARGE:
            raise ValueError(f"what this module keeps is {len(self._before)} bytes: too large to compare")

    def has_changed(self) -> bool:
        """Whether a value is not what it was."""
        try:
            return bool(self._values) and self._now() != self._before
        except (ValueError, MemoryError, RecursionError):
            return True

    def _now(self) -> bytes:
        return marshal.dumps(self._values, 2)  # later versions write how often an object is referred to

    def _look_at(self, value: Any) -> None:
        kind = type(value)
        if kind in _FIXED or kind.__module__ == "typing" or id(value) in self._seen:
            return
        self._seen.add(id(value))
        if kind in _CONTAINERS:
            self._values.append(value)
        elif kind is types.FunctionType:
            self._look_at_function(value)
        elif kind is type:
            if value.__module__ == self._names["__name__"]:
                self._look_at_all(value.__bases__)
                self._look_at_all(part for name, part in vars(value).items() if name not in _NOT_KEPT)
        elif kind in (staticmethod, classmethod):
            self._look_at(value.__func__)
        elif kind is property:
            self._look_at_all((value.fget, value.fset, value.fdel))
        elif not (kind is types.BuiltinFunctionType and isinstance(value.__self__, types.ModuleType)):
            raise _UnknownError(kind.__name__)

    def _look_at_function(self, function: types.FunctionType) -> None:
        if function.__globals__ is not self._names:
            return  # the library's
        self._look_at_all(function.__defaults__ or ())
        self._look_at_all((function.__kwdefaults__ or {}).values())
        self._look_at_all(function.__dict__.values())
        self._look_at_all(cell.cell_contents for cell in function.__closure__ or () if cell != types.CellType())

    def _look_at_all(self, values: Iterable[Any]) -> None:
        for value in values:
            self._look_at(value)
