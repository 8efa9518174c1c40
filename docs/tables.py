"""What the scripts that write pages have in common: filled text and tables of Markdown."""

import textwrap
from collections.abc import Iterable

Aim = tuple[str, float, float, bool]  # words, what was measured, what was aimed at, whether less is better


def text(*parts: str) -> str:
    """A paragraph."""
    return textwrap.fill(" ".join(parts), 124, break_long_words=False, break_on_hyphens=False) + "\n"


def table(heads: list[str], rows: Iterable[list[str]]) -> str:
    """A table, its numbers aligned to the right."""
    lines = [heads, ["---:"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def aims(found: Iterable[Aim]) -> str:
    """A table of what was aimed at, and whether it was reached."""
    rows = [
        [
            words,
            _number(measured),
            f"{'at most' if less else 'at least'} {_number(aim)}",
            "" if (measured <= aim if less else measured >= aim) else "**missed**",
        ]
        for words, measured, aim, less in found
    ]
    return table(["", "measured", "aim", ""], rows)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
