"""How much of one set of problems is in another: lines of solutions, runs of 13 words, near-copies of descriptions.

| figure | problems of the one set of which |
|---|---|
| `half_lines` | more than half of the solution's lines are somewhere in the solutions of the other set (arXiv:2402.01391) |
| `half_rare_lines` | the same, of lines that at most 10 problems of either set have |
| `shared_13_grams` | the description has a run of 13 words in common with one of the other set, again a rare one |
| `near_text` | the description is a near-copy: Jaccard similarity of word triples of at least 0.5 |

A line is what is left of it without white space at its ends, with single blanks inside; blank lines and comments are none;
a line that stands twice counts twice. The paper does not say how it compares lines, nor which of the two shares it reports,
so both directions are given. Lines as `n = int(input())` are in nearly every set, which is why rare lines have a figure of
their own. Words are those of `wording`: without case, mark-up and LaTeX. A description of fewer than 13 words is one run.

MinHash finds the near-copies and the exact similarity decides; a pair at 0.5 is missed with probability
(1 - 0.5^3)^42 = 0.004, one at 0.6 with 0.00004. Everything else is exact but for collisions of 64-bit hashes.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appsplus.wording import bands_of, digest, grams_of, hashes_of, shingles_of, similarity, words_of

GRAM_WORDS = 13
MOST_PROBLEMS = 10  # of either set that have a rare line or a rare run of words
NEAR = 0.5
_BANDS, _ROWS = 42, 3

LINES, RARE_LINES, GRAMS, TEXT = "half_lines", "half_rare_lines", "shared_13_grams", "near_text"
FIGURES = (LINES, RARE_LINES, GRAMS, TEXT)
OF_OTHER = "_of_other"  # the same, seen from the other set
KINDS = (LINES, f"{LINES}{OF_OTHER}", RARE_LINES, f"{RARE_LINES}{OF_OTHER}", GRAMS, TEXT)

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of a problem to compare it: some kilobytes."""

    problem_id: str
    lines: bytes  # 64-bit hashes of the solution's lines, as often as they occur
    grams: bytes  # 64-bit hashes of the description's runs of 13 words, each once
    shingles: bytes  # as `wording.shingles_of`


@dataclass(frozen=True, slots=True)
class Match:
    """Two problems, one of each set, that have something in common."""

    problem_id: str
    other_id: str
    kinds: tuple[str, ...]  # of KINDS; for those of lines, the other problem is the one with most of the lines
    shared_lines: int  # of the solution of `problem_id`, in that of `other_id`
    num_lines: int  # of the solution of `problem_id`
    other_shared_lines: int  # the other way round
    other_num_lines: int
    shared_grams: int  # rare runs of 13 words
    similarity: float  # of the descriptions, from 0 to 1


