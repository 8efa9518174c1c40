"""The metrics of an evaluation: pure functions of what the judge said, one figure a function, intervals by the bootstrap.

Legend: P problems, M metrics, B resamples of the bootstrap. A figure is the mean over problems of a value of each problem;
where a problem has no value (too few scored samples), it is not in the mean.
"""

from collections.abc import Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

from appsplus.errors import InputError
from appsplus.evaluation.results import Metric, ProblemResult

RESAMPLES = 2000
_CHUNK = 1 << 22  # values gathered at once: 32 MiB

Values = NDArray[np.float64]


def pass_at_k(num_samples: int, num_correct: int, k: int) -> float:
    """The chance that at least one of k samples, drawn from `num_samples` without replacement, is correct.

    1 - C(n - c, k) / C(n, k), the unbiased estimator of arXiv:2107.03374, eq. 1, in exact integers. Raises InputError for
    k > n, which no estimator can answer without bias.
    """
    if not 0 <= num_correct <= num_samples:
        raise ValueError(f"{num_correct} correct of {num_samples} samples cannot be")
    check_k(k, num_samples)
    return 1.0 - comb(num_samples - num_correct, k) / comb(num_samples, k)


def check_k(k: int, num_samples: int, where: str = "") -> None:
    """Raise InputError where pass@k asks for more samples than there are."""
    if k < 1:
        raise InputError(f"pass@k needs a k of at least 1; got {k}")
    if k > num_samples:
        raise InputError(
            f"pass@{k} needs at least {k} samples per problem; got {num_samples}{where}: sample more, or ask for a smaller k"
        )


def value_of(metric: str, problem: ProblemResult) -> float | None:
    """What one problem contributes to a metric: pass@K, strict_accuracy or test_case_average. None: too few samples.

    The last two are APPS's pair (arXiv:2105.09938): the share of the samples that pass every unit test, which is pass@1, and
    the mean share of the unit tests that a sample passes.
    """
    if metric == "test_case_average":
        return problem.test_case_average
    k = 1 if metric == "strict_accuracy" else int(metric.removeprefix("pass@"))
    return pass_at_k(problem.num_samples, problem.num_correct, k) if problem.num_samples >= k else None


def metrics_of(problems: Sequence[ProblemResult], ks: Sequence[int], *, seed: int) -> dict[str, Metric]:
    """pass@k for each k, strict accuracy and test-case average, each with its 95 % interval over problems.

    A metric that no problem has a value for is left out: no score is not a score of zero.
    """
    found = {}
    for name in (*(f"pass@{k}" for k in ks), "strict_accuracy", "test_case_average"):
        values = np.array([value for p in problems if (value := value_of(name, p)) is not None])
        if len(values):
            low, high = bootstrap_interval(values, seed=seed)
            found[name] = Metric(float(values.mean()), low, high, len(values))
    return found


def bootstrap_means(values: Values, *, seed: int, resamples: int = RESAMPLES) -> Values:
    """Means of `resamples` draws of P problems with replacement. (P,) -> (B,).

    Equal seeds draw the same problems for any values of the same length.
    """
    generator = np.random.default_rng(seed)
    rows = max(1, _CHUNK // len(values))
    means = [
        values[generator.integers(0, len(values), (min(rows, resamples - start), len(values)))].mean(axis=1)
        for start in range(0, resamples, rows)
    ]
    return np.concatenate(means)


def exact_interval(low: float, high: float, num_problems: int) -> tuple[float, float]:
    """An interval of shares as it is to be compared with others: of P problems that are all solved, or none, Clopper's and
    Pearson's (1934), where the bootstrap's has no width: 1 - 0.025^(1/P) may still be solved, or unsolved.
    """
    width = 1 - 0.025 ** (1 / num_problems) if low == high and low in (0.0, 1.0) else 0.0
    return (low - width, high) if low == 1.0 else (low, high + width)


def bootstrap_interval(values: Values, *, seed: int, resamples: int = RESAMPLES) -> tuple[float, float]:
    """The 95 % percentile interval of the mean over problems (B. Efron, 1979). (P,) -> low, high.

    It knows the variation among problems, not that among further samples of the same problem; and where all values are
    equal, as at 0 % and 100 %, it has no width.
    """
    low, high = np.quantile(bootstrap_means(values, seed=seed, resamples=resamples), (0.025, 0.975))
    return float(low), float(high)
