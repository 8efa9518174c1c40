"""Is a dataset folder fit to be published? Everything that stands against it, by file.

Nothing is believed that can be counted again: hashes are taken anew, every row is read into its record, the counts of
the manifest are made once more from the rows, and the subtasks from their problems. No program runs: that the verdicts
hold is what the build has seen to, and the hashes say that nothing was changed since.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import RepoCard
from yaml import YAMLError  # what RepoCard reads with

from appsplus.errors import DatasetError, LedgerError
from appsplus.ledger import Ledger
from appsplus.release import manifest as manifests
from appsplus.release.card import front_matter
from appsplus.release.leaks import Finding, Leaks
from appsplus.release.ledger import ledger_folders
from appsplus.release.manifest import FileFact, Manifest, file_facts, read_manifest
from appsplus.release.reader import load_rows
from appsplus.release.rows import Row, problem_from_row, rejected_from_row, subtask_rows
from appsplus.release.schema import CONFIGS, REJECTED_SPLIT, SPLITS, data_file, data_pattern
from appsplus.release.statistics import Statistics

CARD = "README.md"
_CARD_FACTS = ("configs", "dataset_info", "size_categories", "license")
_CARD_ALSO = ("pretty_name", "tags", "language", "task_categories")
_NO_LICENSE = frozenset({"", "unknown", "none", "n/a", "not stated"})
_AGAIN = "build the dataset again"


@dataclass(frozen=True, slots=True)
class Checked:
    """A dataset folder that was looked at."""

    files: dict[str, FileFact]  # that would be published, by name; the manifest is one
    manifest: Manifest | None  # None: it cannot be read
    findings: tuple[Finding, ...]  # none: the folder may be published


def check_dataset(folder: Path, leaks: Leaks, tell: Callable[[str], None] = lambda _: None) -> Checked:
    """Look at everything in a dataset folder; reads it about three times. `tell` hears what is looked at.

    Raises DatasetError where `folder` is no folder.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder; expected a dataset that `appsplus build` wrote")
    tell("hashes")
    facts = file_facts(folder)
    try:
        manifest = read_manifest(folder)
    except DatasetError as error:
        return Checked(facts, None, (Finding(manifests.NAME, str(error)),))
    findings = list(_hashes(manifest, facts))
    broken = [*_schemas(folder, manifest)]
    findings += broken or _books(folder, manifest, tell)
    findings += chain(_funnel(manifest), _ledger(folder, manifest), _card(folder, manifest))
    names = sorted({*facts, manifests.NAME})
    for name in names:
        tell(f"secrets and local paths in {name}")
        findings += leaks.in_file(name, folder / name)
    path = folder / manifests.NAME
    facts[manifests.NAME] = FileFact(manifests.sha256_of(path), path.stat().st_size)
    return Checked({name: facts[name] for name in names}, manifest, tuple(findings))


def _hashes(manifest: Manifest, facts: dict[str, FileFact]) -> Iterator[Finding]:
    for name, fact in manifest.files.items():
        if name not in facts:
            yield Finding(name, f"is missing, but the manifest lists it; {_AGAIN}")
        elif facts[name] != fact:
            yield Finding(name, f"was changed after the build: its SHA-256 is not that of the manifest; {_AGAIN}")
    for name in sorted(facts.keys() - manifest.files.keys()):
        yield Finding(name, "no build wrote it: the manifest does not list it; move it elsewhere")


