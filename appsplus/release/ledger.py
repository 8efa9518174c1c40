"""The ledger in a dataset folder: the decisions that the build applied, line for line, so that their chain can be checked.

`ledger/` holds the files of the first folder of decisions that the build was given, `ledger-2/` those of the second, and
so on.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from appsplus.ledger import Ledger


def write_ledger(folder: Path, ledger: Ledger) -> None:
    """Copy the files of a ledger, as they were read, below a dataset folder."""
    given = sorted({file.folder for file in ledger.files})  # without those that hold no file
    for file in ledger.files:
        target = folder / _name(given.index(file.folder))
        target.mkdir(exist_ok=True)
        (target / file.name).write_bytes(file.data)


def ledger_folders(folder: Path) -> list[Path]:
    """The folders of the ledger in a dataset folder; none where no decision was given to its build."""
    return list(_folders(folder))


def _folders(folder: Path) -> Iterator[Path]:
    for number in count():
        found = folder / _name(number)
        if not found.is_dir():
            return
        yield found


def _name(number: int) -> str:
    return f"ledger-{number + 1}" if number else "ledger"
