"""The records everything else is about: what a source said (`RawProblem`) and what the build believes (`Problem`).

A `RawProblem` is not trusted: counts may differ, tests may have any JSON shape. The stage `normalized` turns it into
a `Problem`, which is checked at birth; later stages return changed copies (`dataclasses.replace`), never mutate.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from appsplus import jsonl

DIFFICULTIES = ("introductory", "interview", "competition", "unknown")
SOURCE_SPLITS = ("train", "test")
CHECKER_KINDS = ("unordered", "any_case", "any_of", "program")


class IOFormat(StrEnum):
    """How input reaches a program."""

    STDIN = "stdin"  # text on standard input, text on standard output
    CALL = "call"  # a function is called with arguments and returns a value


class Verdict(StrEnum):
    """Outcome of running a program, in the field's words."""

    ACCEPTED = "accepted"
    WRONG_ANSWER = "wrong_answer"
    RUN_TIME_ERROR = "run_time_error"
    COMPILE_ERROR = "compile_error"
    TIME_LIMIT_EXCEEDED = "time_limit_exceeded"
    MEMORY_LIMIT_EXCEEDED = "memory_limit_exceeded"
    OUTPUT_LIMIT_EXCEEDED = "output_limit_exceeded"


class Reason(StrEnum):
    """Why a problem left the build. The slugs are stable: they are published in the config `rejected`."""

    MALFORMED_RECORD = "malformed_record"
    MALFORMED_TESTS = "malformed_tests"
    MISSING_DESCRIPTION = "missing_description"
    IMAGE_ONLY_DESCRIPTION = "image_only_description"
    MISSING_SOLUTION = "missing_solution"
    MISSING_TESTS = "missing_tests"
    UNBALANCED_TESTS = "unbalanced_tests"
    INTERACTIVE_OR_FILE_IO = "interactive_or_file_io"
    AMBIGUOUS_OUTPUT = "ambiguous_output"
    SYNTAX_ERROR = "syntax_error"
    PYTHON2 = "python2"
    MISSING_DEPENDENCY = "missing_dependency"
    MISSING_ENTRY_POINT = "missing_entry_point"
    WRONG_ANSWER = "wrong_answer"
    RUN_TIME_ERROR = "run_time_error"
    TIME_LIMIT_EXCEEDED = "time_limit_exceeded"
    MEMORY_LIMIT_EXCEEDED = "memory_limit_exceeded"
    OUTPUT_LIMIT_EXCEEDED = "output_limit_exceeded"
    NONDETERMINISTIC = "nondeterministic"
    DUPLICATE = "duplicate"
    RULED_OUT = "ruled_out"
    NOT_JUDGED = "not_judged"  # our own fault: the judge failed, see `appsplus.engine.strikes`; no verdict
    NOT_SELECTED = "not_selected"  # by `appsplus select`; no flaw


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a problem left the build: a slug, a sentence for people, and the evidence as plain JSON."""

    reason: Reason
    detail: str
    evidence: Any = None  # JSON, e.g. {"solution": 0, "unit_test": 3, "expected": "4", "actual": "5"}


@dataclass(frozen=True, slots=True)
class UnitTest:
    """One case. Both fields are text, so that any value keeps its exact form in a file."""

    input: str  # STDIN: what arrives on standard input. CALL: a JSON list, the positional arguments
    output: str  # STDIN: what must appear on standard output. CALL: JSON, the value to be returned

    def __post_init__(self) -> None:
        if not (isinstance(self.input, str) and isinstance(self.output, str)):
            raise ValueError(  # noqa: TRY004
                f"input and output of a unit test must be text; got {type(self.input).__name__} and"
                f" {type(self.output).__name__} (a value of the call format is its JSON)"
            )


_MOST = 1_000_000  # seconds, MiB


@dataclass(frozen=True, slots=True)
class Limits:
    """What one unit test may use. Raises ValueError for what is no limit."""

    cpu_s: float = 5.0  # CPU seconds, the real bound
    wall_s: float = 20.0  # wall seconds but those spent waiting for a CPU: a generous backstop, for sleepers
    memory_mib: int = 1024
    output_mib: int = 16

    def __post_init__(self) -> None:
        for name in ("cpu_s", "wall_s", "memory_mib", "output_mib"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ValueError(f"limit {name} must be a number; got {value!r}")  # noqa: TRY004
            if not value > 0:
                raise ValueError(f"limit {name} must be above zero; got {value}")
            if value > _MOST:
                raise ValueError(f"limit {name} must be at most {_MOST:,}; got {value}")
            if name.endswith("_mib") and not isinstance(value, int):
                raise ValueError(f"limit {name} must be a whole number of MiB; got {value}")


@dataclass(frozen=True, slots=True)
class Checker:
    """A decision that a problem has several right answers; without one, the comparison ladder alone decides."""

    kind: str  # "unordered": lines (STDIN) or list elements (CALL) in any order; "any_case": letters of either case;
    #            "any_of": one of several outputs; "program": what a program says of them
    any_of: tuple[tuple[str, ...], ...] = ()  # for "any_of": per unit test, further outputs that are right
    program: str = ""  # for "program": defines check(input, expected, actual), see `appsplus.judge.checkers`

    def __post_init__(self) -> None:
        if self.kind not in CHECKER_KINDS:
            raise ValueError(f"checker kind must be one of {', '.join(CHECKER_KINDS)}; got {self.kind!r}")
        if (self.kind == "program") != bool(self.program):
            raise ValueError(f"a checker of kind 'program' has a program, and no other has; got kind {self.kind!r}")


@dataclass(frozen=True, slots=True)
class Solution:
    """A program the source calls right, and what the judge says of it."""

    code: str
    verdict: Verdict | None = None  # None: not judged yet


@dataclass(frozen=True, slots=True)
class Change:
    """Something the build changed in a problem, on record."""

    what: str  # a slug, e.g. "output_unwrapped"
    detail: str  # a sentence: what was changed, on which evidence
    by: str = "build"  # "build", or the reviewer of a ledger decision and, in brackets, the kind
    event_id: str = ""  # of the ledger decision; empty for the build's own


@dataclass(frozen=True, slots=True)
class SplitPoint:
    """Where a conditional statement of the canonical solution starts."""

    kind: str  # if, elif, else, for, while, match, case, conditional_expression, comprehension_condition
    byte: int  # offset in the UTF-8 bytes of the canonical solution
    char: int  # offset in its characters
    line: int  # 1-based
    column: int  # 0-based, in characters
    depth: int  # number of enclosing conditional statements


@dataclass(frozen=True, slots=True)
class Annotation:
    """What training needs to know about the canonical solution."""

    split_points: tuple[SplitPoint, ...]
    subtask_chars: tuple[int, ...]  # per level, easiest first: characters of the prefix given; the last is 0
    executable_lines: tuple[int, ...]  # 1-based, ascending, as coverage.py defines them
    executed_lines: tuple[tuple[int, ...], ...]  # per unit test, ascending, a subset of executable_lines


@dataclass(frozen=True, slots=True)
class ReviewEvent:
    """One decision of the ledger about a problem, as the dataset keeps it."""

    event_id: str
    time: str  # UTC, ISO 8601
    reviewer: str
    reviewer_kind: str  # "human" or "model"
    action: str
    reason: str
    comment: str
    effect: str  # what became of it in this build, see `appsplus.ledger.standing.EFFECTS`
    override: bool = False  # saved although the canonical solution did not pass every unit test then
    resolves: tuple[str, ...] = ()  # event ids of the disagreement that it settles


@dataclass(frozen=True, slots=True)
class Review:
    """What the ledger did to a problem, on record.

    `before` is what the stages up to `passing` would say without a correction or acceptance that is in force; None where they
    would keep the problem, or nothing is in force.
    """

    seen_hash: str  # of the content that the build went on with
    events: tuple[ReviewEvent, ...]  # in order of time
    before: tuple[str, Rejection] | None = None  # stage and rejection without the ledger, see below

    @property
    def ruling(self) -> ReviewEvent | None:
        """The decision to accept or reject the problem that is in force."""
        return next((e for e in self.events if e.effect == "in_force" and e.action in ("accept", "reject")), None)

    @property
    def acceptance(self) -> ReviewEvent | None:
        """The ruling, if it is to accept."""
        return self.ruling if self.ruling and self.ruling.action == "accept" else None

    @property
    def changed_something(self) -> bool:
        """Whether a correction or an acceptance is in force."""
        return any(e.effect == "in_force" and e.action != "reject" for e in self.events)


@dataclass(frozen=True)  # no slots: a hash is computed once
class RawProblem:
    """One problem as its source has it. Nothing here is checked beyond its Python types."""

    problem_id: str  # "<source name>/<id in the source>", unique in a build
    source: str  # where it comes from, in words (a dataset or an archive)
    split: str  # "train" or "test"
    description: str
    solutions: tuple[str, ...]
    inputs: tuple[Any, ...] | None  # decoded JSON values; None: the source has none
    outputs: tuple[Any, ...] | None
    entry_point: str | None = None  # APPS: fn_name; None: standard input
    starter_code: str = ""
    difficulty: str = "unknown"
    url: str = ""
    license: str = ""
    checker: Checker | None = None
    changes: tuple[Change, ...] = ()
    original_hash: str = ""  # of the content before a ledger correction; empty where there was none
    review: Review | None = None  # set by the stage `corrected` where the ledger has decisions

    @cached_property
    def source_hash(self) -> str:
        """SHA-256 (hex) of what the source said; ledger decisions name the content they were made on by it."""
        return self.original_hash or _digest(
            self.description, self.solutions, self.inputs, self.outputs, self.entry_point, self.starter_code
        )

    @cached_property
    def seen_hash(self) -> str:
        """SHA-256 (hex) of the content as it is now, corrections and checker included; without any, `source_hash`."""
        if not self.original_hash:
            return self.source_hash
        return _digest(
            self.description,
            self.solutions,
            self.inputs,
            self.outputs,
            self.entry_point,
            self.starter_code,
            self.checker and [self.checker.kind, self.checker.any_of, self.checker.program],
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of the dataset, or on its way there: one I/O format, as many outputs as inputs."""

    problem_id: str
    source: str
    split: str
    description: str
    io_format: IOFormat
    entry_point: str | None  # the function to call; None for STDIN
    starter_code: str
    solutions: tuple[Solution, ...]
    unit_tests: tuple[UnitTest, ...]
    source_hash: str  # of the RawProblem it was made from
    difficulty: str = "unknown"
    url: str = ""
    license: str = ""
    limits: Limits = Limits()
    checker: Checker | None = None
    canonical: int | None = None  # index into `solutions`; set by the stage `passing`
    changes: tuple[Change, ...] = ()
    annotation: Annotation | None = None
    review: Review | None = None  # None: the ledger has no decision about it
    reference_cpu_s: float | None = (
        None  # of the canonical solution on its slowest unit test, on the reference machine;
    )
    #                                       kept in the manifest's section `run`, as no time is part of the dataset

    def __post_init__(self) -> None:
        if (self.io_format is IOFormat.CALL) != (self.entry_point is not None):
            raise ValueError(f"{self.problem_id}: an entry point belongs to the call format and only there")
        if not self.unit_tests:
            raise ValueError(f"{self.problem_id}: a problem needs at least one unit test")
        if self.split not in SOURCE_SPLITS:
            raise ValueError(f"{self.problem_id}: split must be one of {SOURCE_SPLITS}; got {self.split!r}")
        if self.difficulty not in DIFFICULTIES:
            raise ValueError(f"{self.problem_id}: difficulty must be one of {DIFFICULTIES}; got {self.difficulty!r}")
        if self.canonical is not None and not 0 <= self.canonical < len(self.solutions):
            raise ValueError(f"{self.problem_id}: canonical is no index of a solution: {self.canonical}")

    @property
    def canonical_solution(self) -> str:
        """The reference program. Raises ValueError before the stage `passing` has chosen it."""
        if self.canonical is None:
            raise ValueError(f"{self.problem_id}: no canonical solution has been chosen yet")
        return self.solutions[self.canonical].code

    @property
    def other_solutions(self) -> tuple[Solution, ...]:
        """All solutions but the canonical one, in the source's order."""
        return tuple(s for i, s in enumerate(self.solutions) if i != self.canonical)

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) of what a user of the problem depends on: text, reference program, tests, checker."""
        return _digest(
            self.description,
            self.io_format,
            self.entry_point,
            self.starter_code,
            self.canonical_solution,
            [[t.input, t.output] for t in self.unit_tests],
            None if self.checker is None else [self.checker.kind, self.checker.any_of, self.checker.program],
        )


def _digest(*parts: Any) -> str:
    return hashlib.sha256(jsonl.dumps(list(parts)).encode()).hexdigest()
