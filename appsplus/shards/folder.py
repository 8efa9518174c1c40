"""A shard on disk: `shard.json`, the ledger, and how every record of its share ended. No dataset: `merge` makes one.

shard.json       which share of what: sources, options, ledger and versions, the hashes of the files, and the run
outcomes.bin     one `Outcome` a record, in the order of the sources
signatures.bin   one `Signature` for each that came as far as `unique`
ledger/          the decisions, as in a dataset
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from appsplus import jsonl
from appsplus.errors import DatasetError, InputError
from appsplus.passage import Outcome
from appsplus.release.folder import check_target
from appsplus.release.manifest import NAME as DATASET_NAME
from appsplus.release.manifest import FileFact, file_facts, sha256_of
from appsplus.shards.records import read_records
from appsplus.shards.share import Share, parse_share
from appsplus.stages.unique import Signature

NAME = "shard.json"
FORMAT = 1
OUTCOMES, SIGNATURES = "outcomes.bin", "signatures.bin"


@dataclass(frozen=True, slots=True)
class ShardManifest:
    """The content of `shard.json`."""

    shard: Share
    appsplus: str  # version
    inputs: list[dict[str, Any]]  # as in a dataset's manifest
    options: dict[str, Any]
    ledger: str  # digest
    versions: dict[str, str]
    submissions: dict[str, Any] | None  # the facts about their file; None where none were given
    records: int  # of the sources, all shards together
    files: dict[str, FileFact] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {"format": FORMAT, **asdict(self), "shard": str(self.shard)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `to_json`. Raises KeyError, TypeError, ValueError or InputError."""
        content = {item.name: value[item.name] for item in fields(cls)}
        files = {name: FileFact(**fact) for name, fact in value["files"].items()}
        return cls(**content | {"shard": parse_share(value["shard"]), "files": files})


@dataclass(frozen=True, slots=True)
class ShardFolder:
    """A shard that was read, and where it lies."""

    path: Path
    manifest: ShardManifest

    def check_files(self) -> None:
        """Raise DatasetError unless every file is as it was written."""
        for name, fact in self.manifest.files.items():
            try:
                found = sha256_of(self.path / name)
            except OSError as error:
                found = str(error.strerror)
            if found != fact.sha256:
                raise DatasetError(
                    f"{self.path / name} is not what the build of this shard wrote; copy the shard again, or build it"
                    " again (its answers are in the cache)"
                )

    def outcomes(self) -> Iterator[Outcome]:
        """How its records ended, in order."""
        return read_records(self.path / OUTCOMES)

    def signatures(self) -> Iterator[Signature]:
        """The signatures of those that `unique` has to compare."""
        return read_records(self.path / SIGNATURES)


def write_shard(folder: Path, manifest: ShardManifest) -> None:
    """Write `shard.json`; it goes last, a folder without it is no shard."""
    text = json.dumps(manifest.to_json(), indent=2) + "\n"
    jsonl.write_atomically(folder / NAME, text.encode())


def written_files(folder: Path) -> dict[str, FileFact]:
    """The hashes of what has been written so far."""
    return {name: fact for name, fact in file_facts(folder).items() if name != NAME}


def read_shard(path: Path) -> ShardFolder:
    """Read `shard.json`. Raises DatasetError for a folder that is no shard, or of another format."""
    if not (path / NAME).is_file():
        what = "does not exist"
        if (path / DATASET_NAME).is_file():
            what = "is a dataset, not a shard"
        elif path.exists():
            what = f"holds no {NAME}"
        raise DatasetError(f"{path} {what}; expected a folder that `appsplus build --shard I/N --out {path}` wrote")
    try:
        value = jsonl.loads((path / NAME).read_bytes())
        if value["format"] != FORMAT:
            raise DatasetError(
                f"{path} has format {value['format']}; this version reads {FORMAT}: use the version of appsplus that"
                f" built it ({value['appsplus']})"
            )
        return ShardFolder(path, ShardManifest.from_json(value))
    except (OSError, AttributeError, KeyError, TypeError, ValueError, RecursionError, InputError) as error:
        raise DatasetError(f"{path / NAME} is damaged ({error!r}); copy the shard again, or build it again") from None


def check_shard_target(target: Path) -> None:
    """Raise InputError unless `target` is free, an empty folder, or a shard with nothing else in it."""
    check_target(target, lambda path: [*read_shard(path).manifest.files, NAME], what="shard")


def check_together(shards: Sequence[ShardFolder]) -> list[ShardFolder]:
    """The shards in their order. Raises DatasetError unless they are all the shards of one dataset, each once."""
    first = shards[0]
    for other in shards[1:]:
        _check_alike(first, other)
    of = first.manifest.shard.of
    found: dict[int, ShardFolder] = {}
    for shard in shards:
        twin = found.setdefault(shard.manifest.shard.number, shard)
        if twin is not shard:
            raise DatasetError(
                f"shard {shard.manifest.shard} is given twice: {twin.path} and {shard.path}; leave one of them out"
            )
    missing = [f"{number}/{of}" for number in range(1, of + 1) if number not in found]
    if missing:
        named = ", ".join(missing[:8]) + (f" and {len(missing) - 8} more" if len(missing) > 8 else "")
        raise DatasetError(
            f"got {len(shards)} of {of} shards; missing: {named}. Build them with `appsplus build --shard`, and give"
            " the folders of all"
        )
    return [found[number] for number in sorted(found)]


def _check_alike(first: ShardFolder, other: ShardFolder) -> None:
    one, two = first.manifest, other.manifest
    if one.shard.of != two.shard.of:
        raise DatasetError(
            f"{first.path} is shard {one.shard}, {other.path} is shard {two.shard}; expected shards of one division."
            " Build all with the same N"
        )
    for name, what, advice in (
        ("appsplus", "versions of appsplus", "install the same one, and build one of them again"),
        ("versions", "versions", "use the same installation for all, and build one of them again"),
        ("inputs", "sources", "give all builds the same SOURCE arguments, with the same files behind them"),
        ("records", "sources", "give all builds the same SOURCE arguments, with the same files behind them"),
        ("options", "options", "give all builds the same options"),
        ("ledger", "ledgers", "give all builds the same --ledger"),
        ("submissions", "submissions", "give all builds the same --submissions"),
    ):
        mine, theirs = getattr(one, name), getattr(two, name)
        if mine != theirs:
            raise DatasetError(
                f"{first.path} (shard {one.shard}) and {other.path} (shard {two.shard}) were built from different"
                f" {what}: {_difference(mine, theirs)}; {advice}"
            )


def _difference(one: Any, two: Any, name: str = "") -> str:
    """The first thing that differs, by its name where it has one."""
    if isinstance(one, dict) and isinstance(two, dict):
        name = next(key for key in [*one, *two] if one.get(key) != two.get(key))
        return _difference(one.get(name), two.get(name), name)
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        return _difference(*next((a, b) for a, b in zip(one, two, strict=True) if a != b), name)
    shown = [text if len(text) <= 120 else f"{text[:117]}..." for text in map(str, (one, two))]
    return f"{name and f'{name} is '}{shown[0]} and {shown[1]}"
