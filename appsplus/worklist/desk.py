"""What a build hands to people, put together problem by problem: the worklist, the audit sample, the submissions.

`Desk` looks at a problem, wherever it is judged; `DeskBooks` take what was found, where the dataset is written.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from appsplus.engine.judging import Judging
from appsplus.errors import NotJudgedError
from appsplus.ledger import Ledger
from appsplus.problem import Problem, RawProblem, Reason, Rejection
from appsplus.release.worklist import WorkItem, WorklistWriter
from appsplus.worklist.audit import AuditBooks, doubt_of_sample, in_sample, rulings
from appsplus.worklist.case import Case
from appsplus.worklist.find import doubts, item_of
from appsplus.worklist.submissions import Judged, Submissions, Tally, judged

Made = TypeVar("Made")


@dataclass(frozen=True)
class End:
    """A problem that has come to its end in the build, and how."""

    record: RawProblem  # as its source has it
    raw: RawProblem  # after the corrections in force
    problem: Problem | None  # as far as it could be read
    before: Problem | None  # what the build accepts of it without the ledger; None: nothing
    split: str  # of the dataset for a kept problem, else of the source
    stage: str = ""  # that rejected it
    rejection: Rejection | None = None


@dataclass(frozen=True)
class Found:
    """What there is to say about one problem."""

    problem_id: str
    item: WorkItem | None  # None: nobody needs to look
    audited: tuple[str, str] | None  # problem id and source hash of a problem that the build accepts on its own
    judged: tuple[Judged, ...] = ()
    failure: str = ""  # of the judge: not all that speaks for a look could be found


class Desk:
    """Looks at problems, in several threads if need be."""

    def __init__(
        self,
        judging: Judging,
        ledger: Ledger,
        submissions: Submissions | None,
        *,
        audit_share: float,
        mutants: int,
        seed: int,
    ) -> None:
        self._judging, self._ledger, self._submissions = judging, ledger, submissions
        self._share, self._mutants, self._seed = audit_share, mutants, seed

    def look(self, end: End) -> Found:
        """Everything that speaks for a look at one problem. Raises SandboxError.

        Where the judge fails on a program every time, what that program would say is left out, and the failure told.
        """
        record = end.record
        tried, failed = _unless_failed(lambda: self._judged(end))
        ruled_out = end.rejection is not None and end.rejection.reason is Reason.RULED_OUT
        case = Case(
            end.raw,
            end.problem,
            self._judging,
            rejection=None if ruled_out else end.rejection,  # what speaks against it beside the ruling
            submissions=tried or (),
            mutants=self._mutants,
            seed=self._seed,
        )
        found, failed_too = _unless_failed(lambda: doubts(case))
        found = found or []
        if end.before is not None and in_sample(record.problem_id, record.source_hash, self._share, self._seed):
            found.append(doubt_of_sample(self._share, self._seed))
        item = found and item_of(
            record,
            end.raw,
            found,
            outcome="kept" if end.rejection is None else "rejected",
            stage=end.stage,
            split=end.split,
            decided=any(rulings(self._ledger, record.problem_id, record.source_hash)),
        )
        audited = (record.problem_id, record.source_hash) if end.before else None
        counted = tuple(replace(one, submission=replace(one.submission, code="")) for one in tried or ())
        return Found(record.problem_id, item or None, audited, counted, failed or failed_too)

    def _judged(self, end: End) -> tuple[Judged, ...]:
        if self._submissions is None or (end.before is None and end.rejection is not None):
            return ()
        after = end.problem if end.rejection is None else None
        return judged(self._submissions.of(end.record.problem_id), end.before, after, self._judging)


class DeskBooks:
    """Writes and counts what was found, in the order of the build."""

    def __init__(self, ledger: Ledger, *, audit_share: float, seed: int) -> None:
        self._ledger = ledger
        self._audit, self._tally = AuditBooks(audit_share, seed), Tally()
        self._reasons: dict[str, int] = {}
        self._items = 0

    def enter(self, found: Found, writer: WorklistWriter) -> None:
        """Write the item of a problem, and count."""
        if found.audited is not None:
            self._audit.enter(self._ledger, *found.audited)
        self._tally.enter(found.judged)
        if found.item is not None:
            writer.add(found.item)
            self._items += 1
            for slug in found.item.slugs:
                self._reasons[slug] = self._reasons.get(slug, 0) + 1

    def facts(self, submissions: dict[str, Any] | None) -> dict[str, Any]:
        """For the counts of the manifest: `worklist`, `audit` and, where some were given, `submissions`.

        `submissions`: the facts about their file (`Submissions.facts`); None where none were given.
        """
        facts: dict[str, Any] = {
            "worklist": {"problems": self._items, "reasons": dict(sorted(self._reasons.items()))},
            "audit": self._audit.to_json(),
        }
        if submissions is not None:
            lines, left_over = submissions["lines"], submissions["left_over"]
            rejected = lines["labelled"] - sum(left_over.values()) - self._tally.entered
            lines = {**lines, **left_over, "rejected_problem": rejected}
            facts["submissions"] = {"file": submissions["file"], "lines": lines, **self._tally.to_json()}
        return facts


def _unless_failed(work: Callable[[], Made]) -> tuple[Made | None, str]:
    """What `work` makes and "", or None and what the judge said where it fails on a program every time."""
    try:
        return work(), ""
    except NotJudgedError as error:
        return None, str(error)
