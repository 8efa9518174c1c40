"""How much there is to do: what the sources hold, counted in one pass, and a sample of their problems, drawn by a seed."""

import hashlib
import heapq
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count

from appsplus.pipeline import KEPT, REJECTED, Progress, text_bytes
from appsplus.problem import RawProblem
from appsplus.sources import Rejected

FEW = 300  # problems: a build of no more needs no estimate
_LEAST, _MOST, _SHARE = 30, 200, 0.02  # of the problems, in a sample
_MOST_BYTES = 256_000_000  # that the sample takes in memory
_FIRST = 50  # problems that tell whether most is known
_MOSTLY = 0.5

Record = RawProblem | Rejected


@dataclass(frozen=True, slots=True)
class Survey:
    """What the sources hold. Memory: the sample."""

    problems: int  # records that are none, included
    solutions: int
    unit_tests: int
    executions: int  # solutions x unit tests, summed over the problems
    sample: tuple[Record, ...]  # in the sources' order


def survey(records: Iterable[Record], seed: int, progress: Progress | None = None) -> Survey:
    """Count all records, with one in memory besides the sample. Raises SourceError.

    The sample is 2 % of the problems, but at least 30 and at most 200, and no more than 256 MB of them: those with the
    smallest hash of seed and id, so that neither the order of the sources nor their length has a say in it.
    """
    progress = progress or Progress()
    progress.start("counting", None)
    problems = solutions = unit_tests = executions = 0
    drawn: list[tuple[int, int, int, Record]] = []  # the largest hash first, so that it can go
    room, bound = _MOST_BYTES, -math.inf  # what is left of memory; of the largest hash that it did not suffice for
    numbers = count()
    for record in records:
        problems += 1
        found = sizes(record)
        solutions, unit_tests = solutions + found[0], unit_tests + found[1]
        executions += found[0] * found[1]
        rank, number = -_rank(record, seed), next(numbers)
        if rank > bound and (len(drawn) < _MOST or rank > drawn[0][0]):
            size = text_bytes(record)
            heapq.heappush(drawn, (rank, number, size, record))
            room -= size
            while len(drawn) > 1 and (room < 0 or len(drawn) > _MOST):
                bound = max(bound, drawn[0][0])
                room += heapq.heappop(drawn)[2]
        progress.advance(REJECTED if isinstance(record, Rejected) else KEPT)
    size = min(_MOST, max(_LEAST, round(_SHARE * problems)))
    chosen = sorted(heapq.nlargest(size, drawn), key=lambda entry: entry[1])
    return Survey(problems, solutions, unit_tests, executions, tuple(record for *_, record in chosen))


def sizes(record: Record) -> tuple[int, int]:
    """(solutions, unit tests) that a source states for a problem; (0, 0) where it could not be read."""
    if isinstance(record, Rejected):
        return 0, 0
    return len(record.solutions), min(len(record.inputs or ()), len(record.outputs or ()))


def is_worth_an_estimate(records: Iterable[Record], is_known: Callable[[str], bool]) -> bool:
    """Whether there are many problems, and most of them new; reads no more than it needs to know that.

    `is_known` says of a program whether the cache has its inspection, which every program gets. Raises SourceError.
    """
    known = asked = 0
    for number, record in enumerate(records):
        if number < _FIRST and isinstance(record, RawProblem) and record.solutions:
            asked += 1
            known += is_known(record.solutions[0])
        if number == _FIRST and known > _MOSTLY * asked:
            return False  # a build that was done before, or goes on
        if number >= FEW:
            return True
    return False


def _rank(record: Record, seed: int) -> int:
    digest = hashlib.sha256(f"{seed}:{record.problem_id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8])
