"""Shards come together to the bytes of one build, or to a sentence that says which of them does not fit, and why."""

import gc
import json
import os
import pickle
import shutil
import struct
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from yes_engine import Counted, Made, Yes, made

from appsplus.engine import Cache, LocalEngine
from appsplus.errors import DatasetError, InputError, SandboxError, SourceError
from appsplus.ledger import Ledger, LedgerWriter
from appsplus.pipeline import BuildOptions, Progress, build
from appsplus.problem import RawProblem, Reason, Rejection
from appsplus.release import folder_hash, load_rejected, load_worklist_index, read_manifest
from appsplus.release.manifest import sha256_of
from appsplus.shards import Share, build_shard, merge, records
from appsplus.sources import CORPUS_DIR, Rejected, Source, open_sources
from appsplus.worklist.submissions import Submissions

OPTIONS = BuildOptions(validation_share=0.3, audit_share=0.4)


def copy_of(number: int, **changes: Any) -> RawProblem:
    return replace(made(number), **changes)


RECORDS = (
    *map(made, range(20)),
    copy_of(3, problem_id="made/three"),
    copy_of(4, problem_id="made/test", split="test"),  # the copy in train goes
    copy_of(5, problem_id="made/five"),  # it is corrected, and a duplicate all the same
    copy_of(6, problem_id="made/bare", inputs=None, outputs=None),
    copy_of(7, problem_id="made/empty", description=""),
    Rejected("made/broken", "made", "train", Rejection(Reason.MALFORMED_RECORD, "no object")),
    copy_of(30, problem_id="made/ruled"),  # rejected by a person
    copy_of(9, problem_id="made/twice"),  # rejected by a person, and a duplicate
)


class Given:
    """These records."""

    def __init__(self, records: tuple[RawProblem | Rejected, ...] = RECORDS) -> None:
        self.records = records

    def read(self) -> Iterator[RawProblem | Rejected]:
        return iter(self.records)

    def inputs(self) -> Iterator[Any]:
        return iter(())


def decide(folder: Path, problem_id: str, action: str, **fields: Any) -> None:
    [raw] = [record for record in RECORDS if record.problem_id == problem_id]
    assert isinstance(raw, RawProblem)
    hashes = {"source_hash": raw.source_hash, "seen_hash": raw.seen_hash}
    LedgerWriter(folder, "ada", "human").append(problem_id=problem_id, action=action, **hashes, **fields)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    folder = tmp_path / "ledger"
    starter = {"op": "replace", "path": "/starter_code", "value": "# n"}
    for problem_id in ("made/five", "made/8"):
        decide(folder, problem_id, "correct", reason="other", comment="so it is", patch=[starter])
    for problem_id in ("made/ruled", "made/twice"):
        decide(folder, problem_id, "reject", reason="other", comment="no problem at all")
    return Ledger.read([folder])


@pytest.fixture
def submissions(tmp_path: Path) -> Path:
    lines = [
        {"id": problem_id, "expected": expected, "code": f"print({number})"}
        for number, (problem_id, expected) in enumerate(
            [
                ("made/3", "accepted"),
                ("made/five", "wrong_answer"),
                ("8", "wrong_answer"),
                ("made/three", "accepted"),
                ("nowhere", "accepted"),
                ("made/1", "unknown"),
                ("made/ruled", "accepted"),
            ]
        )
    ]
    path = tmp_path / "submissions.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def built(target: Path, ledger: Ledger, share: Share | None, submissions: Path | None = None, **changes: Any) -> Path:
    """One build, or that of a shard, of RECORDS."""
    fields = {"options": OPTIONS, "reader": Given()} | changes
    sources = [Source("made", "made", fields["reader"])]
    with nullcontext() if submissions is None else Submissions(submissions) as known:
        if share is None:
            build(sources, target, Yes(workers=2), ledger, fields["options"], submissions=known)
        else:
            build_shard(sources, target, Yes(workers=2), ledger, share, fields["options"], submissions=known)
    return target


def shards_of(tmp_path: Path, ledger: Ledger, of: int, submissions: Path | None = None) -> list[Path]:
    return [built(tmp_path / f"{n}-{of}", ledger, Share(of, n), submissions) for n in range(1, of + 1)]


# ---- the same bytes


