"""What a program's text shows, read with tree-sitter: it runs nothing, and no depth or size of a hostile program harms it."""

import hashlib
from collections.abc import Iterator

import tree_sitter_python
from tree_sitter import Language, Node, Parser, Query, QueryCursor

LONGEST_CHARS = 200_000
"""A longer program is data more than it is code: it is taken as plain text, or not looked at."""

_LANGUAGE = Language(tree_sitter_python.language())
_LITERALS = Query(_LANGUAGE, "[(integer) (float) (string_content)] @literal")
_COPIED = Query(
    _LANGUAGE,
    "(identifier) @name [(integer) (float) (string_content)] @text"
    " [(comment) (line_continuation)] @skipped (expression_statement . (string) @skipped .)",
)


def nodes(program: str) -> Iterator[Node]:
    """Every node of the syntax tree, parents first, in the order of the text; none for a program that is too long."""
    if len(program) > LONGEST_CHARS:
        return
    cursor = Parser(_LANGUAGE).parse(program.encode("utf-8", "replace")).walk()
    while True:
        node = cursor.node  # every look at an attribute of the library makes an object
        assert node is not None
        yield node
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def fingerprint(program: str) -> str:
    """A hash that programs share which differ in names, comments, docstrings and layout only: copies of one another.

    Programs with different fingerprints count as independent. That is a guess: a copy that was rearranged has another.
    """
    names: dict[bytes, bytes] = {}
    text = program.encode("utf-8", "replace")
    kept, done = [], 0
    for start, end, kind in sorted((n.start_byte, n.end_byte, kind) for kind, n in _found(_COPIED, program, text)):
        if start < done:
            continue  # within a docstring
        kept += text[done:start].split()
        if kind == "name":
            name = text[start:end]
            kept.append(names.setdefault(name, b"\0%d\0" % len(names)))
        elif kind == "text":
            kept.append(b"\1" + text[start:end] + b"\1")
        done = end
    kept += text[done:].split()
    return hashlib.sha256(b"".join(kept)).hexdigest()


def _found(query: Query, program: str, text: bytes) -> Iterator[tuple[str, Node]]:
    """The nodes that a query names, by name; none for a program that is too long. Much faster than to walk the tree."""
    if len(program) <= LONGEST_CHARS:
        for kind, found in QueryCursor(query).captures(Parser(_LANGUAGE).parse(text).root_node).items():
            for node in found:
                yield kind, node


def literals(program: str) -> set[str]:
    """The constants of a program: its numbers as they are written, and the content of its plain strings."""
    text = program.encode("utf-8", "replace")
    return {text[n.start_byte : n.end_byte].decode() for _, n in _found(_LITERALS, program, text)}
