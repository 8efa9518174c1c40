"""The files of a ledger: `*.jsonl` in a folder, one a reviewer, a decision a line, only ever appended to."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from appsplus.errors import LedgerError
from appsplus.ledger.decision import PATCH_ERRORS, REQUIRED, Decision, parse

LINE_ERRORS = (*PATCH_ERRORS, ValueError, TypeError, RecursionError)


def ledger_files(folders: Sequence[Path]) -> Iterator[Path]:
    """Every file, by folder and name. Raises LedgerError for a folder that does not exist."""
    for folder in folders:
        if not folder.is_dir():
            raise LedgerError(f"{folder} is no folder; expected one with the ledger's *.jsonl files. Check the path.")
        yield from sorted(folder.glob("*.jsonl"))


def bytes_of(path: Path) -> bytes:
    """The content of a file. Raises LedgerError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise LedgerError(f"{path} cannot be read: {error.strerror}. Check the file and its permissions.") from error


def split_torn(data: bytes) -> tuple[bytes, bytes]:
    """The complete lines, and what a power cut left behind them: an end without line break that is no decision."""
    end = data.rfind(b"\n") + 1
    rest = data[end:]
    if not rest.strip():
        return data, b""
    try:
        parse(rest, "")
    except LINE_ERRORS:
        return data[:end], rest
    return data, b""


def torn_message(path: Path, number: int, size: int) -> str:
    """What to say of a torn last line."""
    return (
        f"{path}:{number}: the last line is torn, as after a power cut: {size} bytes without a line break. It counts as "
        f"not written; the next decision that is saved there moves it to {torn_path(path).name}."
    )


def torn_path(path: Path) -> Path:
    """Where the torn end of a file is kept."""
    return path.with_name(f"{path.name}.torn")


def numbered(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their 1-based numbers."""
    return ((number, line) for number, line in enumerate(data.split(b"\n"), start=1) if line.strip())


def decisions_in(path: Path, data: bytes) -> Iterator[Decision]:
    """Every decision of a file. Raises LedgerError, with file and line, for a line that is none."""
    for number, line in numbered(data):
        where = f"{path}:{number}"
        try:
            yield parse(line, where)
        except LINE_ERRORS as error:
            raise LedgerError(
                f"{where}: not a decision: {error}. Expected one JSON object per line with at least "
                f"{', '.join(REQUIRED)}. Restore the line; a ledger is only ever appended to."
            ) from error
