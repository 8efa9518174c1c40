"""Executed lines on CPython 3.11: probes that take themselves out at their first hit. Standard library only.

    code, lines = coverage_plan(source, "<program>")  # before the fork: compiled once
    hit = mmap.mmap(-1, lines.size)                   # before the fork: what is written into it survives SIGKILL
    recorded = recorder(code, hit)                    # in the process of the program
    recorded.start(); exec(code, names)
    recorded.clear()                                  # the next unit test's lines

A probe that was hit costs one short jump until it is armed again (`insertion` has the details). Why bytecode:

- exact: a probe stands where the line table has the line, the table by which `sys.settrace` and so coverage.py know it.
  A statement put before each statement of the syntax tree misses the lines of `case` and has to be told of `elif`,
  `except`, decorators, and loops that go round.
- cheap to set up: the program is compiled once, from its text. A syntax tree as Python objects, walked, changed and
  handed back to the compiler, costs three to five times what compiling does.
- cheap to run: the code in between is the compiler's, only its jumps are longer.

The unit that a hit changes is written straight into the code object, behind its header. That is done only where a test at
import has found this header as expected (`_PATCHES`). Elsewhere on 3.11 the same probes write into a scrap of memory
instead: nothing takes them out, and they are as exact, and slower. On 3.12 and later, and for the rare code object that
is too long, `tracer` does the work.

A program can see that its functions have more constants, and cannot `marshal` their code. A copy of a code object that a
program makes by `replace` has probes that are never taken out. Not covered: code that the program compiles itself; a loop
that a thread of an earlier unit test is still in. A hostile program can fake its own coverage, and nothing else.
"""

import ctypes
import sys
import types
from types import CodeType
from typing import Any

from appsplus.judge.line_map import Hit, LineMap
from appsplus.judge.tracer import LineTracer

_Byte, _Word = ctypes.c_ubyte, ctypes.c_uint16
_HEADER = CodeType.__basicsize__
_IS_3_11 = sys.implementation.name == "cpython" and sys.version_info[:2] == (3, 11)
if _IS_3_11:
    from appsplus.judge import insertion


def coverage_plan(source: str, filename: str) -> tuple[CodeType, LineMap]:
    """The compiled program, with probes where they serve, and its lines. Raises what `compile` raises."""
    code = compile(source, filename, "exec", dont_inherit=True)
    line_map = LineMap(source, code)
    return (_with_probes(code, line_map) or code), line_map


def instrument(source: str, filename: str) -> CodeType | None:
    """The compiled program with probes; None where `tracer` must do. Raises what `compile` raises."""
    code, _ = coverage_plan(source, filename)
    return code if _plan_of(code) is not None else None


def recorder(code: CodeType, hit: Hit) -> "Probes | LineTracer":
    """What records the lines of this code: its own probes where it has some, else the tracer."""
    return LineTracer(code, hit) if _plan_of(code) is None else Probes(code, hit)


class Probes:
    """Stands in for `tracer.LineTracer` where the code has probes: lines are written into `hit` as they are reached."""

    def __init__(self, code: CodeType, hit: Hit) -> None:
        """Raises ValueError if `hit` has fewer bytes than `LineMap.size` of the text that was compiled."""
        plan = _plan_of(code)
        assert plan is not None
        if len(hit) < plan.size:
            raise ValueError(f"a hit buffer for this program needs {plan.size} bytes; got {len(hit)}")
        self._code = code  # the probes write into it
        self._plan, self._hit = plan, hit

    def start(self) -> None:
        """Let the probes write into the buffer."""
        self._plan.lines.contents = _Byte.from_buffer(self._hit)

    def clear(self) -> None:
        """Forget all lines; the next unit test's count again. To be called when no code of the program is running."""
        self._hit[:] = bytes(len(self._hit))
        for units, armed in self._plan.sites:
            for index, word in armed:
                units[index] = word


class _Plan:
    """What a program's probes share; the last constant of its outermost code object."""

    def __init__(self, size: int) -> None:
        self.size = size  # bytes of a hit buffer
        self.lines = insertion.Lines(_Byte.from_buffer(bytearray(size)))  # where hits go: to nobody, until the start
        self.sites: list[insertion.Sites] = []
        self.scrap: Any = None


def _plan_of(code: CodeType) -> _Plan | None:
    plan = code.co_consts[-1] if code.co_consts else None
    return plan if isinstance(plan, _Plan) else None


def _with_probes(code: CodeType, line_map: LineMap, patches: bool | None = None) -> CodeType | None:
    if not _IS_3_11:
        return None
    plan = _Plan(line_map.size)
    found: list[tuple[CodeType, insertion.Sites]] = []
    try:
        code = insertion.insert(code, line_map.first_line, plan.lines, found)
    except insertion.ProbeError:
        return None
    outermost, sites = found.pop()
    code = outermost.replace(co_consts=(*outermost.co_consts, plan))
    found.append((code, sites))
    if not (_PATCHES if patches is None else patches):
        plan.scrap = _Word.from_buffer(bytearray(max(len(part.co_code) for part, _ in found)))
    for part, sites in found:
        address = ctypes.addressof(plan.scrap) if plan.scrap is not None else id(part) + _HEADER
        ctypes.c_void_p.from_buffer(sites.units).value = address
        plan.sites.append(sites)
        part.co_code  # noqa: B018  # kept by CPython as it is now: what a program copies from has all probes armed
    return code


def _code_lies_behind_the_header() -> bool:
    """Whether the units of a code object are where we would write, and are what the interpreter executes."""
    if not _IS_3_11 or sys.byteorder != "little" or CodeType.__itemsize__ != ctypes.sizeof(_Word):
        return False
    source = "def f(x):\n    for i in range(x):\n        i += 1\n    return x\n"
    code = compile(source, "<test>", "exec", dont_inherit=True)
    for part in (code, code.co_consts[0]):
        if part.__sizeof__() < _HEADER + len(part.co_code):
            return False
        if ctypes.string_at(id(part) + _HEADER, len(part.co_code)) != part.co_code:
            return False
    probed = _with_probes(code, LineMap(source, code), patches=True)
    return probed is not None and _records(probed)


def _records(code: CodeType) -> bool:
    """Whether probes write lines, are out after their first hit, and in again after `clear`."""
    hit = bytearray(6)
    recorded = Probes(code, hit)
    recorded.start()
    names: dict[str, Any] = {}
    exec(code, names)
    seen = [bytes(hit)]
    function: types.FunctionType = names["f"]
    for _ in range(2):
        recorded.clear()
        results = [function(20)]
        seen.append(bytes(hit))
        hit[:] = bytes(6)
        results += [function(x) for x in (0, 20)]
        seen.append(bytes(hit))
    return results == [20, 0, 20] and seen == [b"\0\1\0\0\0\0", *[b"\0\0\1\1\1\0", bytes(6)] * 2]


_PATCHES = _code_lies_behind_the_header()
