"""The tables of the site as figures: who stands where on all problems, and on those of each difficulty and I/O format."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from appsplus.evaluation.leaderboard.board import Board, Entry
from appsplus.evaluation.leaderboard.standings import RANKED_BY, Standing, standings
from appsplus.evaluation.metrics import metrics_of
from appsplus.evaluation.results import Metric

_FURTHER_KS = 3  # columns of pass@k beside pass@1; the others are on the models' pages
SEED = 0  # of the bootstrap: the same for all rows, so that they are measured on the same draws


@dataclass(frozen=True, slots=True)
class Subset:
    """Some of the problems; an empty field chooses them all."""

    difficulty: str = ""
    io_format: str = ""

    @property
    def file(self) -> str:
        """The name of its page."""
        return "-".join(filter(None, (self.difficulty, self.io_format))) + ".html" if self != Subset() else "index.html"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures beside the one that rows are ranked by."""

    key: str
    label: str
    subset: Subset
    metric: str


@dataclass(frozen=True, slots=True)
class Row:
    """One model in one table."""

    entry: Entry
    standing: Standing
    cells: dict[str, Metric | None]  # by the key of the column
    tied_files: list[str]


class Tables:
    """Every figure of a board, computed once and kept."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self._by_key = {entry.key: entry for entry in board.entries}
        self._metrics: dict[tuple[str, Subset], dict[str, Metric]] = {}

    @cached_property
    def subsets(self) -> list[Subset]:
        """All that some problem is in, the whole first."""
        terms = self.board.terms
        every = [Subset(d, f) for d in ("", *terms.difficulties) for f in ("", *terms.io_formats)]
        return [subset for subset in every if self.problem_ids(subset)]

    def problem_ids(self, subset: Subset) -> list[str]:
        """The problems of a subset, in the dataset's order."""
        return [
            p.problem_id
            for p in self.board.terms.problems.values()
            if subset.difficulty in ("", p.difficulty) and subset.io_format in ("", p.io_format)
        ]

    def columns(self, subset: Subset) -> list[Column]:
        """Further pass@k that most rows have, the test-case average, and pass@1 by difficulty where that is not filtered."""
        times = Counter(k for entry in self.board.entries for k in entry.submission.results.k if k > 1)
        ks = sorted(sorted(times, key=lambda k: (-times[k], k))[:_FURTHER_KS])
        columns = [Column(f"pass@{k}", f"pass@{k}", subset, f"pass@{k}") for k in ks]
        columns.append(Column("test_case_average", "test cases", subset, "test_case_average"))
        parts = (
            [Subset(name, subset.io_format) for name in self.board.terms.difficulties] if not subset.difficulty else []
        )
        parts = [part for part in parts if part in self.subsets]
        if len(parts) > 1:
            columns += [Column(part.difficulty, part.difficulty, part, RANKED_BY) for part in parts]
        return columns

    def rows(self, subset: Subset) -> list[Row]:
        """The rows of a subset's table, the best first."""
        columns = self.columns(subset)
        return [
            Row(
                entry=self._by_key[standing.key],
                standing=standing,
                cells={c.key: self._metrics_of(self._by_key[standing.key], c.subset).get(c.metric) for c in columns},
                tied_files=[self._by_key[key].file for key in standing.tied],
            )
            for standing in self.standings(subset)
        ]

    def standings(self, subset: Subset) -> list[Standing]:
        """Who stands where on a subset."""
        metrics = {entry.key: self._metrics_of(entry, subset) for entry in self.board.entries}
        return standings(metrics, {entry.key: entry.name for entry in self.board.entries})

    def entry(self, key: str) -> Entry:
        """The entry of a standing."""
        return self._by_key[key]

    def neighbours(self) -> Iterator[tuple[str, str, str]]:
        """(before, problem, after) for each problem; empty where there is none."""
        ids = ["", *self.board.terms.problems, ""]
        return zip(ids, ids[1:-1], ids[2:], strict=False)

    def _metrics_of(self, entry: Entry, subset: Subset) -> dict[str, Metric]:
        if (entry.key, subset) not in self._metrics:
            results = entry.submission.results
            problems = [results.problems[problem_id] for problem_id in self.problem_ids(subset)]
            self._metrics[entry.key, subset] = metrics_of(problems, results.k, seed=SEED)
        return self._metrics[entry.key, subset]
