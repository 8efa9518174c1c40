"""Records that wait on disk until a build can go on with them: in a nameless file, so that nothing is left of it."""

import pickle
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Generic, Self, TypeVar

from appsplus.release.folder import disk_errors

Item = TypeVar("Item")


class Spool(Generic[Item]):
    """A pile of items on the disk of `folder`; a context manager. Every method raises InputError where that is full."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with disk_errors(folder):
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what is not on disk yet need not get there
            self._file.close()

    def add(self, item: Item) -> int:
        """Append an item; returns where it lies, for `at`."""
        with disk_errors(self._folder):
            place = self._file.tell()
            pickle.dump(item, self._file)
        return place

    def at(self, place: int) -> Item:
        """One item. This process has written it a moment ago, so that it may be a pickle."""
        with disk_errors(self._folder):
            self._file.seek(place)
            item: Item = pickle.load(self._file)
        return item

    def __iter__(self) -> Iterator[Item]:
        """Every item, in order; nothing may be added or looked up meanwhile."""
        with disk_errors(self._folder):
            self._file.seek(0)
        while True:
            try:
                yield pickle.load(self._file)
            except EOFError:
                return
