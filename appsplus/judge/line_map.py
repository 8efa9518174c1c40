"""What a program's text says about its lines: which are executable, and which belong to one statement.

Executable lines are those of coverage.py: the first lines of statements that have code, docstrings apart. Nothing is
excluded: no `pragma: no cover`, and none of what coverage.py 7.10 and later leave out by default (`if TYPE_CHECKING:`,
bodies that are `...`); compare with a `Coverage` after `clear_exclude()`. Used inside the sandbox; standard library only.

Where coverage.py parses and tokenizes the text, this module reads the line table of the compiled program, and finds
statements of several lines by a few regular expressions. What those cannot tell for certain (few programs have it) goes
the long way: `tokenize` for statements, `ast` for docstrings.
"""

import io
import mmap
import opcode
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from types import CodeType

Hit = bytearray | mmap.mmap
"""One byte per line, the line number its index; not zero: the line was reached."""

_OPTIMIZED = 0x1  # the flag of a function's code
_LOAD_CONST, _STORE_NAME = opcode.opmap["LOAD_CONST"], opcode.opmap["STORE_NAME"]
_REMEMBERED = 256  # different buffers of which `LineMap.executed` keeps the answer

_STRING_OR_COMMENT = re.compile(
    r'#[^\n]*|"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""|' + r"'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''|"
    r'"(?:[^"\\\n]|\\.)*"|' + r"'(?:[^'\\\n]|\\.)*'|\\\n",
    re.DOTALL,
)
_NO_BRACKET = re.compile(r"[^()\[\]{}\n]+")
_CONTENT = re.compile(r"^[ \t\f]*[^\s#]", re.MULTILINE)
_STRANGE_START = re.compile(r"^[ \t\f]*\\\n", re.MULTILINE)
_FORMATTED = re.compile(r"(?<![0-9A-Za-z_])(?:[ft]r?|r[ft])[\"']", re.IGNORECASE)
_STRING_AFTER_COLON = re.compile(r":[ \t\f(]*[rRuU]?[\"']")


def hit_size(source: str) -> int:
    """Bytes that a hit buffer for `source` needs, found without parsing it."""
    lines = source.count("\n") if "\r" not in source else len(re.findall(r"\r\n?|\n", source))
    return lines + 2  # index 0, and a last line without an end


def executable_lines(source: str) -> tuple[int, ...]:
    """First lines of the statements of `source` that have code, ascending, docstrings apart. Raises as `LineMap`."""
    return LineMap(source).executable


def code_objects(code: CodeType) -> Iterator[CodeType]:
    """`code` and all nested in it, but the deferred annotations of 3.14, which hardly ever run."""
    pending = [code]
    while pending:
        part = pending.pop()
        pending += [constant for constant in part.co_consts if constant.__class__ is CodeType]
        if part.co_name != "__annotate__":
            yield part


