"""Every stage in order, every problem accounted for: raw problems in, a dataset folder out.

A build makes two passes. The first takes each problem through the stages up to `passing`, several at a time, and spools
what is left to disk; then `unique` looks at all of them at once (a kilobyte each); the second pass takes the survivors
through the rest and writes the dataset. Results are taken in the source's order, so the bytes do not depend on the
number of workers. What the judge has answered is in the cache, so a build that was killed repeats none of it.
"""

import pickle
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol, Self

from appsplus.annotate.annotated import annotated
from appsplus.engine.judging import Judging
from appsplus.engine.ordered import in_order, threads
from appsplus.errors import SourceError
from appsplus.judge import version as judge_version
from appsplus.ledger import Ledger
from appsplus.problem import Problem, RawProblem, Rejection
from appsplus.release import (
    DatasetWriter,
    FunnelStage,
    Manifest,
    RejectedProblem,
    commit,
    disk_errors,
    prepare_target,
    validation_split,
)
from appsplus.release.seal import seal
from appsplus.sources import Rejected, Source
from appsplus.stages.complete import complete
from appsplus.stages.corrected import corrected
from appsplus.stages.determined import determined
from appsplus.stages.normalized import normalized
from appsplus.stages.passing import passing
from appsplus.stages.reviewed import reviewed
from appsplus.stages.runnable import runnable
from appsplus.stages.unique import Signature, duplicate_rejection, find_duplicates, signature

Record = RawProblem | Problem

THREADS = 2  # per worker: half of them wait for the judge
WINDOW = 32  # problems in memory, per worker: a slow problem holds up the order, not the workers


@dataclass(frozen=True)
class Stage:
    """One line of the build."""

    name: str
    why: str  # what it makes sure of
    run: Callable[[Any, Judging, Ledger], Record | Rejection] | None = None  # None: it looks at all problems at once


