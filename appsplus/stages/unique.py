"""No problem twice, within and across sources, and none in train that is in test.

Two problems are the same where

    same_text   the words of their descriptions are equal (case, punctuation, mark-up and LaTeX apart), and no two
                entry points say otherwise
    near_text   the word triples overlap (Jaccard similarity >= 0.8; MinHash finds the pairs, the exact value decides),
                the same numbers occur in both, and a second piece of evidence agrees: a unit test that both have, or
                the same sequence of numbers
    same_page   they come from one URL with one entry point, and every unit test of the smaller is in the larger

The numbers tell a problem from its variants ("... II", "hard version"), which differ in their constraints only and share
examples and even solutions. Unit tests with equal input and other output count against near_text.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from appsplus.problem import Problem, Reason, Rejection, Verdict
from appsplus.wording import bands_of, digest, hashes_of, shingles_of, similarity, words_of

SIMILARITY = 0.8
_BANDS, _ROWS = 25, 5  # a pair at 0.8 is missed with probability (1 - 0.8^5)^25 = 5e-5
_TESTS_KEPT = 64  # the first ones; samples, which copies share, come first


@dataclass(frozen=True, slots=True)
class Signature:
    """What is kept of a problem to compare it with all others: one to three kilobytes."""

    problem_id: str
    split: str
    entry_point: str  # without case and underscores; empty for standard input
    text_hash: bytes  # of all words
    exact_hash: bytes  # of all characters but white space
    numbers_hash: bytes  # of the set of numbers in the text
    sequence_hash: bytes  # of the numbers in their order
    page_hash: bytes  # of URL and entry point; empty where there is no URL
    shingles: bytes  # sorted 32-bit hashes of word triples
    tests: bytes  # of the first 64 unit tests, 4 bytes of the input's hash and 4 of the output's each
    unit_tests: int
    solutions: int  # that are not known to fail


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Which problem is kept instead of one that goes, and why they are the same."""

    kept: str
    similarity: float  # Jaccard similarity of the word triples
    basis: str  # same_text, near_text or same_page
    shared_unit_tests: int  # of the at most 64 that are compared


def signature(problem: Problem) -> Signature:
    """The signature of a problem that has passed all checks so far."""
    words = words_of(problem.description)
    numbers = [word for word in words if word.isdecimal()]
    tests = {digest(_squeezed(t.input), 4) + digest(_squeezed(t.output), 4) for t in problem.unit_tests[:_TESTS_KEPT]}
    entry_point = (problem.entry_point or "").replace("_", "").casefold()
    page = problem.url.strip().rstrip("/").casefold()
    return Signature(
        problem_id=problem.problem_id,
        split=problem.split,
        entry_point=entry_point,
        text_hash=digest(" ".join(words), 16),
        exact_hash=digest("".join(problem.description.split()), 8),
        numbers_hash=digest(" ".join(sorted(set(numbers))), 8),
        sequence_hash=digest(" ".join(numbers), 8),
        page_hash=digest(f"{page} {problem.io_format} {entry_point}", 8) if page else b"",
        shingles=shingles_of(hashes_of(words)),
        tests=b"".join(sorted(tests)),
        unit_tests=len(problem.unit_tests),
        solutions=sum(s.verdict in (None, Verdict.ACCEPTED) for s in problem.solutions),
    )


def find_duplicates(signatures: Iterable[Signature]) -> dict[str, Duplicate]:
    """For every problem that goes, the one that is kept, which it equals itself; independent of the order given.

    Problems are looked at in the order of preference: test before train, then more unit tests, more solutions, the
    smaller id; each one goes that equals one kept before it.
    """
    ordered = sorted(signatures, key=_preference)
    kept: dict[str, Signature] = {}
    by_hash: defaultdict[bytes, list[str]] = defaultdict(list)
    by_band: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    found: dict[str, Duplicate] = {}
    for one, bands in zip(ordered, _shared_bands(ordered), strict=True):
        names = {*by_hash[one.text_hash], *(name for band in bands for name in by_band[band])}
        if one.page_hash:
            names.update(by_hash[one.page_hash])
        same = [match for name in sorted(names) if (match := _match(one, kept[name])) is not None]
        if same:
            found[one.problem_id] = max(same, key=lambda match: match.similarity)
            continue
        kept[one.problem_id] = one
        by_hash[one.text_hash].append(one.problem_id)
        if one.page_hash:
            by_hash[one.page_hash].append(one.problem_id)
        for band in bands:
            by_band[band].append(one.problem_id)
    return found


def _shared_bands(signatures: Sequence[Signature]) -> list[list[tuple[int, int]]]:
    """For each, the bands of its MinHash that another one has, too, as (number of the band, number of its value)."""
    bands = bands_of([one.shingles for one in signatures], _BANDS, _ROWS)
    shared: list[list[tuple[int, int]]] = [[] for _ in signatures]
    for number, column in enumerate(bands.T):
        _, values, counts = np.unique(column, return_inverse=True, return_counts=True)
        for i in np.flatnonzero(counts[values] > 1).tolist():
            shared[i].append((number, int(values[i])))
    return shared


def duplicate_rejection(duplicate: Duplicate) -> Rejection:
    """The rejection of a problem that goes."""
    how = {
        "same_text": "the text is the same",
        "near_text": f"{duplicate.similarity:.0%} of the text and all numbers in it are the same",
        "same_page": "both come from one page and have the same unit tests",
    }[duplicate.basis]
    detail = f"the same problem as {duplicate.kept}, which is kept: {how}"
    evidence = {"kept": duplicate.kept, "basis": duplicate.basis, "similarity": duplicate.similarity}
    return Rejection(Reason.DUPLICATE, detail, evidence | {"shared_unit_tests": duplicate.shared_unit_tests})


def _preference(one: Signature) -> tuple[bool, int, int, str]:
    return one.split != "test", -one.unit_tests, -one.solutions, one.problem_id


def _match(one: Signature, other: Signature) -> Duplicate | None:
    shared, contrary = _compared_tests(one, other)
    alike = similarity(one.shingles, other.shingles)
    same_entry_point = one.entry_point == other.entry_point
    basis = ""
    same_words = one.text_hash == other.text_hash
    same_signs = one.exact_hash == other.exact_hash or shared >= contrary  # else a + b would be a - b
    if same_words and same_signs and (same_entry_point or not (one.entry_point and other.entry_point)):
        basis = "same_text"
    elif (
        same_entry_point
        and alike >= SIMILARITY
        and one.numbers_hash == other.numbers_hash
        and shared >= contrary
        and (shared or one.sequence_hash == other.sequence_hash)
    ):
        basis = "near_text"
    elif one.page_hash and one.page_hash == other.page_hash and shared * 8 == min(len(one.tests), len(other.tests)):
        basis = "same_page"
    return Duplicate(other.problem_id, round(alike, 3), basis, shared) if basis else None


def _compared_tests(one: Signature, other: Signature) -> tuple[int, int]:
    """(unit tests that both have, inputs that both have with another output)."""
    mine, theirs = set(_records(one.tests)), set(_records(other.tests))
    same_input = {test[:4] for test in mine} & {test[:4] for test in theirs}
    shared = mine & theirs
    return len(shared), len(same_input - {test[:4] for test in shared})


def _records(tests: bytes) -> Iterator[bytes]:
    return (tests[i : i + 8] for i in range(0, len(tests), 8))


def _squeezed(text: str) -> str:
    return " ".join(text.split())
