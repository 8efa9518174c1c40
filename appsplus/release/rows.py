"""Records to rows and back: what a problem, a subtask and a rejected problem look like in the Parquet files."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Self

from appsplus import jsonl
from appsplus.problem import (
    Annotation,
    Change,
    Checker,
    IOFormat,
    Limits,
    Problem,
    RawProblem,
    Reason,
    Rejection,
    Review,
    ReviewEvent,
    Solution,
    SplitPoint,
    UnitTest,
    Verdict,
)
from appsplus.release.schema import SPLITS
from appsplus.sources.record import Rejected

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RejectedProblem:
    """One row of the config `rejected`: a problem that left the build, where, and why."""

    problem_id: str
    source: str
    split: str  # of the source: "train" or "test"
    stage: str  # the stage it left at
    rejection: Rejection
    description: str = ""
    url: str = ""
    license: str = ""
    difficulty: str = "unknown"
    source_hash: str = ""  # empty where the record could not be read at all
    review: Review | None = None

    @classmethod
    def of(cls, record: Problem | RawProblem | Rejected, stage: str, rejection: Rejection) -> Self:
        """The row for a record that `stage` rejected, in whatever shape it was there."""
        return cls(
            problem_id=record.problem_id,
            source=record.source,
            split=record.split,
            stage=stage,
            rejection=rejection,
            description=record.description,
            url=record.url,
            license=record.license,
            difficulty=record.difficulty,
            source_hash="" if isinstance(record, Rejected) else record.source_hash,
            review=None if isinstance(record, Rejected) else record.review,
        )


def prompt_text(problem: Problem, prefix: str = "") -> str:
    """What a policy reads: the description, the starter code if there is any, then the prefix, to be continued."""
    starter_code = problem.starter_code.rstrip("\n")
    return problem.description.rstrip("\n") + "\n\n" + (starter_code and starter_code + "\n\n") + prefix


def problem_row(problem: Problem) -> Row:
    """A finished problem as a row of the config `default`.

    Raises ValueError for a problem that is not finished: no accepted canonical solution, another solution without a
    verdict, or no annotation.
    """
    annotation = _annotation(problem)
    return {
        "problem_id": problem.problem_id,
        "source": problem.source,
        "url": problem.url,
        "license": problem.license,
        "difficulty": problem.difficulty,
        "description": problem.description,
        "io_format": str(problem.io_format),
        "entry_point": problem.entry_point,
        "starter_code": problem.starter_code,
        "canonical_solution": problem.canonical_solution,
        "canonical_index": problem.canonical,
        "other_solutions": [{"code": s.code, "verdict": _verdict(problem, s)} for s in problem.other_solutions],
        "unit_tests": [{"input": t.input, "output": t.output} for t in problem.unit_tests],
        "limits": _flat(problem.limits),
        "checker": problem.checker
        and {
            "kind": problem.checker.kind,
            "any_of": [list(outputs) for outputs in problem.checker.any_of],
            "program": problem.checker.program,
        },
        "split_points": [_flat(point) for point in annotation.split_points],
        "subtask_chars": list(annotation.subtask_chars),
        "executable_lines": list(annotation.executable_lines),
        "executed_lines": [list(lines) for lines in annotation.executed_lines],
        "changes": [_flat(change) for change in problem.changes],
        "review": _review_row(problem.review),
        "source_hash": problem.source_hash,
        "content_hash": problem.content_hash,
    }


def _flat(value: Limits | SplitPoint | Change) -> dict[str, Any]:
    """As `asdict`, which copies what is within, and takes long for it."""
    return {name: getattr(value, name) for name in value.__slots__}


def problem_from_row(row: Row, split: str) -> Problem:
    """The inverse of `problem_row`; `split` is the dataset's (a validation problem comes from the source's train)."""
    solutions = [Solution(s["code"], Verdict(s["verdict"])) for s in row["other_solutions"]]
    solutions.insert(row["canonical_index"], Solution(row["canonical_solution"], Verdict.ACCEPTED))
    checker = row["checker"]
    return Problem(
        problem_id=row["problem_id"],
        source=row["source"],
        split=source_split(split),
        description=row["description"],
        io_format=IOFormat(row["io_format"]),
        entry_point=row["entry_point"],
        starter_code=row["starter_code"],
        solutions=tuple(solutions),
        unit_tests=tuple(UnitTest(**t) for t in row["unit_tests"]),
        source_hash=row["source_hash"],
        difficulty=row["difficulty"],
        url=row["url"],
        license=row["license"],
        limits=Limits(**row["limits"]),
        checker=checker
        and Checker(checker["kind"], tuple(tuple(outputs) for outputs in checker["any_of"]), checker["program"]),
        canonical=row["canonical_index"],
        changes=tuple(Change(**change) for change in row["changes"]),
        review=_review(row.get("review")),
        annotation=Annotation(
            split_points=tuple(SplitPoint(**point) for point in row["split_points"]),
            subtask_chars=tuple(row["subtask_chars"]),
            executable_lines=tuple(row["executable_lines"]),
            executed_lines=tuple(tuple(lines) for lines in row["executed_lines"]),
        ),
    )


def subtask_rows(problem: Problem) -> Iterator[Row]:
    """One row a level of the curriculum, easiest first; prefix + remainder is the canonical solution."""
    code = problem.canonical_solution
    subtask_chars = _annotation(problem).subtask_chars
    for level, chars in enumerate(subtask_chars, start=1):
        yield {
            "problem_id": problem.problem_id,
            "source": problem.source,
            "license": problem.license,
            "difficulty": problem.difficulty,
            "io_format": str(problem.io_format),
            "entry_point": problem.entry_point,
            "level": level,
            "levels": len(subtask_chars),
            "prompt": prompt_text(problem, code[:chars]),
            "prefix": code[:chars],
            "remainder": code[chars:],
        }


def rejected_row(rejected: RejectedProblem) -> Row:
    """A rejected problem as a row.

    Lone surrogates, which UTF-8 cannot hold, become U+FFFD here: an early rejection comes before normalisation.
    """
    row = {
        "problem_id": rejected.problem_id,
        "source": rejected.source,
        "url": rejected.url,
        "license": rejected.license,
        "split": rejected.split,
        "difficulty": rejected.difficulty,
        "description": rejected.description,
        "stage": rejected.stage,
        "reason": str(rejected.rejection.reason),
        "detail": rejected.rejection.detail,
        "evidence": jsonl.dumps(rejected.rejection.evidence),
        "source_hash": rejected.source_hash,
    }
    return {name: _utf8(text) for name, text in row.items()} | {"review": _review_row(rejected.review)}


def rejected_from_row(row: Row) -> RejectedProblem:
    """The inverse of `rejected_row`; the evidence comes back as plain JSON values (tuples as lists)."""
    rest = {name: value for name, value in row.items() if name not in ("reason", "detail", "evidence", "review")}
    return RejectedProblem(rejection=_rejection(row), review=_review(row.get("review")), **rest)


def _review_row(review: Review | None) -> Row | None:
    if review is None:
        return None
    before = None
    if review.before is not None:
        stage, rejection = review.before
        evidence = jsonl.dumps(rejection.evidence)
        before = {"stage": stage, "reason": str(rejection.reason), "detail": rejection.detail, "evidence": evidence}
        before = {name: _utf8(text) for name, text in before.items()}
    events = [asdict(event) | {"resolves": list(event.resolves)} for event in review.events]
    return {"seen_hash": review.seen_hash, "events": events, "before": before}


def _review(row: Row | None) -> Review | None:
    if row is None:
        return None
    before = row["before"] and (row["before"]["stage"], _rejection(row["before"]))
    events = (ReviewEvent(**event | {"resolves": tuple(event["resolves"])}) for event in row["events"])
    return Review(row["seen_hash"], tuple(events), before)


def _rejection(row: Row) -> Rejection:
    return Rejection(Reason(row["reason"]), row["detail"], jsonl.loads(row["evidence"]))


def _utf8(text: str) -> str:
    """The text with U+FFFD for lone surrogates, which UTF-8 cannot hold."""
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


def source_split(split: str) -> str:
    """The source's split that a split of the dataset is taken from: validation is a share of train."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {SPLITS}; got {split!r}")
    return "train" if split == "validation" else split


def _annotation(problem: Problem) -> Annotation:
    if problem.annotation is None:
        raise ValueError(f"{problem.problem_id}: only an annotated problem can be written")
    if problem.canonical is None or problem.solutions[problem.canonical].verdict is not Verdict.ACCEPTED:
        raise ValueError(f"{problem.problem_id}: only a problem with an accepted canonical solution can be written")
    return problem.annotation


def _verdict(problem: Problem, solution: Solution) -> str:
    if solution.verdict is None:
        raise ValueError(f"{problem.problem_id}: a solution that was not judged cannot be written")
    return str(solution.verdict)
