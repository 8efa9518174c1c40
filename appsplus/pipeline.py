"""Every stage in order, every problem accounted for: raw problems in, a dataset folder out.

A build makes two passes. The first takes each problem through the stages up to `passing`, several at a time, and spools
what is left to disk; then `unique` looks at all of them at once (a kilobyte each); the second pass takes the survivors
through the rest and writes the dataset. Results are taken in the source's order, so the bytes do not depend on the
number of workers. What the judge has answered is in the cache, so a build that was killed repeats none of it.
"""

import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from appsplus.annotate.annotated import annotated
from appsplus.engine.judging import Judging
from appsplus.engine.ordered import in_order, threads
from appsplus.engine.strikes import not_judged
from appsplus.errors import NotJudgedError, SourceError
from appsplus.evaluation.split_overlap import SplitOverlap
from appsplus.judge import version as judge_version
from appsplus.ledger import Accounts, Ledger
from appsplus.problem import Problem, RawProblem, Reason, Rejection, Review
from appsplus.release import (
    DatasetWriter,
    Manifest,
    RejectedProblem,
    WorklistWriter,
    commit,
    prepare_target,
    validation_split,
)
from appsplus.release.books import Books
from appsplus.release.ledger import write_ledger
from appsplus.release.seal import seal
from appsplus.release.spool import Spool
from appsplus.sources import Rejected, Source
from appsplus.stages.capped import capped
from appsplus.stages.complete import complete
from appsplus.stages.corrected import corrected
from appsplus.stages.determined import determined
from appsplus.stages.normalized import normalized
from appsplus.stages.passing import passing
from appsplus.stages.reviewed import reviewed
from appsplus.stages.runnable import runnable
from appsplus.stages.unique import Signature, duplicate_rejection, find_duplicates, signature
from appsplus.worklist.desk import Desk, End, Found
from appsplus.worklist.submissions import Submissions

Record = RawProblem | Problem

THREADS = 2  # per worker: half of them wait for the judge
WINDOW = 32  # problems in memory, per worker: a slow problem holds up the order, not the workers


@dataclass(frozen=True)
class Stage:
    """One line of the build."""

    name: str
    why: str  # what it makes sure of
    run: Callable[[Any, Judging, Ledger], Record | Rejection] | None = None  # None: it looks at all problems at once


