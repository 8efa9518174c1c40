"""`manifest.json`: what a build did. Inputs, options, versions, counts, the funnel, and the hash of every file.

Everything but the section `run` (timings, host, date, workers, isolation in force) follows from the input, the ledger
and the version alone, so two builds of the same input are compared by `folder_hash`, which leaves `run` out.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from appsplus import jsonl
from appsplus.errors import DatasetError

NAME = "manifest.json"
FORMAT = 1  # raised when a reader of the old format could not read the new one


@dataclass(frozen=True, slots=True)
class FunnelStage:
    """How many problems a stage was given, and what became of them. The books balance, or it cannot be made."""

    stage: str
    given: int
    kept: int
    rejected: dict[str, int]  # by reason

    def __post_init__(self) -> None:
        if self.given != self.kept + sum(self.rejected.values()):
            raise ValueError(f"stage {self.stage}: given {self.given} is not kept {self.kept} + {self.rejected}")


@dataclass(frozen=True, slots=True)
class FileFact:
    """One file of the dataset, as written."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of `manifest.json`; every value is plain JSON."""

    appsplus: str  # version
    inputs: list[dict[str, Any]]  # one per source: what was read, and its hash
    options: dict[str, Any]
    ledger: dict[str, Any]
    versions: dict[str, str]  # Python and the libraries that the result depends on
    counts: dict[str, Any]  # see `Statistics.counts`
    funnel: tuple[FunnelStage, ...]
    files: dict[str, FileFact] = field(default_factory=dict)  # by path relative to the folder; not the manifest itself
    run: dict[str, Any] = field(default_factory=dict)  # facts of this run; not reproducible

    def to_json(self) -> dict[str, Any]:
        """The manifest as it stands in the file."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `to_json`. Raises KeyError or TypeError where fields are missing or of another type."""
        fields = {name: content for name, content in value.items() if name != "format"}
        fields["funnel"] = tuple(FunnelStage(**stage) for stage in value["funnel"])
        fields["files"] = {path: FileFact(**fact) for path, fact in value["files"].items()}
        return cls(**fields)


def read_manifest(path: Path | str) -> Manifest:
    """Read the manifest of a dataset folder.

    Raises DatasetError where the folder is missing, is no dataset of ours, or is of a newer format.
    """
    folder = Path(path)
    try:
        value = jsonl.loads((folder / NAME).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        what = "is not a folder" if not folder.is_dir() else f"holds no {NAME}"
        raise DatasetError(f"{folder} {what}; expected a dataset that `appsplus build --out {folder}` wrote") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{folder / NAME} cannot be read ({error}); build the dataset again") from None
    if not isinstance(value, dict) or "appsplus" not in value or "format" not in value:
        raise DatasetError(f"{folder / NAME} is not a manifest of appsplus; expected a dataset that it built")
    if value["format"] != FORMAT:
        raise DatasetError(
            f"{folder} has format {value['format']}; this version reads {FORMAT}: use the version of appsplus that "
            f"built it ({value['appsplus']})"
        )
    try:
        return Manifest.from_json(value)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{folder / NAME} is damaged ({error!r}); build the dataset again") from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json`; it goes last, a folder without it is no dataset."""
    text = json.dumps(manifest.to_json(), indent=2, sort_keys=False) + "\n"
    jsonl.write_atomically(folder / NAME, text.encode())


def file_facts(folder: Path) -> dict[str, FileFact]:
    """Hash and size of every file below the folder but the manifest, by relative path, sorted."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / NAME)
    return {path.relative_to(folder).as_posix(): FileFact(sha256_of(path), path.stat().st_size) for path in paths}


def folder_hash(path: Path | str) -> str:
    """SHA-256 (hex) of a dataset folder: every file by name and content, the manifest without its section `run`.

    Two builds of the same input with the same options, ledger and version have the same hash. The files are read
    anew, so the hash of a folder that was changed by hand is another one. Raises DatasetError as `read_manifest` does.
    """
    manifest = read_manifest(path).to_json()
    del manifest["run"]
    files = {name: fact.sha256 for name, fact in file_facts(Path(path)).items()}
    return hashlib.sha256(jsonl.dumps([manifest, files]).encode()).hexdigest()


def data_hash(path: Path | str) -> str:
    """SHA-256 (hex) of the problems of a dataset folder: every file below data/, by name and content.

    What results of an evaluation depend on. Unlike `folder_hash` it leaves out card, figures, manifest, ledger and worklist:
    on the last is what a machine found nearly too slow, so that one may have more of it than another.
    """
    files = {name: fact.sha256 for name, fact in file_facts(Path(path)).items() if name.startswith("data/")}
    return hashlib.sha256(jsonl.dumps(files).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
