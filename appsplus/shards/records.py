"""A file of records that goes from one machine to another: compressed pickles, of which only our own record types come out.

A pickle can name any function of Python; the reader here knows the types of a build's records and nothing else, so that a
file from elsewhere can be wrong, but cannot make this process run anything.
"""

import io
import pickle
import struct
import zlib
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from appsplus import problem
from appsplus.errors import DatasetError
from appsplus.passage import Outcome
from appsplus.release import WorkItem, WorkReason, disk_errors
from appsplus.sources import Rejected
from appsplus.stages.unique import Signature
from appsplus.worklist.desk import Found
from appsplus.worklist.submissions import Judged, Submission

_SIZE = struct.Struct("<Q")
_TYPES: tuple[type, ...] = (
    Found,
    Judged,
    Outcome,
    Rejected,
    Signature,
    Submission,
    WorkItem,
    WorkReason,
    problem.Annotation,
    problem.Change,
    problem.Checker,
    problem.IOFormat,
    problem.Limits,
    problem.Problem,
    problem.RawProblem,
    problem.Reason,
    problem.Rejection,
    problem.Review,
    problem.ReviewEvent,
    problem.Solution,
    problem.SplitPoint,
    problem.UnitTest,
    problem.Verdict,
)
_KNOWN = {(kind.__module__, kind.__qualname__): kind for kind in _TYPES}


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Enum):  # as some versions of Python pickle it, too; others name `getattr`
            return type(value), (value.value,)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is no type of a record") from None


class RecordWriter:
    """Writes a file of records; a context manager. Raises InputError where the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with disk_errors(path):
            self._file = path.open("wb")

    def add(self, record: Any) -> None:
        """Append a record."""
        buffer = io.BytesIO()
        _Pickler(buffer, protocol=5).dump(record)
        data = zlib.compress(buffer.getbuffer(), 1)
        with disk_errors(self._path):
            self._file.write(_SIZE.pack(len(data)))
            self._file.write(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        with disk_errors(self._path):
            self._file.close()


def read_records(path: Path) -> Iterator[Any]:
    """Every record of a file, in order, one in memory. Raises DatasetError where it is damaged."""
    try:
        with path.open("rb") as file:
            while head := file.read(_SIZE.size):
                [size] = _SIZE.unpack(head)
                data = file.read(size)
                if len(data) < size:
                    raise EOFError("it ends too early")
                yield _Unpickler(io.BytesIO(zlib.decompress(data))).load()
    except (OSError, EOFError, struct.error, zlib.error, pickle.UnpicklingError, AttributeError, IndexError, TypeError,
            ValueError) as error:  # fmt: skip
        raise DatasetError(f"{path} is damaged ({error}); copy the shard again, or build it again") from None