def _schemas(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    """Files of data whose columns are not those of their config, or that no reader would find."""
    expected = {}
    for config, (schema, splits) in CONFIGS.items():
        for split in splits:
            shard = 0
            while (name := data_file(config, split, shard)) in manifest.files:
                expected[name] = schema
                shard += 1
    for name in sorted(manifest.files):
        if not name.startswith("data/"):
            continue
        if name not in expected:
            yield Finding(name, f"belongs to no split, or a file before it in the numbering is missing; {_AGAIN}")
            continue
        try:
            found = pq.read_schema(folder / name)
        except (pa.ArrowException, OSError) as error:
            yield Finding(name, f"cannot be read as Parquet ({error}); {_AGAIN}")
            continue
        types = [dict(zip(schema.names, schema.types, strict=True)) for schema in (found, expected[name])]
        differing = sorted(n for n in types[0].keys() | types[1].keys() if types[0].get(n) != types[1].get(n))
        if differing:
            columns = ", ".join(differing)
            yield Finding(name, f"its columns are not those of this version of appsplus: {columns}; {_AGAIN}")


def _books(folder: Path, manifest: Manifest, tell: Callable[[str], None]) -> Iterator[Finding]:
    """What the rows say against the manifest, against each other, and of their licences."""
    counted, unlicensed, seen = Statistics(), Counter[tuple[str, str]](), dict[str, str]()
    try:
        for split in SPLITS:
            subtasks = load_rows(folder, "subtasks", split)
            for row in load_rows(folder, "default", split):
                tell(f"books, {row['problem_id']}")
                yield from _problem(row, split, subtasks, counted)
                yield from _first(row["problem_id"], data_pattern("default", split), seen)
                unlicensed[data_pattern("default", split), row["source"]] += _lacks_license(row)
            if next(subtasks, None) is not None:
                yield Finding(
                    data_pattern("subtasks", split), f"holds more than the problems of the split give; {_AGAIN}"
                )
        for row in load_rows(folder, "rejected", REJECTED_SPLIT):
            counted.count_row("rejected", REJECTED_SPLIT, 0)
            counted.reject(rejected_from_row(row))
            yield from _first(row["problem_id"], data_pattern("rejected", REJECTED_SPLIT), seen)
            unlicensed[data_pattern("rejected", REJECTED_SPLIT), row["source"]] += _lacks_license(row)
    except (DatasetError, AttributeError, KeyError, TypeError, ValueError) as error:
        yield Finding("data/", f"a row cannot be read as a problem ({error!r}); {_AGAIN}")
        return
    if not counted.counts()["problems"]:
        yield Finding("data/default", "holds no problem: there would be nothing to load")
    for name, count in counted.counts().items():
        if name != "bytes" and manifest.counts.get(name) != count:
            yield Finding(manifests.NAME, f"counts.{name} is not what the rows add up to; {_AGAIN}")
    for (file, source), n in unlicensed.items():
        if n:
            yield Finding(
                file,
                f"{n:,} problems of the source {source!r} state no licence; add it in the source (`license` in"
                " metadata.json, or a column of that name), and build again",
            )


def _problem(row: Row, split: str, subtasks: Iterator[Row], counted: Statistics) -> Iterator[Finding]:
    problem = problem_from_row(row, split)
    counted.add(problem, split)
    counted.count_row("default", split, 0)
    if row["content_hash"] != problem.content_hash:
        yield Finding(
            data_pattern("default", split), f"content_hash of {problem.problem_id} is not its content's; {_AGAIN}"
        )
    for expected in subtask_rows(problem):
        counted.count_row("subtasks", split, 0)
        if next(subtasks, None) != expected:
            level = f"level {expected['level']} of {problem.problem_id}"
            yield Finding(data_pattern("subtasks", split), f"{level} is not what the problem gives; {_AGAIN}")


def _first(problem_id: str, file: str, seen: dict[str, str]) -> Iterator[Finding]:
    if problem_id in seen:
        yield Finding(file, f"{problem_id} is also in {seen[problem_id]}; expected every problem once, {_AGAIN}")
    seen.setdefault(problem_id, file)


def _lacks_license(row: Row) -> bool:
    """Whether a text of somebody would be published without saying under which licence."""
    return bool(row["description"]) and row["license"].strip().lower() in _NO_LICENSE


def _funnel(manifest: Manifest) -> Iterator[Finding]:
    """Given = kept + rejected holds at each stage, or there would be no manifest; here: from stage to stage."""
    counts, funnel = manifest.counts, manifest.funnel
    chained = all(above.kept == below.given for above, below in pairwise(funnel))
    problems, rejected = counts.get("problems"), counts.get("rejected")
    ends = funnel and funnel[-1].kept == problems and funnel[0].given - funnel[-1].kept == rejected
    by_stage = {stage.stage: stage.rejected for stage in funnel if any(stage.rejected.values())}
    if not (chained and ends) or by_stage != counts.get("rejections"):
        yield Finding(manifests.NAME, f"the funnel does not balance with the counts; {_AGAIN}")


def _ledger(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    """The decisions that the build applied lie in the folder, line for line."""
    expected = manifest.ledger.get("sha256")
    if expected is None:
        return
    try:
        found = Ledger.read(ledger_folders(folder)).digest
    except LedgerError as error:
        yield Finding("ledger", str(error))
        return
    if found != expected:
        yield Finding("ledger", f"is not the ledger that the build applied; {_AGAIN}")


def _card(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    """What `load_dataset` and the Hub read at the top of the card."""
    try:
        found = _yaml((folder / CARD).read_text("utf-8"))
    except (OSError, ValueError, YAMLError) as error:
        yield Finding(CARD, f"the YAML at its top cannot be read ({error}); {_AGAIN}")
        return
    try:
        expected = _yaml(f"---\n{front_matter(manifest)}\n---\n")
    except (AttributeError, KeyError, TypeError) as error:
        yield Finding(manifests.NAME, f"its counts are damaged ({error!r}); {_AGAIN}")
        return
    for name in (*_CARD_FACTS, *_CARD_ALSO):
        if not found.get(name):
            yield Finding(CARD, f"the YAML at its top has no {name}; {_AGAIN}")
        elif name in _CARD_FACTS and found[name] != expected[name]:
            yield Finding(CARD, f"{name} in the YAML at its top is not what the manifest says; {_AGAIN}")


def _yaml(text: str) -> dict[str, Any]:
    card: dict[str, Any] = RepoCard(text).data.to_dict()  # type: ignore[no-untyped-call]
    return card
