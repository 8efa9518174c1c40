"""From a program's text to code, in a process that may die of it. Standard library only; runs in the sandbox."""

import sys
from dataclasses import dataclass
from types import CodeType

from appsplus.judge import probes
from appsplus.judge.tracer import LineMap

FILENAME = "<program>"
CPU_S, WALL_S = 10.0, 60.0  # what the compiler may use
_ERRORS = (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError)


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the compiler made of a program: code, or why not; and its lines, where coverage was asked for."""

    code: CodeType | None
    error: str | None = None  # e.g. "SyntaxError: invalid syntax (line 3)"
    lines: LineMap | None = None


def compiled(source: str, *, coverage: bool) -> Compiled:
    """Compile a program, with what records its lines if `coverage`. Deep nesting may kill the process instead."""
    try:
        code = compile(source, FILENAME, "exec", dont_inherit=True)
        if not coverage:
            return Compiled(code)
        lines = LineMap(source)
        if sys.version_info < (3, 12):  # later versions have sys.monitoring, which costs less
            code = probes.instrument(source, FILENAME) or code
    except _ERRORS as error:
        return Compiled(None, _described(error))
    return Compiled(code, lines=lines)


def _described(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    text = (getattr(error, "msg", None) or str(error))[:300]
    return f"{type(error).__name__}: {text}" + (f" (line {line})" if line else "")


def died(status: int) -> str:
    """What to say of a program whose compiler ended with this exit status."""
    return f"the compiler died on this program (status {status}): too deep, too large or too slow to compile"
