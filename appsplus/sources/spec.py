"""A SPEC as the user writes it -> a `Source`: `[NAME=]PATH` or `[NAME=]hub:OWNER/NAME[@REVISION][#CONFIG]`.

NAME is the prefix of the ids. Without one it is the last part of the path, without the ending of a data file, or the
name of the repository. Without any SPEC the source is the embedded corpus.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from appsplus.errors import InputError, SourceError
from appsplus.problem import RawProblem
from appsplus.sources import hub
from appsplus.sources.apps_directory import AppsDirectory, is_apps_directory
from appsplus.sources.columns import check_columns
from appsplus.sources.inputs import Input
from appsplus.sources.record import Rejected
from appsplus.sources.row_files import ENDINGS, RowFile, choose, list_names, split_of, stem_of
from appsplus.sources.rows import Rows

CORPUS_DIR = Path(__file__).parent.parent / "corpus"
"""The embedded corpus, in the layout of APPS."""

CORPUS_NAME = "corpus"

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_NAMED = re.compile(r"([A-Za-z0-9._-]+)=(.+)", re.DOTALL)


class Reader(Protocol):
    """What every kind of source can do."""

    def read(self) -> Iterator[RawProblem | Rejected]:
        """Every problem, or why it is none, in a fixed order."""
        ...

    def inputs(self) -> Iterator[Input]:
        """Everything that `read` reads, with size and hash."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """Where problems come from. It was checked when it was opened; it can be read as often as needed."""

    name: str  # prefix of the ids
    location: str  # as the user gave it, without NAME=
    reader: Reader
    revision: str = ""  # of a dataset of the Hub: the commit

    def read(self) -> Iterator[RawProblem | Rejected]:
        """Every problem, one at a time, in an order that depends on the data alone.

        Raises SourceError for a file that cannot be read, with its line where there is one.
        """
        return self.reader.read()

    def inputs(self) -> Iterator[Input]:
        """What is read, for the manifest; hashes every file. Raises SourceError."""
        return self.reader.inputs()


def open_sources(
    specs: Sequence[str],
    columns: Mapping[str, str] | None = None,
    *,
    cache_dir: Path | None = None,
    endpoint: str | None = None,
) -> tuple[Source, ...]:
    """Open every source and check it, before any work: files of rows are read once, those of the Hub downloaded.

    `columns` (see `parse_columns`) hold for all files of rows, not for directories in the layout of APPS; `cache_dir`
    and `endpoint` are those of the Hub (None: huggingface_hub's own). Raises SourceError, or InputError for `columns`.
    """
    check_columns(columns or {})
    named = [_named(spec) for spec in specs] or [(CORPUS_NAME, CORPUS_NAME)]
    _check_names(named)
    sources = []
    for name, location in named:
        if location.startswith(hub.PREFIX):
            sources.append(_open_hub(name, location, columns or {}, cache_dir, endpoint))
        else:
            path = Path(location) if specs else CORPUS_DIR
            try:
                reader = _open_path(name, path, columns or {})
            except OSError as error:
                raise SourceError(f"{path} cannot be read: {error.strerror}. Check its permissions.") from error
            sources.append(Source(name, location, reader))
    if columns and not any(isinstance(source.reader, Rows) for source in sources):
        raise InputError("--columns: no source has columns; expected a Parquet, JSON Lines or JSON file. Leave it out.")
    return tuple(sources)


def _named(spec: str) -> tuple[str, str]:
    """(name, location) of a spec. Raises SourceError for a name that cannot stand in an id."""
    match = _NAMED.fullmatch(spec)
    if match:
        return match[1], match[2]
    if spec.startswith(hub.PREFIX):
        return hub.parse_address(spec).name, spec
    path = Path(spec)
    return stem_of(path.name if path.name not in ("", "..") else path.resolve().name), spec


def _check_names(named: Sequence[tuple[str, str]]) -> None:
    first: dict[str, str] = {}
    for name, location in named:
        if not _NAME.fullmatch(name) or name in (".", ".."):
            raise SourceError(
                f"the source {location!r} would be named {name!r}; expected letters, digits, '.', '_' or '-'. "
                f"Write NAME={location}"
            )
        if name in first:
            raise SourceError(
                f"two sources are named {name!r}: {first[name]} and {location}; ids would be the same. "
                f"Write NAME=PATH for one, e.g. {name}2={location}"
            )
        first[name] = location


def _open_path(name: str, path: Path, columns: Mapping[str, str]) -> Reader:
    if path.is_dir():
        if is_apps_directory(path):
            return AppsDirectory(name, name, path)
        how = "give one of its folders or files"
        chosen = choose(list_names(path), str(path), None, how)
        files = tuple(RowFile(relative, path / relative, split_of(relative)) for relative in chosen)
    elif not path.exists():
        raise SourceError(f"{path} does not exist; expected PATH, NAME=PATH or hub:OWNER/NAME. Check the path.")
    elif not path.is_file() or not path.name.endswith(ENDINGS):
        expected = f"expected a folder, or a file that ends in {', '.join(ENDINGS)}"
        raise SourceError(f"{path} is no source; {expected}. Rename or convert it.")
    else:
        files = (RowFile(path.name, path, split_of(path.name)),)
    return _checked(Rows(name, name, files, columns))


def _open_hub(
    name: str, location: str, columns: Mapping[str, str], cache_dir: Path | None, endpoint: str | None
) -> Source:
    address = hub.parse_address(location)
    found = hub.download(address, cache_dir=cache_dir, endpoint=endpoint)
    rows = Rows(name, f"{hub.PREFIX}{address.repo_id}", found.files, columns)
    return Source(name, location, _checked(rows), found.commit)


def _checked(rows: Rows) -> Rows:
    rows.check()
    return rows
