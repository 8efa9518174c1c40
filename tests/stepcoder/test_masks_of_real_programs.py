"""The masks of real programs are what the rule gives from coverage.py's executed lines, with statements found by the AST.

One test runs programs; another looks at more of them without running them, each with lines drawn at random from those that
coverage.py calls executable. APPSPLUS_MASK_SAMPLE, 40 unless told, sets how many problems the first looks at, all solutions
of each, and a fifth of those that the other does. All of them:

    APPSPLUS_MASK_SAMPLE=9999 pytest -s tests/stepcoder/test_masks_of_real_programs.py
"""

import ast
import json
import os
import random
import sys
import warnings
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path

import pytest

from appsplus import jsonl
from appsplus.evaluation import Program
from appsplus.judge import BEST_EFFORT, Job, Judge, Report
from appsplus.problem import IOFormat, UnitTest, Verdict
from stepcoder.executed_tokens import executed_keep, kept_lines, lines_in_loss

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from coverage_reference import Reference

SAMPLE = int(os.environ.get("APPSPLUS_MASK_SAMPLE", "40"))
UNIT_TESTS = 2  # the shortest of a problem
JUDGED_EVERY = 4  # the judge's own agreement with coverage.py has a test of its own
_HEADED = ast.stmt | ast.excepthandler | ast.match_case


