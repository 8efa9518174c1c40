"""Lines of a response: which are code, and which token ends each of them.

Lines and characters are those of `stepcoder.executed_tokens`, so a line's reward stands where FGO sees the line. The rule:

| | |
|---|---|
| the end of a line | the last token with a character of the line; its line end is one |
| a token that ends several lines, such as `\\n\\n` | it speaks for the last with code, else the first; others have no end |
| a comment alone, a blank line, a string that stands alone (a docstring) | neutral: no code |
| a comment or a blank line inside brackets | neutral |
| a line of a string over several lines, or of any other statement | code |
| a string that begins a statement and is not closed | neutral: it may become a docstring |
| what else Python's tokenizer refuses | from there on, code is what is neither blank nor begins with `#` |

Where a token has a line end and the next line's indentation, as ours and those of most models for code, the prefix up to
the end of a line has that indentation, too: a fault that is nothing but the indentation is found a line early.

That strings which stand alone are neutral, too, is ours: they are comments by another name.
"""

import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from appsplus.errors import InputError
from appsplus.evaluation import Program
from stepcoder.data import token_offsets
from stepcoder.executed_tokens import lines_of_characters, token_spans

_NEWLINE = re.compile(r"\r\n?|\n")
_UNCLOSED = re.compile(r"multi-line string|unterminated triple-quoted")  # Python 3.11; later ones
_NO_CODE = re.compile(r"[ \t\f]*(#|\Z)")
_SILENT = frozenset(
    (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
)
_PROBE = "a = 1\nb = (2)\n\nfor c in d:\n    e(f)\n    # g\n\n\th = ['i']\n}\n  )\nreturn -1\n```"


@dataclass(frozen=True, slots=True)
class LineEnd:
    """The end of one line of a response."""

    line: int  # from 1, of the program
    token: int  # of the response, from 0: the last of the line
    is_code: bool


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a program that a response wrote."""

    count: int  # T: all that have a character of the response
    comments: int  # of them: neutral, and not blank
    ends: tuple[LineEnd, ...]  # ascending; at most one a token

    @property
    def code_ends(self) -> tuple[LineEnd, ...]:
        """The ends of lines of code: where the search may cut."""
        return tuple(end for end in self.ends if end.is_code)


def lines_of(completion: str, program: Program | None, offsets: Sequence[tuple[int, int]]) -> Lines:
    """The lines that a completion wrote; `offsets` are the characters of its tokens. None without a program."""
    if program is None or not program.pieces:
        return Lines(0, 0, ())
    characters = lines_of_characters(completion, program)
    written = sorted({line for line in characters if line is not None})
    last_token: dict[int, int] = {}
    for token, span in enumerate(token_spans(offsets)):
        if span is not None:
            last_token |= {line: token for line in characters[span[0] : span[1]] if line is not None}
    code = code_lines(program.text)
    speaks: dict[int, int] = {}  # token -> line
    for line in written:
        if line in last_token and (last_token[line] not in speaks or line in code):
            speaks[last_token[line]] = line
    texts = _NEWLINE.split(program.text)
    comments = sum(line not in code and bool(texts[line - 1].strip()) for line in written)
    return Lines(len(written), comments, tuple(LineEnd(line, token, line in code) for token, line in speaks.items()))


def code_lines(program: str) -> frozenset[int]:
    """The lines of a program, from 1, that are neither blank nor comments, by the rule above."""
    text = _NEWLINE.sub("\n", program.removeprefix("\ufeff"))
    lines = text.split("\n")
    code: set[int] = set()
    statement: list[tokenize.TokenInfo] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type not in _SILENT:
                statement.append(token)
            elif token.type in (tokenize.NEWLINE, tokenize.ENDMARKER):
                if any(part.type != tokenize.STRING for part in statement):
                    code |= {n for part in statement for n in range(part.start[0], part.end[0] + 1)}
                statement = []
    except (tokenize.TokenError, SyntaxError) as error:
        if not statement and isinstance(error, tokenize.TokenError) and _UNCLOSED.search(str(error)):
            return frozenset(code)
        seen = statement[0].start[0] if statement else max(code, default=0) + 1
        code |= {n for n in range(seen, len(lines) + 1) if not _NO_CODE.match(lines[n - 1])}
    return frozenset(code)


def check_lines(tokenizer: Any, name: str) -> None:
    """Refuse a tokenizer whose tokens go on with code after a line end (InputError).

    The line before would end with the beginning of the next one, or, where nothing else of it is in the token, nowhere.
    """
    ids = tokenizer(_PROBE, add_special_tokens=False)["input_ids"]
    for start, end in token_offsets(ids, tokenizer.decode(ids, skip_special_tokens=True), tokenizer):
        token = _PROBE[start:end]
        if any(part.strip() for part in token.split("\n")[1:] if not part.startswith("```")):
            raise InputError(
                f"the tokenizer of {name} writes {token!r} with one token, so the first of these lines has no end of its own"
                " to be rewarded at; expected tokens with the code of one line; choose a model for code"
            )
