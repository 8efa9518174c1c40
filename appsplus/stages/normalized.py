"""One I/O format, one spelling, one reading of every unit test; what was changed is on record.

Text is cleaned first (line ends, byte order marks, tabs, surrogates, missing imports). Then the unit tests are read:
standard input as text; calls as a JSON list of arguments and one JSON value. Where a file of APPS can be read in more
than one way, the readings are tried, and what the solutions return decides (`call_tests`); comparison is never loosened.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from appsplus.engine.judging import Judging, job_for
from appsplus.judge import Inspection, prelude
from appsplus.problem import Change, IOFormat, Problem, RawProblem, Reason, Rejection, Solution, UnitTest
from appsplus.stages import call_tests

_WITNESSES = 3  # solutions that are asked how a unit test is to be read
_SURROGATES = re.compile("[\ud800-\udfff]")
_HEADER = re.compile(r"(?:#[^\n]*\n)*")  # a shebang, an encoding, a licence
_FUTURE = re.compile(r"^from __future__ import [^\n]*\n", re.MULTILINE)


@dataclass
class _Record:
    """What was changed, by kind: how often, and a sentence."""

    counts: Counter[str] = field(default_factory=Counter)
    sentences: dict[str, str] = field(default_factory=dict)

    def note(self, what: str, sentence: str) -> None:
        self.counts[what] += 1
        self.sentences.setdefault(what, sentence)

    def changes(self) -> tuple[Change, ...]:
        return tuple(
            Change(what, sentence + (f" ({self.counts[what]} times)" if self.counts[what] > 1 else ""))
            for what, sentence in self.sentences.items()
        )


def normalized(raw: RawProblem, judging: Judging) -> Problem | Rejection:
    """Read a raw problem as a `Problem`, or say why it cannot be read. Raises SandboxError."""
    record = _Record()
    solutions, inspections = _solutions(raw, judging, record)
    if all(found.syntax_error and found.python2 for found in inspections):
        shown = [{"solution": i, "detail": found.syntax_error} for i, found in enumerate(inspections[:10])]
        detail = f"all {len(inspections)} solutions are Python 2; the first fails with: {inspections[0].syntax_error}"
        return Rejection(Reason.PYTHON2, detail, {"solutions": shown})
    kept = [i for i, found in enumerate(inspections) if not (found.syntax_error and found.python2)]
    for _ in range(len(solutions) - len(kept)):
        record.note("python2_solution_dropped", "a solution in Python 2 was left out")
    solutions, inspections = [solutions[i] for i in kept], [inspections[i] for i in kept]
    entry_point = _entry_point(raw, inspections, record)
    readings = _stdin_readings(raw, record) if raw.entry_point is None else call_tests.readings(raw)
    if isinstance(readings, Rejection):
        return readings
    problems = [
        (
            reading.changes,
            Problem(
                problem_id=raw.problem_id,
                source=_text(raw.source, record),
                split=raw.split,
                description=_text(raw.description, record),
                io_format=IOFormat.STDIN if entry_point is None else IOFormat.CALL,
                entry_point=entry_point,
                starter_code=_text(raw.starter_code, record),
                solutions=tuple(Solution(code) for code in solutions),
                unit_tests=reading.unit_tests,
                source_hash=raw.source_hash,
                difficulty=raw.difficulty,
                url=_text(raw.url, record),
                license=_text(raw.license, record),
                checker=raw.checker,
            ),
        )
        for reading in readings
    ]
    changes, problem = problems[0] if len(problems) == 1 else _best_reading(problems, inspections, judging)
    return replace(problem, changes=(*raw.changes, *record.changes(), *changes))


def _best_reading(
    problems: Sequence[tuple[tuple[Change, ...], Problem]], inspections: Sequence[Inspection], judging: Judging
) -> tuple[tuple[Change, ...], Problem]:
    """The first reading under which a solution passes; else the one under which the most unit tests pass."""
    witnesses = [i for i, found in enumerate(inspections) if not found.syntax_error and not found.missing_imports]
    most, best = -1, problems[0]
    for changes, problem in problems:
        reports = judging.judge([job_for(problem, i, judging.modules) for i in witnesses[:_WITNESSES]])
        passed = max((sum(t.verdict == "accepted" for t in r.unit_tests) for r in reports), default=0)
        if passed > most:
            most, best = passed, (changes, problem)
        if passed == len(problem.unit_tests):
            break
    return best


def _solutions(raw: RawProblem, judging: Judging, record: _Record) -> tuple[list[str], list[Inspection]]:
    """The solutions, cleaned, each once, with what their text says."""
    programs: dict[str, None] = {}
    for solution in raw.solutions:
        if not solution.strip():
            continue
        program = _text(solution, record)
        if program in programs:
            record.note("repeated_solution_dropped", "a solution that is there twice was left out")
        programs[program] = None
    texts = list(programs)
    inspections = judging.inspect(texts)
    repaired = [_repaired(text, found, record) for text, found in zip(texts, inspections, strict=True)]
    if repaired != texts:
        texts = list(dict.fromkeys(repaired))
        inspections = judging.inspect(texts)
        imported = [_with_imports(text, found, record) for text, found in zip(texts, inspections, strict=True)]
        if imported != texts:
            texts = list(dict.fromkeys(imported))
            inspections = judging.inspect(texts)
    return texts, inspections


def _repaired(program: str, found: Inspection, record: _Record) -> str:
    if found.tab_error:
        record.note("tabs_expanded", "tabs that Python 3 refuses beside spaces count as 8 columns now, in a solution")
        return "\n".join(_expanded(line) for line in program.split("\n"))
    return _with_imports(program, found, record)


def _expanded(line: str) -> str:
    body = line.lstrip(" \t")
    return line[: len(line) - len(body)].expandtabs(8) + body


def _with_imports(program: str, found: Inspection, record: _Record) -> str:
    """Import what a program uses without importing it and graders offer (see `appsplus.judge.prelude`)."""
    statements = [prelude.origins()[name] for name in found.undefined if name in prelude.origins()]
    if not statements:
        return program
    record.note("imports_added", "names that graders offer without an import are imported in a solution")
    names: dict[str, list[str]] = {}
    for statement in statements:
        head, _, name = statement.rpartition(" import ")
        names.setdefault(head, []).append(name if head else statement)
    lines = [f"{head} import {', '.join(found)}" if head else "\n".join(found) for head, found in sorted(names.items())]
    futures = list(_FUTURE.finditer(program))
    header = _HEADER.match(program)
    place = futures[-1].end() if futures else header.end() if header and program.startswith("#!") else 0
    return program[:place] + "\n".join(lines) + "\n" + program[place:]


def _text(text: str, record: _Record) -> str:
    """Text as every later stage and UTF-8 can take it."""
    clean = text.removeprefix("\ufeff")
    if clean != text:
        record.note("byte_order_mark_removed", "a byte order mark was removed")
    if "\r" in clean:
        clean = clean.replace("\r\n", "\n").replace("\r", "\n")
        record.note("line_ends_normalized", "Windows line ends became \\n in a text")
    if _SURROGATES.search(clean):
        clean = _SURROGATES.sub("\ufffd", clean)
        record.note("surrogates_replaced", "lone surrogates, which UTF-8 cannot hold, became U+FFFD in a text")
    return clean


def _entry_point(raw: RawProblem, inspections: Sequence[Inspection], record: _Record) -> str | None:
    """The entry point in the spelling of most solutions that have it in any."""
    if raw.entry_point is None:
        return None
    spellings: Counter[str] = Counter()
    for found in inspections:
        own = {name for name in found.functions if name != "*"}
        own |= {name.partition(".")[2] for name in found.methods if name.startswith("Solution.")}
        alike = {name for name in own if _folded(name) == _folded(raw.entry_point)}
        spellings.update([raw.entry_point] if raw.entry_point in alike else sorted(alike) if len(alike) == 1 else [])
    if not spellings or raw.entry_point in spellings:
        return raw.entry_point
    spelling = min(spellings, key=lambda name: (-spellings[name], name))
    record.note("entry_point_respelled", f"the entry point {raw.entry_point} is {spelling} in the solutions")
    return spelling


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def _stdin_readings(raw: RawProblem, record: _Record) -> list[call_tests.Reading] | Rejection:
    texts: list[str] = []
    for number, value in enumerate([*(raw.inputs or ()), *(raw.outputs or ())]):
        text = _as_text(value, record)
        if text is None:
            count = len(raw.inputs or ())
            where = f"input {number}" if number < count else f"output {number - count}"
            detail = f"{where} is {type(value).__name__}; a program that reads standard input needs text"
            return Rejection(Reason.MALFORMED_TESTS, detail, {"value": repr(value)[:300]})
        texts.append(_text(text, record))
    half = len(texts) // 2
    unit_tests = tuple(UnitTest(i, o) for i, o in zip(texts[:half], texts[half:], strict=True))
    return [call_tests.Reading(unit_tests, ())]


def _as_text(value: Any, record: _Record) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        record.note("lines_joined", "a unit test stored as a list of lines became text")
        return "\n".join(value) + "\n"
    if isinstance(value, int | float) and not isinstance(value, bool):
        record.note("number_as_text", "a unit test stored as a number became text")
        return str(value)
    return None
