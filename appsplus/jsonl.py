"""JSON as this project writes it: one canonical form, no loss, no surprise.

Numbers of any length, NaN and the infinities, and lone surrogates survive a round trip (the last two as Python's
json writes them: `NaN`, `"\\ud800"`). Canonical text is ASCII, without spaces, with sorted keys: equal values have
equal bytes.
"""

import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_lock = threading.Lock()
_depth = 0
_before = 4300


@contextmanager
def unlimited_int_digits() -> Iterator[None]:
    """Lift CPython's limit on int <-> str conversion (4,300 digits) for the block; nests, and threads may share it."""
    global _depth, _before
    with _lock:
        if _depth == 0:
            _before = sys.get_int_max_str_digits()
            sys.set_int_max_str_digits(0)
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                sys.set_int_max_str_digits(_before)


def loads(text: str | bytes) -> Any:
    """Like `json.loads`, but integers of any length are read. Raises `json.JSONDecodeError` or `RecursionError`."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # more than 4,300 digits
        with unlimited_int_digits():
            return json.loads(text)


def dumps(value: Any) -> str:
    """Canonical JSON: ASCII, no spaces, sorted keys, integers of any length."""
    try:
        return json.dumps(value, separators=(",", ":"), sort_keys=True)
    except ValueError as error:
        if "digits" not in str(error):
            raise
    with unlimited_int_digits():
        return json.dumps(value, separators=(",", ":"), sort_keys=True)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never half of it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def append_whole(file: int, data: bytes) -> None:
    """Write at the end of an open file and to the disk, or leave the file as it was. Raises OSError."""
    size = os.fstat(file).st_size
    try:
        written = 0
        while written < len(data):
            written += os.write(file, data[written:])
        os.fsync(file)
    except BaseException:
        os.ftruncate(file, size)
        raise
