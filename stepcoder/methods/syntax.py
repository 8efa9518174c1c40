"""How alike two programs are in their text: syntax trees and data flow, read with tree-sitter. Nothing is run.

Programs are untrusted: tree-sitter neither runs them nor hands them to Python's parser, and no walk here is recursive. A
program of more than LONGEST_CHARS characters is taken as empty.

**Syntax trees** (CodeBLEU, arXiv:2009.10297). A subtree is a node that has children; it is the same as another
where both have the same type and the same named children, in order. Names, constants and operators do not count: a leaf
is its type, and `-=` in place of `+=` is no difference.

    ast_match = subtrees of the reference that the candidate has somewhere / subtrees of the reference

**Data flow** (CodeBLEU: edges from definitions to uses, matched after variables are renamed). A variable is a
name that the program binds: by `=`, `op=`, `:=`, `for`, `with ... as`, as a parameter; so neither a builtin nor an
attribute is one. In the order of the text, there is an edge for each of its occurrences, parameters apart:

    (v, "computed", (s_1, ..., s_n))    where v is bound; s_i the variables read in what it is bound to, in order; with op=
                                        v itself is the first of them
    (v, "used", (v,))                   where v is read

Renamed by position, the variable that comes first in these edges is 0, the next one 1, and so on.

    data_flow_match = edges of the reference that the candidate has too, each as often / edges of the reference

Comments and docstrings are left out. Both are 0 where the reference has none. CodeBLEU's code takes every identifier for a
variable (builtins and attributes too) and walks branches and loops for reaching definitions, of which only the names stay
after the renaming; that variables are those bound by the program, and that the order is the text's, is ours.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter_python
from tree_sitter import Language, Node, Parser

LONGEST_CHARS = 50_000

Edge = tuple[int, str, tuple[int, ...]]

_LANGUAGE = Language(tree_sitter_python.language())
_BINDS = {  # type of a node -> (field of what is bound, field of what it is bound to)
    "assignment": ("left", "right"),
    "augmented_assignment": ("left", "right"),
    "named_expression": ("name", "value"),
    "for_statement": ("left", "right"),
    "for_in_clause": ("left", "right"),
}
_WITHOUT_VARIABLES = frozenset(
    ("comment", "import_statement", "import_from_statement", "global_statement", "nonlocal_statement", "dotted_name")
)
_READS = frozenset(("subscript", "attribute", "call", "type"))  # even inside what is bound: a[i] = 0 binds no variable


@dataclass(frozen=True, slots=True)
class _Value:
    """What a variable is bound to: bytes of the program."""

    start: int
    end: int
    again: bool  # op=: the variable itself is a part of it


@dataclass(frozen=True, slots=True)
class _Occurrence:
    byte: int
    name: str
    role: "_Value | str"  # bound to a value, "parameter" or "read"


def ast_match(candidate: str, reference: str) -> float:
    """The share of the reference's subtrees that the candidate has: from 0 to 1."""
    of_reference = _subtrees(reference)
    have = set(_subtrees(candidate))
    return sum(subtree in have for subtree in of_reference) / max(len(of_reference), 1)


def data_flow_match(candidate: str, reference: str) -> float:
    """The share of the reference's data-flow edges that the candidate has: from 0 to 1."""
    of_reference = Counter(data_flow(reference))
    shared = of_reference & Counter(data_flow(candidate))
    return shared.total() / max(of_reference.total(), 1)


def data_flow(program: str) -> list[Edge]:
    """The data-flow edges of a program, in the order of its text, variables renamed by position."""
    found = sorted(_occurrences(program), key=lambda o: o.byte)
    variables = {o.name for o in found if o.role != "read"}
    found = [o for o in found if o.name in variables]
    numbers: dict[str, int] = {}
    edges = []
    for occurrence in found:
        if occurrence.role == "parameter":
            continue
        names = [occurrence.name]
        if isinstance(value := occurrence.role, _Value):
            inside = [o.name for o in found if value.start <= o.byte < value.end and o.role == "read"]
            names = (names if value.again else []) + inside
        own = numbers.setdefault(occurrence.name, len(numbers))
        sources = tuple(numbers.setdefault(name, len(numbers)) for name in names)
        edges.append((own, "computed" if isinstance(value, _Value) else "used", sources))
    return edges


def _subtrees(program: str) -> list[bytes]:
    """A hash of each subtree; those that are the same have the same."""
    found = []
    below: list[list[bytes]] = [[]]  # the hashes of the named children of each open node
    stack: list[tuple[Node, bool]] = [(_parsed(program), False)]
    while stack:
        node, done = stack.pop()
        if not done:
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node.named_children) if not _is_left_out(child))
            below.append([])
            continue
        children = below.pop()
        shape = hashlib.sha256(b"(".join((node.type.encode(), *children))).digest()
        below[-1].append(shape)
        if node.child_count:
            found.append(shape)
    return found


def _occurrences(program: str) -> Iterator[_Occurrence]:
    """Names that may be variables, and what becomes of each: bound, a parameter, or read."""
    stack: list[tuple[Node, _Value | str]] = [(_parsed(program), "read")]
    while stack:
        node, role = stack.pop()
        if node.type == "identifier" and node.text is not None:
            yield _Occurrence(node.start_byte, node.text.decode("utf-8", "replace"), role)
        elif node.type not in _WITHOUT_VARIABLES and not _is_left_out(node):
            for i, child in enumerate(node.children):
                below = _role(node, node.field_name_for_child(i), child, role)
                if below is not None:
                    stack.append((child, below))


def _role(node: Node, field: str | None, child: Node, role: _Value | str) -> _Value | str | None:
    """The role of names in a child; None: they are no variables."""
    if node.type in _BINDS:
        target, value_field = _BINDS[node.type]
        value = node.child_by_field_name(value_field)
        if field != target:
            return "read"
        return _Value(value.start_byte, value.end_byte, node.type == "augmented_assignment") if value else None
    if node.type in ("function_definition", "class_definition") and field == "name":
        return None
    if (node.type, field) in (("attribute", "attribute"), ("keyword_argument", "name")):
        return None
    if node.type in ("parameters", "lambda_parameters"):
        return "parameter"
    if node.type in ("default_parameter", "typed_default_parameter"):
        return "parameter" if field == "name" else "read"
    if child.type == "as_pattern_target":
        return _Value(node.start_byte, child.start_byte, False)
    return "read" if node.type in _READS or child.type == "type" else role


def _parsed(program: str) -> Node:
    text = program if len(program) <= LONGEST_CHARS else ""
    return Parser(_LANGUAGE).parse(text.encode("utf-8", "replace")).root_node


def _is_left_out(node: Node) -> bool:
    """Whether a node is a comment or a docstring (a statement that is nothing but a string)."""
    docstring = node.type == "expression_statement" and node.child_count == 1 and node.children[0].type == "string"
    return node.type == "comment" or docstring
