"""Probes put into the bytecode of CPython 3.11: where they stand, what they are, and how the rest moves over for them.

Standard library only. A probe is two code units where a line begins, and a stub behind the function's own code:

    EXTENDED_ARG / JUMP_FORWARD 1      the one unit that changes: armed as compiled, over the next unit once it was hit
    JUMP_FORWARD stub
    ... the line's own instructions, never written to, so that the interpreter may specialise them as it likes ...

    stub:  lines[line] = 1             lines: the hit buffer
           units[site] = JUMP_FORWARD 1        units: the code units of this very code object
           JUMP_BACKWARD_NO_INTERRUPT to behind the probe

Both stores are done by C code that neither calls Python, nor allocates, nor looks at signals or other threads. So a stub
cannot fail, not even where the stack is full, and nothing can be seen of it half done. It needs three places on the stack.

A line begins where `sys.settrace` would report it: where the line table changes to it, and where a jump from another line
or an exception enters it. Lines of one statement count as one line, except in generators and coroutines, which can be
suspended inside a statement in one unit test and go on in the next.
"""

import ctypes
import opcode
import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from types import CodeType
from typing import NamedTuple

from appsplus.judge.line_map import line_runs

_OP = opcode.opmap
_EXTENDED_ARG, _RESUME, _SEND = _OP["EXTENDED_ARG"], _OP["RESUME"], _OP["SEND"]
_LOAD_CONST, _JUMP_FORWARD = _OP["LOAD_CONST"], _OP["JUMP_FORWARD"]
_JUMP_BACKWARD_NO_INTERRUPT = _OP["JUMP_BACKWARD_NO_INTERRUPT"]
_STORE_SUBSCR = bytes((_OP["STORE_SUBSCR"], 0, 0, 0))  # with its cache
_FOR_ITER, _GET_ITER = _OP["FOR_ITER"], _OP["GET_ITER"]
_BACKWARD = {number for name, number in _OP.items() if "JUMP_BACKWARD" in name}
_JUMP = re.compile(b"[" + re.escape(bytes(opcode.hasjrel)) + b"]", re.DOTALL)
_SECOND = {_RESUME, _OP["CALL"]}  # after YIELD_VALUE, and after PRECALL
_RESUMABLE = 0x20 | 0x80 | 0x100 | 0x200  # flags of generators and coroutines
_STUB_STACK = 3

_NOWHERE = (b"", *(bytes((0xF8 | units - 1,)) for units in range(1, 8)))  # entries of a line table

PAST_THE_PROBE = _JUMP_FORWARD | 1 << 8
"""A code unit that jumps over the next one. The byte order is little-endian here, as everywhere we patch code."""


class Lines(ctypes._Pointer):  # type: ignore[type-arg]
    """A pointer to a hit buffer. Hashable, as are all constants of code, so that programs can hash their code."""

    __slots__ = ()
    __hash__ = object.__hash__
    _type_ = ctypes.c_ubyte


class Units(ctypes._Pointer):  # type: ignore[type-arg]
    """A pointer to the units of a code object."""

    __slots__ = ()
    __hash__ = object.__hash__
    _type_ = ctypes.c_uint16


class Jump(NamedTuple):
    """A jump instruction, in code units."""

    first: int  # its first EXTENDED_ARG, or itself
    at: int
    target: int


class Sites(NamedTuple):
    """Where the probes of one code object are. Plain data, to be marshalled with the code."""

    pointers: int  # index of the constant for the pointer to the lines; that to the units follows
    armed: tuple[tuple[int, int], ...]  # index of a unit, and what it holds as long as the line was not reached


class ProbeError(Exception):
    """A code object that cannot have probes: too long for their fixed sizes, or not as the compiler makes them."""


