"""What a source read, for the manifest: names, sizes and SHA-256, never a path of this machine."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from appsplus.errors import SourceError


@dataclass(frozen=True, slots=True)
class Input:
    """One file, or one folder of small files, that a source reads."""

    name: str  # relative to the source: "train-00000-of-00001.parquet", or "train" for all of a split's folders
    num_files: int
    num_bytes: int
    sha256: str  # hex; of the file, for a folder of lines "<relative name>\0<size>\0<SHA-256>\n"


def file_input(name: str, path: Path) -> Input:
    """The digest of one file, read in pieces. Raises SourceError where it cannot be read."""
    size, sha256 = _digest(path)
    return Input(name, 1, size, sha256)


def folder_input(name: str, files: Iterable[tuple[str, Path | None]]) -> Input:
    """One digest of many files, given in a fixed order as (relative name, path); None: a folder without files."""
    combined = hashlib.sha256()
    num_files = num_bytes = 0
    for relative, path in files:
        size, sha256 = _digest(path) if path else (0, "")
        num_files += path is not None
        num_bytes += size
        combined.update(f"{relative}\0{size}\0{sha256}\n".encode("utf-8", "surrogateescape"))
    return Input(name, num_files, num_bytes, combined.hexdigest())


def _digest(path: Path) -> tuple[int, str]:
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), sha256
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}. Check the file and its permissions.") from error