def line_runs(code: CodeType) -> list[tuple[int, int | None]]:
    """Where in `code` another line follows: index of the code unit, and the line, if it belongs to any."""
    line: int | None = -1
    return [(start // 2, line) for start, _, here in code.co_lines() if here != line and ((line := here), True)]


class LineMap:
    """What the text alone says about lines.

    Raises what `compile` raises: SyntaxError, ValueError for a null character or a lone surrogate, RecursionError or
    MemoryError for text nested too deeply. `code`, the text as compiled, saves compiling it here.
    """

    __slots__ = ("_remembered", "executable", "first_line", "size")

    def __init__(self, source: str, code: CodeType | None = None) -> None:
        text = re.sub(r"\r\n?", "\n", source) if "\r" in source else source
        text = text.removeprefix("\ufeff")
        if code is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # invalid escapes and the like are the program's business
                code = compile(text, "<program>", "exec", dont_inherit=True)
        self.size = hit_size(source)  # bytes of a hit buffer
        self.first_line = first_line = first_lines(text)  # of the lines of multi-line statements only
        self._remembered: dict[bytes, tuple[int, ...]] = {}
        codes = list(code_objects(code))
        lines = {line for part in codes for _, _, line in part.co_lines() if line}
        docstrings = _docstring_lines(text, codes)
        if docstrings:
            lines -= docstrings
        if first_line:
            lines = {first_line.get(line, line) for line in lines} - docstrings
        self.executable: tuple[int, ...] = tuple(sorted(lines)) if _CONTENT.search(text) else ()

    @classmethod
    def of(cls, size: int, executable: Iterable[int], first_line: Iterable[tuple[int, int]]) -> "LineMap":
        """A map from its parts, which may have come as JSON."""
        line_map = cls.__new__(cls)
        line_map._remembered = {}
        line_map.size, line_map.executable, line_map.first_line = size, tuple(executable), dict(first_line)
        return line_map

    def executed(self, hit: Hit | bytes | memoryview) -> tuple[int, ...]:
        """The executable lines that `hit` says were reached, ascending; reaching any line of a statement counts."""
        content = bytes(hit)
        known = self._remembered.get(content)
        if known is None:
            reached = {self.first_line.get(line, line) for line, count in enumerate(content) if count}
            known = tuple([line for line in self.executable if line in reached])
            if len(self._remembered) < _REMEMBERED:
                self._remembered[content] = known
        return known


def first_lines(text: str) -> dict[int, int]:
    """For each line of a statement of several lines its first one. `text` compiles, and its lines end in a newline."""
    has_long_tokens = '"""' in text or "'''" in text or "\\\n" in text
    if (has_long_tokens and _STRANGE_START.search(text)) or (sys.version_info >= (3, 12) and _FORMATTED.search(text)):
        return _tokenized_first_lines(text)
    bare = _STRING_OR_COMMENT.sub(_newlines_in_brackets if has_long_tokens else "", text)
    brackets, length = _NO_BRACKET.sub("", bare), -1
    while length != len(brackets):
        length = len(brackets)
        brackets = brackets.replace("()", "").replace("[]", "").replace("{}", "")
    first_line: dict[int, int] = {}
    if brackets.count("\n") == length:
        return first_line
    depth = start = 0
    for number, unpaired in enumerate(brackets.split("\n"), start=1):
        if depth:
            first_line[number] = start
        elif unpaired:
            start = number
        for bracket in unpaired:
            depth += 1 if bracket in "([{" else -1
        if depth and start == number:
            first_line[number] = start
    return first_line


def _newlines_in_brackets(token: re.Match[str]) -> str:
    """What stands for a string, a comment or a continued line where only line ends and brackets are of interest."""
    newlines = token[0].count("\n")
    return "(" + "\n" * newlines + ")" if newlines else ""


def _tokenized_first_lines(text: str) -> dict[int, int]:
    """As `first_lines`, from the tokens themselves."""
    import tokenize

    first_line: dict[int, int] = {}
    start = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NEWLINE:
            end = token.end[0]
            if start and end != start:
                first_line.update(dict.fromkeys(range(start, end + 1), start))
            start = 0
        if token.string.strip() and token.type != tokenize.COMMENT:
            start = start or token.start[0]
    return first_line


def _docstring_lines(text: str, codes: list[CodeType]) -> set[int]:
    """Lines of docstrings; those of functions only where they have code too, for the others change nothing.

    The docstring of a module or a class is stored in `__doc__` by two instructions at one position. That of a function
    has no code; it can share a line with other code only after a colon or before a semicolon.
    """
    lines: set[int] = set()
    function_has_one = False
    for code in codes:
        if code.co_flags & _OPTIMIZED:
            function_has_one = function_has_one or (bool(code.co_consts) and isinstance(code.co_consts[0], str))
        elif "__doc__" in code.co_names:
            stored = _stored_docstring(code)
            if stored is None:
                return set(_parsed_docstring_lines(text))
            lines.update(stored)
    if function_has_one and (";" in text or "\\\n" in text or _STRING_AFTER_COLON.search(text)):
        return set(_parsed_docstring_lines(text))
    return lines


def _stored_docstring(code: CodeType) -> range | None:
    """Lines of the docstring of a module or a class; None where `__doc__` is, or may be, something else."""
    store, raw = bytes((_STORE_NAME, code.co_names.index("__doc__") & 0xFF)), code.co_code
    at = raw.find(store)
    if at < 2 or at % 2 or raw.count(store) != 1 or raw[at - 2] != _LOAD_CONST:
        return None
    loaded, stored = islice(code.co_positions(), at // 2 - 1, at // 2 + 1)
    first, last, _, _ = stored
    is_text = isinstance(code.co_consts[raw[at - 1]], str) and loaded == stored
    return range(first, last + 1) if is_text and first is not None and last is not None else None


def _parsed_docstring_lines(text: str) -> Iterator[int]:
    import ast  # here, as is `tokenize` above: a worker, whose memory every program inherits, can do without

    hold_statements = ast.stmt | ast.excepthandler | ast.match_case
    pending: list[ast.AST] = [ast.parse(text)]
    while pending:
        node = pending.pop()
        pending += (child for child in ast.iter_child_nodes(node) if isinstance(child, hold_statements))
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or not node.body:
            continue
        match node.body[0]:
            case ast.Expr(value=ast.Constant(value=str()), lineno=first, end_lineno=last):
                yield from range(first, (last or first) + 1)
