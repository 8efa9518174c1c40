"""Every stage in order, every problem accounted for: raw problems in, a dataset folder out.

A build makes two passes. The first takes each problem through the stages up to `passing`, several at a time, and spools
what is left to disk; then `unique` looks at all of them at once (a kilobyte each); the second pass takes the survivors
through the rest and writes the dataset. Results are taken in the source's order, so the bytes do not depend on the
number of workers. What the judge has answered is in the cache, so a build that was killed repeats none of it.
"""

import pickle
import platform
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol, TypeVar

from appsplus.annotate.annotated import annotated
from appsplus.engine.judging import Judging
from appsplus.errors import SourceError
from appsplus.judge import version as judge_version
from appsplus.ledger import Ledger
from appsplus.problem import Problem, RawProblem, Reason, Rejection
from appsplus.release import (
    DatasetWriter,
    FunnelStage,
    Manifest,
    RejectedProblem,
    commit,
    prepare_target,
    validation_split,
)
from appsplus.release.seal import seal
from appsplus.sources import Rejected, Source
from appsplus.stages.complete import complete
from appsplus.stages.corrected import corrected
from appsplus.stages.normalized import normalized
from appsplus.stages.passing import passing
from appsplus.stages.reviewed import reviewed
from appsplus.stages.runnable import runnable
from appsplus.stages.unique import Signature, duplicate_rejection, find_duplicates, signature

Record = RawProblem | Problem
Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Stage:
    """One line of the build."""

    name: str
    why: str  # what it makes sure of
    run: Callable[[Any, Judging, Ledger], Record | Rejection] | None = None  # None: it looks at all problems at once


READ = Stage("read", "the record can be read, and has the shape of a problem")
UNIQUE = Stage("unique", "no problem twice, and none in train that is in test")
STAGES = (
    READ,
    Stage("corrected", "corrections from the ledger are in place", lambda p, _, ledger: corrected(p, ledger)),
    Stage("complete", "description, solutions, and as many outputs as inputs", lambda p, _, __: complete(p)),
    Stage("normalized", "one I/O format, by the evidence of the solutions", lambda p, judge, _: normalized(p, judge)),
    Stage("runnable", "it parses, imports what the judge offers, has its entry point", lambda p, j, _: runnable(p, j)),
    Stage("passing", "a solution passes every unit test, every time", lambda p, judge, _: passing(p, judge)),
    UNIQUE,
    Stage("reviewed", "no person has ruled it out", lambda p, _, ledger: reviewed(p, ledger)),
    Stage("annotated", "split points, subtasks, executed lines", lambda p, judge, _: annotated(p, judge)),
)
FIRST_PASS = STAGES[1 : STAGES.index(UNIQUE)]
SECOND_PASS = STAGES[STAGES.index(UNIQUE) + 1 :]


class Engine(Judging, Protocol):
    """An engine, as the pipeline needs it."""

    workers: int
    isolation: str
    rungs: dict[str, Any]
    counts: Counter[str]


@dataclass(frozen=True)
class BuildOptions:
    """What a dataset depends on besides its sources and the ledger; recorded in the manifest."""

    validation_share: float = 0.05  # of the training problems
    seed: int = 0  # chooses them


@dataclass
class Progress:
    """What a long build tells while it runs; the CLI draws it. Every method may be replaced."""

    start: Callable[[str, int | None], None] = field(default=lambda _what, _total: None)
    advance: Callable[[str], None] = field(default=lambda _outcome: None)


@dataclass(frozen=True)
class _Outcome:
    """A problem on its way: as it is now, or where and why it left."""

    record: Record | Rejected
    stage: str = ""  # where it was rejected; empty: it is still in
    rejection: Rejection | None = None


class _Books:
    """Given = kept + rejected, at every stage."""

    def __init__(self) -> None:
        self._rejected: dict[str, Counter[str]] = {stage.name: Counter() for stage in STAGES}
        self._given = 0
        self.kept = 0

    def enter(self) -> None:
        self._given += 1

    def reject(self, stage: str, reason: Reason) -> None:
        self._rejected[stage][reason.value] += 1

    def funnel(self) -> tuple[FunnelStage, ...]:
        rows, given = [], self._given
        for stage in STAGES:
            rejected = dict(sorted(self._rejected[stage.name].items()))
            kept = given - sum(rejected.values())
            rows.append(FunnelStage(stage.name, given, kept, rejected))
            given = kept
        assert given == self.kept, f"the books do not balance: {given} should be left, {self.kept} were written"
        return tuple(rows)