@pytest.mark.parametrize("of", [1, 2, 3, 40])
def test_shards_come_together_to_the_bytes_of_one_build(
    of: int, ledger: Ledger, submissions: Path, tmp_path: Path
) -> None:
    whole = built(tmp_path / "whole", ledger, None, submissions)
    manifest = merge(shards_of(tmp_path, ledger, of, submissions)[::-1], tmp_path / "merged")
    assert folder_hash(tmp_path / "merged") == folder_hash(whole)
    assert manifest == read_manifest(tmp_path / "merged")
    assert manifest.run["reference_cpu_s"] == read_manifest(whole).run["reference_cpu_s"]
    gone = {r.problem_id: (r.stage, r.rejection.reason) for r in load_rejected(tmp_path / "merged")}
    duplicates = {"made/three", "made/4", "made/five"}
    assert {name for name, (stage, _) in gone.items() if stage == "unique"} == duplicates
    assert gone["made/ruled"] == gone["made/twice"] == ("reviewed", Reason.RULED_OUT)
    assert gone["made/broken"] == ("read", Reason.MALFORMED_RECORD)
    lines = manifest.counts["submissions"]["lines"]
    assert (lines["unknown_problem"], lines["unlabelled"]) == (1, 1)
    assert load_worklist_index(tmp_path / "merged") == load_worklist_index(whole)
    assert len(load_worklist_index(whole)) > 3


def test_the_embedded_problems_in_three_shards_are_those_of_one_build_and_merging_judges_nothing(
    embedded: Path, embedded_cache: Path, tmp_path: Path
) -> None:
    ledger, folders = Ledger.read([CORPUS_DIR / "ledger"]), [tmp_path / f"shard-{n}" for n in (1, 2, 3)]
    shutil.copytree(embedded_cache, tmp_path / "cache")
    with (
        Cache(tmp_path / "cache") as cache,
        LocalEngine(workers=2, isolation="best-effort", cache=cache) as engine,
    ):
        for number, folder in enumerate(folders, start=1):
            build_shard(open_sources([]), folder, engine, ledger, Share(3, number))
        judged = engine.counts["judged"]
    assert judged <= 10  # what it takes to bring the planted duplicate to its end, too
    manifest = merge(folders, tmp_path / "merged")  # without an engine
    assert folder_hash(tmp_path / "merged") == folder_hash(embedded)
    assert manifest.run["judged"] <= judged
    assert [run["shard"] for run in manifest.run["shards"]] == ["1/3", "2/3", "3/3"]


def test_a_merge_holds_one_problem_in_memory(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources, folders, alive = [Source("made", "made", Made(200))], [], []
    for number in (1, 2):
        folders.append(tmp_path / str(number))
        build_shard(sources, folders[-1], Yes(), ledger, Share(2, number), BuildOptions(audit_share=1.0))
    monkeypatch.setitem(records._KNOWN, (RawProblem.__module__, "RawProblem"), Counted)

    class Counting(Progress):
        def advance(self, outcome: str, _stage: str = "") -> None:
            alive.append((outcome, Counted.alive))

    gc.collect()
    left = Counted.alive
    merge(folders, tmp_path / "merged", Counting())
    assert len(alive) == 400  # compared, then merged
    assert {outcome for outcome, _ in alive} == {"kept"}
    assert max(count for _, count in alive) - left <= 3  # an entry holds the record of its item on the worklist


# ---- what is no set of shards


def test_a_missing_shard_is_named(ledger: Ledger, tmp_path: Path) -> None:
    one, two, three, four = shards_of(tmp_path, ledger, 4)
    with pytest.raises(DatasetError, match=r"got 2 of 4 shards; missing: 2/4, 3/4\. Build them"):
        merge([four, one], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
    assert two.exists() and three.exists()


def test_a_shard_that_is_given_twice_is_named(ledger: Ledger, tmp_path: Path) -> None:
    one, two = shards_of(tmp_path, ledger, 2)
    copy = shutil.copytree(one, tmp_path / "copy")
    with pytest.raises(DatasetError, match=f"shard 1/2 is given twice: {one} and {copy}; leave one of them out"):
        merge([one, two, copy], tmp_path / "merged")


def test_datasets_and_other_folders_are_no_shards(ledger: Ledger, tmp_path: Path) -> None:
    whole = built(tmp_path / "whole", ledger, None)
    (tmp_path / "empty").mkdir()
    for folder, what in ((whole, "is a dataset, not a shard"), (tmp_path / "empty", r"holds no shard\.json"),
                         (tmp_path / "nowhere", "does not exist")):  # fmt: skip
        with pytest.raises(DatasetError, match=f"{folder} {what}; expected a folder that `appsplus build --shard"):
            merge([folder], tmp_path / "merged")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"options": replace(OPTIONS, seed=1)}, "different options: seed is 0 and 1; give all builds the same options"),
        ({"reader": Given(RECORDS[:-1])}, "different sources: 28 and 27; give all builds the same SOURCE arguments"),
        ({"ledger": Ledger()}, "different ledgers"),
        ({"submissions": None}, "different submissions"),
        ({"share": Share(3, 2)}, "is shard 1/2, .* is shard 2/3; expected shards of one division"),
    ],
    ids=["options", "sources", "ledger", "submissions", "division"],
)
def test_shards_of_different_builds_are_refused_with_what_differs(
    changes: dict[str, Any], what: str, ledger: Ledger, submissions: Path, tmp_path: Path
) -> None:
    one = built(tmp_path / "one", ledger, Share(2, 1), submissions)
    other = {"ledger": ledger, "share": Share(2, 2), "submissions": submissions} | changes
    two = built(tmp_path / "two", **other)
    with pytest.raises(DatasetError, match=what):
        merge([one, two], tmp_path / "merged")


