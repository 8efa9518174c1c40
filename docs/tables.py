"""What the scripts that write pages have in common: filled text and tables of Markdown."""

import textwrap
from collections.abc import Iterable


def text(*parts: str) -> str:
    """A paragraph."""
    return textwrap.fill(" ".join(parts), 124, break_long_words=False, break_on_hyphens=False) + "\n"


def table(heads: list[str], rows: Iterable[list[str]]) -> str:
    """A table, its numbers aligned to the right."""
    lines = [heads, ["---:"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
