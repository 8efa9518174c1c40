"""Completions on disk, by their address: what has been written is never written again. One SQLite file.

It survives kill -9 at any moment: a completion is in it as soon as it is whole.
"""

import sqlite3
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from appsplus.errors import InputError

FILE_NAME = "completions.sqlite"
_AT_ONCE = 500  # addresses in one question


class CompletionStore:
    """Tokens of completions; a context manager. Raises InputError where the disk is full or the file damaged."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")  # a loss of power may take the last ones, nothing else
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS completions (address TEXT PRIMARY KEY, ids BLOB) WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def __len__(self) -> int:
        return int(self._ask("SELECT count(*) FROM completions")[0][0])

    def known(self, addresses: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """The completions that are there, by address."""
        wanted = sorted(set(addresses))
        found: dict[str, tuple[int, ...]] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            rows = self._ask(f"SELECT address, ids FROM completions WHERE address IN ({marks})", *some)
            found |= {address: tuple(array("i", ids)) for address, ids in rows}
        return found

    def keep(self, address: str, ids: Sequence[int]) -> None:
        """Keep a completion."""
        self._ask("INSERT OR REPLACE INTO completions VALUES (?, ?)", address, array("i", ids).tobytes())

    def _ask(self, statement: str, *values: Any) -> list[Any]:
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> InputError:
        return InputError(
            f"the completions in {self.path} cannot be used ({error}); make room, or delete a damaged file: they are written"
            " again"
        )
