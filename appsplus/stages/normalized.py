"""One I/O format, one spelling, one reading of every unit test; what was changed is on record.

Text is cleaned first, then programs are repaired (`programs`), then the unit tests are read: standard input as text;
calls as a JSON list of arguments and one JSON value. Where a file of APPS can be read in more than one way, what the
solutions return decides (`call_tests`); comparison is never loosened.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from appsplus import jsonl
from appsplus.engine.judging import Judging, job_for
from appsplus.judge import Inspection, Report
from appsplus.problem import DIFFICULTIES, Change, IOFormat, Problem, RawProblem, Reason, Rejection, Solution, UnitTest
from appsplus.stages import call_tests, programs
from appsplus.stages.runnable import defines

_WITNESSES = 3  # solutions that are asked how a unit test is to be read
_SURROGATES = re.compile("[\ud800-\udfff]")
_PROGRAM_BLANKS = "\ufeff\0 \t\r\n\f\v"


@dataclass
class _Record:
    """What was changed, by kind: how often, and a sentence."""

    counts: Counter[str] = field(default_factory=Counter)
    sentences: dict[str, str] = field(default_factory=dict)

    def note(self, what: str, sentence: str, times: int = 1) -> None:
        if times:
            self.counts[what] += times
            self.sentences.setdefault(what, sentence)

    def changes(self) -> tuple[Change, ...]:
        return tuple(
            Change(what, sentence + (f" ({self.counts[what]} times)" if self.counts[what] > 1 else ""))
            for what, sentence in self.sentences.items()
        )


def normalized(raw: RawProblem, judging: Judging) -> Problem | Rejection:
    """Read a raw problem as a `Problem`, or say why it cannot be read. Raises SandboxError."""
    record = _Record()
    codes = [_text(code, record, nul=False) for code in raw.solutions if code.strip(_PROGRAM_BLANKS)]
    made = programs.repaired(codes, judging)
    old = [i for i, found in enumerate(made.inspections) if found.syntax_error and found.python2]
    if made.codes and len(old) == len(made.codes):
        return _python2(made.inspections)
    record.note("python2_solution_dropped", "a solution in Python 2 was left out", len(old))
    solutions = [code for i, code in enumerate(made.codes) if i not in old]
    inspections = [found for i, found in enumerate(made.inspections) if i not in old]
    entry_point = _entry_point(raw, inspections, record)
    draft = Problem(
        problem_id=raw.problem_id,
        source=_text(raw.source, record),
        split=raw.split,
        description=_text(raw.description, record, nul=False),
        io_format=IOFormat.STDIN if entry_point is None else IOFormat.CALL,
        entry_point=entry_point,
        starter_code=_text(raw.starter_code, record, nul=False),
        solutions=tuple(Solution(code) for code in solutions),
        unit_tests=(UnitTest("", ""),),  # replaced below
        source_hash=raw.source_hash,
        difficulty=raw.difficulty if raw.difficulty in DIFFICULTIES else "unknown",
        url=_text(raw.url, record),
        license=_text(raw.license, record),
        checker=raw.checker,
        review=raw.review,
    )
    if entry_point is None:
        reading = _stdin_reading(raw, record)
    else:
        reading = call_tests.choose(raw, _witnesses(draft, inspections, judging))
    if isinstance(reading, Rejection):
        return reading
    changes = (*raw.changes, *record.changes(), *made.changes, *reading.changes)
    return replace(draft, unit_tests=reading.unit_tests, changes=changes)


def _python2(inspections: Sequence[Inspection]) -> Rejection:
    shown = [{"solution": i, "detail": found.syntax_error} for i, found in enumerate(inspections[:10])]
    detail = f"all {len(inspections)} solutions are Python 2; the first fails with: {inspections[0].syntax_error}"
    return Rejection(Reason.PYTHON2, detail, {"solutions": shown})


def _witnesses(
    draft: Problem, inspections: Sequence[Inspection], judging: Judging
) -> Callable[[tuple[UnitTest, ...]], list[Report]]:
    """Runs the solutions that may show how unit tests are to be read: one where it passes, else up to three."""
    able = [
        i
        for i, found in enumerate(inspections)
        if not found.syntax_error and not found.missing_imports and defines(found, str(draft.entry_point))
    ][:_WITNESSES]

    def run(unit_tests: tuple[UnitTest, ...]) -> list[Report]:
        problem = replace(draft, unit_tests=unit_tests)
        jobs = [job_for(problem, i, judging.modules) for i in able]
        reports = judging.judge(jobs[:1])
        if any(report.first_failure is not None for report in reports):
            reports += judging.judge(jobs[1:])
        return reports

    return run


def _text(text: str, record: _Record, *, nul: bool = True) -> str:
    """Text as every later stage and UTF-8 can take it; NUL stays in unit tests, where it may be data."""
    clean = text.removeprefix("\ufeff")
    if clean != text:
        record.note("byte_order_mark_removed", "a byte order mark was removed")
    if "\r" in clean:
        clean = clean.replace("\r\n", "\n").replace("\r", "\n")
        record.note("line_ends_normalized", "Windows line ends became \\n in a text")
    if not nul and "\0" in clean:
        clean = clean.replace("\0", "")
        record.note("nul_removed", "NUL characters were removed from a text")
    if _SURROGATES.search(clean):
        clean = clean.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # pairs become one character
        record.note("surrogates_replaced", "lone surrogates, which UTF-8 cannot hold, became U+FFFD in a text")
    return clean


def _entry_point(raw: RawProblem, inspections: Sequence[Inspection], record: _Record) -> str | None:
    """The entry point in the spelling of most solutions that have it in any; as the source has it in doubt."""
    if raw.entry_point is None:
        return None
    spellings: Counter[str] = Counter()
    for found in inspections:
        own = {*found.functions, *(n.partition(".")[2] for n in found.methods if n.startswith("Solution."))}
        alike = {name for name in own if _folded(name) == _folded(raw.entry_point)}
        spellings.update([raw.entry_point] if raw.entry_point in alike else alike if len(alike) == 1 else [])
    if not spellings:
        return raw.entry_point
    spelling = min(spellings, key=lambda name: (-spellings[name], name != raw.entry_point, name))
    if spelling != raw.entry_point:
        record.note("entry_point_respelled", f"the entry point {raw.entry_point} is {spelling} in the solutions")
    return spelling


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def _stdin_reading(raw: RawProblem, record: _Record) -> call_tests.Reading | Rejection:
    texts: list[str] = []
    for number, value in enumerate([*(raw.inputs or ()), *(raw.outputs or ())]):
        text = _as_text(value, record)
        if text is None:
            count = len(raw.inputs or ())
            where = f"input {number}" if number < count else f"output {number - count}"
            detail = f"{where} is {type(value).__name__}; a program that reads standard input needs text"
            return Rejection(Reason.MALFORMED_TESTS, detail, {"value": call_tests.shown(value)})
        texts.append(_text(text, record))
    half = len(texts) // 2
    unit_tests = tuple(UnitTest(i, o) for i, o in zip(texts[:half], texts[half:], strict=True))
    return call_tests.Reading(unit_tests, ())


def _as_text(value: Any, record: _Record) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        lines = [line.removesuffix("\n") if isinstance(line, str) else _number(line) for line in value]
        record.note("lines_joined", "a unit test stored as a list of lines became text")
        return None if any(line is None for line in lines) else "".join(f"{line}\n" for line in lines)
    text = _number(value)
    record.note("number_as_text", "a unit test stored as a number became text", 0 if text is None else 1)
    return text


def _number(value: Any) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return jsonl.dumps(value) if is_number else None
