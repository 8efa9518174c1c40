"""Rows to Parquet files, as a stream: memory holds one row group per file, not the dataset.

The bytes depend on the rows and their order alone. A row group stays below 32 MB before compression unless a single
row is larger; a file is closed, and the next one opened, at about 1 GiB before compression.
"""

import hashlib
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from appsplus.problem import Problem
from appsplus.release.folder import disk_errors
from appsplus.release.rows import RejectedProblem, Row, problem_row, rejected_row, source_split, subtask_rows
from appsplus.release.schema import CONFIGS, REJECTED_SPLIT, data_file
from appsplus.release.statistics import Statistics

ROW_GROUP_BYTES = 24_000_000  # a row group is closed before it gets larger than this
FILE_BYTES = 2**30
_CHUNK_BYTES = 500_000


def validation_split(content_hash: str, share: float = 0.05, seed: int = 0) -> bool:
    """Whether a training problem goes to `validation`: by its content alone, so other problems do not matter.

    About `share` (0 to 1) of all content hashes do; another seed chooses others.
    """
    digest = hashlib.sha256(f"{seed}:{content_hash}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


class DatasetWriter:
    """Writes `data/` of a dataset folder and counts what goes in; use it as a context manager, or call `close`.

    A split without rows gets no file: `load_dataset` fails for an empty one.
    """

    def __init__(self, folder: Path) -> None:
        """Write below `folder`, which must exist; files are made when they have rows.

        In every method, a full or read-only disk and a missing permission raise InputError.
        """
        self.statistics = Statistics()
        self._folder = folder
        self._stack = ExitStack()
        self._files = {
            (config, split): self._stack.enter_context(_SplitWriter(folder, config, split, schema))
            for config, (schema, splits) in CONFIGS.items()
            for split in splits
        }

    def add(self, problem: Problem, split: str) -> None:
        """Write a finished problem and its subtasks into a split: train, validation (of source split train) or test.

        Raises ValueError for a problem that is not finished, holds a lone surrogate, or belongs to another split.
        """
        if source_split(split) != problem.split:
            raise ValueError(f"{problem.problem_id}: a problem of {problem.split} cannot go to {split}")
        rows = [("default", problem_row(problem)), *(("subtasks", row) for row in subtask_rows(problem))]
        sizes = [_row_bytes(row, problem.problem_id) for _, row in rows]  # raises before anything is written
        with disk_errors(self._folder):
            for (config, row), size in zip(rows, sizes, strict=True):
                self._write(config, split, row, size)
        self.statistics.add(problem, split)

    def reject(self, rejected: RejectedProblem) -> None:
        """Write a problem that left the build into the config `rejected`."""
        row = rejected_row(rejected)
        with disk_errors(self._folder):
            self._write("rejected", REJECTED_SPLIT, row, _row_bytes(row, rejected.problem_id))
        self.statistics.reject(rejected)

    def close(self) -> None:
        """Write what is still in memory and close the files."""
        with disk_errors(self._folder):
            self._stack.close()

    def _write(self, config: str, split: str, row: Row, size: int) -> None:
        self._files[config, split].add(row, size)
        self.statistics.count_row(config, split, size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with disk_errors(self._folder):
            self._stack.__exit__(kind, error, trace)


class _SplitWriter:
    """The files of one split of one config, one row group in memory."""

    def __init__(self, folder: Path, config: str, split: str, schema: pa.Schema) -> None:
        self._folder, self._config, self._split, self._schema = folder, config, split, schema
        self._shard = -1
        self._rows: list[Row] = []  # the last ones of the row group
        self._chunks: list[pa.Table] = []  # the ones before them: a fraction of the memory that they take as objects
        self._bytes = 0  # of the row group
        self._chunk_bytes = 0  # of self._rows
        self._file_bytes = 0  # of the row groups in the open file
        self._open = ExitStack()  # the open file and its writer

    def add(self, row: Row, size: int) -> None:
        if self._bytes + size > ROW_GROUP_BYTES and (self._rows or self._chunks):
            self._flush()
        self._rows.append(row)
        self._bytes += size
        self._chunk_bytes += size
        if self._chunk_bytes > _CHUNK_BYTES:
            self._pack()

    def _pack(self) -> None:
        self._chunks.append(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows, self._chunk_bytes = [], 0

    def _flush(self) -> None:
        if self._rows:
            self._pack()
        if self._shard < 0 or self._file_bytes + self._bytes > FILE_BYTES:
            self._next_file()
        self._parquet.write_table(pa.concat_tables(self._chunks).combine_chunks())  # in one piece: one row group
        self._file_bytes += self._bytes
        self._chunks, self._bytes = [], 0

    def _next_file(self) -> None:
        self._open.close()
        self._shard += 1
        self._file_bytes = 0
        path = self._folder / data_file(self._config, self._split, self._shard)
        path.parent.mkdir(parents=True, exist_ok=True)
        # A Python file, so that its errors arrive as OSError with their number.
        file = self._open.enter_context(path.open("wb"))
        self._parquet = self._open.enter_context(
            pq.ParquetWriter(file, self._schema, compression="zstd", compression_level=3)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._open:
            if (self._rows or self._chunks) and kind is None:
                self._flush()


def _row_bytes(value: Any, problem_id: str) -> int:
    """About what a value takes before compression. Raises ValueError for text that UTF-8 cannot hold."""
    if isinstance(value, str):
        try:
            return len(value) if value.isascii() else len(value.encode())
        except UnicodeEncodeError:
            raise ValueError(
                f"{problem_id}: a lone surrogate reached the writer; the stage `normalized` must replace it"
            ) from None
    if isinstance(value, dict):
        return sum(_row_bytes(item, problem_id) for item in value.values())
    if isinstance(value, list):
        if value and type(value[0]) is int:  # a column has one type
            return 4 + 8 * len(value)
        return 4 + sum(_row_bytes(item, problem_id) for item in value)
    return 8
