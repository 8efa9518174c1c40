"""Executed lines as the judge reports them are those of coverage.py, unit test by unit test."""

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from appsplus import jsonl
from appsplus.judge import Job, Judge
from appsplus.problem import IOFormat, UnitTest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from coverage_reference import reference

ROOT = Path(__file__).resolve().parents[2]
CORPUS = sorted(
    path.parent
    for path in (ROOT / "appsplus" / "corpus").glob("*/*/metadata.json")
    if not {"planted", "repaired"}.intersection(json.loads(path.read_text()))
)
SAMPLE, UNIT_TESTS = 40, 5  # of the real problems, and of the unit tests of each


def jobs_of(folder: Path, limit: int | None = None) -> Job | None:
    """The first solution of a problem on its unit tests, with coverage."""
    try:
        programs = json.loads((folder / "solutions.json").read_text(encoding="utf-8"))
        tests = jsonl.loads((folder / "input_output.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not programs:
        return None
    entry_point: str | None = tests.get("fn_name")
    pairs = list(zip(tests["inputs"], tests["outputs"], strict=True))[:limit]

    def text(value: Any) -> str:
        return value if entry_point is None else jsonl.dumps(value)

    return Job(
        program=programs[0].replace("\r\n", "\n"),
        io_format=IOFormat.STDIN if entry_point is None else IOFormat.CALL,
        unit_tests=tuple(UnitTest(text(given), text(expected)) for given, expected in pairs),
        entry_point=entry_point,
        coverage=True,
    )


def compare(judge: Judge, job: Job) -> int:
    """Compare one program with coverage.py; returns on how many unit tests it could be compared."""
    expected = reference(job.program, job.entry_point, [t.input for t in job.unit_tests])
    report = judge.run(job)
    if report.executable_lines == ():  # it does not compile
        return 0
    assert report.executable_lines == tuple(expected["executable"])
    compared = 0
    for lines, unit_test in zip(expected["executed"], report.unit_tests, strict=False):
        if lines is not None and not unit_test.error.startswith("ModuleNotFoundError"):
            assert unit_test.executed_lines == tuple(lines)
            compared += 1
    return compared


@pytest.mark.parametrize("folder", CORPUS, ids=lambda path: path.name)
def test_embedded_solutions_execute_the_lines_that_coverage_reports(judge: Judge, folder: Path) -> None:
    job = jobs_of(folder, UNIT_TESTS)
    assert job is not None
    assert compare(judge, job) == UNIT_TESTS


@pytest.mark.real_data
@pytest.mark.parametrize("part", range(4))
def test_real_solutions_execute_the_lines_that_coverage_reports(judge: Judge, real_data: Path, part: int) -> None:
    folders = sorted(real_data.glob("apps/*/*"))
    chosen = random.Random(part).sample(folders, SAMPLE // 4)
    jobs = [job for folder in chosen if (job := jobs_of(folder, UNIT_TESTS)) is not None]
    assert sum(compare(judge, job) for job in jobs) >= 2 * len(jobs)
