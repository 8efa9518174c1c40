"""Mutants: the canonical solution with one small fault. A unit test that is worth something fails most of them.

    comparison    < and <=, > and >=, == and != for one another
    constant      an integer from 0 to 100, one more or one less
    arithmetic    + for -, - for +, * for +, // for *, % for *
    logic         and for or, or for and, no `not`
    branch        the body of an if, elif or else removed

Some mutants are no fault at all: they do the same as the program (`while low < high` where the two never meet). No program
can tell in general, so a mutant that survives is a doubt, not a proof. Only lines that a unit test executes are mutated.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from appsplus.worklist.programs import nodes

_COMPARISONS = {b"<": b"<=", b"<=": b"<", b">": b">=", b">=": b">", b"==": b"!=", b"!=": b"=="}
_ARITHMETIC = {b"+": b"-", b"-": b"+", b"*": b"+", b"//": b"*", b"%": b"*"}
_LOGIC = {b"and": b"or", b"or": b"and"}
_LARGEST_CONSTANT = 100
_BODIES = {"if_statement": "consequence", "elif_clause": "consequence", "else_clause": "body"}


@dataclass(frozen=True, slots=True, order=True)
class Mutant:
    """A program with one fault."""

    start: int  # byte
    end: int
    new: bytes  # in place of the bytes from start to end
    kind: str
    line: int  # from 1

    def of(self, program: str) -> str:
        """The mutated program."""
        encoded = program.encode()
        return (encoded[: self.start] + self.new + encoded[self.end :]).decode()


def mutants(program: str, lines: Collection[int], count: int, seed: int) -> list[Mutant]:
    """Up to `count` mutants on `lines`, chosen by a hash of seed and program; the same ones every time."""
    if count <= 0:
        return []
    found = [mutant for mutant in _all(program) if mutant.line in lines]
    basis = hashlib.sha256(f"{seed}:{program}".encode()).hexdigest()
    found.sort(key=lambda mutant: hashlib.sha256(f"{basis}:{mutant}".encode()).digest())
    return sorted(found[:count])


def _all(program: str) -> Iterator[Mutant]:
    for node in nodes(program):
        match node.type:
            case "comparison_operator":
                yield from _replaced(node.children, _COMPARISONS, "comparison")
            case "binary_operator" | "augmented_assignment":
                operators = _ARITHMETIC | {name + b"=": other + b"=" for name, other in _ARITHMETIC.items()}
                yield from _replaced(node.children, operators, "arithmetic")
            case "boolean_operator":
                yield from _replaced(node.children, _LOGIC, "logic")
            case "not_operator":
                yield _mutant(node.children[0], b"", "logic")
            case "integer":
                yield from _constants(node)
            case "if_statement" | "elif_clause" | "else_clause":
                body = node.child_by_field_name(_BODIES[node.type])
                if body is not None and node.parent is not None and node.parent.type != "for_statement":
                    yield _mutant(body, b"pass", "branch")


def _replaced(children: list[Node], by: dict[bytes, bytes], kind: str) -> Iterator[Mutant]:
    for child in children:
        if child.child_count == 0 and child.text in by:
            yield _mutant(child, by[child.text], kind)


def _constants(node: Node) -> Iterator[Mutant]:
    text = node.text or b""
    power = node.parent is not None and any(child.type == "**" for child in node.parent.children)
    if not text.isdigit() or int(text) > _LARGEST_CONSTANT or power:  # 10**9 is a bound that is never met
        return
    for value in (int(text) + 1, int(text) - 1):
        if value >= 0:
            yield _mutant(node, str(value).encode(), "constant")


def _mutant(node: Node, new: bytes, kind: str) -> Mutant:
    return Mutant(node.start_byte, node.end_byte, new, kind, node.start_point.row + 1)
