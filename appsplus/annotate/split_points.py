"""Where a program can be cut: the starts of its conditional statements, found with tree-sitter.

tree-sitter does not run the program, nor does it hand it to Python's parser, so a hostile one may be read in this process.
It also reads what is not quite Python 3; what it cannot make sense of has no split points.
"""

import re
from collections.abc import Iterator

import tree_sitter_python
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from appsplus.problem import SplitPoint

KINDS = frozenset(
    ("if", "elif", "else", "for", "while", "match", "case", "conditional_expression", "comprehension_condition")
)

_LANGUAGE = Language(tree_sitter_python.language())
_QUERY = Query(
    _LANGUAGE,
    """
    (if_statement) @if
    (elif_clause) @elif
    (if_statement (else_clause) @else)
    (for_statement (else_clause) @else)
    (while_statement (else_clause) @else)
    (for_statement) @for
    (while_statement) @while
    (match_statement) @match
    (case_clause) @case
    (conditional_expression) @conditional_expression
    (list_comprehension (if_clause) @comprehension_condition)
    (set_comprehension (if_clause) @comprehension_condition)
    (dictionary_comprehension (if_clause) @comprehension_condition)
    (generator_expression (if_clause) @comprehension_condition)
    """,
)


def find_split_points(program: str, kinds: frozenset[str] | None = None) -> tuple[SplitPoint, ...]:
    """Start points of the conditional statements of `program`, in source order; of all KINDS, or of some.

    A split point lies on the first character of its statement, after the indentation, so for every one of them

        program[:point.char] + program[point.char:] == program
        program.encode()[:point.byte].decode() == program[:point.char]

    - `else` is that of an `if`, `for` or `while`, not that of a `try`; `async for` is a `for`, the `for` of a comprehension
      is none; a `conditional_expression` starts where its value does, a `comprehension_condition` at its `if`. The
      guard of a `case` belongs to the `case`.
    - Lines end where Python ends them (`\\n`, `\\r\\n`, `\\r`; not at form feeds); a byte order mark is a character.
    - `depth` counts the enclosing statements and expressions of all KINDS, whatever `kinds` selects. `elif` and `else`
      are parts of their statement: they are as deep as it, and add nothing to the depth of what they contain.

    Raises ValueError for an unknown kind, and UnicodeEncodeError for lone surrogates, which no Python program has.
    """
    if unknown := (kinds or KINDS) - KINDS:
        raise ValueError(f"unknown kinds of split points: {sorted(unknown)}; there are {sorted(KINDS)}")
    points = _points(program, _conditionals(program))
    return tuple(point for point in points if kinds is None or point.kind in kinds)


def _conditionals(program: str) -> list[tuple[int, int, str]]:
    """First byte, last byte and kind of each conditional statement, in source order, the outer ones first."""
    # Old Macintosh line ends are ends of lines to Python, but not to tree-sitter; a replacement of one byte moves nothing.
    root = Parser(_LANGUAGE).parse(re.sub(r"\r(?!\n)", "\n", program).encode()).root_node
    captures: dict[str, list[Node]] = QueryCursor(_QUERY).captures(root)
    found = [(node.start_byte, -node.end_byte, kind) for kind, nodes in captures.items() for node in nodes]
    return [(start, -end, kind) for start, end, kind in sorted(found)]


def _points(program: str, conditionals: list[tuple[int, int, str]]) -> Iterator[SplitPoint]:
    encoded = program.encode()
    enclosing: list[int] = []  # where the conditional statements end that are open here
    byte, char, line, line_start = 0, 0, 1, 0  # the place reached so far
    for start, end, kind in conditionals:
        passed = encoded[byte:start].decode()
        for line_end in re.finditer(r"\r\n?|\n", passed):
            line, line_start = line + 1, char + line_end.end()
        byte, char = start, char + len(passed)
        while enclosing and enclosing[-1] <= start:
            enclosing.pop()
        part = kind in ("elif", "else")
        yield SplitPoint(kind, byte, char, line, char - line_start, len(enclosing) - part)
        if not part:
            enclosing.append(end)
