"""One record's way through a build: the list of stages, and what becomes of a record in each of the two passes.

The first pass takes a record through the stages before `unique`; the second takes what is still in to its end, and looks
for what people should look at. Nothing here depends on another record but whether a problem is a duplicate, so that records
may pass in any order, in several threads, processes or machines.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from appsplus.annotate.annotated import annotated
from appsplus.engine.judging import Judging
from appsplus.engine.strikes import not_judged
from appsplus.errors import NotJudgedError
from appsplus.ledger import Ledger
from appsplus.problem import Problem, RawProblem, Reason, Rejection, Review
from appsplus.release import validation_split
from appsplus.sources import Rejected
from appsplus.stages.capped import capped
from appsplus.stages.complete import complete
from appsplus.stages.corrected import corrected
from appsplus.stages.determined import determined
from appsplus.stages.normalized import normalized
from appsplus.stages.passing import passing
from appsplus.stages.reviewed import reviewed
from appsplus.stages.runnable import runnable
from appsplus.worklist.desk import Desk, End, Found

Record = RawProblem | Problem


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

KEPT, REJECTED = "kept", "rejected"
OUTCOMES = (KEPT, REJECTED)


@dataclass(frozen=True)
class BuildOptions:
    """What a dataset depends on besides its sources and the ledger; recorded in the manifest."""

    validation_share: float = 0.05  # of the training problems
    seed: int = 0  # chooses them, the audit sample and the mutants
    audit_share: float = 0.05  # of the accepted problems: a random sample for people to look at
    mutants: int = 0  # of each canonical solution: which of them do the unit tests let pass?
    max_solutions: int = 0  # that are run of a problem, drawn by the seed; 0: all


@dataclass(frozen=True, slots=True)
class Outcome:
    """A record on its way: as it is now, or where and why it left."""

    record: Record | Rejected
    stage: str = ""  # where it was rejected; empty: it is still in
    rejection: Rejection | None = None
    raw: RawProblem | None = None  # as its source has it; None: it could not be read
    without: "Outcome | None" = None  # what would become of it without the ledger, where that changed something
    split: str = ""  # of the dataset, at the very end, where it is still in
    found: Found | None = None  # what people should look at, at the very end
    failure: str = ""  # of the judge, where it was rejected for that

    @property
    def word(self) -> str:
        """What it counts as: one of OUTCOMES."""
        return KEPT if self.rejection is None else REJECTED

    @property
    def problem(self) -> Problem | None:
        """The problem, if it is still in."""
        return self.record if isinstance(self.record, Problem) and self.rejection is None else None

    @property
    def review(self) -> Review | None:
        """What the ledger says of it."""
        return None if isinstance(self.record, Rejected) else self.record.review


@dataclass(frozen=True)
class Passage:
    """The two passes of a record. Both may run in several threads; they raise JudgingEndedError where the judge fails."""

    judging: Judging
    ledger: Ledger
    desk: Desk
    options: BuildOptions

    def first(self, record: RawProblem | Rejected) -> Outcome:
        """As far as the stages before `unique` let it. Where the ledger changed something: and what it were without.

        That the record then says which flaw a decision has mended, with the evidence, costs no program where a build before
        the decision is in the cache.
        """
        outcome = self._through(FIRST_PASS, record, self.ledger)
        review = outcome.review
        if review is None or not review.changed_something:
            return outcome
        without = self._through(FIRST_PASS, record, Ledger())
        if without.rejection is None:
            return replace(outcome, without=without)
        assert not isinstance(outcome.record, Rejected)
        review = replace(review, before=(without.stage, without.rejection))
        return replace(outcome, record=replace(outcome.record, review=review), without=without)

    def last(self, outcome: Outcome, duplicate: Rejection | None) -> Outcome:
        """From `unique` to the end, with what people should look at. `duplicate`: how `unique` rejects it, if it does."""
        if outcome.rejection is None and duplicate is not None:
            return replace(outcome, stage=UNIQUE.name, rejection=duplicate)
        if outcome.rejection is None:
            assert not isinstance(outcome.record, Rejected)
            end = self._through(SECOND_PASS, outcome.record, self.ledger)
            outcome = replace(end, raw=outcome.raw, without=outcome.without)
        if outcome.problem is not None:
            outcome = replace(outcome, split=self._split(outcome.problem))
        ended = self._end(outcome)
        return outcome if ended is None else replace(outcome, found=self.desk.look(ended))

    def _end(self, outcome: Outcome) -> End | None:
        """How it ended, and what the build makes of it without the ledger; None where nobody could read or judge it."""
        raw, record, rejection = outcome.raw, outcome.record, outcome.rejection
        if raw is None or outcome.failure:
            return None
        reviewed = self.ledger.reviewed(raw)
        problem = record if isinstance(record, Problem) else None
        if rejection is not None and rejection.reason is Reason.AMBIGUOUS_OUTPUT:
            problem = self._through(READING, reviewed, self.ledger).problem  # unread: what do its solutions print?
        before = problem if rejection is None or rejection.reason is Reason.RULED_OUT else None
        if outcome.without is not None:
            before = outcome.without.problem
        return End(raw, reviewed, problem, before, outcome.split or raw.split, outcome.stage, rejection)

    def _through(self, stages: Sequence[Stage], record: Record | Rejected, ledger: Ledger) -> Outcome:
        """Take one record through the stages, up to its rejection."""
        if isinstance(record, Rejected):
            return Outcome(record, READ.name, record.rejection)
        raw = record if isinstance(record, RawProblem) else None
        for stage in stages:
            assert stage.run is not None
            if stage.name == PASSING and isinstance(record, Problem):
                record = capped(record, self.options.max_solutions, self.options.seed)
            try:
                result = stage.run(record, self.judging, ledger)
            except NotJudgedError as error:
                return Outcome(record, stage.name, not_judged(error), raw, failure=str(error))
            if isinstance(result, Rejection):
                return Outcome(record, stage.name, result, raw)
            record = result
        return Outcome(record, raw=raw)

    def _split(self, problem: Problem) -> str:
        share, seed = self.options.validation_share, self.options.seed
        if problem.split == "train" and validation_split(problem.content_hash, share, seed):
            return "validation"
        return problem.split
