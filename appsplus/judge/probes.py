"""Executed lines on CPython 3.11: probes that take themselves out at their first hit. Standard library only.

    code, places = prepared(code, LineMap(source, code))  # in any process; both can be marshalled
    hit = mmap.mmap(-1, line_map.size)                    # before the fork: what is written into it survives SIGKILL
    code, recorded = recorder(code, places, hit)          # in the process of the program
    recorded.start(); exec(code, names)
    recorded.clear()                                      # the next unit test's lines

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

Prepared = tuple[int, tuple[Any, ...]]
"""Bytes of a hit buffer, and `insertion.Sites` of every code object, as plain tuples."""


def prepared(code: CodeType, line_map: LineMap) -> tuple[CodeType, Prepared | None]:
    """The code with probes that still point nowhere, and where they are: both can be marshalled. (code, None): no probes."""
    if not _IS_3_11:
        return code, None
    sites: list[insertion.Sites] = []
    try:
        probed = insertion.insert(code, line_map.first_line, sites)
    except insertion.ProbeError:
        return code, None
    return probed, (line_map.size, tuple(tuple(part) for part in sites))


def recorder(code: CodeType, places: Prepared | None, hit: Hit) -> "tuple[CodeType, Probes | LineTracer]":
    """What to execute, and what records its lines: its own probes where it has some, else the tracer.

    `code` and `places` are what `prepared` returned. Raises ValueError if `hit` has too few bytes.
    """
    if places is None:
        return code, LineTracer(code, hit)
    probes = Probes(code, places, hit)
    return probes.code, probes


class Probes:
    """Stands in for `tracer.LineTracer` where the code has probes: lines are written into `hit` as they are reached."""

    def __init__(self, code: CodeType, places: Prepared, hit: Hit, *, patches: bool | None = None) -> None:
        """`patches`: see the module's text; None: where this interpreter is known to allow it.

        Raises ValueError if `hit` has fewer bytes than `LineMap.size` of the text that was compiled.
        """
        size, sites = places
        if len(hit) < size:
            raise ValueError(f"a hit buffer for this program needs {size} bytes; got {len(hit)}")
        self._hit = hit
        self._lines = insertion.Lines(_Byte.from_buffer(bytearray(size)))  # hits go to nobody, until the start
        found: list[tuple[CodeType, insertion.Units]] = []
        self.code = insertion.point(code, self._lines, iter(sites), found)  # what is to be executed
        scrap: Any = None
        if not (_PATCHES if patches is None else patches):
            scrap = _Word.from_buffer(bytearray(max(len(part.co_code) for part, _ in found)))
        self._sites = []
        for (part, units), (_, armed) in zip(found, sites, strict=True):
            address = ctypes.addressof(scrap) if scrap is not None else id(part) + _HEADER
            ctypes.c_void_p.from_buffer(units).value = address
            self._sites.append((units, armed))
            part.co_code  # noqa: B018  # kept by CPython as it is now: what a program copies from has all probes armed
        self._keep = found, scrap  # the probes write into them

    def start(self) -> None:
        """Let the probes write into the buffer."""
        self._lines.contents = _Byte.from_buffer(self._hit)

    def clear(self) -> None:
        """Forget all lines; the next unit test's count again. To be called when no code of the program is running."""
        self._hit[:] = bytes(len(self._hit))
        for units, armed in self._sites:
            for index, word in armed:
                units[index] = word


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
    probed, places = prepared(code, LineMap(source, code))
    return places is not None and _records(probed, places)


def _records(code: CodeType, places: Prepared) -> bool:
    """Whether probes write lines, are out after their first hit, and in again after `clear`."""
    hit = bytearray(6)
    recorded = Probes(code, places, hit, patches=True)
    recorded.start()
    names: dict[str, Any] = {}
    exec(recorded.code, names)
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
