"""FGO: the tokens of a completion that stand on executed lines, as a mask of the loss (arXiv:2402.01391, section 4.2).

The paper masks "tokens of code snippets that are not executed". Which token is one, it does not say; this is our rule. A
token is kept (1.0) where at least one of its characters is. A character is kept or masked with its line:

| line of the program | kept where |
|---|---|
| holds a statement, or the header of one (`if`, `elif`, `for`, `def`, `class`, `except`, ...) | it was executed |
| of a statement or header over several lines: brackets, strings, `\\\\` at the end of the line | the first line is |
| with several statements, joined by `;` or after a `:` | any of them was executed |
| a decorator | it was executed, that is when its function or class was made |
| header of a function or class | it was made, called or not |
| `else:`, `finally:`, `try:` alone; `global`, `nonlocal` | the next line that holds code is: they have no code of their own |
| a comment alone, a blank line, a docstring, an annotation without value in a function | never: it is not executed |
| a comment after code | its line is |

| else | kept where |
|---|---|
| the end of a line | the line that it ends is |
| a token on two or more lines, or with the end of one and the indentation of the next | one of them is |
| a piece of one character (byte-level BPE), whether its span is that character or empty | that character is |
| text outside the program: the code fence, prose, reasoning | always: FGO is about lines of the program |
| the end-of-text token (empty spans after the last that is not) | always: to stop here is part of every program |
| characters of the prefix | never in the loss: they are prompt, and have no token here |
| a program that does not compile, or of which no line ran, or text without a program | always: nothing is known |

Lines end where Python ends them: `\\n`, `\\r\\n`, `\\r`; not at form feeds. Columns do not count, so tabs are characters.
Executed lines are those of coverage.py, as `appsplus.judge` reports them: first lines of statements.
"""

import re
import tokenize
from bisect import bisect_right
from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import Literal, get_args

from appsplus.evaluation import Program
from appsplus.judge import Report
from appsplus.judge.line_map import first_lines
from appsplus.problem import Verdict

Which = Literal["union", "first_failing"]
"""Which unit tests' lines count: those of all of them; or those of the first that fails, if one does."""

_NEWLINE = re.compile(r"\r\n?|\n")
_NO_CODE = re.compile(r"[ \t\f]*(#|\Z)")
_FOLLOWS = re.compile(r"[ \t\f]*((else|finally|try)[ \t\f]*:[ \t\f]*(#|\Z)|(global|nonlocal)\b)")


def lines_in_loss(report: Report, which: Which = "union") -> frozenset[int] | None:
    """The executed lines that a report with coverage puts into the loss; None: the program did not compile.

    Raises ValueError for a report without coverage.
    """
    if which not in get_args(Which):
        raise ValueError(f"executed lines come from {' or '.join(get_args(Which))}; got {which!r}")
    if report.verdict is Verdict.COMPILE_ERROR:
        return None
    if report.executable_lines is None:
        raise ValueError("the report has no coverage; judge the program with Job(..., coverage=True)")
    failing = report.first_failure if which == "first_failing" else None
    chosen = report.unit_tests if failing is None else report.unit_tests[failing : failing + 1]
    return frozenset(line for unit_test in chosen for line in unit_test.executed_lines or ())


def executed_keep(
    completion_offsets: Sequence[tuple[int, int]],
    *,
    completion: str,
    program: Program | None,
    executed_lines: Collection[int] | None,
) -> list[float]:
    """The mask by the rule above: one number a token of the completion, 1.0 stays in the loss. O(characters + tokens).

    `completion_offsets` are [start, end) in the characters of `completion`, in order. `program` is what `extract` found
    in the completion (None: nothing; one that is the prefix alone keeps all tokens, too). `executed_lines` are lines of
    `program.text`, from 1 (None: it did not compile).
    Raises ValueError for a span that is not within the completion.
    """
    for start, end in completion_offsets:
        if not 0 <= start <= end <= len(completion):
            raise ValueError(f"token at [{start}, {end}) of a completion of {len(completion)} characters")
    if program is None or not program.pieces or not executed_lines:
        return [1.0] * len(completion_offsets)
    lines = kept_lines(program.text, executed_lines)
    kept = (line is None or line in lines for line in lines_of_characters(completion, program))
    before = list(accumulate(kept, initial=0))
    keep = []
    for span in token_spans(completion_offsets):
        keep.append(1.0 if span is None or before[min(span[1], len(completion))] > before[span[0]] else 0.0)
    return keep


def token_spans(completion_offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int] | None]:
    """The characters [start, end) that each token counts for; None: it ends the text.

    A token without characters of its own is the rest of a character, and counts for the character before it.
    """
    last = max((i for i, (start, end) in enumerate(completion_offsets) if start < end), default=-1)
    spans: list[tuple[int, int] | None] = []
    for i, (start, end) in enumerate(completion_offsets):
        if start == end:  # the rest of a character, or the end of the text
            start, end = (max(start - 1, 0), max(start, 1)) if i < last else (0, 0)
        spans.append(None if i > last else (start, end))
    return spans


def lines_of_characters(completion: str, program: Program) -> list[int | None]:
    """For each character of a completion its line of the program, from 1; None: it stands outside of the program.

    The indentation that a fence takes from the lines of its block belongs to them.
    """
    if not program.pieces:
        return [None] * len(completion)
    starts = [0, *(end.end() for end in _NEWLINE.finditer(program.text))]
    lines: list[int | None] = []
    start, end = program.pieces[0][0], program.pieces[-1][1]
    start = len(completion[:start].rstrip(" \t"))
    following: int | None = None  # place of the next character: where the indentation of a fenced block belongs
    for i, place in zip(range(len(completion) - 1, -1, -1), reversed(program.places(len(completion))), strict=True):
        following = place if place is not None else following if start <= i < end else None
        lines.append(None if following is None else bisect_right(starts, following))
    return lines[::-1]


def kept_lines(program: str, executed_lines: Collection[int]) -> frozenset[int]:
    """All lines of a program (from 1) that are kept, where these first lines of statements were executed."""
    text = _NEWLINE.sub("\n", program.removeprefix("\ufeff"))
    lines = text.split("\n")
    try:
        first_line = first_lines(text if text.endswith("\n") else text + "\n")
    except (SyntaxError, tokenize.TokenError):  # the tokenizer refuses some text that the compiler takes
        return frozenset(range(1, len(lines) + 1))
    executed = {first_line.get(line, line) for line in executed_lines}
    kept, next_is_kept = set(), False
    for line in range(len(lines), 0, -1):
        content = lines[line - 1]
        if first_line.get(line, line) != line or _NO_CODE.match(content):
            continue
        next_is_kept = line in executed or (next_is_kept and _FOLLOWS.match(content) is not None)
        if next_is_kept:
            kept.add(line)
    return frozenset(kept.union(line for line, first in first_line.items() if first in kept))
