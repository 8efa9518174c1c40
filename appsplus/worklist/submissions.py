"""Submissions whose worth is known, from a file of JSON Lines: what the unit tests accept and refuse of them.

    {"id": "train/0001", "expected": "wrong_answer", "code": "..."}      further keys are ignored

`id` is a problem's id in the build, or that without the source's name where only one problem has it. `expected` is "accepted"
(a right one), "unknown" (not used), or in whichever way the submission is wrong. Memory holds an index of the file.
"""

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from appsplus import jsonl
from appsplus.engine.judging import Judging, fair_limits
from appsplus.errors import InputError
from appsplus.problem import Problem, Verdict
from appsplus.worklist.interval import wilson
from appsplus.worklist.trial import verdicts_of

RIGHT, UNKNOWN = "accepted", "unknown"
WRONG = (*(verdict.value for verdict in Verdict if verdict is not Verdict.ACCEPTED), "partially_accepted", "rejected")
_NAMED_LINES = 3  # of the bad ones


@dataclass(frozen=True, slots=True)
class Submission:
    """A program whose worth is known."""

    line: int  # in the file, from 1
    expected: str  # RIGHT or one of WRONG
    code: str

    @property
    def right(self) -> bool:
        """Whether it should pass."""
        return self.expected == RIGHT


@dataclass(frozen=True, slots=True)
class Judged:
    """What the unit tests say of a submission."""

    submission: Submission
    before: Verdict | None  # by the unit tests as the build would have them without the ledger; None: it kept none
    after: Verdict | None  # by the unit tests of the dataset; None: the problem is not in it


class Submissions:
    """A file of submissions, read where it is asked for; a context manager. Threads may share it."""

    def __init__(self, path: Path) -> None:
        """Read the file once. Raises InputError for a file that cannot be read, and for bad lines, with their numbers."""
        self.path = path
        self.unlabelled = 0
        self._places: defaultdict[str, list[tuple[int, int, int]]] = defaultdict(list)  # line, offset, bytes
        self._met: Counter[str] = Counter()  # problems of the build by the ids that a line may name them by
        digest = hashlib.sha256()
        try:
            self._file = path.open("rb")
            bad = list(self._index(digest))
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}; check --submissions") from error
        if bad:
            self._file.close()
            more = f", and {len(bad) - _NAMED_LINES:,} more" if len(bad) > _NAMED_LINES else ""
            raise InputError(
                f"{path} has {len(bad):,} lines that are no submissions: {'; '.join(bad[:_NAMED_LINES])}{more}. Expected"
                f' {{"id": ..., "expected": "{RIGHT}", ..., "code": ...}} on every line: mend or remove them'
            )
        self.sha256 = digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return sum(map(len, self._places.values()))

    def _index(self, digest: Any) -> Iterator[str]:
        """Fill the index; yields what is wrong with bad lines."""
        offset = 0
        for number, data in enumerate(self._file, start=1):
            digest.update(data)
            if data.strip():
                try:
                    problem_id, expected, _ = _fields(data)
                    if expected == UNKNOWN:
                        self.unlabelled += 1
                    else:
                        self._places[problem_id].append((number, offset, len(data)))
                except (ValueError, TypeError, RecursionError) as error:
                    yield f"line {number}: {error}"
            offset += len(data)

    def meet(self, problem_id: str) -> None:
        """Learn that a problem is in the build; all must be known before the first `of`."""
        self._met.update(name for name in (problem_id, _short(problem_id)) if name in self._places)

    def of(self, problem_id: str) -> list[Submission]:
        """The submissions for a problem, in the file's order."""
        short = _short(problem_id)
        places = self._places.get(problem_id, []) + (self._places.get(short, []) if self._met[short] == 1 else [])
        return [self._read(*place) for place in sorted(places)]

    def _read(self, line: int, offset: int, size: int) -> Submission:
        try:
            _, expected, code = _fields(os.pread(self._file.fileno(), size, offset))
        except (ValueError, TypeError) as error:
            raise InputError(f"{self.path} has changed while it was read (line {line}: {error}); build again") from None
        return Submission(line, expected, code)

    def facts(self) -> dict[str, Any]:
        """For the manifest: the file, its lines, and those that name no problem of the build or more than one."""
        left_over = {"unknown_problem": 0, "several_problems": 0}
        for name, places in self._places.items():
            if self._met[name] != 1:
                left_over["several_problems" if self._met[name] else "unknown_problem"] += len(places)
        lines = {"labelled": len(self), "unlabelled": self.unlabelled}
        return {"file": {"sha256": self.sha256}, "lines": lines, "left_over": left_over}