def expected_lines(program: str, executed: set[int]) -> set[int]:
    """The lines that the rule keeps, from the AST: an implementation of the rule that shares nothing with ours."""
    lines = program.split("\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(program)
    parts = merged(sorted(set(statements(tree, lines))), lines)
    inside = {line for first, last, _ in parts for line in range(first, last + 1)}
    parts += [
        (n, n, True) for n, line in enumerate(lines, 1) if n not in inside and not is_empty(line)
    ]  # else, finally
    kept: set[int] = set()
    next_is_kept = False
    for first, last, follows in sorted(parts, reverse=True):
        next_is_kept = not executed.isdisjoint(range(first, last + 1)) or (follows and next_is_kept)
        if next_is_kept:
            kept.update(range(first, last + 1))
    return kept


def is_empty(line: str) -> bool:
    return not line.strip() or line.strip().startswith("#")


def statements(tree: ast.AST, lines: list[str]) -> Iterator[tuple[int, int, bool]]:
    """(first line, last line, whether it goes with the next) of simple statements, headers and decorators."""
    for node in ast.walk(tree):
        for decorator in getattr(node, "decorator_list", []):
            yield decorator.lineno, decorator.end_lineno, False
        if not isinstance(node, _HEADED):
            continue
        first = node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno
        body = getattr(node, "body", None) or getattr(node, "cases", None)
        if body is None:
            assert isinstance(node, ast.stmt)
            yield first, node.end_lineno or first, isinstance(node, ast.Global | ast.Nonlocal)
            continue
        below = body[0].pattern.lineno if isinstance(body[0], ast.match_case) else body[0].lineno
        below = min([below, *(d.lineno for d in getattr(body[0], "decorator_list", []))])
        last = max((n for n in range(first, below) if not is_empty(lines[n - 1])), default=first)
        yield first, last, isinstance(node, ast.Try)


def merged(parts: list[tuple[int, int, bool]], lines: list[str]) -> list[tuple[int, int, bool]]:
    """Parts that share a line are one: coverage.py gives them one line, too. A backslash takes in the next line."""
    found: list[tuple[int, int, bool]] = []
    for first, last, follows in parts:
        while lines[last - 1].endswith("\\") and "#" not in lines[last - 1] and last < len(lines):
            last += 1
        if found and first <= found[-1][1]:
            first, last, follows = found[-1][0], max(last, found.pop()[1]), False
        found.append((first, last, follows))
    return found


def tokens_of(text: str, rng: random.Random) -> list[tuple[int, int]]:
    """Spans of one to twelve characters that cover the text."""
    cuts = [0]
    while cuts[-1] < len(text):
        cuts.append(min(len(text), cuts[-1] + rng.randint(1, 12)))
    return list(pairwise(cuts))


def mask_by_lines(text: str, offset: int, spans: list[tuple[int, int]], kept: set[int]) -> list[float]:
    """The mask of a completion that starts at `offset` of a program, character by character."""
    line_of = list(accumulate((c == "\n" for c in text), initial=1))
    return [float(any(line_of[offset + i] in kept for i in range(start, end))) for start, end in spans]


def test_the_reference_of_these_tests_follows_the_rule() -> None:
    program = "@a(\n 1)\ndef f(\n  x,\n):\n  # c\n  global y\n  try:\n    y = [\n1]\n  finally:\n\n    z()\n"
    program += "w(); v = '''\n'''; u\n"
    assert expected_lines(program, {1, 3, 14}) == {1, 2, 3, 4, 5, 14, 15}
    assert expected_lines(program, {9, 13}) == {7, 8, 9, 10, 11, 13}


def jobs_of(folder: Path) -> Iterator[Job]:
    try:
        programs = json.loads((folder / "solutions.json").read_text(encoding="utf-8"))
        tests = jsonl.loads((folder / "input_output.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    entry_point: str | None = tests.get("fn_name")
    texts = [given if entry_point is None else jsonl.dumps(given) for given in tests["inputs"]]
    texts = sorted((text for text in texts if isinstance(text, str)), key=len)[:UNIT_TESTS]
    io_format = IOFormat.STDIN if entry_point is None else IOFormat.CALL
    for program in programs if texts else ():
        if "random" not in program:  # its lines are a matter of chance
            unit_tests = tuple(UnitTest(text, "0") for text in texts)
            yield Job(program.replace("\r\n", "\n"), io_format, unit_tests, entry_point=entry_point, coverage=True)


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    with Reference() as script:
        yield script


def follows_the_rule(text: str, executed: set[int], rng: random.Random) -> bool:
    """Whether lines and tokens of a program, cut at a random place into prefix and completion, are kept by the rule."""
    expected = expected_lines(text, executed)
    prefix = rng.randrange(len(text) + 1)
    completion = text[prefix:]
    spans = tokens_of(completion, rng)
    program = Program(text, prefix, ((0, len(completion)),))
    mask = executed_keep(spans, completion=completion, program=program, executed_lines=executed)
    by_lines = mask_by_lines(text, prefix, spans, expected) if executed else [1.0] * len(spans)
    return kept_lines(text, executed) == expected and mask == by_lines


def ran_to_the_end(job: Job, report: Report) -> bool:
    ran = [t.verdict for t in report.unit_tests if t.verdict in (Verdict.ACCEPTED, Verdict.WRONG_ANSWER)]
    return len(ran) == len(job.unit_tests)


@pytest.mark.real_data
def test_masks_of_programs_that_are_not_run_follow_the_rule_for_any_lines(real_data: Path) -> None:
    from coverage.exceptions import NotPython
    from coverage.python import PythonParser

    folders = sorted(real_data.glob("apps/*/*"))
    rng = random.Random(6)
    compared = 0
    wrong: list[str] = []
    for program in programs_of(rng.sample(folders, min(5 * SAMPLE, len(folders)))):
        parser = PythonParser(text=program)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(program, "program", "exec", dont_inherit=True)
                parser.parse_source()
        except (SyntaxError, ValueError, NotPython):
            continue
        executable = sorted(parser.statements)
        chosen = set(rng.sample(executable, rng.randint(1, len(executable)))) if executable else set()
        if not follows_the_rule(program, chosen, rng):
            wrong.append(program)
        compared += 1
    print(f"{compared} programs compared with the AST, {len(wrong)} wrong")
    assert wrong == []
    assert compared > 3 * min(SAMPLE, len(folders) / 5)


def programs_of(folders: list[Path]) -> Iterator[str]:
    for folder in folders:
        if (folder / "solutions.json").is_file():
            for program in json.loads((folder / "solutions.json").read_text(encoding="utf-8")):
                yield program.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")


@pytest.mark.real_data
def test_masks_of_real_programs_follow_coverage(reference: Reference, real_data: Path) -> None:
    folders = sorted(real_data.glob("apps/*/*"))
    rng = random.Random(5)
    compared = judged = masked = 0
    wrong: list[str] = []
    other: list[str] = []  # of which the judge says other lines than coverage.py
    with Judge(isolation=BEST_EFFORT) as judge:
        for job in (job for f in rng.sample(folders, min(SAMPLE, len(folders))) for job in jobs_of(f)):
            said = reference.lines(job.program, job.entry_point, [t.input for t in job.unit_tests], cpu_s=4)
            if said["executable"] is None or None in said["executed"]:
                continue
            first, union = set(said["executed"][0]), {line for lines in said["executed"] for line in lines}
            some = set(rng.sample(sorted(union), len(union) // 2))  # more masked lines than whole runs have
            if not all(follows_the_rule(job.program, lines, rng) for lines in (first, union, some)):
                wrong.append(job.program)
            compared += 1
            masked += len(union) < len(said["executable"])
            if compared % JUDGED_EVERY == 0 and ran_to_the_end(job, report := judge.run(job)):
                judged += 1
                if kept_lines(job.program, lines_in_loss(report) or ()) != expected_lines(job.program, union):
                    other.append(job.program)
                    print(f"the judge and coverage.py differ:\n{job.program}", flush=True)
    print(f"{compared} programs: {masked} with lines that did not run, {judged} through the judge, {len(wrong)} wrong")
    assert wrong == other == []
    assert compared > SAMPLE / 2
    assert masked > compared / 20
    assert judged > compared / JUDGED_EVERY / 2
