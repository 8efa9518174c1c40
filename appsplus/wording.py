"""The words of a text, and how far two texts have the same: for `unique`, which looks for copies, and for contamination.

All hashes are of BLAKE2, so they are the same on every machine and in every run.
"""

import hashlib
import re
import unicodedata
from array import array
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LINK = re.compile(r"!?\[([^\]\n]*)\]\(\S*?\)|https?://\S+|<[a-z/][^<>]{0,200}>|\[image\]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_SHINGLE_WORDS = 3
_FACTOR, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)  # an odd number: no two runs become one by it


def words_of(text: str) -> list[str]:
    """The words of a text: $10^5$, 10⁵ and 100,000-like groups as plain digits, LaTeX commands and mark-up left out."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = _LINK.sub(lambda found: f" {found.group(1) or ''} ", text)
    text = re.sub(r"\\[a-z]+", " ", text)
    text = _THOUSANDS.sub("", re.sub(r"[\^_{}]", "", text))
    return re.findall(r"[^\W_]+", text) or text.split()


def hashes_of(words: Sequence[str]) -> NDArray[np.uint64]:
    """The words' 64-bit hashes, by BLAKE2."""
    return np.fromiter(map(_word_hash, words), np.uint64, len(words))


def grams_of(hashes: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """Sorted 64-bit hashes of every run of n words, each once; a text with fewer words has itself as its only run.

    `hashes` are those of the words; a run is a polynomial of them, whose bits are mixed at the end.
    """
    runs = np.zeros(max(1, len(hashes) - n + 1), np.uint64)
    for first in range(min(n, len(hashes))):
        runs = runs * _FACTOR + hashes[first : first + len(runs)]
    for _ in range(2):
        runs = (runs ^ (runs >> _HALF)) * _FACTOR
    return _each_once(runs ^ (runs >> _HALF))


def shingles_of(hashes: NDArray[np.uint64]) -> bytes:
    """Sorted 32-bit hashes of the word triples."""
    return _each_once((grams_of(hashes, _SHINGLE_WORDS) >> _HALF).astype(np.uint32)).tobytes()


def similarity(shingles: bytes, others: bytes) -> float:
    """Jaccard similarity of the word triples of two texts, from 0 to 1."""
    mine, theirs = set(array("I", shingles)), set(array("I", others))
    return len(mine & theirs) / len(mine | theirs)


def bands_of(texts: Sequence[bytes], bands: int, rows: int) -> NDArray[np.uint64]:
    """What finds near-copies: per text, given by its shingles, and band a 64-bit hash of so many MinHash values.

    Two texts of similarity s have a band in common with probability 1 - (1 - s^rows)^bands. 8 bytes a text and band.
    """
    from datasketch import MinHash  # loads scipy, which most commands do without

    first = MinHash(num_perm=bands * rows, seed=1, hashfunc=int)  # the shingles are hashes already
    mixing = np.random.RandomState(1).randint(1, 2**63, size=rows, dtype=np.uint64) * 2 + 1
    found = np.empty((len(texts), bands), np.uint64)
    for number, shingles in enumerate(texts):
        minhash = first.copy()
        minhash.update_batch(list(array("I", shingles)))
        values = minhash.hashvalues.astype(np.uint64).reshape(bands, rows)
        found[number] = (values * mixing).sum(axis=1, dtype=np.uint64)
    return found


def digest(text: str, size: int) -> bytes:
    """A hash of so many bytes."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).digest()


def _each_once(hashes: NDArray[Any]) -> NDArray[Any]:
    """Sorted in place, then without repetitions: as `np.unique`, whose hash table costs more than sorting here."""
    hashes.sort()
    first = np.ones(len(hashes), bool)
    np.not_equal(hashes[1:], hashes[:-1], out=first[1:])
    return hashes[first]


@lru_cache(maxsize=1 << 16)
def _word_hash(word: str) -> int:
    return int.from_bytes(digest(word, 8))
