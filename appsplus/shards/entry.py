"""How one record ended in a shard, as `merge` needs it."""

from dataclasses import dataclass

from appsplus.passage import Outcome
from appsplus.worklist.desk import Found


@dataclass(frozen=True, slots=True)
class Entry:
    """The end of a record, both ways: whether it is a duplicate is known only when all shards are together."""

    outcome: Outcome  # if it is none; without what only the passes need
    if_duplicate: Found | None = None  # what people should look at if it is one; None: it left before `unique`
