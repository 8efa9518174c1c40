"""The metrics by kind of problem: difficulty, I/O format, number of conditional statements; and samples by verdict."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from appsplus.evaluation.extraction import EXTRACTION_FAILED
from appsplus.evaluation.metrics import metrics_of
from appsplus.evaluation.results import Breakdowns, Group, ProblemResult
from appsplus.problem import DIFFICULTIES, IOFormat, Verdict

CONDITIONAL_BINS = ((0, 0), (1, 2), (3, 5), (6, 10), (11, None))
"""Conditional statements of the canonical solution, from and to."""

OUTCOMES = (*(verdict.value for verdict in Verdict), EXTRACTION_FAILED)
"""What a scored sample may come to, in the order in which it is told."""


def breakdowns(problems: Iterable[ProblemResult], ks: Sequence[int], *, seed: int) -> Breakdowns:
    """The metrics of each kind of problem, kinds in their own order; a kind without problems is left out."""
    problems = list(problems)
    verdicts: Counter[str] = Counter()
    for problem in problems:
        verdicts.update(problem.verdicts)
    return Breakdowns(
        difficulty=_groups(problems, lambda p: p.difficulty, DIFFICULTIES, ks, seed),
        io_format=_groups(problems, lambda p: p.io_format, [f.value for f in IOFormat], ks, seed),
        conditional_statements=_groups(problems, _bin_of, [*map(_bin_name, CONDITIONAL_BINS), "unknown"], ks, seed),
        verdict={outcome: verdicts[outcome] for outcome in OUTCOMES if verdicts[outcome]},
    )


def _groups(
    problems: Iterable[ProblemResult],
    kind_of: Callable[[ProblemResult], str],
    order: Sequence[str],
    ks: Sequence[int],
    seed: int,
) -> dict[str, Group]:
    by_kind: defaultdict[str, list[ProblemResult]] = defaultdict(list)
    for problem in problems:
        by_kind[kind_of(problem)].append(problem)
    return {
        kind: Group(len(by_kind[kind]), metrics_of(by_kind[kind], ks, seed=seed)) for kind in order if by_kind[kind]
    }


def _bin_of(problem: ProblemResult) -> str:
    count = problem.conditional_statements
    if count is None:
        return "unknown"
    return next(_bin_name((low, high)) for low, high in CONDITIONAL_BINS if high is None or count <= high)


def _bin_name(bounds: tuple[int, int | None]) -> str:
    low, high = bounds
    return f"{low}+" if high is None else str(low) if low == high else f"{low}-{high}"
