"""Rows -> `RawProblem`: the columns of APPS, or those of another table through `--columns`.

Ids are `name/<problem_id>`, with the split between the two where the source states one (APPS counts its train and its
test problems both from 0), and the number of the row, from 0, where there is no problem_id. An id that is already taken
gets `~2`, `~3`, ... and the problem says so in its changes: two problems with one id are still two problems.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from appsplus import jsonl
from appsplus.errors import SourceError
from appsplus.problem import Change, RawProblem, Reason
from appsplus.sources.columns import MISSING, all_columns, look_up
from appsplus.sources.inputs import Input, file_input
from appsplus.sources.record import MalformedError, Rejected, kind_of, make_record, rejected
from appsplus.sources.row_files import KINDS, Row, RowFile, iter_rows, split_named

_MAX_ID_CHARS = 200
_MAX_COLUMNS_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Rows:
    """Files of rows as a source."""

    name: str  # prefix of the ids
    origin: str  # the source of a problem whose row names none
    files: tuple[RowFile, ...]
    columns: Mapping[str, str]  # as the user gave them: our target -> their column

    def read(self) -> Iterator[RawProblem | Rejected]:
        """Every row, as a problem or as why it is none. Raises SourceError for a file that cannot be read."""
        ids = _Ids(self.name)
        columns = all_columns(self.columns)
        for number, row in enumerate(iter_rows(self.files)):
            yield self._record(number, row, columns, ids)

    def inputs(self) -> Iterator[Input]:
        """Every file, with its size and hash."""
        for file in self.files:
            yield file_input(file.name, file.path)

    def check(self) -> None:
        """Read the files once: is each whole, is there a row, and is every mapped column somewhere?

        Text files are parsed to the end, Parquet only until all columns have been seen. Raises SourceError.
        """
        wanted = dict(self.columns)
        wanted.setdefault("description", all_columns(self.columns)["description"])
        columns: dict[str, None] = {}
        for file in self.files:
            for row in iter_rows([file]):
                columns.update(dict.fromkeys(row.value if isinstance(row.value, dict) else ()))
                found = {
                    t for t, c in wanted.items() if isinstance(row.value, dict) and look_up(row.value, c) is not MISSING
                }
                wanted = {target: column for target, column in wanted.items() if target not in found}
                if not wanted and file.name.endswith(KINDS[0]):
                    break
        self._complain(wanted, list(columns))

    def _complain(self, missing: Mapping[str, str], columns: list[str]) -> None:
        if not missing:
            return
        where = ", ".join(str(file.path) for file in self.files[:3]) + (", ..." if len(self.files) > 3 else "")
        if not columns:
            raise SourceError(f"{where}: no problem in it; expected rows that are objects. Check the file.")
        shown = ", ".join(columns[:_MAX_COLUMNS_SHOWN]) + (", ..." if len(columns) > _MAX_COLUMNS_SHOWN else "")
        wanted = ", ".join(f"{column!r} for {target}" for target, column in missing.items())
        raise SourceError(
            f"{where}: no row has the column {wanted}; the columns are: {shown}. "
            f"Say which is which with --columns TARGET=COLUMN,..."
        )

    def _record(self, number: int, row: Row, columns: Mapping[str, str], ids: "_Ids") -> RawProblem | Rejected:
        fields: dict[str, Any] = {}
        stated = row.split
        label = str(number)
        try:
            if not isinstance(row.value, dict):
                detail = f"{row.place} is {kind_of(row.value)}; expected an object with columns"
                raise MalformedError(Reason.MALFORMED_RECORD, detail)
            fields = _fields(row.value, columns)
            if "solutions" in self.columns:
                fields["solutions"] = _as_programs(fields.get("solutions"))
            stated = _split(fields.get("split"), row)
            label = _label(fields.get("problem_id"), row) or label
        except MalformedError as error:
            problem_id, _ = ids.take(stated, label, row.place)
            return rejected(problem_id, stated or "train", self.origin, fields, error)
        problem_id, changes = ids.take(stated, label, row.place)
        labels = {target: f"{column} of {row.place}" for target, column in columns.items()}
        return make_record(problem_id, stated or "train", self.origin, fields, labels=labels, changes=changes)


@dataclass(slots=True)
class _Ids:
    """The ids that a reading has given out, each with the place of its row."""

    name: str
    taken: dict[str, str] = field(default_factory=dict)
    repeats: dict[str, int] = field(default_factory=dict)

    def take(self, split: str | None, label: str, place: str) -> tuple[str, tuple[Change, ...]]:
        """A free id, and the change on record if it is not the one that was asked for."""
        wanted = problem_id = "/".join(part for part in (self.name, split, label) if part)
        while problem_id in self.taken:
            self.repeats[wanted] = self.repeats.get(wanted, 1) + 1
            problem_id = f"{wanted}~{self.repeats[wanted]}"
        self.taken[problem_id] = place
        if problem_id == wanted:
            return problem_id, ()
        detail = f"the id {wanted} was taken already, by {self.taken[wanted]}; this is {place}"
        return problem_id, (Change("problem_id_made_unique", detail),)


def _fields(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    found = ((target, look_up(row, column)) for target, column in columns.items())
    return {target: value for target, value in found if value is not MISSING and not _is_nan(value)}


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)  # an empty cell, as pandas writes it


def _split(value: Any, row: Row) -> str | None:
    """The split that the row states, else its file; None if neither does."""
    if value is None or value == "":
        return row.split
    split = split_named(value) if isinstance(value, str) else None
    if split is None:
        got = repr(value[:40]) if isinstance(value, str) else kind_of(value)
        detail = f"{row.place}: the split is {got}; expected train, validation or test"
        raise MalformedError(Reason.MALFORMED_RECORD, detail)
    return split


def _label(value: Any, row: Row) -> str:
    """The id of a row as printable text; "" if it has none."""
    if isinstance(value, float) and value.is_integer():  # a column of integers with gaps, written by pandas
        value = int(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
        detail = f"{row.place}: the problem_id is {kind_of(value)}; expected text or an integer"
        raise MalformedError(Reason.MALFORMED_RECORD, detail)
    text = "" if value is None else value if isinstance(value, str) else jsonl.dumps(value)
    if len(text) > _MAX_ID_CHARS:
        detail = f"{row.place}: the problem_id has {len(text)} characters; expected at most {_MAX_ID_CHARS}"
        raise MalformedError(Reason.MALFORMED_RECORD, detail)
    return "".join(char if char.isprintable() else "_" for char in text.strip())


def _as_programs(value: Any) -> Any:
    """One program as a list of one; text that is a JSON list stays as it is."""
    if not isinstance(value, str) or not value.strip():
        return value
    try:
        solutions = jsonl.loads(value)
    except (ValueError, RecursionError):
        return [value]
    return solutions if isinstance(solutions, list) else [value]
