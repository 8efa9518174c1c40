"""The directory layout of APPS: `train|test/NNNN/` with question.txt, solutions.json, input_output.json, metadata.json
and starter_code.py, any of which may be missing or empty; or the NNNN folders alone, without a split above them.

Text is kept to the byte: line ends as they are, and what is not UTF-8 as lone surrogates (PEP 383). Folders and files
may be symbolic links; a link that leads nowhere, or to something that is no file, makes a malformed record.
"""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appsplus.errors import SourceError
from appsplus.problem import SOURCE_SPLITS, RawProblem, Reason
from appsplus.sources.inputs import Input, folder_input
from appsplus.sources.record import MalformedError, Rejected, decode, kind_of, make_record, rejected

FILES = {
    "description": "question.txt",
    "solutions": "solutions.json",
    "input_output": "input_output.json",
    "starter_code": "starter_code.py",
}
"""Our field -> the file that holds it."""

METADATA_FILE = "metadata.json"
_METADATA = ("difficulty", "url", "license", "source")
_ALL_FILES = (*FILES.values(), METADATA_FILE)


@dataclass(frozen=True, slots=True)
class AppsDirectory:
    """A folder in the layout of APPS as a source. Ids are `name/split/NNNN`."""

    name: str  # prefix of the ids
    origin: str  # the source of a problem whose metadata.json names none
    root: Path

    def read(self) -> Iterator[RawProblem | Rejected]:
        """Every problem folder, train before test, by name. Raises SourceError for a file that cannot be read."""
        for split, parent in _splits(self.root):
            for folder in _problem_folders(parent):
                yield _read_problem(folder, f"{self.name}/{split}/{_label(folder)}", split, self.origin)

    def inputs(self) -> Iterator[Input]:
        """One digest for all the files of a split."""
        for split, parent in _splits(self.root):
            yield folder_input(split, _files(parent))


def _label(folder: Path) -> str:
    """Its name as text that every file can hold; one that had to be changed for it is told from others by its bytes."""
    label = "".join(char if char.isprintable() else "_" for char in folder.name)
    return label if label == folder.name else f"{label}-{zlib.crc32(os.fsencode(folder.name)):08x}"


def is_apps_directory(root: Path) -> bool:
    """Whether at least one problem lies where the layout wants it. Raises SourceError for a folder that is closed."""
    return any(_has_problem(folder) for _, parent in _splits(root) for folder in _problem_folders(parent))


def _splits(root: Path) -> list[tuple[str, Path]]:
    """(split, the folder with its problems); the problem folders alone are train, unless their parent is `test`."""
    splits = [(split, root / split) for split in SOURCE_SPLITS if _problem_folders(root / split)]
    return splits or [("test" if "test" in (root.name, root.resolve().name) else "train", root)]


def _problem_folders(parent: Path) -> list[Path]:
    """Folders whose name is a number, or that hold a problem under another name; sorted by name."""
    try:
        entries = sorted(parent.iterdir()) if parent.is_dir() else []
        return [entry for entry in entries if entry.is_dir() and (entry.name.isdecimal() or _has_problem(entry))]
    except OSError as error:
        raise SourceError(f"{error.filename} cannot be read: {error.strerror}. Check its permissions.") from error


def _has_problem(folder: Path) -> bool:
    return any((folder / FILES[target]).is_file() for target in ("description", "solutions", "input_output"))


def _read_problem(folder: Path, problem_id: str, split: str, origin: str) -> RawProblem | Rejected:
    fields: dict[str, Any] = {}
    try:
        for target, file in FILES.items():
            fields[target] = _read_text(folder / file)
        fields |= _read_metadata(folder / METADATA_FILE)
    except MalformedError as error:
        return rejected(problem_id, split, origin, fields, error)
    return make_record(problem_id, split, origin, fields, labels=FILES)


def _read_metadata(path: Path) -> dict[str, Any]:
    metadata = decode(_read_text(path), path.name, Reason.MALFORMED_RECORD)
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise MalformedError(Reason.MALFORMED_RECORD, f"{path.name} is {kind_of(metadata)}; expected an object")
    return {target: metadata.get(target) for target in _METADATA}


def _read_text(path: Path) -> str:
    """The content of a file; "" if there is none."""
    try:
        if path.is_file():  # no folder, no device, no pipe that would never end
            return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}. Check its permissions.") from error
    if os.path.lexists(path):
        raise MalformedError(Reason.MALFORMED_RECORD, f"{path.name} is no file, or a link that leads to none")
    return ""


def _files(parent: Path) -> Iterator[tuple[str, Path | None]]:
    for folder in _problem_folders(parent):
        yield folder.name, None
        for file in sorted(_ALL_FILES):
            if (folder / file).is_file():
                yield f"{folder.name}/{file}", folder / file
