"""One warm judge for all tests of this folder."""

from collections.abc import Iterator

import pytest

from appsplus.judge import BEST_EFFORT, Judge


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    with Judge(isolation=BEST_EFFORT) as worker:
        yield worker


@pytest.fixture
def strict_judge(judge: Judge) -> Judge:
    """The judge, where the whole sandbox is to be had."""
    if judge.rungs["missing"]:
        pytest.skip(f"this machine refuses part of the sandbox: {judge.rungs['missing']}")
    return judge
