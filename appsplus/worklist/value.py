"""How much a decision is worth: the formula by which the worklist is ordered, here and nowhere else.

    value = split * decided * (1 - product over the doubts of (1 - chance))

`chance` is the estimate of each doubt that looking changes the dataset; the doubts are taken as independent. A problem of
the test split counts most, as every score rests on it; one that people have ruled on already counts a tenth. The numbers are
ours: they make an order, and are no probabilities that were measured.
"""

from collections.abc import Iterable
from math import prod

from appsplus.worklist.case import Doubt

_SPLITS = {"test": 1.0, "validation": 0.8, "train": 0.7}
_DECIDED = 0.1


def value_of(doubts: Iterable[Doubt], split: str, *, decided: bool) -> float:
    """What a decision about a problem with these doubts is worth: 0 to 1."""
    missed = prod(1 - doubt.chance for doubt in doubts)
    return round(_SPLITS[split] * (_DECIDED if decided else 1.0) * (1 - missed), 6)
