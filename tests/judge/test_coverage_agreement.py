"""Executed lines as the judge reports them are those of coverage.py, unit test by unit test."""

import json
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appsplus import jsonl
from appsplus.judge import Job, Judge
from appsplus.problem import IOFormat, UnitTest, Verdict

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from coverage_reference import Reference

ROOT = Path(__file__).resolve().parents[2]
CORPUS = sorted(
    path.parent
    for path in (ROOT / "appsplus" / "corpus").glob("*/*/metadata.json")
    if not {"planted", "repaired"}.intersection(json.loads(path.read_text()))
)
UNIT_TESTS = 5  # of a problem, at most
SAMPLE, SHORTEST = (
    60,
    2,
)  # problems of the real data, all solutions of each, and unit tests; APPSPLUS_COVERAGE_SAMPLE: more
RAN = (Verdict.ACCEPTED, Verdict.WRONG_ANSWER, Verdict.RUN_TIME_ERROR)


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    with Reference() as script:
        yield script


def jobs_of(folder: Path, solutions: slice, limit: int) -> Iterator[Job]:
    """Solutions of a problem on its shortest unit tests, with coverage."""
    try:
        programs = json.loads((folder / "solutions.json").read_text(encoding="utf-8"))
        tests = jsonl.loads((folder / "input_output.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    entry_point: str | None = tests.get("fn_name")
    texts = [given if entry_point is None else jsonl.dumps(given) for given in tests["inputs"]]
    unit_tests = tuple(UnitTest(text, "0") for text in sorted(filter(_is_text, texts), key=len)[:limit])
    for program in programs[solutions] if unit_tests else ():
        if "random" in program:  # its lines are a matter of chance
            continue
        yield Job(
            program=program.replace("\r\n", "\n"),
            io_format=IOFormat.STDIN if entry_point is None else IOFormat.CALL,
            unit_tests=unit_tests,
            entry_point=entry_point,
            coverage=True,
        )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def compare(judge: Judge, reference: Reference, job: Job) -> int:
    """Compare one program with coverage.py; returns on how many unit tests it could be compared."""
    report = judge.run(job)
    if report.verdict is Verdict.COMPILE_ERROR:
        return 0
    expected = reference.lines(job.program, job.entry_point, [t.input for t in job.unit_tests])
    if expected["executable"] is None:
        return 0
    assert report.executable_lines == tuple(expected["executable"])
    compared = 0
    for lines, unit_test in zip(expected["executed"], report.unit_tests, strict=False):
        comparable = unit_test.verdict in RAN and not unit_test.error.startswith("ModuleNotFoundError")
        if lines is not None and comparable:
            assert unit_test.executed_lines == tuple(lines), job.program
            compared += 1
    return compared


@pytest.mark.parametrize("folder", CORPUS, ids=lambda path: path.name)
def test_embedded_solutions_execute_the_lines_that_coverage_reports(
    judge: Judge, reference: Reference, folder: Path
) -> None:
    (job,) = jobs_of(folder, slice(1), UNIT_TESTS)
    assert compare(judge, reference, job) == UNIT_TESTS


@pytest.mark.real_data
def test_real_solutions_execute_the_lines_that_coverage_reports(
    judge: Judge, reference: Reference, real_data: Path
) -> None:
    folders = sorted(real_data.glob("apps/*/*"))
    size = min(len(folders), int(os.environ.get("APPSPLUS_COVERAGE_SAMPLE", SAMPLE)))
    compared = [
        compare(judge, reference, job)
        for folder in random.Random(0).sample(folders, size)
        for job in jobs_of(folder, slice(None), SHORTEST)
    ]
    assert len(compared) > size
    assert sum(compared) > 1.5 * len(compared)