READ = Stage("read", "the record has the shape of a problem")
UNIQUE = Stage("unique", "no problem twice, none in train that is in test")
STAGES = (
    READ,
    Stage("corrected", "corrections from the ledger are in place", lambda p, _, ledger: corrected(p, ledger)),
    Stage("complete", "description, solutions, an output for every input", lambda p, _, __: complete(p)),
    Stage("determined", "one right output per input, or a checker", lambda p, _, __: determined(p)),
    Stage("normalized", "one I/O format, by the evidence of the solutions", lambda p, judge, _: normalized(p, judge)),
    Stage("runnable", "parses, imports what is offered, has its entry point", lambda p, j, _: runnable(p, j)),
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


KEPT, REJECTED = "kept", "rejected"
OUTCOMES = (KEPT, REJECTED)


class Progress:
    """What a long build tells while it runs: nothing here, the command line draws it."""

    def start(self, what: str, total: int | None) -> None:
        """A pass begins; `total` problems, if that is known."""

    def advance(self, outcome: str) -> None:
        """One problem is through the pass: one of OUTCOMES."""


@dataclass(frozen=True)
class _Outcome:
    """A problem on its way: as it is now, or where and why it left."""

    record: Record | Rejected
    stage: str = ""  # where it was rejected; empty: it is still in
    rejection: Rejection | None = None

    @property
    def word(self) -> str:
        return KEPT if self.rejection is None else REJECTED


def build(
    sources: Sequence[Source],
    target: Path,
    engine: Engine,
    ledger: Ledger,
    options: BuildOptions | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Build a dataset folder at `target` from `sources`; an existing dataset there is replaced in the end, at once.

    Raises InputError for a source, a target or a disk that cannot be used, SourceError also where no problem was found,
    and SandboxError where the judge fails. Whatever is raised, `target` stays as it was; what `engine` is doing then
    goes on until it is closed.
    """
    options, progress = options or BuildOptions(), progress or Progress()
    started = time.monotonic()
    with prepare_target(target) as folder:
        books = _Books()
        with threads(THREADS * engine.workers) as pool, _Spool(folder) as spool, DatasetWriter(folder) as writer:
            progress.start("judging", None)
            for outcome in _first_pass(pool, sources, engine, ledger):
                books.given += 1
                spool.add(outcome)
                progress.advance(outcome.word)
            if not books.given:
                raise _nothing_found(sources)
            progress.start("annotating", books.given)
            for outcome in _second_pass(pool, spool, engine, ledger):
                books.enter(outcome)
                _write(outcome, writer, options)
                progress.advance(outcome.word)
        manifest = seal(folder, _manifest(sources, engine, ledger, options, writer, books, started))
        commit(folder, target)
    return manifest


def _first_pass(
    pool: ThreadPoolExecutor, sources: Sequence[Source], engine: Engine, ledger: Ledger
) -> Iterator[_Outcome]:
    """Every record of the sources, in their order, taken as far as the stages before `unique` let it."""
    records = (record for source in sources for record in source.read())
    return in_order(
        pool, lambda record: _through(FIRST_PASS, record, engine, ledger), records, window=WINDOW * engine.workers
    )


def _second_pass(pool: ThreadPoolExecutor, spool: "_Spool", engine: Engine, ledger: Ledger) -> Iterator[_Outcome]:
    """Every outcome of the first pass, taken to its end."""
    duplicates = find_duplicates(spool.signatures)

    def finish(outcome: _Outcome) -> _Outcome:
        if outcome.rejection is not None:
            return outcome
        if duplicate := duplicates.get(outcome.record.problem_id):
            return _Outcome(outcome.record, UNIQUE.name, duplicate_rejection(duplicate))
        return _through(SECOND_PASS, outcome.record, engine, ledger)

    return in_order(pool, finish, spool.read(), window=WINDOW * engine.workers)


def judged_alone(record: RawProblem, judging: Judging) -> tuple[Record, str, Rejection | None]:
    """One problem through the first pass, without a ledger: what is left of it, and where and why it left, if it did.

    Raises what the stages raise, SandboxError above all.
    """
    outcome = _through(FIRST_PASS, record, judging, Ledger())
    assert not isinstance(outcome.record, Rejected)
    return outcome.record, outcome.stage, outcome.rejection


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


def _write(outcome: _Outcome, writer: DatasetWriter, options: BuildOptions) -> None:
    if outcome.rejection is not None:
        writer.reject(RejectedProblem.of(outcome.record, outcome.stage, outcome.rejection))
    else:
        assert isinstance(outcome.record, Problem)
        writer.add(outcome.record, _split(outcome.record, options))


class _Spool:
    """The outcomes of the first pass, on disk, and the signatures of those that are still in.

    In a nameless file of the target's disk, so that nothing is left of it however this process ends.
    """

    def __init__(self, folder: Path) -> None:
        self.signatures: list[Signature] = []
        self._folder = folder
        with disk_errors(folder):
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what is not on disk yet need not get there
            self._file.close()

    def add(self, outcome: _Outcome) -> None:
        """Append an outcome. Raises InputError where the disk is full."""
        with disk_errors(self._folder):
            pickle.dump(outcome, self._file)
        if isinstance(outcome.record, Problem) and outcome.rejection is None:
            self.signatures.append(signature(outcome.record))

    def read(self) -> Iterator[_Outcome]:
        """Every outcome, in order. This process has written them a moment ago, so that they may be pickles."""
        with disk_errors(self._folder):
            self._file.seek(0)
        while True:
            try:
                yield pickle.load(self._file)
            except EOFError:
                return


class _Books:
    """Given = kept + rejected, at every stage."""

    def __init__(self) -> None:
        self.given = 0
        self._kept = 0
        self.reference_cpu_s: dict[str, float | None] = {}  # by problem that was kept
        self._rejected: dict[str, Counter[str]] = {stage.name: Counter() for stage in STAGES}

    def enter(self, outcome: _Outcome) -> None:
        """A problem has come to its end."""
        if outcome.rejection is None:
            self._kept += 1
            assert isinstance(outcome.record, Problem)
            self.reference_cpu_s[outcome.record.problem_id] = outcome.record.reference_cpu_s
        else:
            self._rejected[outcome.stage][outcome.rejection.reason.value] += 1

    def funnel(self) -> tuple[FunnelStage, ...]:
        rows, given = [], self.given
        for stage in STAGES:
            rejected = dict(sorted(self._rejected[stage.name].items()))
            kept = given - sum(rejected.values())
            rows.append(FunnelStage(stage.name, given, kept, rejected))
            given = kept
        assert given == self._kept, f"the books do not balance: {given} should be left, {self._kept} were written"
        return tuple(rows)


def _nothing_found(sources: Sequence[Source]) -> SourceError:
    names = ", ".join(source.location for source in sources)
    return SourceError(f"no problem was found in {names}; check the path, or map its columns with --columns")


def _manifest(
    sources: Sequence[Source],
    engine: Engine,
    ledger: Ledger,
    options: BuildOptions,
    writer: DatasetWriter,
    books: _Books,
    started: float,
) -> Manifest:
    return Manifest(
        appsplus=metadata.version("appsplus"),
        inputs=[_input_row(source) for source in sources],
        options={**asdict(options), "isolation": engine.isolation, "modules": list(engine.modules)},
        ledger={"decisions": len(ledger), "sha256": ledger.digest},
        versions=_versions(),
        counts=writer.statistics.counts(),
        funnel=books.funnel(),
        run=_run_facts(engine, started) | {"reference_cpu_s": books.reference_cpu_s},
    )


def _split(problem: Problem, options: BuildOptions) -> str:
    if problem.split == "train" and validation_split(problem.content_hash, options.validation_share, options.seed):
        return "validation"
    return problem.split


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
