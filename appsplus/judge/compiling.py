"""From a program's text to code, in a process that may die of it. Standard library only; runs in the sandbox."""

from dataclasses import dataclass
from types import CodeType

from appsplus.judge import probes
from appsplus.judge.line_map import LineMap

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
    source = source.removeprefix("\ufeff")  # as Python reads a file
    try:
        if coverage:
            code, lines = probes.coverage_plan(source, FILENAME)
            return Compiled(code, lines=lines)
        return Compiled(compile(source, FILENAME, "exec", dont_inherit=True))
    except _ERRORS as error:
        return Compiled(None, _described(error))


def _described(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    text = (getattr(error, "msg", None) or str(error))[:300]
    return f"{type(error).__name__}: {text}" + (f" (line {line})" if line else "")


def died(status: int) -> str:
    """What to say of a program whose compiler ended with this exit status."""
    return f"the compiler died on this program (status {status}): too deep, too large or too slow to compile"
