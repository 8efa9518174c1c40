"""Fixtures of all tests, and the rule about the real data: skipped where it is absent, unless it is required."""

import os
from pathlib import Path

import pytest

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if REAL_DATA.is_dir():
        return
    if os.environ.get("APPSPLUS_REQUIRE_REAL_DATA"):
        raise pytest.UsageError(f"the real problems are required and not at {REAL_DATA}")
    skip = pytest.mark.skip(reason=f"the real problems are not at {REAL_DATA}")
    for item in items:
        if "real_data" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real problems and submissions."""
    return REAL_DATA
