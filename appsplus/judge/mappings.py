"""Fewer mappings, so that a fork copies and an exit removes less. Standard library only.

The loader gives every shared library four or five mappings that differ only in what may be done with them. The worker has
forty libraries, and every program pays for all of them twice. Read-only data becomes executable, and what the loader made
read-only after its work writable, so that the kernel joins them with their neighbours: a tenth of a fork. Only the
process itself and its programs are concerned, which may do as much to their own memory.
"""

import ctypes
import itertools
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from appsplus.judge.isolation import libc

_READ, _WRITE, _EXECUTE = 1, 2, 4


@dataclass(frozen=True, slots=True)
class _Mapping:
    start: int
    end: int
    allows: str  # e.g. "r-xp"
    offset: int


def join() -> None:
    """Join the mappings of each shared library, where the kernel shows and allows it."""
    try:
        text = Path("/proc/self/maps").read_text()
    except OSError:
        return
    files: dict[str, list[_Mapping]] = defaultdict(list)
    for line in text.splitlines():
        place, allows, offset, _, _, *name = line.split(maxsplit=5)
        if name and name[0].startswith("/"):
            start, end = (int(part, 16) for part in place.split("-"))
            files[name[0]].append(_Mapping(start, end, allows, int(offset, 16)))
    for parts in files.values():
        for left, right in itertools.pairwise(parts):
            if left.end == right.start and right.offset - left.offset == right.start - left.start:
                _join_two(left, right)


def _join_two(left: _Mapping, right: _Mapping) -> None:
    match left.allows, right.allows:
        case "r--p", "r-xp":
            _allow(left, _READ | _EXECUTE)
        case "r-xp", "r--p":
            _allow(right, _READ | _EXECUTE)
        case "r--p", "rw-p":
            _allow(left, _READ | _WRITE)


def _allow(part: _Mapping, what: int) -> None:
    libc.mprotect(ctypes.c_void_p(part.start), ctypes.c_size_t(part.end - part.start), what)
