"""Every stage in order, every problem accounted for: raw problems in, a dataset folder out.

A build makes two passes. The first takes each problem through the stages up to `passing`, several at a time, and spools
what is left to disk; then `unique` looks at all of them at once (a few kilobytes each); the second pass takes the survivors
through the rest and writes the dataset. Results are taken in the source's order, so the bytes do not depend on the
number of workers. What the judge has answered is in the cache, so a build that was killed repeats none of it.

The stages are a list in `appsplus.passage`; `appsplus.assembly` writes the folder; `appsplus.shards` makes the same of
several builds, each of a share of the problems.
"""

import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from appsplus.assembly import Assembly, input_rows
from appsplus.engine.judging import Judging
from appsplus.engine.ordered import in_order, threads, window_for
from appsplus.errors import SourceError
from appsplus.ledger import Ledger
from appsplus.passage import (
    FIRST_PASS,
    KEPT,
    OUTCOMES,
    READING,
    REJECTED,
    STAGES,
    BuildOptions,
    Outcome,
    Passage,
    Record,
    Stage,
)
from appsplus.problem import RawProblem
from appsplus.release import Manifest, commit, prepare_target
from appsplus.release.spool import Spool
from appsplus.sources import Rejected, Source
from appsplus.stages.reviewed import is_ruled_out
from appsplus.stages.unique import Signature, duplicate_rejection, find_duplicates, signature
from appsplus.worklist.desk import Desk
from appsplus.worklist.submissions import Submissions

__all__ = [
    "FIRST_PASS",
    "KEPT",
    "OUTCOMES",
    "READING",
    "REJECTED",
    "STAGES",
    "BuildOptions",
    "Engine",
    "Outcome",
    "Passage",
    "Progress",
    "Record",
    "Stage",
    "build",
    "whole_way",
]

THREADS = 2  # per worker: half of them wait for the judge


class Engine(Judging, Protocol):
    """An engine, as the pipeline needs it."""

    workers: int
    isolation: str
    counts: Counter[str]

    @property
    def rungs(self) -> dict[str, Any]:
        """Of the isolation, as `Judge.rungs` has them."""
        ...


class Progress:
    """What a long build tells while it runs: nothing here, the command line draws it."""

    def start(self, what: str, total: int | None) -> None:
        """A pass begins; `total` problems, if that is known."""

    def advance(self, outcome: str, stage: str = "") -> None:
        """One problem is through the pass: one of OUTCOMES, and where it left, if it did."""


def build(
    sources: Sequence[Source],
    target: Path,
    engine: Engine,
    ledger: Ledger,
    options: BuildOptions | None = None,
    progress: Progress | None = None,
    submissions: Submissions | None = None,
    facts: Callable[[], dict[str, Any]] = dict,
) -> Manifest:
    """Build a dataset folder at `target` from `sources`; an existing dataset there is replaced in the end, at once.

    `submissions`, whose worth is known, say how many wrong programs the unit tests accept and how many right ones they
    refuse, before and after verification. `facts` of this run are asked for at its end, for the manifest's section `run`.

    Raises InputError for a source, a target or a disk that cannot be used, SourceError also where no problem was found,
    and SandboxError where the judge fails on one program after the other; a problem with one that it fails on leaves as
    `not_judged`. Whatever is raised, `target` stays as it was; what `engine` is doing then goes on until it is closed.
    """
    options, progress = options or BuildOptions(), progress or Progress()
    started = time.monotonic()
    passage = make_passage(engine, ledger, options, submissions)
    with prepare_target(target) as folder:
        with (
            threads(THREADS * engine.workers) as pool,
            Spool[Outcome](folder) as spool,
            Assembly(folder, ledger, audit_share=options.audit_share, seed=options.seed) as assembly,
        ):
            signatures, given = list[Signature](), 0
            progress.start("judging", None)
            for outcome in first_pass(pool, (r for source in sources for r in source.read()), passage, engine):
                given += 1
                spool.add(outcome)
                if outcome.problem is not None and not is_ruled_out(outcome.problem):
                    signatures.append(signature(outcome.problem))
                if submissions is not None:
                    submissions.meet(outcome.record.problem_id)
                progress.advance(outcome.word, outcome.stage)
            if not given:
                raise nothing_found(sources)
            duplicates = find_duplicates(signatures)
            del signatures
            progress.start("annotating", given)

            def finish(outcome: Outcome) -> Outcome:
                found = duplicates.get(outcome.record.problem_id)
                return passage.last(outcome, None if found is None else duplicate_rejection(found))

            for outcome in last_pass(pool, finish, spool, engine):
                assembly.take(outcome)
                progress.advance(outcome.word, outcome.stage)
        manifest = assembly.seal(
            given=given,
            inputs=input_rows(sources),
            options=recorded(options, engine),
            submissions=None if submissions is None else submissions.facts(),
            run=run_facts(engine, started) | facts(),
        )
        commit(folder, target)
    return manifest


