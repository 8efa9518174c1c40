"""What a program's text shows, read with tree-sitter: it runs nothing, and no depth or size of a hostile program harms it."""

import hashlib
from collections.abc import Iterator

import tree_sitter_python
from tree_sitter import Language, Node, Parser

LONGEST_CHARS = 200_000
"""A longer program is data more than it is code: it is taken as plain text, or not looked at."""

_LITERALS = frozenset({"integer", "float", "string_content"})
_LANGUAGE = Language(tree_sitter_python.language())


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
    names: dict[str, str] = {}
    words = []
    skipped_to = -1
    for node in nodes(program):
        if node.start_byte < skipped_to:
            continue
        kind = node.type
        if kind == "comment" or (kind == "expression_statement" and _is_docstring(node)):
            skipped_to = node.end_byte
        elif node.child_count == 0 and (found := node.text):
            text = found.decode("utf-8", "replace")
            words.append(names.setdefault(text, f"_{len(names)}") if kind == "identifier" else text)
    return hashlib.sha256("\0".join(words or program.split()).encode("utf-8", "replace")).hexdigest()


def _is_docstring(node: Node) -> bool:
    return node.child_count == 1 and node.children[0].type == "string"


def literals(program: str) -> set[str]:
    """The constants of a program: its numbers as they are written, and the content of its plain strings."""
    return {
        found.decode("utf-8", "replace") for node in nodes(program) if node.type in _LITERALS and (found := node.text)
    }