@dataclass(frozen=True, slots=True)
class Overlap:
    """What of one set is in another."""

    num_problems: int
    num_others: int
    figures: dict[str, int]  # problems of the one set, by figure
    of_others: dict[str, int]  # the same with the two sets exchanged
    matches: tuple[Match, ...]  # the most telling first

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON."""
        return asdict(self)


def fingerprint(problem_id: str, description: str, solution: str) -> Fingerprint:
    """The fingerprint of a problem."""
    words = hashes_of(words_of(description))
    return Fingerprint(
        problem_id,
        _hashes(lines_of(solution)),
        grams_of(words, GRAM_WORDS).tobytes(),
        shingles_of(words),
    )


def lines_of(program: str) -> list[str]:
    """The lines of a program that are compared."""
    lines = (" ".join(line.split()) for line in program.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def overlap(problems: Sequence[Fingerprint], others: Sequence[Fingerprint]) -> Overlap:
    """Compare two sets; the order of neither matters to the figures."""
    mine, theirs = _Side([_array(p.lines) for p in problems]), _Side([_array(p.lines) for p in others])
    common, none = _common(mine, theirs), np.empty(0, np.uint64)
    kinds: dict[tuple[int, int], set[str]] = {}
    for kind, left_out in ((LINES, none), (RARE_LINES, common)):
        for i in mine.half_in(theirs, left_out):
            kinds.setdefault((i, theirs.most_alike(mine.each[i])), set()).add(kind)
        for j in theirs.half_in(mine, left_out):
            kinds.setdefault((mine.most_alike(theirs.each[j]), j), set()).add(f"{kind}{OF_OTHER}")
    grams = _shared(_Side([_array(p.grams) for p in problems]), _Side([_array(p.grams) for p in others]))
    for pair in grams:
        kinds.setdefault(pair, set()).add(GRAMS)
    for pair in _near(problems, others):
        kinds.setdefault(pair, set()).add(TEXT)
    matches = [
        Match(
            problem_id=problems[i].problem_id,
            other_id=others[j].problem_id,
            kinds=tuple(kind for kind in KINDS if kind in found),
            shared_lines=int(np.isin(mine.each[i], theirs.each[j]).sum()),
            num_lines=len(mine.each[i]),
            other_shared_lines=int(np.isin(theirs.each[j], mine.each[i]).sum()),
            other_num_lines=len(theirs.each[j]),
            shared_grams=grams.get((i, j), 0),
            similarity=round(similarity(problems[i].shingles, others[j].shingles), 3),
        )
        for (i, j), found in kinds.items()
    ]
    of_others = {kind: f"{kind}{OF_OTHER}" if kind in (LINES, RARE_LINES) else kind for kind in FIGURES}
    return Overlap(
        len(problems),
        len(others),
        {kind: len({i for (i, _), found in kinds.items() if kind in found}) for kind in FIGURES},
        {kind: len({j for (_, j), found in kinds.items() if name in found}) for kind, name in of_others.items()},
        tuple(sorted(matches, key=_telling)),
    )


def figures(problems: Sequence[Fingerprint], others: Sequence[Fingerprint]) -> dict[str, int]:
    """`overlap(problems, others).figures` without the pairs: time and memory grow with the sets, not with their product."""
    found = dict.fromkeys(FIGURES, 0)
    everywhere, _, common = _tables([p.lines for p in problems], [p.lines for p in others])
    for lines in (_array(problem.lines) for problem in problems):
        hits, counted = _isin(lines, everywhere), ~_isin(lines, common)
        found[LINES] += bool(2 * hits.sum() > len(lines))
        found[RARE_LINES] += bool(2 * (hits & counted).sum() > counted.sum())
    _, rare, _ = _tables([p.grams for p in problems], [p.grams for p in others])
    found[GRAMS] = sum(bool(_isin(_array(problem.grams), rare).any()) for problem in problems)
    for i, candidates in _candidates(problems, others):
        found[TEXT] += any(similarity(problems[i].shingles, others[j].shingles) >= NEAR for j in candidates)
    return found


def _tables(mine: Sequence[bytes], theirs: Sequence[bytes]) -> tuple[Hashes, Hashes, Hashes]:
    """Sorted hashes: all of `theirs`, those that both sides have and few problems of each, those that many have."""
    sides = []
    for side in (mine, theirs):
        once = np.concatenate([*(np.unique(_array(hashes)) for hashes in side), np.empty(0, np.uint64)])
        values, counts = np.unique(once, return_counts=True)
        sides.append((values, values[counts > MOST_PROBLEMS]))
    common = np.union1d(sides[0][1], sides[1][1])
    both = np.intersect1d(sides[0][0], sides[1][0], assume_unique=True)
    return sides[1][0], np.setdiff1d(both, common, assume_unique=True), common


def _isin(hashes: Hashes, table: Hashes) -> NDArray[np.bool_]:
    """Which of the hashes are in a sorted table."""
    if not len(table):
        return np.zeros(len(hashes), np.bool_)
    places = np.minimum(np.searchsorted(table, hashes), len(table) - 1)
    return np.asarray(table[places] == hashes)


def _telling(match: Match) -> tuple[float, int, float, str, str]:
    shares = (match.shared_lines / (match.num_lines or 1), match.other_shared_lines / (match.other_num_lines or 1))
    return -match.similarity, -match.shared_grams, -max(shares), match.problem_id, match.other_id


def _hashes(texts: Iterable[str]) -> bytes:
    return array("Q", [int.from_bytes(digest(text, 8)) for text in texts]).tobytes()


def _array(hashes: bytes) -> Hashes:
    return np.frombuffer(hashes, dtype=np.uint64)


class _Side:
    """The hashes of every problem of a set: each by itself, and all in one array with the problem that each belongs to."""

    def __init__(self, each: Sequence[Hashes]) -> None:
        self.each = each
        self.all = np.concatenate([*each, np.empty(0, np.uint64)])
        self.owners = np.repeat(np.arange(len(each)), [len(one) for one in each])
        once = [np.unique(one) for one in each]
        self.once = np.concatenate([*once, np.empty(0, np.uint64)])
        self.owners_once = np.repeat(np.arange(len(each)), [len(one) for one in once])

    def half_in(self, other: "_Side", left_out: Hashes) -> list[int]:
        """Problems of which more than half of the hashes that are not left out are somewhere in the other set."""
        counted = ~np.isin(self.all, left_out)
        found = counted & np.isin(self.all, other.once)
        totals, hits = (np.bincount(self.owners[which], minlength=len(self.each)) for which in (counted, found))
        half: list[int] = np.flatnonzero(2 * hits > totals).tolist()
        return half

    def most_alike(self, one: Hashes) -> int:
        """The problem that shares most different hashes with `one`; of several, that of which they are most; the first."""
        shared = np.bincount(self.owners_once[np.isin(self.once, one)], minlength=len(self.each))
        sizes = np.bincount(self.owners_once, minlength=len(self.each))
        return int(np.argmax(shared + shared / np.maximum(sizes, 1) / 2))  # a share is at most one


def _common(mine: _Side, theirs: _Side) -> Hashes:
    """Hashes that more than MOST_PROBLEMS problems of either set have."""
    found = [np.unique(side.once, return_counts=True) for side in (mine, theirs)]
    return np.concatenate([values[counts > MOST_PROBLEMS] for values, counts in found])


def _rare(mine: _Side, theirs: _Side) -> Hashes:
    """Hashes that both sets have, common ones apart."""
    return np.setdiff1d(np.intersect1d(mine.once, theirs.once), _common(mine, theirs))


def _shared(mine: _Side, theirs: _Side) -> dict[tuple[int, int], int]:
    """For each pair of problems how many hashes, common ones apart, both have; pairs without any are not there."""
    both = _rare(mine, theirs)
    owners: dict[int, list[int]] = {}
    here = np.isin(theirs.once, both)
    for value, owner in zip(theirs.once[here].tolist(), theirs.owners_once[here].tolist(), strict=True):
        owners.setdefault(value, []).append(owner)
    counts: Counter[tuple[int, int]] = Counter()
    here = np.isin(mine.once, both)
    for value, owner in zip(mine.once[here].tolist(), mine.owners_once[here].tolist(), strict=True):
        counts.update((owner, other) for other in owners[value])
    return counts


def _near(problems: Sequence[Fingerprint], others: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    """Every pair of near-copies, the problems in their order."""
    for i, candidates in _candidates(problems, others):
        for j in sorted(candidates):
            if similarity(problems[i].shingles, others[j].shingles) >= NEAR:
                yield i, j


def _candidates(problems: Sequence[Fingerprint], others: Sequence[Fingerprint]) -> Iterator[tuple[int, set[int]]]:
    """For each problem the others that share a band of their MinHash with it, if any do."""
    mine, theirs = (bands_of([p.shingles for p in side], _BANDS, _ROWS) for side in (problems, others))
    owners: dict[tuple[int, int], list[int]] = {}
    shared: dict[int, list[tuple[int, int]]] = {}
    for band in range(_BANDS):
        here = np.flatnonzero(np.isin(mine[:, band], theirs[:, band]))
        for i, value in zip(here.tolist(), mine[here, band].tolist(), strict=True):
            shared.setdefault(i, []).append((band, value))
        there = np.flatnonzero(np.isin(theirs[:, band], mine[here, band]))
        for j, value in zip(there.tolist(), theirs[there, band].tolist(), strict=True):
            owners.setdefault((band, value), []).append(j)
    for i in sorted(shared):
        yield i, {j for key in shared[i] for j in owners[key]}