def build(
    sources: Sequence[Source],
    target: Path,
    engine: Engine,
    ledger: Ledger,
    options: BuildOptions | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Build a dataset folder at `target` from `sources`; an existing dataset there is replaced in the end, at once.

    Raises InputError for a source or target that cannot be used, SourceError also where no problem was found, and
    SandboxError where the judge fails. Whatever is raised, `target` stays as it was.
    """
    options, progress = options or BuildOptions(), progress or Progress()
    started = time.monotonic()
    with prepare_target(target) as folder:
        spool = folder / ".spool"
        books = _Books()
        with DatasetWriter(folder) as writer:
            signatures = _first_pass(sources, engine, ledger, spool, books, progress)
            _second_pass(signatures, engine, ledger, spool, books, progress, writer, options)
        spool.unlink()
        manifest = Manifest(
            appsplus=metadata.version("appsplus"),
            inputs=[_input_row(source) for source in sources],
            options={**asdict(options), "isolation": engine.isolation, "modules": list(engine.modules)},
            ledger={"decisions": len(ledger), "sha256": ledger.digest},
            versions=_versions(),
            counts=writer.statistics.counts(),
            funnel=books.funnel(),
            run=_run_facts(engine, started),
        )
        manifest = seal(folder, manifest)
        commit(folder, target)
    return manifest


def _first_pass(
    sources: Sequence[Source], engine: Engine, ledger: Ledger, spool: Path, books: _Books, progress: Progress
) -> list[Signature]:
    """Spool the outcome of every record, in the sources' order; returns the signatures of those that are still in."""
    progress.start("judging", None)
    signatures = []
    records = (record for source in sources for record in source.read())
    with spool.open("wb") as file:
        for outcome in _ordered(lambda record: _through(FIRST_PASS, record, engine, ledger), records, engine.workers):
            books.enter()
            pickle.dump(outcome, file)
            if isinstance(outcome.record, Problem) and outcome.rejection is None:
                signatures.append(signature(outcome.record))
            progress.advance(_word(outcome))
    if not books._given:
        names = ", ".join(source.location for source in sources)
        raise SourceError(f"no problem was found in {names}; check the path, or map its columns with --columns")
    return signatures


def _second_pass(
    signatures: Sequence[Signature],
    engine: Engine,
    ledger: Ledger,
    spool: Path,
    books: _Books,
    progress: Progress,
    writer: DatasetWriter,
    options: BuildOptions,
) -> None:
    duplicates = find_duplicates(signatures)

    def finish(outcome: _Outcome) -> _Outcome:
        if outcome.rejection is not None:
            return outcome
        if duplicate := duplicates.get(outcome.record.problem_id):
            return _Outcome(outcome.record, UNIQUE.name, duplicate_rejection(duplicate))
        return _through(SECOND_PASS, outcome.record, engine, ledger)

    progress.start("annotating", books._given)
    for outcome in _ordered(finish, _spooled(spool), engine.workers):
        progress.advance(_word(outcome))
        if outcome.rejection is not None:
            books.reject(outcome.stage, outcome.rejection.reason)
            writer.reject(RejectedProblem.of(outcome.record, outcome.stage, outcome.rejection))
        else:
            assert isinstance(outcome.record, Problem)
            books.kept += 1
            writer.add(outcome.record, _split(outcome.record, options))


def _spooled(spool: Path) -> Iterator[_Outcome]:
    """Outcomes that this process has written a moment ago."""
    with spool.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)
            except EOFError:
                return


def _through(stages: Sequence[Stage], record: Record | Rejected, judging: Judging, ledger: Ledger) -> _Outcome:
    """Take one record through the stages, up to its rejection."""
    if isinstance(record, Rejected):
        return _Outcome(record, READ.name, record.rejection)
    for stage in stages:
        assert stage.run is not None
        result = stage.run(record, judging, ledger)
        if isinstance(result, Rejection):
            return _Outcome(record, stage.name, result)
        record = result
    return _Outcome(record)


def _ordered(work: Callable[[Given], Made], items: Iterable[Given], workers: int) -> Iterator[Made]:
    """Like `map`, several at a time, results in order, and never more than a window of items in memory."""
    window = 32 * workers  # a slow problem holds up the order, not the workers
    pending: deque[Any] = deque()
    pool = ThreadPoolExecutor(2 * workers, thread_name_prefix="stage")  # half of them wait for the judge
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) >= window:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _split(problem: Problem, options: BuildOptions) -> str:
    if problem.split == "train" and validation_split(problem.content_hash, options.validation_share, options.seed):
        return "validation"
    return problem.split


def _word(outcome: _Outcome) -> str:
    return "kept" if outcome.rejection is None else "rejected"


def _input_row(source: Source) -> dict[str, Any]:
    files = [asdict(item) for item in source.inputs()]
    return {"name": source.name, "revision": source.revision, "files": files}


def _versions() -> dict[str, str]:
    libraries = ("datasketch", "pyarrow", "tree-sitter", "tree-sitter-python")
    found = {name: metadata.version(name) for name in libraries}
    return {"judge": judge_version(), "python": platform.python_version(), **found}


def _run_facts(engine: Engine, started: float) -> dict[str, Any]:
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_s": round(time.monotonic() - started, 1),
        "workers": engine.workers,
        "judged": engine.counts["judged"],
        "cached": engine.counts["cached"],
        "isolation": engine.rungs,
        "host": platform.platform(),
    }