def make_passage(engine: Judging, ledger: Ledger, options: BuildOptions, submissions: Submissions | None) -> Passage:
    """What records pass, as a build with these options has it."""
    share, mutants, seed = options.audit_share, options.mutants, options.seed
    desk = Desk(engine, ledger, submissions, audit_share=share, mutants=mutants, seed=seed)
    return Passage(engine, ledger, desk, options)


def whole_way(record: RawProblem | Rejected, judging: Judging, ledger: Ledger, options: BuildOptions) -> str:
    """Take one record through both passes, as if there were no other; returns one of OUTCOMES. Raises SandboxError."""
    passage = make_passage(judging, ledger, options, None)
    return passage.last(passage.first(record), None).word


def first_pass(
    pool: ThreadPoolExecutor, records: Iterable[RawProblem | Rejected], passage: Passage, engine: Engine
) -> Iterator[Outcome]:
    """Every record, in order, taken as far as the stages before `unique` let it."""
    return in_order(pool, passage.first, records, **window_for(engine.workers, text_bytes))


def last_pass(
    pool: ThreadPoolExecutor, finish: Callable[[Outcome], Outcome], outcomes: Iterable[Outcome], engine: Engine
) -> Iterator[Outcome]:
    """What has come through the first pass, in order, taken through the rest by `finish`."""
    return in_order(pool, finish, outcomes, **window_for(engine.workers, text_bytes))


_OBJECT = 32  # about what a number, an empty text or an empty list takes, in bytes


def text_bytes(item: Any) -> int:
    """About how much memory a record or an outcome takes, in bytes: its text, and the values of the call format."""
    if isinstance(item, Outcome):
        return text_bytes(item.raw or item.record)
    if not isinstance(item, RawProblem):
        return 0
    return _size_of((item.description, item.solutions, item.inputs, item.outputs))


def _size_of(value: Any) -> int:
    if isinstance(value, str):
        return _OBJECT + len(value)
    if isinstance(value, list | tuple):
        return _OBJECT + 8 * len(value) + sum(map(_size_of, value))
    return _size_of([*value, *value.values()]) if isinstance(value, dict) else _OBJECT


def nothing_found(sources: Sequence[Source]) -> SourceError:
    """What to say where the sources hold no record at all."""
    names = ", ".join(source.location for source in sources)
    return SourceError(f"no problem was found in {names}; check the path, or map its columns with --columns")


def recorded(options: BuildOptions, engine: Engine) -> dict[str, Any]:
    """The options as the manifest has them."""
    return {**asdict(options), "isolation": engine.isolation, "modules": list(engine.modules)}


def run_facts(engine: Engine, started: float) -> dict[str, Any]:
    """What is not reproducible of a run that began at `started` (of `time.monotonic`)."""
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_s": round(time.monotonic() - started, 1),
        "workers": engine.workers,
        "judged": engine.counts["judged"],
        "cached": engine.counts["cached"],
        "isolation": engine.rungs,
        "host": platform.platform(),
    }