def _short(problem_id: str) -> str:
    return problem_id.partition("/")[2]


def _fields(data: bytes) -> tuple[str, str, str]:
    """id, expected and code of a line. Raises ValueError or TypeError where it is no submission."""
    try:
        line = jsonl.loads(data.decode("utf-8"))
    except ValueError as error:
        raise ValueError(f"no JSON ({error})") from None
    if not isinstance(line, dict):
        raise TypeError(f"expected an object; got {type(line).__name__}")
    for name in ("id", "expected", "code"):
        if not isinstance(line.get(name), str):
            raise TypeError(f"{name} must be text; got {type(line.get(name)).__name__}")
    if line["expected"] not in (RIGHT, UNKNOWN, *WRONG):
        known = ", ".join((RIGHT, UNKNOWN, *WRONG))
        raise ValueError(f"expected must be one of {known}; got {line['expected'][:60]!r}")
    return line["id"], line["expected"], line["code"]


def judged(
    submissions: list[Submission], before: Problem | None, after: Problem | None, judging: Judging
) -> tuple[Judged, ...]:
    """Judge submissions by the unit tests of a problem before and after verification. Raises SandboxError."""
    if not submissions:
        return ()
    first = _verdicts(submissions, before, judging)
    second = first if after is not None and before is not None and _same(before, after) else None
    second = second or _verdicts(submissions, after, judging)
    return tuple(map(Judged, submissions, first, second))


def _verdicts(submissions: list[Submission], problem: Problem | None, judging: Judging) -> list[Any]:
    if problem is None:
        return [None] * len(submissions)
    return list(verdicts_of(problem, [s.code for s in submissions], judging, fair_limits(problem)))


def _same(one: Problem, two: Problem) -> bool:
    return (one.unit_tests, one.checker, one.entry_point, one.limits) == (
        two.unit_tests, two.checker, two.entry_point, two.limits,
    )  # fmt: skip


class Tally:
    """How many right and wrong submissions the unit tests accept, before and after verification."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[tuple[str, bool]]] = {"before": Counter(), "after": Counter()}
        self.entered = 0

    def enter(self, judged: tuple[Judged, ...]) -> None:
        """Count the submissions of one problem."""
        self.entered += len(judged)
        for item in judged:
            for when, verdict in (("before", item.before), ("after", item.after)):
                if verdict is not None:
                    self._counts[when][item.submission.expected, verdict is Verdict.ACCEPTED] += 1

    def to_json(self) -> dict[str, Any]:
        """For the manifest: false positives and false negatives with 95 % intervals, and counts by what was expected."""
        return {when: _rates(counts) for when, counts in self._counts.items()}


def _rates(counts: Counter[tuple[str, bool]]) -> dict[str, Any]:
    labels = sorted({label for label, _ in counts})
    wrong = sum(counts[label, accepted] for label in labels if label != RIGHT for accepted in (True, False))
    passing = sum(counts[label, True] for label in labels if label != RIGHT)
    right = counts[RIGHT, True] + counts[RIGHT, False]
    return {
        "wrong": {"judged": wrong, "accepted": passing, "interval": wilson(passing, wrong)},
        "right": {"judged": right, "refused": counts[RIGHT, False], "interval": wilson(counts[RIGHT, False], right)},
        "by_expected": {label: {"accepted": counts[label, True], "refused": counts[label, False]} for label in labels},
    }
