"""Landlock: the kernel's own allow-list of files, TCP ports and signals for one process. Standard library only.

In the empty `root` it is a second wall behind the first. Where namespaces are refused (a container without
privileges), it is what keeps a program from the host's files. The rules are made once per worker; a program's process puts
them on with one system call.
"""

import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from appsplus.judge.isolation import above_streams, call

_CREATE, _ADD, RESTRICT = 444, 445, 446  # the same on every architecture
_PATH_BENEATH = 1
_VERSION = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_SPECIAL_FILES = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11  # devices, sockets and pipes with a name
_FILE_ONLY = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14 | 1 << 15
_FS_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}  # by ABI; from 5 on 16 of them
_TCP_RIGHTS = 3  # bind, connect; from ABI 4 on
_SCOPES = 3  # abstract Unix sockets and signals stay inside; from ABI 6 on


def abi() -> int:
    """The version of Landlock that this kernel has; 0: none."""
    try:
        return call("syscall", _CREATE, None, ctypes.c_size_t(0), _VERSION)
    except OSError:
        return 0


def refused() -> str:
    """Why there are no rules here, and what would help; empty where there are."""
    return "" if abi() > 0 else "this kernel has none; Linux 5.13 and later do, with lsm=landlock,... where it is off"


def rules(read: Iterable[Path], write: Iterable[Path], devices: Iterable[Path]) -> int:
    """A descriptor of the rules: paths to read (and execute) from, folders to write in, devices to use. Raises OSError."""

    class Attributes(ctypes.Structure):
        _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))

    version = abi()
    handled = _FS_RIGHTS.get(version, (1 << 16) - 1)
    attributes = Attributes(handled, _TCP_RIGHTS if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = call("syscall", _CREATE, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    for path in read:
        _allow(ruleset, path, _READ)
    for path in write:
        _allow(ruleset, path, handled & ~_SPECIAL_FILES & ~_EXECUTE)
    for path in devices:
        _allow(ruleset, path, (_READ_FILE | _WRITE_FILE | 1 << 15) & handled)
    return above_streams(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    class Beneath(ctypes.Structure):
        _pack_ = 1
        _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))

    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):  # not there, or out of reach anyway
        return
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            rights &= _FILE_ONLY
        call("syscall", _ADD, ruleset, _PATH_BENEATH, ctypes.byref(Beneath(rights, parent)), 0)
    finally:
        os.close(parent)
