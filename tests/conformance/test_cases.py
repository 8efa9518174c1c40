"""Every case of the table gets its verdict from our judge, and nothing of it is left."""

from collections.abc import Iterator

import pytest

from appsplus.conformance import CASES, Case, Leftovers, judge_case
from appsplus.judge import Judge


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_behind(judge: Judge) -> Iterator[None]:
    """After all programs, those of the hostile group among them: no process, no file, no segment; the judge works."""
    before = Leftovers(judge)
    yield
    assert before.find() == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_program_gets_its_verdict(judge: Judge, case: Case) -> None:
    outcome = judge_case(judge, case)
    if outcome.right is None:
        pytest.skip(outcome.detail)
    program = case.program.encode("utf-8", "backslashreplace").decode()
    assert outcome.right, f"must be {case.verdict}, is {outcome.answer}: {outcome.detail}\n{case.why}\n{program}"
