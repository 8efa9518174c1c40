"""What was expected against what came out, line by line, with the words that differ marked."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MAX_LINES = 400  # compared; what follows is counted only
MAX_LINE_CHARS = 2000
_WORDS = re.compile(r"\s+|[^\s\w]|\w+")

Part = tuple[str, bool]  # text, and whether it is only on this side


@dataclass(frozen=True, slots=True)
class Row:
    """One line of both sides; a side that has no such line is None."""

    expected: tuple[Part, ...] | None
    actual: tuple[Part, ...] | None
    same: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Two texts beside each other."""

    rows: tuple[Row, ...]
    more: int = 0  # lines beyond those shown


def difference(expected: str, actual: str) -> Difference:
    """Compare two texts; white space at the end of the text is not shown, as the judge does not look at it."""
    left, right = (text.rstrip().split("\n") for text in (expected, actual))
    more = max(len(left), len(right)) - MAX_LINES
    left, right = ([line[:MAX_LINE_CHARS] for line in lines[:MAX_LINES]] for lines in (left, right))
    return Difference(tuple(_rows(left, right)), max(0, more))


def _rows(left: Sequence[str], right: Sequence[str]) -> Iterator[Row]:
    for kind, i, i_end, j, j_end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            for line in left[i:i_end]:
                yield Row(((line, False),), ((line, False),), True)
            continue
        for offset in range(max(i_end - i, j_end - j)):
            a = left[i + offset] if i + offset < i_end else None
            b = right[j + offset] if j + offset < j_end else None
            if a is not None and b is not None:
                yield Row(*_marked(a, b), False)
            else:
                yield Row(None if a is None else ((a, True),), None if b is None else ((b, True),), False)


def _marked(a: str, b: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    words_a, words_b = _WORDS.findall(a), _WORDS.findall(b)
    sides: tuple[list[Part], list[Part]] = ([], [])
    for kind, i, i_end, j, j_end in SequenceMatcher(None, words_a, words_b, autojunk=False).get_opcodes():
        for side, text in zip(sides, ("".join(words_a[i:i_end]), "".join(words_b[j:j_end])), strict=True):
            if text:
                side.append((text, kind != "equal"))
    return tuple(sides[0]), tuple(sides[1])
