"""How well scores tell good prefixes from bad: accuracy, AUROC, calibration, squared error. Pure functions.

A prefix has a label, +1 or -1, and a score R in [-1, 1]; (R + 1) / 2 is read as the probability of +1. Neutral lines, with
label 0, are in none of these but `neutral_error`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appsplus.problem import DIFFICULTIES

BINS = 10
TOLD = ("accuracy", "auroc", "calibration_error")  # of `measured`: what is told where there is room for little


@dataclass(frozen=True, slots=True)
class Scored:
    """A labelled line end and its score."""

    label: int
    score: float
    line: int  # from 1
    lines: int  # T of its response
    tokens: int  # of its response
    difficulty: str


def accuracy(scored: Sequence[Scored]) -> float:
    """Share of prefixes whose score has the label's sign; 0 counts as -1."""
    return sum((s.score > 0) == (s.label > 0) for s in scored) / len(scored)


def auroc(scored: Sequence[Scored]) -> float | None:
    """Probability that a good prefix is scored above a bad one, ties half; None where one of them is missing.

    By ranks: (sum of the good ones' ranks - n(n + 1) / 2) / (n m), n good and m bad.
    """
    good = sum(s.label > 0 for s in scored)
    bad = len(scored) - good
    if not good or not bad:
        return None
    ordered = sorted(scored, key=lambda s: s.score)
    total, at = 0.0, 0
    while at < len(ordered):
        end = at
        while end < len(ordered) and ordered[end].score == ordered[at].score:
            end += 1
        rank = (at + 1 + end) / 2  # of all that are equal
        total += rank * sum(s.label > 0 for s in ordered[at:end])
        at = end
    return (total - good * (good + 1) / 2) / (good * bad)


def calibration(scored: Sequence[Scored], bins: int = BINS) -> list[tuple[float, float, int]]:
    """Per bin of equal width that has any: mean probability, share of +1, how many."""
    groups: dict[int, list[Scored]] = {}
    for s in scored:
        groups.setdefault(min(int(probability(s) * bins), bins - 1), []).append(s)
    return [
        (sum(map(probability, group)) / len(group), sum(s.label > 0 for s in group) / len(group), len(group))
        for _, group in sorted(groups.items())
    ]


def calibration_error(scored: Sequence[Scored]) -> float:
    """Expected calibration error: the gap between probability and share of +1 in each bin, weighted by its size."""
    return sum(count * abs(mean - share) for mean, share, count in calibration(scored)) / len(scored)


def probability(s: Scored) -> float:
    """What a score says of +1."""
    return (min(max(s.score, -1.0), 1.0) + 1) / 2


def measured(scored: Sequence[Scored]) -> dict[str, Any]:
    """All measures of some line ends; those that cannot be had are None."""
    judged = [s for s in scored if s.label]
    neutral = [s for s in scored if not s.label]
    return {
        "line_ends": len(judged),
        "good_share": sum(s.label > 0 for s in judged) / len(judged) if judged else None,
        "accuracy": accuracy(judged) if judged else None,
        "auroc": auroc(judged) if judged else None,
        "calibration_error": calibration_error(judged) if judged else None,
        "squared_error": sum((s.score - s.label) ** 2 for s in judged) / len(judged) if judged else None,
        "neutral_line_ends": len(neutral),
        "neutral_error": sum(abs(s.score) for s in neutral) / len(neutral) if neutral else None,
    }


def by(scored: Sequence[Scored], key: Callable[[Scored], str]) -> dict[str, dict[str, Any]]:
    """The measures of each group, in the order of their first members' names."""
    groups: dict[str, list[Scored]] = {}
    for s in scored:
        groups.setdefault(key(s), []).append(s)
    return {name: measured(group) for name, group in sorted(groups.items())}


FIFTHS = tuple(f"{start:>2} to {start + 20} %" for start in range(0, 100, 20))


def position(s: Scored) -> str:
    """Which fifth of its response a line is in."""
    return FIFTHS[min(4, 5 * (s.line - 1) // max(1, s.lines))]


def length(s: Scored) -> str:
    """Whether its response is long; the paper finds the gain in responses of over 100 tokens."""
    return "over 100 tokens" if s.tokens > 100 else "up to 100 tokens"


def summary(scored: Sequence[Scored]) -> Mapping[str, Any]:
    """Everything that a report shows of held-out line ends."""
    of_difficulty = by(scored, lambda s: s.difficulty)
    return {
        **measured(scored),
        "calibration": calibration([s for s in scored if s.label]),
        "by_position": by(scored, position),
        "by_difficulty": {name: of_difficulty[name] for name in DIFFICULTIES if name in of_difficulty},
        "by_length": by(scored, length),
    }