PASSING = "passing"
READ = Stage("read", "the record has the shape of a problem")
UNIQUE = Stage("unique", "no problem twice, none in train that is in test")
STAGES = (
    READ,
    Stage("corrected", "corrections from the ledger are in place", lambda p, _, ledger: corrected(p, ledger)),
    Stage("complete", "description, solutions, an output for every input", lambda p, _, __: complete(p)),
    Stage("determined", "one right output per input, or a checker", lambda p, _, __: determined(p)),
    Stage("normalized", "one I/O format, by the evidence of the solutions", lambda p, judge, _: normalized(p, judge)),
    Stage("runnable", "parses, imports what is offered, has its entry point", lambda p, j, _: runnable(p, j)),
    Stage(PASSING, "a solution passes every unit test, every time", lambda p, judge, _: passing(p, judge)),
    UNIQUE,
    Stage("reviewed", "no person has ruled it out", lambda p, _, __: reviewed(p)),
    Stage("annotated", "split points, subtasks, executed lines", lambda p, judge, _: annotated(p, judge)),
)
FIRST_PASS = STAGES[1 : STAGES.index(UNIQUE)]
SECOND_PASS = STAGES[STAGES.index(UNIQUE) + 1 :]
READING = tuple(stage for stage in STAGES if stage.name in ("normalized", "runnable"))  # as far as programs can be run


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
    seed: int = 0  # chooses them, the audit sample and the mutants
    audit_share: float = 0.05  # of the accepted problems: a random sample for people to look at
    mutants: int = 0  # of each canonical solution: which of them do the unit tests let pass?
    max_solutions: int = 0  # that are run of a problem, drawn by the seed; 0: all


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
    raw: RawProblem | None = None  # as its source has it; None: it could not be read
    without: "_Outcome | None" = None  # what would become of it without the ledger, where that changed something
    found: Found | None = None  # what people should look at, at the very end
    failure: str = ""  # of the judge, where it was rejected for that

    @property
    def word(self) -> str:
        return KEPT if self.rejection is None else REJECTED

    @property
    def problem(self) -> Problem | None:
        """The problem, if it is still in."""
        return self.record if isinstance(self.record, Problem) and self.rejection is None else None

    @property
    def review(self) -> Review | None:
        return None if isinstance(self.record, Rejected) else self.record.review


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
    `not_judged`. Whatever is raised, `target` stays as it was; what `engine` is doing then
    goes on until it is closed.
    """
    options, progress = options or BuildOptions(), progress or Progress()
    started = time.monotonic()
    with prepare_target(target) as folder:
        books, accounts = Books([stage.name for stage in STAGES]), Accounts(ledger)
        signatures, splits = list[Signature](), SplitOverlap()
        share, mutants, seed = options.audit_share, options.mutants, options.seed
        desk = Desk(engine, ledger, submissions, audit_share=share, mutants=mutants, seed=seed)
        with (
            threads(THREADS * engine.workers) as pool,
            Spool[_Outcome](folder) as spool,
            DatasetWriter(folder) as writer,
            WorklistWriter(folder) as worklist,
        ):
            progress.start("judging", None)
            for outcome in _first_pass(pool, sources, engine, ledger, options):
                books.given += 1
                spool.add(outcome)
                if outcome.problem is not None:
                    signatures.append(signature(outcome.problem))
                if submissions is not None:
                    submissions.meet(outcome.record.problem_id)
                progress.advance(outcome.word)
            if not books.given:
                raise _nothing_found(sources)
            progress.start("annotating", books.given)
            for outcome in _second_pass(pool, spool, find_duplicates(signatures), engine, ledger, desk, options):
                accounts.enter(outcome.record.problem_id, outcome.review)
                if outcome.found is not None:
                    desk.enter(outcome.found, worklist)
                _write(outcome, books, writer, splits, options)
                progress.advance(outcome.word)
        write_ledger(folder, ledger)
        manifest = _manifest(sources, engine, accounts, options, writer, books, desk, splits, started)
        manifest = seal(folder, replace(manifest, run=manifest.run | facts()))
        commit(folder, target)
    return manifest


def _first_pass(
    pool: ThreadPoolExecutor, sources: Sequence[Source], engine: Engine, ledger: Ledger, options: BuildOptions
) -> Iterator[_Outcome]:
    """Every record of the sources, in their order, taken as far as the stages before `unique` let it."""
    records = (record for source in sources for record in source.read())
    window = WINDOW * engine.workers
    return in_order(pool, lambda record: _reviewed(record, engine, ledger, options), records, window=window)


def _second_pass(
    pool: ThreadPoolExecutor,
    spool: Spool[_Outcome],
    duplicates: Mapping[str, Any],
    engine: Engine,
    ledger: Ledger,
    desk: Desk,
    options: BuildOptions,
) -> Iterator[_Outcome]:
    """Every outcome of the first pass, taken to its end, with what people should look at."""

    def finish(outcome: _Outcome) -> _Outcome:
        if outcome.rejection is None and (duplicate := duplicates.get(outcome.record.problem_id)):
            return replace(outcome, stage=UNIQUE.name, rejection=duplicate_rejection(duplicate))
        return _finished(outcome, engine, ledger, desk, options)

    return in_order(pool, finish, iter(spool), window=WINDOW * engine.workers)


def _finished(outcome: _Outcome, engine: Judging, ledger: Ledger, desk: Desk, options: BuildOptions) -> _Outcome:
    """An outcome of the first pass that is no duplicate, taken to its end."""
    if outcome.rejection is None:
        end = _through(SECOND_PASS, outcome.record, engine, ledger, options)
        outcome = replace(end, raw=outcome.raw, without=outcome.without)
    ended = _end(outcome, engine, ledger, options)
    return outcome if ended is None else replace(outcome, found=desk.look(ended))


def whole_way(record: RawProblem | Rejected, judging: Judging, ledger: Ledger, options: BuildOptions) -> str:
    """Take one record through both passes, as if there were no other; returns one of OUTCOMES. Raises SandboxError."""
    share, mutants, seed = options.audit_share, options.mutants, options.seed
    desk = Desk(judging, ledger, None, audit_share=share, mutants=mutants, seed=seed)
    return _finished(_reviewed(record, judging, ledger, options), judging, ledger, desk, options).word


def _end(outcome: _Outcome, engine: Judging, ledger: Ledger, options: BuildOptions) -> End | None:
    """How a problem ended, and what the build makes of it without the ledger; None where nobody could read or judge it."""
    raw, record, rejection = outcome.raw, outcome.record, outcome.rejection
    if raw is None or outcome.failure:
        return None
    reviewed = ledger.reviewed(raw)
    problem = record if isinstance(record, Problem) else None
    if rejection is not None and rejection.reason is Reason.AMBIGUOUS_OUTPUT:
        problem = _through(
            READING, reviewed, engine, ledger, options
        ).problem  # it left unread: what do its solutions print?
    before = problem if rejection is None or rejection.reason is Reason.RULED_OUT else None
    if outcome.without is not None:
        before = outcome.without.problem
    split = _split(record, options) if isinstance(record, Problem) and rejection is None else raw.split
    return End(raw, reviewed, problem, before, split, outcome.stage, rejection)


def _reviewed(record: RawProblem | Rejected, engine: Judging, ledger: Ledger, options: BuildOptions) -> _Outcome:
    """The first pass of one record. Where the ledger changed something: and what would have become of it without.

    That the record then says which flaw a decision has mended, with the evidence, costs no program where a build before the
    decision is in the cache.
    """
    outcome = _through(FIRST_PASS, record, engine, ledger, options)
    review = outcome.review
    if review is None or not review.changed_something:
        return outcome
    without = _through(FIRST_PASS, record, engine, Ledger(), options)
    if without.rejection is None:
        return replace(outcome, without=without)
    assert not isinstance(outcome.record, Rejected)
    review = replace(review, before=(without.stage, without.rejection))
    return replace(outcome, record=replace(outcome.record, review=review), without=without)


def _through(
    stages: Sequence[Stage], record: Record | Rejected, judging: Judging, ledger: Ledger, options: BuildOptions
) -> _Outcome:
    """Take one record through the stages, up to its rejection."""
    if isinstance(record, Rejected):
        return _Outcome(record, READ.name, record.rejection)
    raw = record if isinstance(record, RawProblem) else None
    for stage in stages:
        assert stage.run is not None
        if stage.name == PASSING and isinstance(record, Problem):
            record = capped(record, options.max_solutions, options.seed)
        try:
            result = stage.run(record, judging, ledger)
        except NotJudgedError as error:
            return _Outcome(record, stage.name, not_judged(error), raw, failure=str(error))
        if isinstance(result, Rejection):
            return _Outcome(record, stage.name, result, raw)
        record = result
    return _Outcome(record, raw=raw)


def _write(outcome: _Outcome, books: Books, writer: DatasetWriter, splits: SplitOverlap, options: BuildOptions) -> None:
    if outcome.rejection is not None:
        books.reject(outcome.stage, outcome.rejection)
        if outcome.failure:
            books.fail(outcome.record.problem_id, outcome.stage, outcome.failure)
        writer.reject(RejectedProblem.of(outcome.record, outcome.stage, outcome.rejection))
    else:
        assert isinstance(outcome.record, Problem)
        books.keep(outcome.record)
        split = _split(outcome.record, options)
        writer.add(outcome.record, split)
        splits.add(outcome.record, split)


def _nothing_found(sources: Sequence[Source]) -> SourceError:
    names = ", ".join(source.location for source in sources)
    return SourceError(f"no problem was found in {names}; check the path, or map its columns with --columns")


def _manifest(
    sources: Sequence[Source],
    engine: Engine,
    accounts: Accounts,
    options: BuildOptions,
    writer: DatasetWriter,
    books: Books,
    desk: Desk,
    splits: SplitOverlap,
    started: float,
) -> Manifest:
    return Manifest(
        appsplus=metadata.version("appsplus"),
        inputs=[_input_row(source) for source in sources],
        options={**asdict(options), "isolation": engine.isolation, "modules": list(engine.modules)},
        ledger=accounts.to_json(),
        versions=_versions(),
        counts=writer.statistics.counts() | desk.facts() | {"splits_overlap": splits.figures()},
        funnel=books.funnel(),
        run=_run_facts(engine, started)
        | books.failures()
        | desk.failures()
        | {"reference_cpu_s": books.reference_cpu_s},
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
