"""Which tokens an error points at: RLTF's three classes of errors (arXiv:2307.04349, fine-grained feedback).

`global` errors are the fault of the whole program, `line` errors of one line, all else is `ignored`. The paper names the
classes; which error belongs where is read off its released code (program_feedback.py, which matches the messages of older
versions of Python), and said here for what the judge reports:

| what the judge reports | class |
|---|---|
| accepted, wrong answer, output limit, memory limit, no program in the text | ignored |
| time limit; `RecursionError` | global |
| another exception, with a line of the program in its traceback | line: the innermost one; but `RuntimeError`: ignored |
| an end without a traceback: exit status, signal | ignored |
| compile error: tabs and spaces mixed, an unindent that fits nothing, a triple-quoted string that is not closed, | ignored |
| a duplicate argument, `import *` inside a function | |
| compile error: a bracket that was never closed; one on the last line, of a program that just stops | global |
| compile error otherwise, with a line | line |
| compile error without a line | ignored |

A line that the prompt gave (CCCS) has no token of the policy's: nothing is penalised then. Memory and output limits, and text
without a program, are ours; they have no line that could be blamed.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from appsplus.judge import Report
from appsplus.problem import Verdict
from stepcoder.rollouts import Judged

ErrorClass = Literal["global", "line", "ignored"]

_LINE = re.compile(r"\(line (\d+)\)\Z")
_NEWLINE = re.compile(r"\r\n?|\n")
_IGNORED_ERRORS = (
    "inconsistent use of tabs",
    "unindent does not match",
    "unterminated triple-quoted",
    "duplicate argument",
    "import * only allowed",
)
_JUST_STOPS = re.compile(r"invalid syntax|unterminated string literal|unexpected EOF|\bexpected ")


@dataclass(frozen=True, slots=True)
class Blame:
    """What an error is the fault of."""

    kind: ErrorClass
    line: int = 0  # of the program, from 1, where `kind` is line


def blame(report: Report | None, program: str) -> Blame:
    """The class of what went wrong with a program, by the table above."""
    if report is None or report.first_failure is None:
        return Blame("ignored")
    failed = report.unit_tests[report.first_failure]
    if report.verdict is Verdict.COMPILE_ERROR:
        return _of_compiler(failed.error, program)
    if report.verdict is Verdict.TIME_LIMIT_EXCEEDED or failed.error.startswith("RecursionError"):
        return Blame("global")
    if report.verdict is not Verdict.RUN_TIME_ERROR or not failed.traceback or failed.error.startswith("RuntimeError"):
        return Blame("ignored")
    return Blame("line", failed.traceback[-1][0])


def _of_compiler(error: str, program: str) -> Blame:
    found = _LINE.search(error)
    if found is None or any(words in error for words in _IGNORED_ERRORS):
        return Blame("ignored")
    if "was never closed" in error:
        return Blame("global")
    line = int(found[1])
    lines = _NEWLINE.sub("\n", program).rstrip().split("\n")
    if line >= len(lines) and _JUST_STOPS.search(error):
        return Blame("global")
    return Blame("line", line)


def blamed_tokens(judged: Judged, offsets: Sequence[tuple[int, int]]) -> tuple[ErrorClass, list[bool]]:
    """The class of a completion's error, and for each of its tokens whether the error is its fault.

    All tokens for a global error; for a line those with a character of it, its end included. A line without a token of the
    completion counts as ignored.
    """
    program = judged.completion.program
    found = blame(judged.report, program.text if program else "")
    if found.kind == "global":
        return "global", [True] * len(offsets)
    if found.kind == "ignored" or program is None:
        return "ignored", [False] * len(offsets)
    starts = [0, *(end.end() for end in _NEWLINE.finditer(program.text))]
    places = program.places(len(judged.completion.text))
    on_line = [place is not None and bisect_right(starts, place) == found.line for place in places]
    tokens = [any(on_line[start:end]) for start, end in offsets]
    return ("line" if any(tokens) else "ignored"), tokens
