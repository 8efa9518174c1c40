"""A dataset's own splits against each other: what of the problems one tests on is among those one trains on."""

from collections.abc import Iterator
from typing import Any

from appsplus.evaluation.contamination import Fingerprint, Overlap, figures, fingerprint, overlap
from appsplus.problem import Problem

PAIRS = (("test", ("train", "validation")), ("validation", ("train",)))
"""Which split is looked for in which others."""


class SplitOverlap:
    """The fingerprints of a dataset's problems, gathered one by one: some kilobytes each."""

    def __init__(self) -> None:
        self._splits: dict[str, list[Fingerprint]] = {"train": [], "validation": [], "test": []}

    def add(self, problem: Problem, split: str) -> None:
        """Take a problem that has its canonical solution; `split` is the dataset's."""
        self._splits[split].append(fingerprint(problem.problem_id, problem.description, problem.canonical_solution))

    def overlaps(self) -> Iterator[tuple[str, str, Overlap]]:
        """(split, what it was looked for in, result), for every pair of which neither side is empty."""
        for split, against, problems, others in self._pairs():
            yield split, against, overlap(problems, others)

    def figures(self) -> list[dict[str, Any]]:
        """The figures without the pairs, for a manifest."""
        return [
            {"split": split, "against": against, "num_problems": len(problems), "num_others": len(others)}
            | figures(problems, others)
            for split, against, problems, others in self._pairs()
        ]

    def _pairs(self) -> Iterator[tuple[str, str, list[Fingerprint], list[Fingerprint]]]:
        for split, against in PAIRS:
            filled = [name for name in against if self._splits[name]]
            if self._splits[split] and filled:
                others = [one for name in filled for one in self._splits[name]]
                yield split, " and ".join(filled), self._splits[split], others
