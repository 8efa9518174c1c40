"""Two results on the same problems, paired: how far apart they are, and how sure that is.

The difference of a metric is B - A, over the problems that both have scored; its interval comes from drawing problems, both
sides of a problem together, so that what makes a problem hard for both cancels out. McNemar's exact test (Q. McNemar, 1947)
asks of the problems that one solves and the other does not whether a fair coin could have divided them like that; it needs
one yes or no of each problem, and takes each model's first scored sample.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from pathlib import Path

import numpy as np

from appsplus.errors import InputError
from appsplus.evaluation.metrics import RESAMPLES, bootstrap_interval, value_of
from appsplus.evaluation.results import Results, read_verdicts, verdicts_path

_ENOUGH = 30  # problems whose bootstrap interval is believed without the sign test
_SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of both, and B - A with its 95 % interval."""

    metric: str
    a: float
    b: float
    value: float
    low: float
    high: float
    num_problems: int
    p_value: float  # of the sign test: on so many problems one is better, on so many the other

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero and, of so few problems that it may be too narrow, the sign test agrees."""
        return (self.low > 0 or self.high < 0) and (self.num_problems >= _ENOUGH or self.p_value <= _SIGNIFICANT)


@dataclass(frozen=True, slots=True)
class McNemar:
    """Problems by whose first sample is accepted, and the two-sided exact p-value."""

    both: int
    only_a: int
    only_b: int
    neither: int
    p_value: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """B against A, on the problems that both have."""

    a: str  # name
    b: str
    num_problems: int
    differences: tuple[Difference, ...]
    mcnemar: McNemar | None  # None: the verdicts of the samples are not there
    warnings: tuple[str, ...]
    seeds: dict[str, int]


def compare(
    a: Results, b: Results, verdicts: tuple[Mapping[str, bool], Mapping[str, bool]] | None, *, seed: int = 0
) -> Comparison:
    """Compare two results problem by problem. `verdicts`: what `first_samples` says of each.

    Raises InputError where they are not about the same problems, or share none that is scored.
    """
    facts = ("name", "sha256", "split")
    if differing := [f for f in facts[1:] if getattr(a.dataset, f) != getattr(b.dataset, f)]:
        told = "; ".join(f"{f} {getattr(a.dataset, f)[:12]} and {getattr(b.dataset, f)[:12]}" for f in differing)
        raise InputError(
            f"{a.name} and {b.name} were not judged on the same problems ({a.dataset.name} and {b.dataset.name}: {told});"
            " expected the same split of the same dataset: evaluate one of them again"
        )
    shared = [i for i in a.problems if i in b.problems and a.problems[i].num_samples and b.problems[i].num_samples]
    if not shared:
        raise InputError(f"{a.name} and {b.name} share no problem with a scored sample; evaluate them again")
    return Comparison(
        a=a.name,
        b=b.name,
        num_problems=len(shared),
        differences=tuple(_differences(a, b, shared, seed)),
        mcnemar=verdicts and mcnemar(*verdicts),
        warnings=tuple(_warnings(a, b, len(shared))),
        seeds={"bootstrap": seed, "bootstrap_resamples": RESAMPLES},
    )


def first_samples(path: Path, results: Results) -> dict[str, bool]:
    """Per problem, whether its first scored sample is accepted; from the verdicts beside the results file `path`.

    Raises InputError where they are those of another run.
    """
    with verdicts_path(path).open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != results.verdicts_file.sha256:
            raise InputError(
                f"{verdicts_path(path)} does not belong to {path}, which names another hash; expected the two files of one"
                " run: evaluate again, or move it away to compare without McNemar's test"
            )
    first: dict[str, bool] = {}
    for verdict in read_verdicts(verdicts_path(path)):  # in the order of their index
        if verdict.is_scored:
            first.setdefault(verdict.problem_id, verdict.verdict == "accepted")
    return first


def mcnemar(a: Mapping[str, bool], b: Mapping[str, bool]) -> McNemar:
    """McNemar's exact test on the problems that are in both."""
    pairs = [(a[problem_id], b[problem_id]) for problem_id in a if problem_id in b]
    only_a, only_b = pairs.count((True, False)), pairs.count((False, True))
    return McNemar(
        pairs.count((True, True)), only_a, only_b, pairs.count((False, False)), exact_p_value(only_a, only_b)
    )


def exact_p_value(only_a: int, only_b: int) -> float:
    """Two-sided: twice the chance that a fair coin falls to one side of n at most min(a, b) times; at most 1."""
    tosses = only_a + only_b
    tail = sum(comb(tosses, heads) for heads in range(min(only_a, only_b) + 1))
    return float(min(1.0, 2 * tail / 2**tosses))


def _differences(a: Results, b: Results, shared: list[str], seed: int) -> list[Difference]:
    found = []
    for metric in a.metrics:
        if metric not in b.metrics:
            continue
        pairs = [(value_of(metric, a.problems[i]), value_of(metric, b.problems[i])) for i in shared]
        values = np.array([pair for pair in pairs if None not in pair], dtype=np.float64)  # (P, 2)
        if len(values):
            difference = values[:, 1] - values[:, 0]
            low, high = bootstrap_interval(difference, seed=seed)
            mean_a, mean_b = (float(mean) for mean in values.mean(axis=0))
            p_value = exact_p_value(int((difference < 0).sum()), int((difference > 0).sum()))
            found.append(Difference(metric, mean_a, mean_b, float(difference.mean()), low, high, len(values), p_value))
    return found


def _warnings(a: Results, b: Results, shared: int) -> list[str]:
    warnings = []
    if a.judge.version != b.judge.version:
        warnings.append(
            f"{a.name} was judged by {a.judge.version}, {b.name} by {b.judge.version}: a difference may be the judge's;"
            " evaluate one of them again"
        )
    if (a.limits, a.limits_by_problem) != (b.limits, b.limits_by_problem):
        warnings.append("their programs had different limits of time or memory: a difference may come from that")
    if shared < a.dataset.num_problems:
        warnings.append(
            f"{shared:,} of {a.dataset.num_problems:,} problems are compared: the others lack a scored sample in one of them"
        )
    return warnings
