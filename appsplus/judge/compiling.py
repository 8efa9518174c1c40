"""From a program's text to code that another process can load. Standard library only; runs in the sandbox."""

import marshal
from dataclasses import dataclass
from types import CodeType
from typing import Any

from appsplus.judge import probes, state
from appsplus.judge.line_map import LineMap

FILENAME = "<program>"
CPU_S, WALL_S = 10.0, 60.0  # what the compiler may use
_ERRORS = (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError)
_HARMLESS = (SyntaxError, ValueError)


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the compiler made of a program: marshalled code, or why not; and what its process should know of it."""

    error: str | None = None  # e.g. "SyntaxError: invalid syntax (line 3)"
    code: bytes = b""  # what `loaded` reads
    keeps: str = state.NOTHING  # from one call to the next, see `state`
    has_end: bool = False  # something may happen when its objects are let go
    executable: tuple[int, ...] | None = None  # lines, where coverage was asked for
    first_line: tuple[tuple[int, int], ...] = ()  # of statements: pairs of a line and the first one

    def line_map(self, size: int) -> LineMap | None:
        """The map of its lines for a hit buffer of `size` bytes, where coverage was asked for."""
        return None if self.executable is None else LineMap.of(size, self.executable, self.first_line)


def compiled(source: str, *, coverage: bool) -> tuple[dict[str, Any], bytes]:
    """Compile a program, with what records its lines if `coverage`: the fields of `Compiled` but the code, and that.

    `spent` among the fields: this process should not be used again. Deep nesting may kill the process instead.
    """
    source = source.removeprefix("\ufeff")  # as Python reads a file
    try:
        code = compile(source, FILENAME, "exec", dont_inherit=True)
        facts: dict[str, Any] = {
            "spent": False,
            "keeps": state.keeps(code),
            "has_end": state.has_end(code),
        }
        if not coverage:
            return facts, marshal.dumps((code, None))
        lines = LineMap(source, code)
        facts |= {"executable": lines.executable, "first_line": list(lines.first_line.items())}
        return facts, marshal.dumps(probes.prepared(code, lines))
    except _ERRORS as error:
        return {"error": _described(error), "spent": not isinstance(error, _HARMLESS)}, b""


def loaded(code: bytes) -> tuple[CodeType, Any]:
    """The code, and what `probes.recorder` wants to know of it."""
    found: tuple[CodeType, Any] = marshal.loads(code)
    return found


def _described(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    text = (getattr(error, "msg", None) or str(error))[:300]
    return f"{type(error).__name__}: {text}" + (f" (line {line})" if line else "")


def died(status: int) -> str:
    """What to say of a program whose compiler ended with this exit status."""
    return f"the compiler died on this program (status {status}): too deep, too large or too slow to compile"
