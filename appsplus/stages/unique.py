"""No problem twice, within and across sources, and none in train that is in test.

Two problems are the same where their texts are, apart from case, white space, punctuation and the examples, or where
the texts overlap nearly completely (MinHash, estimated Jaccard similarity of word triples >= 0.8) and a second piece of
evidence agrees: they share unit tests. Similar text alone is no proof: series of problems ("... II", "... with at most k
...") are written from one template.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from datasketch import MinHash, MinHashLSH

from appsplus.problem import Problem, Reason, Rejection

SIMILARITY = 0.8
PERMUTATIONS = 128
_SHARED_UNIT_TESTS = 0.3  # of the smaller set, at least
_EXAMPLES = re.compile(r"-{3,}\s*(?:examples?|sample)|^\W*examples?(?: \d+)?\s*:", re.IGNORECASE | re.MULTILINE)
_TESTS_KEPT = 64


@dataclass(frozen=True, slots=True)
class Signature:
    """What is kept of a problem to compare it with all others: about a kilobyte."""

    problem_id: str
    split: str
    text_hash: bytes
    minhash: bytes  # PERMUTATIONS 32-bit values
    unit_test_hashes: frozenset[int]  # of at most 64 unit tests, those with the smallest hashes
    unit_tests: int
    solutions: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Which problem is kept instead of one that goes."""

    kept: str
    similarity: float  # estimated Jaccard similarity of the texts; 1.0 for equal texts
    shared_unit_tests: int  # of the at most 64 that are compared


def signature(problem: Problem) -> Signature:
    """The signature of a problem that has passed all checks so far."""
    words = _words(problem.description)
    minhash = MinHash(num_perm=PERMUTATIONS, seed=1, scheme="affine32")
    minhash.update_batch([" ".join(words[i : i + 3]).encode() for i in range(max(1, len(words) - 2))])
    hashes = sorted(_short_hash(f"{t.input.split()}\0{t.output.split()}") for t in problem.unit_tests)
    return Signature(
        problem_id=problem.problem_id,
        split=problem.split,
        text_hash=hashlib.sha256(" ".join(words).encode()).digest()[:16],
        minhash=minhash.hashvalues.astype("<u4").tobytes(),
        unit_test_hashes=frozenset(hashes[:_TESTS_KEPT]),
        unit_tests=len(problem.unit_tests),
        solutions=len(problem.solutions),
    )


def find_duplicates(signatures: Sequence[Signature]) -> dict[str, Duplicate]:
    """For every problem that goes, the one that is kept: in test if any is, then the better tested one.

    The result does not depend on the order of `signatures`. Groups are closed: if a is b and b is c, one of them stays.
    """
    ordered = sorted(signatures, key=_preference)
    by_text: dict[bytes, Signature] = {}
    index = MinHashLSH(threshold=SIMILARITY, num_perm=PERMUTATIONS)
    kept: dict[str, Signature] = {}
    found: dict[str, Duplicate] = {}
    for one in ordered:
        same = by_text.get(one.text_hash)
        candidates = [same] if same else [kept[name] for name in sorted(index.query(_minhash(one)))]
        original = next((other for other in candidates if _are_duplicates(one, other)), None)
        if original is not None:
            shared = len(one.unit_test_hashes & original.unit_test_hashes)
            found[one.problem_id] = Duplicate(original.problem_id, round(_similarity(one, original), 2), shared)
            by_text.setdefault(one.text_hash, original)
            continue
        kept[one.problem_id] = one
        by_text.setdefault(one.text_hash, one)
        index.insert(one.problem_id, _minhash(one))
    return found


def duplicate_rejection(duplicate: Duplicate) -> Rejection:
    """The rejection of a problem that goes."""
    detail = (
        f"the same problem as {duplicate.kept}, which is kept: texts {duplicate.similarity:.0%} alike,"
        f" {duplicate.shared_unit_tests} unit tests in common"
    )
    evidence = {"kept": duplicate.kept, "similarity": duplicate.similarity}
    return Rejection(Reason.DUPLICATE, detail, evidence | {"shared_unit_tests": duplicate.shared_unit_tests})


def _preference(one: Signature) -> tuple[bool, int, int, str]:
    """What is kept comes first: test before train, more unit tests, more solutions, then the smaller id."""
    return one.split != "test", -one.unit_tests, -one.solutions, one.problem_id


def _are_duplicates(one: Signature, other: Signature) -> bool:
    if one.text_hash == other.text_hash:
        return True
    smaller = min(len(one.unit_test_hashes), len(other.unit_test_hashes))
    shared = len(one.unit_test_hashes & other.unit_test_hashes)
    return shared >= max(1, _SHARED_UNIT_TESTS * smaller) and _similarity(one, other) >= SIMILARITY


def _similarity(one: Signature, other: Signature) -> float:
    if one.text_hash == other.text_hash:
        return 1.0
    return float(_minhash(one).jaccard(_minhash(other)))


def _minhash(one: Signature) -> MinHash:
    values = np.frombuffer(one.minhash, dtype="<u4").astype(np.uint64)
    return MinHash(num_perm=PERMUTATIONS, seed=1, hashvalues=values, scheme="affine32")


def _words(description: str) -> list[str]:
    """The words of a description, up to its examples (of which two sources of one problem may show different ones)."""
    first = _EXAMPLES.search(description)
    text = description[: first.start()] if first and first.start() > len(description) // 4 else description
    return re.findall(r"[^\W_]+", text.lower()) or re.findall(r"\S+", description.lower())


def _short_hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:6])
