"""Who stands where: ranks in which rows whose intervals overlap are tied.

The rank of a row is a range: from one more than the rows that lie wholly above its interval, to the number of rows that do
not lie wholly below it. A row with a range of one is better than all after it and worse than all before; the others of a
wider range are those it is tied with. Being tied is not transitive, so there are no groups.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from appsplus.evaluation.metrics import exact_interval
from appsplus.evaluation.results import Metric

RANKED_BY = "pass@1"
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Standing:
    """One row of a table."""

    key: str  # of the entry
    metrics: Mapping[str, Metric]
    first: int  # the best rank it may have
    last: int  # the worst
    tied: tuple[str, ...]  # keys of the rows whose interval overlaps its own

    @property
    def ranked(self) -> Metric:
        """What the row is ranked by."""
        return self.metrics[RANKED_BY]


def standings(metrics: Mapping[str, Mapping[str, Metric]], names: Mapping[str, str]) -> list[Standing]:
    """Rows in order: by value, the best first; rows of the same value by name, then key."""
    ranked = {key: found[RANKED_BY] for key, found in metrics.items()}
    order = sorted(ranked, key=lambda key: (-ranked[key].value, names[key].casefold(), key))
    return [_standing(key, order, ranked, metrics[key]) for key in order]


def _standing(key: str, order: list[str], ranked: Mapping[str, Metric], metrics: Mapping[str, Metric]) -> Standing:
    own = ranked[key]
    above = sum(_is_above(other, own) for other in ranked.values())
    below = sum(_is_above(own, other) for other in ranked.values())
    tied = tuple(k for k in order if k != key and not _is_above(ranked[k], own) and not _is_above(own, ranked[k]))
    return Standing(key, metrics, above + 1, len(ranked) - below, tied)


def _is_above(one: Metric, other: Metric) -> bool:
    """Whether an interval lies wholly above another; ends that are equal but for rounding touch."""
    low, _ = exact_interval(one.low, one.high, one.num_problems)
    _, high = exact_interval(other.low, other.high, other.num_problems)
    return low > high + _ROUNDING
