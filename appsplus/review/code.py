"""Programs as HTML, line by line: syntax colours, how many unit tests run each line, and where the program can be split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from pygments.lexers.python import PythonLexer
from pygments.token import STANDARD_TYPES

MAX_COLOURED_CHARS = 100_000  # beyond that, a program is shown without colours


@dataclass(frozen=True, slots=True)
class CodeLine:
    """One line of a program, ready for the page."""

    number: int  # 1-based
    html: Markup
    hits: int | None = None  # unit tests that run it; None: not executable, or not known
    split_points: tuple[str, ...] = ()  # kinds of the conditional statements that start here


def code_lines(
    code: str,
    executable: Sequence[int] = (),
    executed: Sequence[Sequence[int]] = (),
    split_points: Mapping[int, Sequence[str]] | None = None,
) -> list[CodeLine]:
    """A program for the page. `executed`: lines, per unit test; `split_points`: kinds, by line."""
    able, hits = set(executable), dict.fromkeys(executable, 0)
    for lines in executed:
        for line in able.intersection(lines):
            hits[line] += 1
    points = split_points or {}
    return [
        CodeLine(number, html, hits.get(number), tuple(points.get(number, ())))
        for number, html in enumerate(_coloured(code), start=1)
    ]


def _coloured(code: str) -> list[Markup]:
    if len(code) > MAX_COLOURED_CHARS:
        return [Markup("{}").format(line) for line in code.rstrip("\n").split("\n")]
    lines = [Markup("")]
    for kind, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens(code.rstrip("\n")):
        css_class = STANDARD_TYPES.get(kind, "")
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append(Markup(""))
            if part:
                lines[-1] += Markup('<span class="{}">{}</span>').format(css_class, part) if css_class else part
    return lines
