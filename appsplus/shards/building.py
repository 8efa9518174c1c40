"""The build of one shard: its records through both passes, as if none of them were a duplicate."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from appsplus.assembly import JudgeFailures, input_rows, versions
from appsplus.engine.ordered import threads
from appsplus.ledger import Ledger
from appsplus.passage import BuildOptions, Outcome, Passage
from appsplus.pipeline import (
    THREADS,
    Engine,
    Progress,
    first_pass,
    last_pass,
    make_passage,
    nothing_found,
    recorded,
    run_facts,
)
from appsplus.problem import RawProblem
from appsplus.release import commit, prepare_target
from appsplus.release.ledger import write_ledger
from appsplus.release.spool import Spool
from appsplus.shards.folder import OUTCOMES, SIGNATURES, ShardManifest, check_shard_target, write_shard, written_files
from appsplus.shards.records import RecordWriter
from appsplus.shards.share import Share
from appsplus.sources import Rejected, Source
from appsplus.stages.reviewed import is_ruled_out
from appsplus.stages.unique import signature
from appsplus.worklist.submissions import Submissions


def build_shard(
    sources: Sequence[Source],
    target: Path,
    engine: Engine,
    ledger: Ledger,
    share: Share,
    options: BuildOptions | None = None,
    progress: Progress | None = None,
    submissions: Submissions | None = None,
    facts: Callable[[], dict[str, Any]] = dict,
) -> ShardManifest:
    """Build one shard at `target`; a shard there is replaced in the end, at once. Raises as `pipeline.build` does.

    Every shard reads all of the sources, so that records, ids and hashes are the same in all, and judges its share of them.
    A shard without any record is fine where there are fewer records than shards.
    """
    options, progress = options or BuildOptions(), progress or Progress()
    started = time.monotonic()
    passage, failures = make_passage(engine, ledger, options, submissions), JudgeFailures()
    reading = _Reading(sources, share, submissions)
    with prepare_target(target, check_shard_target) as folder:
        with (
            threads(THREADS * engine.workers) as pool,
            Spool[Outcome](folder) as spool,
            RecordWriter(folder / OUTCOMES) as outcomes,
            RecordWriter(folder / SIGNATURES) as signatures,
        ):
            progress.start("judging", None)
            for outcome in first_pass(pool, reading.own(), passage, engine):
                spool.add(outcome)
                if outcome.problem is not None and not is_ruled_out(outcome.problem):
                    signatures.add(signature(outcome.problem))
                progress.advance(outcome.word, outcome.stage)
            if not reading.records:
                raise nothing_found(sources)
            progress.start("annotating", share.size(reading.records))
            for outcome in last_pass(pool, lambda o: _end(passage, o), spool, engine):
                outcomes.add(outcome)
                failures.enter(outcome)
                progress.advance(outcome.word, outcome.stage)
        write_ledger(folder, ledger)
        manifest = ShardManifest(
            shard=share,
            appsplus=metadata.version("appsplus"),
            inputs=input_rows(sources),
            options=recorded(options, engine),
            ledger=ledger.digest,
            versions=versions(engine.modules),
            submissions=None if submissions is None else submissions.facts(),
            records=reading.records,
            files=written_files(folder),
            run=run_facts(engine, started) | facts() | failures.facts(share.size(reading.records)),
        )
        write_shard(folder, manifest)
        commit(folder, target, check_shard_target)
    return manifest


class _Reading:
    """The records of a share; all of them are counted, and met by the submissions."""

    def __init__(self, sources: Sequence[Source], share: Share, submissions: Submissions | None) -> None:
        self._sources, self._share, self._submissions = sources, share, submissions
        self.records = 0  # so far, of all shares

    def own(self) -> Iterator[RawProblem | Rejected]:
        for source in self._sources:
            for record in source.read():
                if self._submissions is not None:
                    self._submissions.meet(record.problem_id)
                self.records += 1
                if self._share.holds(self.records - 1):
                    yield record


def _end(passage: Passage, outcome: Outcome) -> Outcome:
    """The end of a problem if it is no duplicate, without what only the passes need."""
    return replace(passage.last(outcome, None), raw=None, without=None)
