"""Small problems through a whole build with the real judge: what ends up on the worklist, and what a decision makes of it."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from appsplus.engine import Cache, LocalEngine
from appsplus.ledger import Ledger, LedgerWriter
from appsplus.pipeline import BuildOptions, build
from appsplus.problem import RawProblem
from appsplus.release import WorkItem, WorkReason, load_work_item, load_worklist_index
from appsplus.sources import Source
from appsplus.worklist.submissions import Submissions


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    with (
        Cache(tmp_path_factory.mktemp("cache")) as cache,
        LocalEngine(workers=2, isolation="best-effort", cache=cache) as engine,
    ):
        yield engine


def make_raw(**changes: Any) -> RawProblem:
    fields: dict[str, Any] = {
        "problem_id": "made/1",
        "source": "made for a test",
        "split": "train",
        "description": "Read a whole number and print its double on one line.",
        "solutions": ("print(2 * int(input()))\n",),
        "inputs": ("1\n", "2\n", "7\n"),
        "outputs": ("2\n", "4\n", "14\n"),
    }
    return RawProblem(**(fields | changes))


def make_call(**changes: Any) -> RawProblem:
    fields: dict[str, Any] = {"entry_point": "f", "solutions": ("def f(x):\n    return x\n",)}
    return make_raw(**(fields | {"inputs": ([1], [2], [3]), "outputs": (1, 2, 3)} | changes))


class _Some:
    """A reader of these records."""

    def __init__(self, records: tuple[RawProblem, ...]) -> None:
        self.records = records

    def read(self) -> Iterator[RawProblem]:
        return iter(self.records)

    def inputs(self) -> Iterator[Any]:
        return iter(())


class Desk:
    """Builds, one after another, of the same problems: with what reviewers have decided so far."""

    def __init__(self, folder: Path, engine: LocalEngine, records: tuple[RawProblem, ...]) -> None:
        self.out, self.ledger, self.engine, self.records = folder / "out", folder / "ledger", engine, records
        self.ledger.mkdir()

    def build(self, submissions: Path | None = None, **options: Any) -> "Desk":
        """Build at `out`; no audit sample and no mutants unless asked for."""
        chosen = BuildOptions(**({"audit_share": 0.0, "mutants": 0} | options))
        source, ledger = Source("made", "made", _Some(self.records)), Ledger.read([self.ledger])
        with nullcontext() if submissions is None else Submissions(submissions) as known:
            self.manifest = build([source], self.out, self.engine, ledger, chosen, submissions=known)
        return self

    def item(self, problem_id: str = "made/1") -> WorkItem | None:
        """What is on the worklist about a problem."""
        listed = {row.problem_id for row in load_worklist_index(self.out)}
        return load_work_item(self.out, problem_id) if problem_id in listed else None

    def reason(self, slug: str, problem_id: str = "made/1") -> WorkReason | None:
        """The first reason of a kind for a problem."""
        item = self.item(problem_id)
        return next((reason for reason in item.reasons if reason.slug == slug), None) if item else None

    def decide(self, action: str, problem_id: str = "made/1", *, kind: str = "human", **fields: Any) -> None:
        """Write a decision about a problem into the ledger."""
        raw = next(record for record in self.records if record.problem_id == problem_id)
        writer = LedgerWriter(self.ledger, f"a-{kind}", kind)
        seen_hash = Ledger.read([self.ledger]).corrected(raw).seen_hash
        hashes = {"source_hash": raw.source_hash, "seen_hash": seen_hash}
        writer.append(problem_id=problem_id, action=action, **hashes, **fields)

    def take(self, slug: str) -> "Desk":
        """Decide as a reason proposes, and build again."""
        reason = self.reason(slug)
        assert reason is not None
        assert reason.proposal
        self.decide("correct", patch=reason.proposal)
        return self.build()

    @property
    def kept(self) -> int:
        """How many problems the last build kept."""
        return int(self.manifest.counts["problems"])


@pytest.fixture
def built(tmp_path: Path, engine: LocalEngine) -> Callable[..., Desk]:
    """Build a dataset of these problems, with these options."""

    def make(*records: RawProblem, **options: Any) -> Desk:
        return Desk(tmp_path, engine, records).build(**options)

    return make


@pytest.fixture(name="make_raw")
def make_raw_fixture() -> Any:
    return make_raw


@pytest.fixture(name="make_call")
def make_call_fixture() -> Any:
    return make_call
