"""All shards of a dataset -> the dataset, as one build would have written it: duplicates found, ends taken, files written.

Nothing is judged, so that this runs where programs could not. Memory holds the signatures and a few problems.
"""

import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from appsplus.assembly import Assembly, versions
from appsplus.engine.rungs import common_rungs
from appsplus.errors import DatasetError
from appsplus.ledger import Ledger
from appsplus.passage import KEPT, UNIQUE, Outcome
from appsplus.pipeline import Progress
from appsplus.release import Manifest, commit, prepare_target
from appsplus.release.ledger import ledger_folders
from appsplus.shards.folder import ShardFolder, check_together, read_shard
from appsplus.stages.unique import Duplicate, Signature, duplicate_rejection, find_duplicates


def merge(folders: Sequence[Path], target: Path, progress: Progress | None = None) -> Manifest:
    """Put shards together into a dataset folder at `target`; an existing dataset there is replaced in the end, at once.

    Raises DatasetError where a folder is no shard or damaged, where one is missing or given twice, and where they, or the
    installation here, differ in what the bytes depend on; InputError for a target or a disk that cannot be used.
    """
    progress = progress or Progress()
    started = time.monotonic()
    shards = check_together([read_shard(folder) for folder in folders])
    first = shards[0].manifest
    _check_installation(shards[0])
    with prepare_target(target) as folder:
        progress.start("comparing", None)
        for shard in shards:
            shard.check_files()
        ledger = Ledger.read(ledger_folders(shards[0].path))
        duplicates = find_duplicates(_signatures(shards, progress))
        share, seed = first.options["audit_share"], first.options["seed"]
        progress.start("merging", first.records)
        with Assembly(folder, ledger, audit_share=share, seed=seed) as assembly:
            for end in _in_order(shards):
                outcome = _ended(end, duplicates)
                assembly.take(outcome)
                progress.advance(outcome.word, outcome.stage)
        manifest = assembly.seal(
            given=first.records,
            inputs=first.inputs,
            options=first.options,
            submissions=first.submissions,
            run=_run_facts(shards, started),
        )
        commit(folder, target)
    return manifest


def _check_installation(shard: ShardFolder) -> None:
    there = {"appsplus": shard.manifest.appsplus, **shard.manifest.versions}
    here = {"appsplus": metadata.version("appsplus"), **versions(shard.manifest.options["modules"])}
    for name in sorted({*there, *here}):
        if there.get(name) != here.get(name):
            raise DatasetError(
                f"{shard.path} was built with {name} {there.get(name)}, and here is {here.get(name)}; expected the same,"
                " as the bytes of the dataset depend on it. Merge with the installation that built the shards"
            )


def _signatures(shards: Sequence[ShardFolder], progress: Progress) -> Iterator[Signature]:
    for shard in shards:
        for signature in shard.signatures():
            progress.advance(KEPT)
            yield signature


def _in_order(shards: Sequence[ShardFolder]) -> Iterator[Outcome]:
    """Every outcome in the order of the sources. Raises DatasetError where a shard holds too few or too many."""
    readers = [shard.outcomes() for shard in shards]
    for index in range(shards[0].manifest.records):
        number = index % len(shards)
        outcome = next(readers[number], None)
        if outcome is None:
            raise DatasetError(f"{shards[number].path} ends too early; build the shard again")
        yield outcome
    for shard, reader in zip(shards, readers, strict=True):
        if next(reader, None) is not None:
            raise DatasetError(f"{shard.path} holds more records than its share; build the shard again")


def _ended(outcome: Outcome, duplicates: Mapping[str, Duplicate]) -> Outcome:
    """As its shard has it, unless it is a duplicate: that is known only now that all shards are together."""
    found = duplicates.get(outcome.record.problem_id)
    if found is None:
        return outcome
    rejection = duplicate_rejection(found)
    return replace(outcome, stage=UNIQUE.name, rejection=rejection, split="", found=None, failure="")


def _run_facts(shards: Sequence[ShardFolder], started: float) -> dict[str, Any]:
    """Sums over the shards, and each for itself; the time is that of the merge."""
    runs = [shard.manifest.run for shard in shards]
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_s": round(time.monotonic() - started, 1),
        **{name: sum(run[name] for run in runs) for name in ("workers", "judged", "cached")},
        "isolation": common_rungs({f"shard {s.manifest.shard}": s.manifest.run["isolation"] for s in shards}),
        "host": platform.platform(),
        "shards": [{"shard": str(shard.manifest.shard), **shard.manifest.run} for shard in shards],
    }
