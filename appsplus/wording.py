"""The words of a text, and how far two texts have the same: for `unique`, which looks for copies, and for contamination.

All hashes are of BLAKE2, so they are the same on every machine and in every run.
"""

import hashlib
import re
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Sequence

from datasketch import MinHash

_LINK = re.compile(r"!?\[([^\]\n]*)\]\(\S*?\)|https?://\S+|<[a-z/][^<>]{0,200}>|\[image\]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_SHINGLE_WORDS = 3


def words_of(text: str) -> list[str]:
    """The words of a text: $10^5$, 10⁵ and 100,000-like groups as plain digits, LaTeX commands and mark-up left out."""
    text = unicodedata.normalize("NFKC", text).lower()
    text = _LINK.sub(lambda found: f" {found.group(1) or ''} ", text)
    text = re.sub(r"\\[a-z]+", " ", text)
    text = _THOUSANDS.sub("", re.sub(r"[\^_{}]", "", text))
    return re.findall(r"[^\W_]+", text) or text.split()


def n_grams(words: Sequence[str], n: int) -> Iterator[str]:
    """Every run of n words; a text with fewer has itself as its only one."""
    return (" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1)))


def shingles_of(words: Sequence[str]) -> bytes:
    """Sorted 32-bit hashes of the word triples."""
    hashes = {int.from_bytes(digest(triple, 4)) for triple in n_grams(words, _SHINGLE_WORDS)}
    return array("I", sorted(hashes)).tobytes()


def similarity(shingles: bytes, others: bytes) -> float:
    """Jaccard similarity of the word triples of two texts, from 0 to 1."""
    mine, theirs = set(array("I", shingles)), set(array("I", others))
    return len(mine & theirs) / len(mine | theirs)


def minhash_of(shingles: bytes, permutations: int) -> MinHash:
    """The MinHash of the word triples of a text."""
    minhash = MinHash(num_perm=permutations, seed=1, hashfunc=int)  # the shingles are hashes already
    minhash.update_batch(list(array("I", shingles)))
    return minhash


def digest(text: str, size: int) -> bytes:
    """A hash of so many bytes."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).digest()


def hashes_of(texts: Iterable[str]) -> frozenset[int]:
    """64-bit hashes of some texts."""
    return frozenset(int.from_bytes(digest(text, 8)) for text in texts)
