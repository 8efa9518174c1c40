"""The worklist of a dataset folder, `worklist/`: problems that need eyes, why, and the content that they are about.

`index.parquet` holds a short row per item, the most valuable decision first; `items-*.parquet` hold the whole items in the
same order, in row groups so small that one item is read in milliseconds. The bytes depend on the items alone, not on the
order in which they were found. `load_dataset` does not see these files: the card lists none of them.
"""

import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from appsplus import jsonl
from appsplus.errors import DatasetError
from appsplus.problem import Change, Checker, RawProblem
from appsplus.release.folder import disk_errors
from appsplus.release.manifest import read_manifest
from appsplus.release.spool import Spool

INDEX_FILE = "worklist/index.parquet"
TITLE_CHARS = 80
_GROUP_ROWS = 8
_GROUP_BYTES = 250_000  # of JSON; a group is closed before it gets larger, unless a single item is
_FILE_BYTES = 2**30
_CHUNK_ROWS = 10_000  # of the index, per row group

_INDEX = pa.schema(
    {
        "problem_id": pa.string(),
        "value": pa.float64(),
        "slugs": pa.list_(pa.string()),
        "split": pa.string(),
        "difficulty": pa.string(),
        "source": pa.string(),
        "outcome": pa.string(),
        "title": pa.string(),
        "source_hash": pa.string(),
        "file": pa.int32(),
        "group": pa.int32(),  # row group in that file
        "row": pa.int32(),  # in that row group
    }
)
_ITEMS = pa.schema({"problem_id": pa.string(), "item": pa.large_string()})  # item: JSON