def insert(code: CodeType, first_line: dict[int, int], found: list[Sites]) -> CodeType:
    """`code` and all nested in it with probes; where they are is added to `found`, a nested one's first. Raises ProbeError.

    Nothing can run it yet: None stands where `point` puts the pointers.
    """
    consts = tuple([insert(c, first_line, found) if c.__class__ is CodeType else c for c in code.co_consts])
    raw, table = code.co_code, code.co_exceptiontable
    opcodes, handlers = raw[::2], _handlers(table) if table else []
    jumps = _jumps(raw, opcodes)
    runs = line_runs(code)
    resumable = bool(code.co_flags & _RESUMABLE)
    sites = _sites(opcodes, runs, jumps, handlers, {} if resumable else first_line, resumable)
    room = [unit for site in sites for unit in (site, site)]
    prefixes = _make_room_for_arguments(jumps, room)
    moved = bytearray(raw)
    _write_arguments(moved, jumps, room, prefixes)
    probed_units = [site + bisect_left(room, site) for site in sites]
    stubs, distances = _stubs(len(consts), len(opcodes) + len(room), probed_units)
    probes = [bytes((_EXTENDED_ARG, far >> 8, _JUMP_FORWARD, far & 0xFF)) for far in distances]
    probed = code.replace(
        co_code=_joined(moved, dict(zip(sites, probes, strict=True)), prefixes) + stubs,
        co_consts=(*consts, 1, PAST_THE_PROBE, None, None, *sites.values(), *probed_units),
        co_linetable=_line_table(code.co_firstlineno, runs, sites, room, len(opcodes) + len(room), len(stubs) // 2),
        co_exceptiontable=_handler_table(handlers, room) if handlers else b"",
        co_stacksize=code.co_stacksize + _STUB_STACK,
    )
    words = [_EXTENDED_ARG | far & 0xFF00 for far in distances]
    found.append(Sites(len(consts) + 2, tuple(zip(probed_units, words, strict=True))))
    return probed


def point(code: CodeType, lines: Lines, sites: Iterator[Sites], found: list[tuple[CodeType, Units]]) -> CodeType:
    """What `insert` returned, its probes writing into `lines`; each code object is added to `found` with its pointer.

    `sites`: what `insert` found, in its order. The pointers to the units have to be set to where the code objects lie.
    """
    consts = [point(c, lines, sites, found) if c.__class__ is CodeType else c for c in code.co_consts]
    at, units = next(sites)[0], Units()
    consts[at : at + 2] = lines, units
    pointed = code.replace(co_consts=tuple(consts))
    found.append((pointed, units))
    return pointed


def _jumps(raw: bytes, opcodes: bytes) -> list[Jump]:
    jumps = []
    for match in _JUMP.finditer(opcodes):
        first = at = match.start()
        argument = raw[2 * at + 1]
        while first and opcodes[first - 1] == _EXTENDED_ARG:
            first -= 1
            argument |= raw[2 * first + 1] << 8 * (at - first)
        jumps.append(Jump(first, at, at + 1 + (-argument if opcodes[at] in _BACKWARD else argument)))
    return jumps


def _sites(
    opcodes: bytes,
    runs: list[tuple[int, int | None]],
    jumps: list[Jump],
    handlers: list[tuple[int, int, int, int]],
    first_line: dict[int, int],
    resumable: bool,
) -> dict[int, int]:
    """The units before which a line begins, ascending, and the lines."""
    begin = opcodes.index(_RESUME) + 1  # what comes before is the call, not a line
    line_of: list[int | None] = []
    sites: dict[int, int] = {}
    previous = None
    for (start, line), (end, _) in zip(runs, [*runs[1:], (len(opcodes), None)], strict=True):
        if line:
            line = first_line.get(line, line)
            if line != previous and end > begin:
                sites[max(start, begin)] = line
                previous = line
        else:
            line = previous = None
        line_of += [line] * (end - start)
    entered = [
        jump.target
        for jump in jumps
        if line_of[jump.at] != line_of[jump.target]
        or (resumable and jump.target <= jump.at and opcodes[jump.target] != _SEND)
    ]
    in_order = len(sites)
    for unit in entered + [target for _, _, target, _ in handlers]:
        line = line_of[unit]
        if line and unit not in sites and (resumable or not _is_loop_head(opcodes, line_of, unit)):
            sites[unit] = line
    if any(opcodes[unit] in _SECOND or opcodes[unit - 1] == _SEND for unit in sites):
        raise ProbeError("a line begins between two instructions that the interpreter expects side by side")
    return sites if in_order == len(sites) else dict(sorted(sites.items()))


def _is_loop_head(opcodes: bytes, line_of: list[int | None], unit: int) -> bool:
    """Whether this is the FOR_ITER of a loop that can only be reached through the GET_ITER before it, on its line."""
    line, before = line_of[unit], unit - 1
    while opcodes[unit] == _EXTENDED_ARG:
        unit += 1
    return opcodes[unit] == _FOR_ITER and opcodes[before] == _GET_ITER and line_of[before] == line


def _make_room_for_arguments(jumps: list[Jump], room: list[int]) -> dict[int, bytearray]:
    """Where a jump becomes so long that its argument needs more bytes: EXTENDED_ARGs in `room`, until all fit."""
    prefixes: dict[int, bytearray] = {}
    grown = True
    while grown:
        grown = False
        for jump in jumps:
            distance = _distance(jump, room)
            have = jump.at - jump.first + len(prefixes.get(jump.first, b"")) // 2
            while distance >> 8 * (have + 1):
                prefixes.setdefault(jump.first, bytearray()).extend((_EXTENDED_ARG, 0))
                insort(room, jump.first)
                have, grown = have + 1, True
    return prefixes


def _distance(jump: Jump, room: list[int]) -> int:
    """The argument that a jump needs. `room` has a unit's index once for each unit that is put in before it."""
    behind = jump.at + 1 + bisect_right(room, jump.at)
    return abs(jump.target + bisect_left(room, jump.target) - behind)


def _write_arguments(code: bytearray, jumps: list[Jump], room: list[int], prefixes: dict[int, bytearray]) -> None:
    for jump in jumps:
        distance = _distance(jump, room)
        for unit in range(jump.at, jump.first - 1, -1):
            code[2 * unit + 1] = distance & 0xFF
            distance >>= 8
        if distance:
            prefix = prefixes[jump.first]
            for at in range(len(prefix) - 1, 0, -2):
                prefix[at] = distance & 0xFF
                distance >>= 8


def _joined(code: bytearray, probes: dict[int, bytes], prefixes: dict[int, bytearray]) -> bytes:
    """The code with probes, and EXTENDED_ARGs after them, before the units that they are for."""
    if prefixes:
        everything = sorted(probes.keys() | prefixes.keys())
        probes = {unit: probes.get(unit, b"") + prefixes.get(unit, b"") for unit in everything}
    parts: list[bytes | bytearray] = []
    done = 0
    for unit, probe in probes.items():
        parts += (code[done : 2 * unit], probe)
        done = 2 * unit
    parts.append(code[done:])
    return b"".join(parts)


def _stubs(constants: int, begin: int, probed_units: list[int]) -> tuple[bytearray, list[int]]:
    """The stubs of all probes, from unit `begin` on, and how far each lies from the end of its probe."""
    count = len(probed_units)
    number_0, index_0 = constants + 4, constants + 4 + count  # the constants: 1, PAST_THE_PROBE, lines, units, ...
    wide = index_0 + count > 0x100
    size = 18 if wide else 12
    if index_0 + count > 0xFFFF or begin + size * count > 0xFFFF:
        raise ProbeError(
            f"{index_0 + count} constants and {begin + size * count} code units; both must be below 65,536"
        )

    def load(constant: int) -> bytes:
        instruction = bytes((_LOAD_CONST, constant & 0xFF))
        return bytes((_EXTENDED_ARG, constant >> 8)) + instruction if wide else instruction

    first, second = load(constants) + load(constants + 2), load(constants + 1) + load(constants + 3)
    distances = [begin + size * number - at - 2 for number, at in enumerate(probed_units)]
    stubs = bytearray()
    for number, distance in enumerate(distances):
        back = distance + size
        stubs += first + load(number_0 + number) + _STORE_SUBSCR + second + load(index_0 + number) + _STORE_SUBSCR
        stubs += bytes((_EXTENDED_ARG, back >> 8, _JUMP_BACKWARD_NO_INTERRUPT, back & 0xFF))
    return stubs, distances


def _line_table(
    line: int, runs: list[tuple[int, int | None]], sites: dict[int, int], room: list[int], end: int, stubs: int
) -> bytes:
    """The table of lines, without columns, in CPython's format (Objects/locations.md).

    Stubs belong to no line, nor do probes, so that a program that traces itself sees each line begin once. An entry is
    for up to 8 units: a byte of kind (13: the change of line follows; 15: no line) and length, and the change.
    """
    table = bytearray()
    starts = [start + bisect_left(room, start) for start, _ in runs]
    for start, stop, (unit, here) in zip(starts, [*starts[1:], end], runs, strict=True):
        units = stop - start
        if unit in sites:
            table += _NOWHERE[2]
            units -= 2
        if here is None:
            table += b"\xff" * (units // 8) + _NOWHERE[units % 8]
            continue
        change, line = here - line, here
        change = change << 1 if change >= 0 else -change << 1 | 1
        more = units - 1 & ~7
        table.append(0xE7 + units - more)
        while change >= 64:
            table.append(change & 63 | 64)
            change >>= 6
        table.append(change)
        table += b"\xef\0" * (more // 8)
    return bytes(table + b"\xff" * (stubs // 8) + _NOWHERE[stubs % 8])


def _handlers(table: bytes) -> list[tuple[int, int, int, int]]:
    """Entries of an exception table (Objects/exception_handling_notes.txt): start, end, target, depth and lasti."""
    numbers = _numbers(table)
    return [(start, start + length, target, depth) for start, length, target, depth in zip(*[numbers] * 4, strict=True)]


def _numbers(table: bytes) -> Iterator[int]:
    number = 0
    for byte in table:
        number = number << 6 | byte & 63
        if not byte & 64:
            yield number
            number = 0


def _handler_table(handlers: list[tuple[int, int, int, int]], room: list[int]) -> bytes:
    table = bytearray()
    for start, end, target, depth in handlers:
        start, end, target = (unit + bisect_left(room, unit) for unit in (start, end, target))
        entry = _number(start) + _number(end - start) + _number(target) + _number(depth)
        entry[0] |= 128
        table += entry
    return bytes(table)


def _number(value: int) -> bytearray:
    number = bytearray((value & 63,))
    while value := value >> 6:
        number.insert(0, value & 63 | 64)
    return number
