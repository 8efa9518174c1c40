"""The files that hold rows: which of a folder's files, which split each belongs to, and the rows of each.

Parquet (16 rows at a time; memory for the largest page, not for a row group), JSON Lines (a line at a time) and JSON
(`json_stream`; only a JSON *object* is read whole); the last two may be compressed by gzip. Text that is not UTF-8 keeps its
bytes as lone surrogates (PEP 383).
"""

import gzip
import io
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from appsplus import jsonl
from appsplus.errors import SourceError
from appsplus.sources.json_stream import JsonError, JsonReader, iter_values

KINDS = ((".parquet",), (".jsonl", ".jsonl.gz"), (".json", ".json.gz"))
"""Endings of the files that hold rows, by kind; a folder's JSON files count only where it has no others."""

ENDINGS = tuple(ending for kind in KINDS for ending in kind)

_SPLITS = {"train": "train", "validation": "train", "valid": "train", "dev": "train", "test": "test"}
_BATCH_ROWS = 16  # cells of 50 MB occur
_BUFFER_BYTES = 1 << 20
_TOP_LEVEL = "."  # the configuration of files that lie in no folder


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file with rows."""

    name: str  # relative to its source, with "/"
    path: Path
    split: str | None  # what its name or folders say; None: nothing


@dataclass(frozen=True, slots=True)
class Row:
    """A row, as the file has it."""

    place: str  # for messages: "train.jsonl line 12"
    split: str | None  # of its file
    value: Any  # an object, if the file is in order


def stem_of(name: str) -> str:
    """The name of a file without the ending that says its kind."""
    return next((name.removesuffix(e) for e in sorted(ENDINGS, key=len, reverse=True) if name.endswith(e)), name)


def list_names(root: Path) -> list[str]:
    """All files below a folder, sorted, relative, with "/"; hidden ones and linked folders are left out."""
    names = []
    for folder, folders, files in os.walk(root, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names += [(Path(folder) / file).relative_to(root).as_posix() for file in files if not file.startswith(".")]
    return sorted(names)


def choose(names: Iterable[str], where: str, config: str | None, how: str) -> list[str]:
    """The files with rows among `names`, of one kind and of one configuration (a top-level folder), sorted.

    Parquet or JSON Lines are taken before JSON; of several configurations the given one, else `default`, else `all`.
    Raises SourceError where that leaves none or a choice; `how` tells the user how to make it.
    """
    by_kind = [[name for name in names if name.endswith(kind)] for kind in KINDS]
    if by_kind[0] and by_kind[1]:
        raise SourceError(f"{where} holds both Parquet and JSON Lines ({by_kind[0][0]}, {by_kind[1][0]}); {how}")
    found = by_kind[0] or by_kind[1] or by_kind[2]
    if not found:
        endings = ", ".join(ENDINGS)
        raise SourceError(
            f"{where} is no source: expected the APPS layout (train|test/NNNN/question.txt) or files that end in "
            f"{endings}; got neither. Check the path."
        )
    configs: dict[str, list[str]] = {}
    for name in sorted(found):
        configs.setdefault(_config_of(name), []).append(name)
    chosen = config or next((c for c in ("default", "all") if c in configs), None)
    if chosen is None and len(configs) == 1:
        return next(iter(configs.values()))
    if chosen not in configs:
        got = f"has no configuration {chosen!r}" if chosen else "holds several configurations"
        raise SourceError(f"{where} {got}; it has {', '.join(sorted(configs))}; {how}")
    return configs[chosen]


def split_of(name: str) -> str | None:
    """The split that a file's name says, or the nearest of its folders: train-00000-of-00001.parquet, test/0.jsonl."""
    *folders, file = name.split("/")
    for part in (stem_of(file), *reversed(folders)):
        splits = {_SPLITS[word] for word in re.split(r"[-._ ]", part.lower()) if word in _SPLITS}
        if len(splits) == 1:
            return splits.pop()
    return None


def split_named(word: str) -> str | None:
    """`train` or `test`, for what a column `split` says; validation counts as train. None: no such split."""
    return _SPLITS.get(word.strip().lower())


def iter_rows(files: Sequence[RowFile]) -> Iterator[Row]:
    """All rows, file by file. Raises SourceError for a file that cannot be read, with its line where there is one."""
    for file in files:
        with _reading(file.path):
            if file.name.endswith(KINDS[0]):
                values = _parquet_rows(file)
            elif file.name.endswith(KINDS[1]):
                values = _json_lines(file)
            else:
                values = _json_values(file)
            for place, value in values:
                yield Row(f"{file.name} {place}", file.split, value)


def _raise(error: OSError) -> None:
    raise error


def _config_of(name: str) -> str:
    folder, slash, _ = name.partition("/")
    return folder if slash and split_of(f"{folder}/") is None else _TOP_LEVEL


def _parquet_rows(file: RowFile) -> Iterator[tuple[str, Any]]:
    number = 0
    # Pre-buffering keeps every row group until the end, and without a buffer a column is read in one piece.
    with pq.ParquetFile(file.path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as table:
        for batch in table.iter_batches(batch_size=_BATCH_ROWS):
            for row in _python_rows(batch):
                number += 1
                yield f"row {number}", row


def _python_rows(batch: Any) -> list[Any]:
    try:
        rows = batch.to_pylist()
    except UnicodeDecodeError:  # text columns that are no UTF-8: read them as bytes
        rows = batch.cast(pa.schema([pa.field(f.name, _bytes_type(f.type)) for f in batch.schema])).to_pylist()
    return [_plain(row) for row in rows]


def _bytes_type(kind: Any) -> Any:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.large_binary()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.large_list(_bytes_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _bytes_type(f.type)) for f in kind])
    return kind


def _plain(value: Any) -> Any:
    """A value of Parquet as one of JSON: bytes and dates become text."""
    match value:
        case None | str() | bool() | int() | float():
            return value
        case bytes():
            return value.decode("utf-8", "surrogateescape")
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    return str(value)


def _json_lines(file: RowFile) -> Iterator[tuple[str, Any]]:
    with _open(file.path) as lines:
        for number, line in enumerate(lines, 1):
            text = line.decode("utf-8", "surrogateescape").strip(" \t\r\n")
            text = text.removeprefix("\ufeff") if number == 1 else text
            if text:
                yield f"line {number}", _loads(text, file.path, number)


def _loads(text: str, path: Path, line: int) -> Any:
    try:
        return jsonl.loads(text)
    except json.JSONDecodeError as error:
        what = f"broken JSON at column {error.colno}: {error.msg}"
        raise SourceError(f"{path} line {line}: {what}; expected one JSON object a line. Correct the file.") from error
    except RecursionError as error:
        raise SourceError(f"{path} line {line}: JSON nested too deep to be read. Correct the file.") from error


def _json_values(file: RowFile) -> Iterator[tuple[str, Any]]:
    with _open(file.path) as binary, io.TextIOWrapper(binary, "utf-8-sig", "surrogateescape", newline="") as text:
        try:
            for number, value in enumerate(iter_values(JsonReader(text)), 1):
                yield f"record {number}", value
        except JsonError as error:
            raise SourceError(f"{file.path} {error}. Correct the file.") from error


def _open(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb")  # type: ignore[return-value]


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise SourceError(f"{path} cannot be read ({error}); is it whole, and of the kind its name says?") from error
