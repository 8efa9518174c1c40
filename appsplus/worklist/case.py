"""What those who look for doubts are shown of a problem (`Case`), and what they answer (`Doubt`)."""

from dataclasses import dataclass, field

from appsplus.engine.judging import Judging
from appsplus.problem import Problem, RawProblem, Reason, Rejection
from appsplus.release.worklist import WorkReason
from appsplus.worklist.answers import Answers, answers_of
from appsplus.worklist.submissions import Judged

EXCERPT_CHARS = 2000
"""Of an output or a program as evidence; what is longer is cut, with a note."""


@dataclass(frozen=True)
class Doubt:
    """A reason to look at a problem, and the chance that looking changes the dataset."""

    reason: WorkReason
    chance: float  # 0 to 1, an estimate of ours; `value` makes an order of it


@dataclass(frozen=True)
class Case:
    """A problem that has come to its end in the build."""

    raw: RawProblem  # after the corrections that were in force
    problem: Problem | None  # as far as the build could read it; None: not at all
    judging: Judging
    rejection: Rejection | None = None  # None: it was kept
    submissions: tuple[Judged, ...] = ()
    mutants: int = 0  # how many to try
    seed: int = 0
    _answers: list[Answers] = field(default_factory=list)  # at most one; `cached_property` of 3.11 would lock all cases

    @property
    def reason(self) -> Reason | None:
        """Why it was rejected; None: it was kept."""
        return None if self.rejection is None else self.rejection.reason

    @property
    def answers(self) -> Answers:
        """What the solutions answer to the unit tests; mostly known already."""
        if not self._answers:
            self._answers.append(answers_of(self.problem, self.judging, self.reason))
        return self._answers[0]


def cut(text: str) -> str:
    """Text as evidence: at most EXCERPT_CHARS of it, and a note where it was longer."""
    return text if len(text) <= EXCERPT_CHARS else f"{text[:EXCERPT_CHARS]} … (cut; {len(text):,} characters)"
