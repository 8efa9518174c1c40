"""The page docs/judge.md: current, complete, and well-formed Markdown."""

import re
from pathlib import Path

import pytest

from appsplus.conformance import CASES, Results, read_results
from appsplus.conformance.page import make_page

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT / "benchmarks" / "results" / "conformance.json"
AGAIN = "record again: appsplus judge-conformance --peer ... --out benchmarks/results/conformance.json"


def rows_of(page: str) -> list[list[str]]:
    """The cells of every row of every table."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


@pytest.fixture(scope="module")
def recorded() -> Results:
    return read_results(RECORDED)


def test_the_recorded_results_are_of_the_cases_in_the_table(recorded: Results) -> None:
    cases = [(case.name, case.group, str(case.verdict)) for case in CASES]
    assert [(row.name, row.group, row.verdict) for row in recorded.rows] == cases, AGAIN


def test_the_page_is_what_the_recorded_results_make(recorded: Results) -> None:
    page = (ROOT / "docs" / "judge.md").read_text(encoding="utf-8")
    assert page == make_page(recorded, CASES), "make it again: python docs/make_judge_page.py"


def test_every_case_has_a_row_and_every_row_a_cell_for_each_judge(recorded: Results) -> None:
    columns = 2 + len(recorded.judges)
    rows = [row for row in rows_of(make_page(recorded, CASES)) if "<br>" in row[0]]
    assert [row[0].partition("<br>")[0] for row in rows] == [case.name for case in CASES]
    assert {len(row) for row in rows} == {columns}


def test_the_page_names_no_folder_of_the_machine_it_was_made_on(recorded: Results) -> None:
    assert re.findall(r"(?:/home|/root|/work|/Users)/\S+", make_page(recorded, CASES)) == []


def test_a_page_shows_who_is_right_and_what_the_others_said(results: Results) -> None:
    page = make_page(results, CASES)
    rows = {row[0].partition("<br>")[0]: row[1:] for row in rows_of(page)}
    assert rows["leaves-by-exit-0"] == ["accepted", "✓", "✗ refused"]
    assert rows["returns-true-for-1"] == [r"wrong\_answer", "✓", "✗ accepted"]
    assert rows["segfaults"] == [r"run\_time\_error", r"✗ SandboxError: ended with \| 11", "–"]
    assert rows["hostile"] == ["1", "0 of 1", "–"]
    assert rows["**all**"] == ["3", "2 of 3", "0 of 2 (– 1)"]
    assert "at 0123456789ab\n" in page
    assert "isolation strict: namespaces, root\n" in page
    assert "left behind by the hostile programs in our judge: file x\n" in page


def test_a_missing_answer_has_a_footnote_and_equal_ones_share_it(results: Results) -> None:
    silent = [
        {**row.outcomes, "apps": type(row.outcomes["apps"])(False, "no answer", "hung_up")} for row in results.rows
    ]
    rows = tuple(type(row)(row.name, row.group, row.verdict, o) for row, o in zip(results.rows, silent, strict=True))
    page = make_page(Results(results.machine, results.peers, rows, None), CASES)
    assert page.count("✗ no answer[^1] |") == 3
    assert page.endswith("## No answer\n\n[^1]: hung\\_up\n")
    assert "not looked for in this run" in page