def test_a_file_that_differs_is_told_by_what_differs(ledger: Ledger, tmp_path: Path) -> None:
    one, two = shards_of(tmp_path, ledger, 2)
    for folder, size in ((one, 5), (two, 6)):
        rewritten(folder, inputs=[{"name": "made", "revision": "", "files": [{"name": "a.jsonl", "num_bytes": size}]}])
    with pytest.raises(DatasetError, match=r"different sources: num_bytes is 5 and 6; give all builds the same SOURCE"):
        merge([one, two], tmp_path / "merged")


def rewritten(folder: Path, **changes: Any) -> None:
    path = folder / "shard.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_shards_of_another_installation_are_refused(ledger: Ledger, tmp_path: Path) -> None:
    [one] = shards_of(tmp_path, ledger, 1)
    versions = json.loads((one / "shard.json").read_text())["versions"]
    rewritten(one, versions=versions | {"pyarrow": "1.0"})
    with pytest.raises(DatasetError, match=r"built with pyarrow 1\.0, and here is .*; expected the same"):
        merge([one], tmp_path / "merged")
    rewritten(one, format=99)
    with pytest.raises(DatasetError, match="has format 99; this version reads 1"):
        merge([one], tmp_path / "merged")


def test_a_shard_that_was_cut_off_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    [one] = shards_of(tmp_path, ledger, 1)
    os.truncate(one / "outcomes.bin", 100)
    with pytest.raises(DatasetError, match=r"outcomes\.bin is not what the build of this shard wrote; copy"):
        merge([one], tmp_path / "merged")


def test_nothing_but_records_comes_out_of_a_shard(ledger: Ledger, tmp_path: Path) -> None:
    [one] = shards_of(tmp_path, ledger, 1)

    class Bomb:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path}/boom",)

    data = zlib.compress(pickle.dumps(Bomb()))
    path = one / "signatures.bin"
    path.write_bytes(struct.pack("<Q", len(data)) + data)
    files = json.loads((one / "shard.json").read_text())["files"]
    rewritten(one, files=files | {path.name: {"sha256": sha256_of(path), "bytes": path.stat().st_size}})
    with pytest.raises(DatasetError, match=r"posix\.system is no type of a record"):
        merge([one], tmp_path / "merged")
    assert not (tmp_path / "boom").exists()


# ---- where a shard is written


def test_a_shard_replaces_a_shard_and_nothing_else(ledger: Ledger, tmp_path: Path) -> None:
    first = built(tmp_path / "out", ledger, Share(2, 1))
    before = sha256_of(first / "outcomes.bin")
    again = built(tmp_path / "out", ledger, Share(2, 1))
    assert sha256_of(again / "outcomes.bin") == before
    built(tmp_path / "whole", ledger, None)
    with pytest.raises(InputError, match="something else than a shard of ours"):
        built(tmp_path / "whole", ledger, Share(2, 1))
    with pytest.raises(InputError, match="something else than a dataset of ours"):
        built(tmp_path / "out", ledger, None)


def test_a_shard_that_fails_leaves_the_one_before_it(ledger: Ledger, tmp_path: Path) -> None:
    sources = [Source("made", "made", Made(40))]
    build_shard(sources, tmp_path / "out", Yes(), ledger, Share(2, 1))
    before = sha256_of(tmp_path / "out" / "shard.json")
    with pytest.raises(SandboxError):
        build_shard(sources, tmp_path / "out", Yes(fails_after=10), ledger, Share(2, 1))
    assert sha256_of(tmp_path / "out" / "shard.json") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ledger", "out"]
    with pytest.raises(SourceError, match="no problem was found"):
        build_shard([Source("made", "made", Made(0))], tmp_path / "none", Yes(), ledger, Share(2, 1))
