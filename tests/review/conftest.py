"""A worklist of small problems, a real judge, and the app around them: in this process, and behind a real port."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from appsplus.engine import Cache, LocalEngine
from appsplus.ledger import Ledger
from appsplus.problem import RawProblem
from appsplus.release.manifest import Manifest, file_facts, write_manifest
from appsplus.release.worklist import WorkItem, WorklistWriter, WorkReason
from appsplus.review.app import make_app
from appsplus.review.desk import Desk
from appsplus.review.judgement import Judging
from appsplus.review.security import Keys
from appsplus.review.server import listening
from appsplus.trial import tried

DOUBLE = "n = int(input())\nif n < 0:\n    print(2 * n)\nelse:\n    print(n + n)\n"
DESCRIPTION = (
    "Print twice $n$, where $-10^9 \\leq n \\leq 10^9$.\n\n-----Input-----\n\nOne integer $n$.\n\n"
    "-----Output-----\n\nTwice as much.\n\n-----Example-----\nInput\n2\n\nOutput\n4\n"
)
HOSTILE = (
    "Print twice n. <script>document.title='owned'</script> <img src=x onerror=\"document.title='owned'\">"
    " $\\text{<script>document.title='owned'</script>}$ [here](javascript:alert(1)) ![x](http://127.0.0.1:1/x.png)"
)


def make_record(problem_id: str, **changes: Any) -> RawProblem:
    fields: dict[str, Any] = {
        "problem_id": problem_id,
        "source": "small",
        "split": "train",
        "description": DESCRIPTION,
        "solutions": (DOUBLE, "print(int(input()) * 2)\n"),
        "inputs": ("2\n", "-3\n", "0\n"),
        "outputs": ("4\n", "-6\n", "0\n"),
        "difficulty": "introductory",
        "license": "MIT",
    }
    return RawProblem(**fields | changes)


def make_item(record: RawProblem, value: float, *reasons: WorkReason, **changes: Any) -> WorkItem:
    fields: dict[str, Any] = {
        "problem_id": record.problem_id,
        "source": record.source,
        "license": record.license,
        "url": record.url,
        "split": record.split,
        "difficulty": record.difficulty,
        "title": record.description.splitlines()[0][:60],
        "outcome": "rejected",
        "stage": "passing",
        "value": value,
        "reasons": reasons or (WorkReason("audit", "drawn for the audit sample", {"seed": 0}),),
        "source_hash": record.source_hash,
        "seen_hash": record.seen_hash,
        "record": record,
    }
    return WorkItem(**fields | changes)


def mismatch(number: int, expected: Any, actual: Any) -> WorkReason:
    return WorkReason(
        "output_mismatch",
        f"two solutions agree on another output of unit test {number}",
        {"unit_test": number, "outputs": [{"output": actual, "solutions": "0, 1"}], "expected": expected},
        ({"op": "replace", "path": f"/outputs/{number}", "value": actual},),
        "replace the expected output with that of the solutions",
    )


def small_items() -> list[WorkItem]:
    wrong = make_record("small/wrong", outputs=("4\n", "-5\n", "0\n"))
    call = make_record(
        "small/call",
        entry_point="double",
        starter_code="def double(n):\n    pass\n",
        solutions=("def double(n):\n    return n + n\n", "double = lambda n: 2 * n\n"),
        inputs=([2], [5]),
        outputs=(4, 11),
        difficulty="interview",
    )
    return [
        make_item(wrong, 9.0, mismatch(1, "-5\n", "-6\n"), WorkReason("weak_tests", "a mutant survives", {"line": 3})),
        make_item(call, 8.0, mismatch(1, 11, 10)),
        make_item(make_record("small/hostile", description=HOSTILE), 7.0, outcome="kept", stage=""),
        make_item(make_record("small/fine"), 6.0, outcome="kept", stage=""),
        make_item(make_record("small/last", source="other"), 5.0, outcome="kept", stage=""),
    ]


def write_worklist(folder: Path, items: list[WorkItem]) -> Path:
    """A folder that is a dataset as far as the app looks: worklist and manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    with WorklistWriter(folder) as writer:
        for item in items:
            writer.add(item)
    seal_worklist(folder)
    return folder


def seal_worklist(folder: Path) -> None:
    empty: dict[str, Any] = {"inputs": [], "options": {}, "ledger": {}, "versions": {}, "counts": {}, "funnel": ()}
    write_manifest(folder, Manifest(appsplus="0.1.0", files=file_facts(folder), **empty))


@pytest.fixture(scope="session")
def judging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judging]:
    """The real judge, as the command gives it to the app."""
    with (
        Cache(tmp_path_factory.mktemp("review-cache")) as cache,
        LocalEngine(workers=1, isolation="best-effort", cache=cache) as engine,
    ):
        yield lambda raw: tried(raw, engine)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_worklist(tmp_path / "dataset", small_items())


@dataclass
class Started:
    """The app for one reviewer, called in this process."""

    client: TestClient
    desk: Desk
    keys: Keys
    ledger: Path

    def post(self, address: str, **form: str) -> Any:
        return self.client.post(address, data={"csrf": self.keys.csrf, **form}, follow_redirects=False)

    def decide(self, problem_id: str, action: str, **form: str) -> Any:
        seen = self.desk.case(problem_id).content.seen_hash
        return self.post(f"/decide/{problem_id}", **{"action": action, "seen_hash": seen, **form})

    def decisions(self) -> list[Any]:
        return [d for own in Ledger.read([self.ledger]).decisions.values() for d in own]


@pytest.fixture
def start(dataset: Path, tmp_path: Path, judging: Judging) -> Callable[..., Started]:
    """Start the app: `start("ada")`, `start("ben", blind=True)`; all share one ledger."""

    def started(reviewer: str = "ada", kind: str = "human", *, blind: bool = False) -> Started:
        ledger = tmp_path / "ledger"
        desk, keys = Desk(dataset, (ledger,), reviewer, kind, blind=blind), Keys(8000)
        client = TestClient(make_app(desk, judging, keys), base_url="http://127.0.0.1:8000")
        client.get(keys.address)
        return Started(client, desk, keys, ledger)

    return started


@dataclass
class Served:
    """The app on a port."""

    address: str
    desk: Desk
    ledger: Path

    def decisions(self) -> list[Any]:
        return [d for own in Ledger.read([self.ledger]).decisions.values() for d in own]


@pytest.fixture
def serve(dataset: Path, tmp_path: Path, judging: Judging) -> Iterator[Callable[..., Served]]:
    """Serve the app as `appsplus review` does, in a thread."""
    running: list[tuple[uvicorn.Server, threading.Thread, Any]] = []

    def served(reviewer: str = "ada", kind: str = "human", *, blind: bool = False) -> Served:
        ledger = tmp_path / "ledger"
        desk = Desk(dataset, (ledger,), reviewer, kind, blind=blind)
        context = listening(0)
        listener = context.__enter__()
        keys = Keys(listener.getsockname()[1])
        server = uvicorn.Server(uvicorn.Config(make_app(desk, judging, keys), log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        running.append((server, thread, context))
        while not server.started:
            time.sleep(0.01)
        return Served(keys.address, desk, ledger)

    yield served
    for server, thread, context in running:
        server.should_exit = True
        thread.join()
        context.__exit__(None, None, None)
