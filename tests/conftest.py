"""Fixtures of all tests, and the rule about the real data and the browser: skipped where absent, unless required."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appsplus.sources import CORPUS_DIR

if TYPE_CHECKING:
    from hub_stand_in import Hub

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    lacking = []
    if not REAL_DATA.is_dir():
        lacking.append(("real_data", "APPSPLUS_REQUIRE_REAL_DATA", f"the real problems are not at {REAL_DATA}"))
    if CHROMIUM is None:
        lacking.append(("browser", "APPSPLUS_REQUIRE_BROWSER", "Chromium is not installed (apt-get install chromium)"))
    for marker, variable, why in lacking:
        if os.environ.get(variable):
            raise pytest.UsageError(f"{variable} is set, and {why}")
        skip = pytest.mark.skip(reason=why)
        for item in items:
            if marker in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real problems and submissions."""
    return REAL_DATA


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's Chromium."""
    assert CHROMIUM is not None
    return CHROMIUM


@pytest.fixture(scope="session")
def embedded_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the answers of the judge about the embedded corpus are, once `embedded` is built."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "embedded-cache"


@pytest.fixture(scope="session")
def embedded(embedded_cache: Path) -> Path:
    """The embedded corpus, built once, by two workers, for all processes of a parallel test run. Do not change it."""
    from appsplus.engine import Cache, LocalEngine
    from appsplus.ledger import Ledger
    from appsplus.pipeline import build
    from appsplus.sources import open_sources

    folder = embedded_cache.parent / "embedded" / "appsplus"
    with embedded_cache.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with (
                Cache(embedded_cache) as cache,
                LocalEngine(workers=2, isolation="best-effort", cache=cache) as engine,
            ):
                build(open_sources([]), folder, engine, Ledger.read([CORPUS_DIR / "ledger"]))
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator["Hub"]:
    """A Hub on this machine, for clients in this process that are given its endpoint; uploads take the way of LFS."""
    from hub_stand_in import serving
    from huggingface_hub.utils import disable_progress_bars, enable_progress_bars

    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    disable_progress_bars()
    with serving(part_bytes=4000, page_entries=5) as hub:
        yield hub
    enable_progress_bars()


@pytest.fixture
def some_of_the_corpus(tmp_path: Path) -> Callable[[Iterable[str]], Path]:
    """Copy folders of the embedded corpus, such as "train/0000", into a corpus of their own."""

    def copy(names: Iterable[str]) -> Path:
        for name in names:
            shutil.copytree(CORPUS_DIR / name, tmp_path / "corpus" / name)
        return tmp_path / "corpus"

    return copy
