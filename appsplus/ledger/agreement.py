"""How far reviewers agree who decided independently about the same content, beyond what chance would give.

A unit is one content of one problem; a reviewer's value for it is the last of that reviewer's decisions that was not undone:
accept, correct or reject. A skip is no value, and a decision that settles a disagreement is none either: it was not made
independently. Two reviewers are measured by Cohen's kappa, more by Krippendorff's alpha for nominal values, which takes
units that not everybody decided.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from appsplus.errors import LedgerError
from appsplus.ledger.decision import RULINGS, Decision
from appsplus.ledger.ledger import Ledger
from appsplus.ledger.patch import same_patch
from appsplus.ledger.standing import counting

RESAMPLES = 2_000
LEVEL = 0.95
Values = tuple[str, ...]  # what the reviewers say of one unit, in the order of their names; "" where one says nothing


@dataclass(frozen=True, slots=True)
class Agreement:
    """The measure, and what it was measured on."""

    statistic: str  # "cohen_kappa" or "krippendorff_alpha"
    value: float | None  # None: not defined, as everybody always says the same
    interval: tuple[float, float] | None  # 95 %, percentile bootstrap over units; None: not defined
    observed: float  # share of pairs of values that are equal, with no allowance for chance
    reviewers: Mapping[str, str]  # name: kind
    units: int  # that at least two of them decided
    table: Mapping[str, Mapping[str, float]]  # two: first reviewer's value, second's, units; more: pairs (coincidences)


def measure(ledger: Ledger, reviewers: Sequence[str] = (), *, seed: int = 0) -> Agreement:
    """The agreement of these reviewers, or of all that have a unit in common with another one.

    Raises LedgerError where there is nothing to compare.
    """
    units, kinds = _units(ledger)
    unknown = [name for name in reviewers if name not in kinds]
    if unknown:
        known = ", ".join(sorted(kinds)) or "nobody"
        raise LedgerError(f"{', '.join(unknown)} decided nothing in this ledger; expected reviewers among {known}")
    chosen = {name: values for name, values in units.items() if sum(v in (reviewers or kinds) for v in values) >= 2}
    names = sorted({name for values in chosen.values() for name in values if name in (reviewers or kinds)})
    if len(names) < 2:
        raise LedgerError(
            "no content was decided by two reviewers, so that there is no agreement to measure; have a second one decide "
            "with `appsplus review DIR --reviewer NAME --blind`"
        )
    rows = [tuple(values.get(name, "") for name in names) for values in chosen.values()]
    measured = cohen_kappa if len(names) == 2 else krippendorff_alpha
    return Agreement(
        statistic=measured.__name__,
        value=measured(Counter(rows)),
        interval=bootstrap(rows, measured, seed=seed),
        observed=_observed(Counter(rows)),
        reviewers={name: kinds[name] for name in names},
        units=len(rows),
        table=_table(rows),
    )


def cohen_kappa(rows: Mapping[Values, float]) -> float | None:
    """(observed - expected) / (1 - expected) for two reviewers; `rows` counts units by their values.

    Expected: by each reviewer's own shares (Cohen 1960). None where both always give one value.
    """
    total = sum(rows.values())
    observed = sum(n for (one, other), n in rows.items() if one == other) / total
    first, second = defaultdict[str, float](float), defaultdict[str, float](float)
    for (one, other), n in rows.items():
        first[one] += n
        second[other] += n
    expected = sum(share * second[value] for value, share in first.items()) / total**2
    return None if math.isclose(expected, 1) else (observed - expected) / (1 - expected)


def krippendorff_alpha(rows: Mapping[Values, float]) -> float | None:
    """1 - observed / expected disagreement for nominal values; any number of reviewers, "" for a missing value.

    By the coincidence matrix (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"). None where there is one
    value only.
    """
    pairs = _coincidences(rows)
    margins = defaultdict[str, float](float)
    for (one, _), n in pairs.items():
        margins[one] += n
    total = sum(margins.values())
    differing = sum(n for (one, other), n in pairs.items() if one != other)
    expected = total**2 - sum(n**2 for n in margins.values())
    return None if math.isclose(expected, 0, abs_tol=1e-9) else 1 - (total - 1) * differing / expected


def bootstrap(
    rows: Sequence[Values], measured: Callable[[Mapping[Values, float]], float | None], *, seed: int
) -> tuple[float, float] | None:
    """Percentile interval of a measure over units drawn anew with replacement; seeded.

    Draws for which the measure is not defined are left out; None where that are all.
    """
    counted = Counter(rows)
    patterns, counts = list(counted), np.array(list(counted.values()), dtype=float)
    draws = np.random.default_rng(seed).multinomial(len(rows), counts / counts.sum(), size=RESAMPLES)
    found = [measured({p: float(n) for p, n in zip(patterns, draw, strict=True) if n}) for draw in draws]
    values = [value for value in found if value is not None]
    if not values:
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def disagreements(ledger: Ledger) -> list[tuple[Decision, ...]]:
    """What waits for adjudication: per content, the decisions that count and differ, in order of problem and time.

    From the ledger alone: corrections whose patches differ are listed here although their results may be equal, which a
    build can tell.
    """
    found = []
    for own in ledger.decisions.values():
        made = [d for d in own if d.event_id not in ledger.undone]
        for source, seen in dict.fromkeys((d.source_hash, d.seen) for d in made):
            count = counting([d for d in made if d.source_hash == source], seen)
            if any(d.action != count[0].action or not same_patch(d, count[0]) for d in count):
                found.append(tuple(count))
    return found


def _units(ledger: Ledger) -> tuple[dict[tuple[str, str], dict[str, str]], dict[str, str]]:
    """(what each reviewer says of each content, the kind of each reviewer)."""
    units: dict[tuple[str, str], dict[str, str]] = {}
    kinds: dict[str, str] = {}
    for problem_id, own in ledger.decisions.items():
        for d in own:
            if d.action in RULINGS and not d.resolves and d.event_id not in ledger.undone:
                units.setdefault((problem_id, d.source_hash + d.seen), {})[d.reviewer] = d.action
                kinds[d.reviewer] = d.reviewer_kind
    return units, kinds


def _coincidences(rows: Mapping[Values, float]) -> Mapping[tuple[str, str], float]:
    """Ordered pairs of values of different reviewers within a unit; a unit with m values weighs m in all."""
    pairs = defaultdict[tuple[str, str], float](float)
    for values, n in rows.items():
        given = [value for value in values if value]
        for i, one in enumerate(given):
            for j, other in enumerate(given):
                if i != j:
                    pairs[one, other] += n / (len(given) - 1)
    return pairs


def _observed(rows: Mapping[Values, float]) -> float:
    pairs = _coincidences(rows)
    return sum(n for (one, other), n in pairs.items() if one == other) / sum(pairs.values())


def _table(rows: Sequence[Values]) -> dict[str, dict[str, float]]:
    counted = Counter(rows)
    cells: Mapping[Any, float] = counted if len(rows[0]) == 2 else _coincidences(counted)
    return {one: {other: round(float(cells.get((one, other), 0)), 6) for other in RULINGS} for one in RULINGS}
