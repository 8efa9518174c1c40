"""The program in a completion: what of the text runs, and where in the text it lies.

A *fence* is a line that starts, indentation apart, with three or more backticks or tildes; a first word after them is its
label. A line of prose may also end in an opening fence. Inside a block, a fence alone (at least as long) closes it, and one
with a label opens the next block. The rule, the first row that fits:

| the completion | the program |
|---|---|
| starts with `<think>` and has no `</think>` | none; else all below is looked for after the last `</think>` |
| has fenced blocks | the last one labelled Python that is not blank, else the last without a label, else the last |
| has blocks, all blank | what the text before the first fence has, by the next row |
| has no fence | all of it, less blank lines and lines of prose before and after: lines that begin with two words, |
|  | the first with a capital letter, and end in `.`, `:`, `!` or `?`, as no statement of Python does |
| is blank, or nothing but prose | none |

Where the prompt ended inside code (`prefix`, or `fence_open`), the completion continues it, character by character:

| the completion | the program |
|---|---|
| starts with a fence labelled Python | prefix + that block; the block alone where it begins with the whole prefix |
| has a fence | prefix + all before the first fence |
| has no fence | prefix + all of it |
| is blank | the prefix alone, which the judge may well accept; without a prefix, none |

A block that is not closed reaches to the end of the text, less a run of backticks that ends it. A block loses the indentation
of its opening fence on each line, as in Markdown. Nothing else is changed: no tab, no line end, no character. A fence
inside a string of the program ends the block all the same. What has no program is `NoProgram`, whose outcome is
`extraction_failed`: neither a verdict, nor a program that does not compile.

Standard library only. The text may be hostile: it is not parsed as Python here, and the time is linear in its length.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

EXTRACTION_FAILED = "extraction_failed"
"""The outcome of a completion without a program; stands beside the verdicts, and is none of them."""

PYTHON_LABELS = frozenset(("python", "py", "python3", "py3", "python2", "ipython", "ipython3"))

_LINE = re.compile(r"([^\r\n]*)(\r\n?|\n|\Z)")
_FENCE = re.compile(r"([ \t]*)(`{3,}+|~{3,}+)[ \t]*+([^\s`~{]*+)([^`]*+)\Z")  # possessive: linear on any line
_FENCE_AFTER_PROSE = re.compile(r"`{3,}([\w+#.-]*)[ \t]*\Z")
_TWO_WORDS = re.compile(r"[ \t]*(?:(?:[-*>]|\d+[.)]) +)?[*_]*[A-Z][\w'’]*,? +[\w'’`]")
_ENDS_A_SENTENCE = (".", ":", "!", "?")


@dataclass(frozen=True, slots=True)
class Program:
    """A program ready to run: `prefix_chars` characters that were given, then pieces of the completion."""

    text: str  # what the judge runs
    prefix_chars: int  # of `text`: the prefix, which the policy did not write
    pieces: tuple[tuple[int, int], ...]  # of the completion: [start, end), ascending; joined, what follows the prefix

    def places(self, completion_chars: int) -> list[int | None]:
        """For each character of a completion so long, its place in `text`; None: it is no part of the program."""
        places: list[int | None] = [None] * completion_chars
        at = self.prefix_chars
        for start, end in self.pieces:
            places[start:end] = range(at, at + end - start)
            at += end - start
        return places


@dataclass(frozen=True, slots=True)
class NoProgram:
    """There is no program in a completion, and why."""

    detail: str
    outcome: str = EXTRACTION_FAILED


@dataclass(frozen=True, slots=True)
class _Line:
    text: str  # without its end
    start: int
    end: int  # with its end


@dataclass(frozen=True, slots=True)
class _Block:
    lines: tuple[_Line, ...]  # without the fences; a last line that is not closed may lack its run of backticks
    label: str
    indent: int  # characters before the opening fence

    @property
    def blank(self) -> bool:
        return not any(line.text.strip() for line in self.lines)


def extract(completion: str, prefix: str = "", *, fence_open: bool | None = None) -> Program | NoProgram:
    """The program of a completion, by the rule above.

    `prefix` is the code that the prompt ended with and the program starts with. `fence_open`: the prompt ended inside a
    block of code; None: it did where there is a prefix.
    """
    if fence_open or (fence_open is None and prefix):
        return _continued(completion, prefix)
    if completion.lstrip().startswith("<think>") and "</think>" not in completion:
        return NoProgram("the completion ends before its reasoning does")
    lines = list(_lines(completion, completion.rfind("</think>") + len("</think>") if "</think>" in completion else 0))
    written = [block for block in _blocks(lines) if not block.blank]
    if not written:
        return _unfenced(completion, list(takewhile(lambda line: not _FENCE.match(line.text), lines)))
    candidates = [b for b in written if b.label in PYTHON_LABELS] or [b for b in written if not b.label] or written
    return _program(completion, "", _pieces(candidates[-1]))


def _continued(completion: str, prefix: str) -> Program | NoProgram:
    lines = list(_lines(completion, 0))
    first = next((i for i, line in enumerate(lines) if line.text.strip()), 0)
    opening = _FENCE.match(lines[first].text)
    if opening and opening[3].lower() in PYTHON_LABELS:
        block = next(_blocks(lines[first:]))
        again = _program(completion, "", _pieces(block))
        return again if prefix.strip() and again.text.startswith(prefix) else _program(completion, prefix, again.pieces)
    fence = next((line.start for line in lines if _FENCE.match(line.text)), None)
    end = len(_without_fence(completion)) if fence is None else fence
    if not prefix.strip() and not completion[:end].strip():
        return NoProgram("the completion is blank")
    return _program(completion, prefix, ((0, end),))


def _unfenced(completion: str, lines: list[_Line]) -> Program | NoProgram:
    code = [i for i, line in enumerate(lines) if line.text.strip() and not _is_prose(line.text)]
    if not code:
        return NoProgram("the completion is blank, or holds prose and blank blocks only")
    start = lines[code[0]].start
    return _program(completion, "", ((start, start + len(_without_fence(completion[start : lines[code[-1]].end]))),))


def _is_prose(line: str) -> bool:
    return line.rstrip(" \t*_").endswith(_ENDS_A_SENTENCE) and _TWO_WORDS.match(line) is not None


def _lines(text: str, start: int) -> Iterator[_Line]:
    """Lines as Python has them: ended by `\\n`, `\\r\\n` or `\\r`; a last one without an end, which may be empty."""
    while True:
        found = _LINE.match(text, start)
        assert found is not None
        yield _Line(found[1], start, found.end())
        if not found[2]:
            return
        start = found.end()


def _blocks(lines: list[_Line]) -> Iterator[_Block]:
    """The fenced blocks, in order; the last may be open."""
    opened: tuple[str, str, int] | None = None  # fence, label, indentation
    inside: list[_Line] = []
    for line in lines:
        fence = _FENCE.match(line.text)
        if opened is None:
            if fence:
                opened, inside = (fence[2], fence[3].lower(), len(fence[1])), []
            elif line.text.count("```") == 1 and (fence := _FENCE_AFTER_PROSE.search(line.text)):
                opened, inside = ("```", fence[1].lower(), 0), []
        elif fence and fence[3] and fence[2][0] == opened[0][0]:
            yield _Block(tuple(inside), opened[1], opened[2])
            opened, inside = (fence[2], fence[3].lower(), len(fence[1])), []
        elif fence and fence[2].startswith(opened[0]):
            yield _Block(tuple(inside), opened[1], opened[2])
            opened = None
        else:
            inside.append(line)
    if opened is not None:
        while inside and not inside[-1].text.strip():
            inside.pop()
        if inside and (kept := _without_fence(inside[-1].text)) != inside[-1].text:
            inside[-1] = _Line(kept, inside[-1].start, inside[-1].start + len(kept))
        yield _Block(tuple(inside), opened[1], opened[2])


def _without_fence(text: str) -> str:
    """`text` less the run of three or more backticks that ends it, white space apart."""
    stripped = text.rstrip()
    kept = stripped.rstrip("`")
    return kept if len(stripped) - len(kept) >= 3 else text


def _pieces(block: _Block) -> tuple[tuple[int, int], ...]:
    """The lines of a block less the indentation of its fence; neighbours are joined."""
    pieces: list[tuple[int, int]] = []
    for line in block.lines:
        indented = len(line.text) - len(line.text.lstrip(" \t"))
        start = line.start + min(indented, block.indent)
        if pieces and pieces[-1][1] == start:
            start = pieces.pop()[0]
        pieces.append((start, line.end))
    return tuple(pieces)


def _program(completion: str, prefix: str, pieces: tuple[tuple[int, int], ...]) -> Program:
    return Program(prefix + "".join(completion[start:end] for start, end in pieces), len(prefix), pieces)
