"""Where programs may write, and that nothing of it stays. Standard library only.

A /tmp of the worker's own (`root`) is thrown away, and another mounted; where there is none, a folder of the host is
emptied.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from appsplus.judge.isolation import call
from appsplus.judge.root import MNT_DETACH, mount_tmp

_folder = Path("/tmp")
_untouched: tuple[int, ...] = ()  # how it looks before a program has been there


def use(folder: str) -> None:
    """Where no root of our own holds a private /tmp: this folder of the host serves instead."""
    global _folder
    _folder = Path(folder)


def folder() -> Path:
    """Where programs may write."""
    return _folder


def clear(*, mounted: bool) -> None:
    """Leave nothing of what a program wrote there, or did to the folder itself. `mounted`: it is a file system of ours."""
    global _untouched
    if _looks() == _untouched and next(_entries(_folder), None) is None:
        return
    os.chdir("/")
    if mounted:
        call("umount2", b"/tmp", MNT_DETACH)
        mount_tmp()
    else:
        empty(_folder)
    os.chdir(_folder)
    _untouched = _looks()


def empty(folder: Path) -> None:
    """Remove all that is in a folder, whatever its permissions, and however deep it is: what lies in a folder in there is
    moved up first, so that no path and no call is deep. Raises OSError.
    """
    left = [folder]
    while left:
        path = left.pop()
        with contextlib.suppress(PermissionError):  # root's own, which everybody may write to
            path.chmod(0o700)
        for name in list(_entries(path)):
            inside = path / name
            if inside.is_symlink() or not inside.is_dir():
                inside.unlink()
                continue
            inside.chmod(0o700)  # else it cannot be moved
            left.append(inside.rename(folder / os.urandom(16).hex()))
        if path != folder:
            path.rmdir()


def _looks() -> tuple[int, ...]:
    """What changes with whatever is done to the folder, or in it."""
    found = _folder.stat()
    return found.st_dev, found.st_ino, found.st_mode, found.st_mtime_ns, found.st_ctime_ns


def _entries(path: Path) -> Iterator[str]:
    with os.scandir(path) as entries:
        for entry in entries:
            yield entry.name
