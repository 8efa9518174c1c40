"""The masks of real programs are what the rule gives from coverage.py's executed lines, with statements found by the AST.

APPSPLUS_MASK_SAMPLE sets how many problems are looked at (60 unless told); a number beyond theirs means all, with all
solutions of each: APPSPLUS_MASK_SAMPLE=9999 pytest tests/stepcoder/test_masks_of_real_programs.py
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
from appsplus.judge import BEST_EFFORT, Job, Judge
from appsplus.problem import IOFormat, UnitTest
from stepcoder.executed_tokens import executed_keep, kept_lines, lines_in_loss

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from coverage_reference import Reference

SAMPLE = int(os.environ.get("APPSPLUS_MASK_SAMPLE", "60"))
UNIT_TESTS = 2  # the shortest of a problem
_HEADED = ast.stmt | ast.excepthandler | ast.match_case


def expected_lines(program: str, executed: set[int]) -> set[int]:
    """The lines that the rule keeps, from the AST: an implementation of the rule that shares nothing with ours."""
    lines = program.split("\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(program)
    parts = merged(sorted(set(statements(tree, lines))))
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


def merged(parts: list[tuple[int, int, bool]]) -> list[tuple[int, int, bool]]:
    """Parts that share a line are one: coverage.py gives them one line, too."""
    found: list[tuple[int, int, bool]] = []
    for first, last, follows in parts:
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


@pytest.mark.real_data
def test_masks_of_real_programs_follow_coverage(reference: Reference, real_data: Path) -> None:
    folders = sorted(real_data.glob("apps/*/*"))
    rng = random.Random(5)
    compared = masked = judged = 0
    with Judge(isolation=BEST_EFFORT) as judge:
        for folder in rng.sample(folders, min(SAMPLE, len(folders))):
            for job in jobs_of(folder):
                text = job.program
                said = reference.lines(text, job.entry_point, [t.input for t in job.unit_tests])
                if said["executable"] is None or None in said["executed"]:
                    continue
                union = {line for lines in said["executed"] for line in lines}
                for executed in (union, set(said["executed"][0]), set(rng.sample(sorted(union), len(union) // 2))):
                    expected = expected_lines(text, executed)
                    assert kept_lines(text, executed) == expected, text
                    prefix = rng.randrange(len(text) + 1)
                    spans = tokens_of(text[prefix:], rng)
                    program = Program(text, prefix, ((0, len(text) - prefix),))
                    mask = executed_keep(
                        spans, completion=text[prefix:], program=program, executed_lines=sorted(executed)
                    )
                    if executed:
                        assert mask == mask_by_lines(text, prefix, spans, expected), text
                        masked += mask.count(0.0) > 0
                compared += 1
                if compared % 4 == 0:  # the judge's own agreement with coverage.py has its own test
                    report = judge.run(job)
                    if all(t.verdict in ("accepted", "wrong_answer") for t in report.unit_tests) and len(
                        report.unit_tests
                    ) == len(job.unit_tests):
                        assert kept_lines(text, lines_in_loss(report) or ()) == expected_lines(text, union)
                        judged += 1
    print(
        f"{compared} programs compared with coverage.py, {judged} of them through the judge, {masked} masks with zeros"
    )
    assert compared > SAMPLE / 2
    assert masked > compared
    assert judged > compared / 10
