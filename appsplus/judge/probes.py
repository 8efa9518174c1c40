"""Executed lines on CPython 3.11 without a tracer: every statement is preceded by one store. Standard library only.

    def f(x):              def f(x):
        if x:                  __appsplus_hit__[2] = 1; if x:
            return 1               __appsplus_hit__[3] = 1; return 1

A store costs a fraction of a line event of `sys.settrace`, works in every thread, at any depth of recursion, and writes
into shared memory at once. The lines are those of `tracer`: a statement is reached exactly when its store is. `elif` and
`except` lines are reached when their condition is evaluated, so that is where their stores go. What stores cannot follow
(the lines of `case`) is left to the tracer: `instrument` then returns None.

Not covered: the line of a loop that a generator comes back to, when it was suspended in one unit test and goes on in the
next. The judge runs programs that keep such state in one process per unit test, where this cannot happen.
"""

import ast
import builtins
from types import CodeType
from typing import Any, TypeVar

from appsplus.judge.tracer import Hit, LineTracer

NAME = "__appsplus_hit__"  # ends in underscores, so that no class mangles it

Node = TypeVar("Node", bound=ast.AST)


def instrument(source: str, filename: str) -> CodeType | None:
    """The compiled program with stores; None where they would not be exact. Raises what `compile` raises."""
    tree = ast.parse(source, filename)
    if any(isinstance(node, (ast.Match, ast.TryStar)) for node in ast.walk(tree)):
        return None
    _Stores().visit(tree)
    return compile(tree, filename, "exec", dont_inherit=True)


def recorder(code: CodeType, hit: Hit) -> "Probes | LineTracer":
    """What records the lines of this code: its own stores where it has some, else the tracer."""
    return Probes(hit) if NAME in code.co_names else LineTracer(code, hit)


class Probes:
    """Stands in for `tracer.LineTracer` where the code has stores: lines are written into `hit` as they are reached."""

    def __init__(self, hit: Hit) -> None:
        self._hit = hit

    def start(self) -> None:
        """Make the buffer known to the program."""
        builtins.__dict__[NAME] = self._hit

    def clear(self) -> None:
        """Forget all lines; the next unit test's count again."""
        self._hit[:] = bytes(len(self._hit))


class _Stores(ast.NodeTransformer):
    """Puts a store before every statement of every block."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                first = _first_probed(node, block) if name == "body" else 0
                probed = [part for statement in block[first:] for part in (*_stores(statement), statement)]
                heading = [store for statement in block[:first] for store in _stores(statement)]
                setattr(node, name, [*block[:first], *heading, *probed] or block)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)
        if node.type is None:
            node.body.insert(0, _store(node.lineno, node))
        else:
            reached = _expression(f"{NAME}.__setitem__({node.lineno}, 1)", node)
            both = ast.Tuple([reached, node.type], ast.Load())
            node.type = ast.Subscript(both, ast.Constant(1), ast.Load())
            ast.copy_location(both, node)
            ast.copy_location(node.type, node)
            ast.copy_location(node.type.slice, node)
        return node


def _first_probed(node: ast.AST, block: list[ast.stmt]) -> int:
    """How many statements must stay first: a docstring, and imports from the future."""
    first = 0
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, owners) and ast.get_docstring(node, clean=False) is not None:
        first = 1
    while isinstance(node, ast.Module) and first < len(block) and _is_future(block[first]):
        first += 1
    return first


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _stores(statement: ast.stmt) -> list[ast.stmt]:
    """The stores of a statement: one, and for a decorated definition one for each decorator's line."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return [_store(line, statement) for line in (*(d.lineno for d in decorators), statement.lineno)]


def _store(line: int, where: ast.AST) -> ast.stmt:
    target = ast.Subscript(ast.Name(NAME, ast.Load()), ast.Constant(line), ast.Store())
    store = ast.Assign([target], ast.Constant(1))
    return _at(store, where)


def _expression(text: str, where: ast.AST) -> ast.expr:
    return _at(ast.parse(text, mode="eval").body, where)


def _at(node: Node, where: Any) -> Node:
    for part in ast.walk(node):
        part.lineno = part.end_lineno = where.lineno  # type: ignore[attr-defined]
        part.col_offset = part.end_col_offset = where.col_offset  # type: ignore[attr-defined]
    return node
