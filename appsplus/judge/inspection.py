"""What a program's text says, by parsing it; nothing of it is run. Standard library only; runs in the sandbox.

Names are resolved by the compiler's own symbol tables; `from module import *` is resolved by importing the module, which
is always one of the interpreter's (or one that the judge offers).
"""

import ast
import builtins
import importlib
import importlib.util
import re
import symtable
import warnings
from collections.abc import Collection, Iterator
from typing import Any

_MODULE_NAMES = {
    "__name__",
    "__file__",
    "__doc__",
    "__builtins__",
    "__spec__",
    "__package__",
    "__annotations__",
    "__loader__",
}
_PYTHON2_NAMES = {"raw_input", "xrange", "unichr", "basestring", "execfile", "unicode", "long"}
_PYTHON2_MESSAGES = (
    "Missing parentheses in call to 'print'",
    "Missing parentheses in call to 'exec'",
    "multiple exception types must be parenthesized",
    "leading zeros in decimal integer literals are not permitted",
)
_PYTHON2_LINE = re.compile(
    r"^\s*print\s+[^\s(=.\[]|^\s*print\s*$|\bprint\s*>>|^\s*exec\s+['\"\w]|\b(?:0[xX][0-9a-fA-F]+|[0-9]+)[lL]\b"
    r"|\bexcept\s+[\w.]+\s*,\s*\w+\s*:|^\s*raise\s+\w+\s*,|\bur['\"]",
    re.MULTILINE,
)

_PYTHON2_SIGNS = re.compile(r"<>(?!\s*\()|`[^`]+`(?!`)")


def inspect(source: str, offered: Collection[str] = ()) -> dict[str, Any]:
    """The fields of `appsplus.judge.job.Inspection`. `offered`: packages that count as importable, though not here."""
    warnings.simplefilter("ignore")
    source = source.removeprefix("\ufeff")
    try:
        tree = ast.parse(source)
        table = symtable.symtable(source, "<program>", "exec")
        compile(tree, "<program>", "exec", dont_inherit=True)  # finds what neither of them does: `return` outside
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        return _unparsable(source, error)
    undefined = sorted(_undefined(table, _star_names(tree)))
    imports = sorted({name for name, _ in _imports(tree)})
    missing = {
        name for name, guarded in _imports(tree) if not guarded and name not in offered and not _importable(name)
    }
    return {
        "python2": bool(_PYTHON2_NAMES.intersection(undefined)),
        "imports": imports,
        "missing_imports": sorted(missing),
        "functions": _bound(tree),
        "methods": _methods(tree),
        "undefined": undefined,
        "calls": sorted(
            {name for node in ast.walk(tree) if isinstance(node, ast.Call) if (name := _dotted(node.func))}
        ),
        "file_reads": sorted(_opened_files(tree)),
    }


def _unparsable(source: str, error: BaseException) -> dict[str, Any]:
    message = getattr(error, "msg", None) or str(error) or type(error).__name__
    line = getattr(error, "lineno", None)
    failing = "".join(source.split("\n")[line - 1 : line]).partition("#")[0] if line else ""
    signs = bool(_PYTHON2_SIGNS.search(failing))  # elsewhere they stand in comments, and in other languages
    python2 = message.startswith(_PYTHON2_MESSAGES) or signs or bool(_PYTHON2_LINE.search(source))
    return {
        "syntax_error": message[:300] + (f" (line {line})" if line else ""),
        "python2": python2,
        "tab_error": isinstance(error, TabError) or _tabs_help(source),
    }


def _tabs_help(source: str) -> bool:
    try:
        ast.parse("\n".join(expand_tabs(line) for line in source.split("\n")))
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return False
    return "\t" in source


def expand_tabs(line: str) -> str:
    """A line whose indentation has no tabs: each counts as up to 8 columns, as in Python 2."""
    body = line.lstrip(" \t")
    return line[: len(line) - len(body)].expandtabs(8) + body


def _imports(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """(top-level module, whether a failing import is caught) of every import."""
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) and any(_catches_import_error(handler) for handler in node.handlers)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], id(node) in guarded) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = "." if node.level or not node.module else node.module.partition(".")[0]
            yield name, id(node) in guarded


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    wide = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
    return any(item is None or (isinstance(item, ast.Name) and item.id in wide) for item in caught)


def _importable(name: str) -> bool:
    try:
        return name != "." and importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _star_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and any(alias.name == "*" for alias in node.names):
            try:
                module = importlib.import_module(node.module)
            except Exception:  # it is reported as a missing import
                continue
            public = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
            names.update(public)
    return names


def _undefined(table: symtable.SymbolTable, defined: set[str]) -> set[str]:
    """Global names that are read somewhere, and bound nowhere."""
    bound, read = set(defined), set()
    for scope in _scopes(table):
        at_module_level = scope.get_type() == "module"
        for symbol in scope.get_symbols():
            reaches_module = at_module_level or symbol.is_global()
            if reaches_module and (symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()):
                bound.add(symbol.get_name())
            if reaches_module and symbol.is_referenced():
                read.add(symbol.get_name())
    return read - bound - set(dir(builtins)) - _MODULE_NAMES


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)


def _bound(tree: ast.Module) -> list[str]:
    """Names bound by the module's own statements, also inside its if, try, with and loops."""
    found: dict[str, None] = {}
    for node in _module_level(tree.body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[node.name] = None
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update(dict.fromkeys((alias.asname or alias.name).partition(".")[0] for alias in node.names))
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update(dict.fromkeys(name.id for t in targets for name in ast.walk(t) if isinstance(name, ast.Name)))
    return list(found)


def _module_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for name in ("body", "orelse", "finalbody"):
                yield from _module_level(getattr(node, name, []))
            for handler in getattr(node, "handlers", []):
                yield from _module_level(handler.body)


def _methods(tree: ast.Module) -> list[str]:
    classes = [node for node in _module_level(tree.body) if isinstance(node, ast.ClassDef)]
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [f"{owner.name}.{node.name}" for owner in classes for node in owner.body if isinstance(node, functions)]


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""


def _opened_files(tree: ast.Module) -> Iterator[str]:
    """Names of files that the program opens by a literal name, other than the standard streams."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _dotted(node.func) in ("open", "io.open", "codecs.open", "fileinput.input"):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value.startswith("/dev/"):
                yield first.value[:200]