@dataclass(frozen=True, slots=True)
class WorkReason:
    """One doubt about a problem, with what it rests on."""

    slug: str  # e.g. "output_mismatch"
    detail: str  # a sentence
    evidence: dict[str, Any]  # plain JSON
    proposal: tuple[
        dict[str, Any], ...
    ] = ()  # JSON Patch on `ledger.document`, after the corrections in force; () for none
    proposal_words: str = ""  # what a reviewer may do


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One problem that needs eyes."""

    problem_id: str
    source: str
    license: str
    url: str
    split: str  # of the dataset for a kept problem ("validation" is one), else of the source
    difficulty: str
    title: str  # the first words of the description
    outcome: str  # "kept" or "rejected"
    stage: str  # that rejected it; "" if kept
    value: float  # how much a decision is worth; items are in descending order of it
    reasons: tuple[WorkReason, ...]
    source_hash: str
    record: RawProblem  # as its source has it, before any correction; `review` is None
    seen_hash: str = ""  # of the content that the build had, which proposals are made for; "" in older datasets

    @property
    def slugs(self) -> tuple[str, ...]:
        """The kinds of doubt, each once, in the order of the reasons."""
        return tuple(dict.fromkeys(reason.slug for reason in self.reasons))


@dataclass(frozen=True, slots=True)
class IndexRow:
    """What a list shows of an item."""

    problem_id: str
    value: float
    slugs: tuple[str, ...]
    split: str
    difficulty: str
    source: str
    outcome: str
    title: str
    source_hash: str = ""


def title_of(description: str) -> str:
    """The first line of a description that says something, cut to TITLE_CHARS."""
    lines = (" ".join(line.strip(" \t#*=-_").split()) for line in description.lstrip("\ufeff").splitlines())
    title = next((line for line in lines if any(map(str.isalnum, line))), "")
    return title if len(title) <= TITLE_CHARS else title[: TITLE_CHARS - 1].rstrip() + "…"


class WorklistWriter:
    """Writes `worklist/` below a dataset folder when it is closed; use it as a context manager.

    Items wait on disk, in a nameless file; memory holds a key of each. A full or read-only disk raises InputError.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._order: list[tuple[float, str, int]] = []  # (-value, problem_id, place in the spool)
        self._spool = Spool[WorkItem](folder)

    def add(self, item: WorkItem) -> None:
        """Take an item, in any order; a problem is one item at most."""
        self._order.append((-item.value, item.problem_id, self._spool.add(item)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        with self._spool:
            if kind is None:
                with disk_errors(self._folder):
                    self._write()

    def _write(self) -> None:
        (self._folder / "worklist").mkdir(exist_ok=True)
        places: list[dict[str, Any]] = []
        with ExitStack() as stack:
            index = _open(stack, self._folder / INDEX_FILE, _INDEX)
            items = stack.enter_context(_ItemFiles(self._folder))
            for _, _, place in sorted(self._order):
                item = self._spool.at(place)
                places.append(_index_row(item) | items.add(item))
                if len(places) == _CHUNK_ROWS:
                    index.write_table(pa.Table.from_pylist(places, schema=_INDEX))
                    places = []
            if places:
                index.write_table(pa.Table.from_pylist(places, schema=_INDEX))


class _ItemFiles:
    """The files of whole items, one row group in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._file, self._group = -1, -1
        self._rows: list[dict[str, str]] = []
        self._bytes, self._file_bytes = 0, _FILE_BYTES

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: object) -> None:
        with self._stack:
            if kind is None:
                self._flush()

    def add(self, item: WorkItem) -> dict[str, int]:
        """Append an item; returns where it will be: file, row group and row."""
        text = _to_json(item)
        if self._rows and (len(self._rows) >= _GROUP_ROWS or self._bytes + len(text) > _GROUP_BYTES):
            self._flush()
        if not self._rows:
            if self._file_bytes + len(text) > _FILE_BYTES:
                self._next_file()
            self._group += 1
        self._rows.append({"problem_id": _clean(item.problem_id), "item": text})
        self._bytes += len(text)
        return {"file": self._file, "group": self._group, "row": len(self._rows) - 1}

    def _flush(self) -> None:
        if self._rows:
            self._parquet.write_table(pa.Table.from_pylist(self._rows, schema=_ITEMS))
            self._file_bytes += self._bytes
            self._rows, self._bytes = [], 0

    def _next_file(self) -> None:
        self._stack.close()
        self._file, self._group, self._file_bytes = self._file + 1, -1, 0
        self._parquet = _open(self._stack, self._folder / _items_file(self._file), _ITEMS)


def load_worklist_index(folder: Path | str) -> list[IndexRow]:
    """A short row per item, the most valuable decision first. Raises DatasetError where the folder has no worklist."""
    names = [field.name for field in fields(IndexRow)]
    rows = _read(_listed(Path(folder), INDEX_FILE), names).to_pylist()
    return [IndexRow(**row | {"slugs": tuple(row["slugs"])}) for row in rows]


def load_work_item(folder: Path | str, problem_id: str) -> WorkItem:
    """One item whole; reads the ids and one small row group. Raises DatasetError where it is not on the worklist."""
    place = _read(_listed(Path(folder), INDEX_FILE), ["problem_id", "file", "group", "row"])
    row = place["problem_id"].index(problem_id).as_py()
    if row < 0:
        raise DatasetError(
            f"{problem_id} is not on the worklist of {folder}; `appsplus worklist {folder}` prints what is"
        )
    file, group, number = (place[name][row].as_py() for name in ("file", "group", "row"))
    text = _read(_listed(Path(folder), _items_file(file)), ["item"], group)["item"][number].as_py()
    return _from_json(text)


def _items_file(number: int) -> str:
    return f"worklist/items-{number:05d}.parquet"


def _open(stack: ExitStack, path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    file = stack.enter_context(path.open("wb"))  # a Python file, so that its errors arrive as OSError with their number
    return stack.enter_context(pq.ParquetWriter(file, schema, compression="zstd", compression_level=3))


def _listed(folder: Path, name: str) -> Path:
    if name not in read_manifest(folder).files:
        raise DatasetError(f"{folder} has no worklist ({name} is not in its manifest); build the dataset again")
    return folder / name


def _read(path: Path, columns: list[str], group: int | None = None) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            return file.read(columns) if group is None else file.read_row_group(group, columns)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} is damaged or gone ({error}); build the dataset again") from None


def _index_row(item: WorkItem) -> dict[str, Any]:
    texts = ("problem_id", "split", "difficulty", "source", "outcome", "title", "source_hash")
    return {name: _clean(getattr(item, name)) for name in texts} | {"value": item.value, "slugs": list(item.slugs)}


def _clean(text: str) -> str:
    """Text that UTF-8 can hold."""
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


def _to_json(item: WorkItem) -> str:
    with jsonl.unlimited_int_digits():  # no sorted keys: the order of a dict in a unit test may matter to a program
        return json.dumps(asdict(item), separators=(",", ":"))


def _from_json(text: str) -> WorkItem:
    found = jsonl.loads(text)
    reasons = tuple(WorkReason(**r | {"proposal": tuple(r["proposal"])}) for r in found.pop("reasons"))
    return WorkItem(**found | {"reasons": reasons, "record": _record(found["record"])})


def _record(found: dict[str, Any]) -> RawProblem:
    checker = found["checker"]
    tuples = {name: None if found[name] is None else tuple(found[name]) for name in ("solutions", "inputs", "outputs")}
    any_of = () if checker is None else tuple(tuple(row) for row in checker["any_of"])
    return RawProblem(
        **found
        | tuples
        | {
            "checker": None if checker is None else Checker(**checker | {"any_of": any_of}),
            "changes": tuple(Change(**change) for change in found["changes"]),
        }
    )
