"""Where a build may write, and how a new dataset takes the place of an old one: whole, or not at all.

A build fills `.NAME.building` beside its target NAME. `commit` renames the old dataset to `.NAME.old`, the new one to
NAME, and deletes the old. Killed between the two renames, NAME is missing until the next `prepare_target` renames
`.NAME.old` back. What is not covered: someone else who writes into the target meanwhile.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from appsplus.errors import DatasetError, InputError
from appsplus.release import manifest

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space, or choose another --out",
    errno.EDQUOT: "your disk quota is used up: free some space, or choose another --out",
    errno.EROFS: "the file system is read-only: choose another --out",
    errno.EACCES: "you may not write there: choose another --out, or ask for the permission",
    errno.EPERM: "you may not write there: choose another --out, or ask for the permission",
}


def _dataset_files(target: Path) -> list[str]:
    return [*manifest.read_manifest(target).files, manifest.NAME]


def check_target(
    target: Path, files_of: Callable[[Path], Collection[str]] = _dataset_files, what: str = "dataset"
) -> None:
    """Raise InputError unless `target` is free, an empty folder, or a dataset of ours with nothing else in it.

    `files_of` names the files of another kind of folder, `what`, and raises DatasetError where it is none.
    """
    if not target.exists() and not target.is_symlink():
        return
    if not target.is_dir():
        raise InputError(f"{target} is a file; expected a folder that is new, empty or a {what}: choose another --out")
    if (target / ".git").exists():
        raise InputError(f"{target} is a git checkout; a build would replace it: choose another --out")
    if (target / "__init__.py").exists():
        raise InputError(
            f"{target} is a Python package, not a dataset; a build would replace it: choose another --out, "
            "or run the command in another folder"
        )
    if not any(target.iterdir()):
        return
    try:
        ours = {*files_of(target)}
    except DatasetError as error:
        raise InputError(
            f"{target} holds something else than a {what} of ours ({error}): choose another --out, or empty it"
        ) from None
    found = {path.relative_to(target).as_posix() for path in target.rglob("*") if not path.is_dir()}
    if found - ours:
        raise InputError(
            f"{target} is a {what}, but holds a file that no build wrote, {min(found - ours)}: move it elsewhere first"
        )


@contextmanager
def prepare_target(target: Path, check: Callable[[Path], None] = check_target) -> Iterator[Path]:
    """Yield an empty folder beside `target` to build in, locked against a second build.

    Pass it to `commit` in the end. If that does not happen, the folder is deleted and the target stays as it was.
    Raises InputError where the target is something else (which `check` decides), another build is running, or the disk
    refuses.
    """
    target = target.resolve()
    check(target)
    building = _beside(target, "building")
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = _lock(building, target)
    try:
        with disk_errors(target):
            _recover(target)
            _empty(building)
        yield building
    finally:
        if _is_open_as(lock, building):  # not committed
            shutil.rmtree(building, ignore_errors=True)
        os.close(lock)


def commit(building: Path, target: Path, check: Callable[[Path], None] = check_target) -> None:
    """Put the finished folder in the place of `target`, durably. Raises InputError as `prepare_target` does."""
    target = target.resolve()
    check(target)
    with disk_errors(target):
        for path in (*building.rglob("*"), building):
            _fsync(path)
        old = _beside(target, "old")
        try:
            if target.exists():
                target.rename(old)
            building.rename(target)
        except BaseException:
            _recover(target)
            raise
        _fsync(target.parent)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full disk, a read-only one and a missing permission into InputError, naming the file and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _ADVICE:
            raise
        raise InputError(f"cannot write {error.filename or path} ({error.strerror}): {_ADVICE[error.errno]}") from error


def _beside(target: Path, what: str) -> Path:
    return target.with_name(f".{target.name}.{what}")


def _recover(target: Path) -> None:
    """Finish or undo what a `commit` that was killed has left."""
    old = _beside(target, "old")
    if old.exists() and target.exists():
        shutil.rmtree(old)
    elif old.exists():
        old.rename(target)


def _lock(building: Path, target: Path) -> int:
    """Make and lock the folder; returns the descriptor that holds the lock. The lock ends with the process."""
    while True:
        building.mkdir(exist_ok=True)
        try:
            descriptor = os.open(building, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # another build ended just now
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise InputError(
                f"another build is writing {target}: wait for it to end, or choose another --out"
            ) from None
        if _is_open_as(descriptor, building):
            return descriptor
        os.close(descriptor)  # it was renamed or deleted before we had the lock


def _is_open_as(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
