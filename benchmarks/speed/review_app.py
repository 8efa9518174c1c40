"""How fast the review app answers with 10,000 problems on the worklist and a ledger with thousands of decisions.

The app is started as its users start it, `appsplus review`, and asked over HTTP, one request after the other. The worklist
is made of the embedded corpus, every problem as often as it takes; what the judge has to say of a problem comes to the
screen by itself and is measured apart: once for programs it has never seen, once for those it knows.

    python benchmarks/speed/review_app.py [--items 10000] [--decisions 5000] [--requests 100] [--quick]
"""

import argparse
import http.client
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, urlencode

import machine

from appsplus.ledger import LedgerWriter
from appsplus.problem import RawProblem
from appsplus.release.manifest import Manifest, file_facts, write_manifest
from appsplus.release.worklist import WorkItem, WorklistWriter, WorkReason, title_of
from appsplus.sources import open_sources

RESULT = Path(__file__).resolve().parents[1] / "results" / "review_app.json"
SLUGS = ("output_mismatch", "ambiguous_output", "weak_tests", "flaky", "near_time_limit", "audit_sample")
GOAL_MS = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the app."""

    ms: float
    status: int
    location: str
    body: str


class Client:
    """A browser's requests without the browser: one connection, the cookie of the start."""

    def __init__(self, address: str) -> None:
        host, _, self._entry = address.removeprefix("http://").partition("/")
        self._connection = http.client.HTTPConnection(host, timeout=60)
        self._cookie = ""

    def enter(self) -> None:
        """Trade the token for the cookie."""
        self._connection.request("GET", f"/{self._entry}")
        answer = self._connection.getresponse()
        answer.read()
        self._cookie = str(answer.headers["set-cookie"]).partition(";")[0]

    def get(self, path: str) -> Answer:
        """Read a page; a redirect is not followed."""
        return self._ask("GET", path, None)

    def post(self, path: str, form: dict[str, str]) -> Answer:
        """Send a form."""
        return self._ask("POST", path, urlencode(form))

    def _ask(self, method: str, path: str, body: str | None) -> Answer:
        headers = {"Cookie": self._cookie, "Content-Type": "application/x-www-form-urlencoded"}
        started = time.perf_counter()
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        ms = 1000 * (time.perf_counter() - started)
        return Answer(ms, answer.status, answer.headers.get("location", ""), text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--decisions", type=int, default=5_000)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="few requests, and no file is written")
    options = parser.parse_args()
    requests = 20 if options.quick else options.requests
    facts = machine.facts()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        records = make_worklist(folder / "dataset", options.items)
        make_ledger(folder / "ledger", records[: options.decisions])
        with started_app(folder) as client:
            measured = measure(client, records, requests)
    slowest = max(figures["p95_ms"] for figures in measured["pages"].values())
    result = {
        "items": options.items,
        "decisions": options.decisions,
        "requests_each": requests,
        "goal_ms": GOAL_MS,
        "slowest_p95_ms": slowest,
        **measured,
        "machine": facts | {"nice": os.nice(0)},
    }
    print(json.dumps(result, indent=1))
    if not options.quick:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(slowest > GOAL_MS)


def make_worklist(folder: Path, items: int) -> list[RawProblem]:
    """A dataset folder with so many items; returns their records in order of value."""
    corpus = [record for source in open_sources([]) for record in source.read() if isinstance(record, RawProblem)]
    records = [replace(corpus[n % len(corpus)], problem_id=f"corpus/{n:05d}") for n in range(items)]
    folder.mkdir()
    with WorklistWriter(folder) as writer:
        for place, record in enumerate(records):
            writer.add(_item(record, place, items))
    times = {record.problem_id: 0.01 for record in records}  # as in the manifest of a large dataset
    empty: dict[str, Any] = {"inputs": [], "options": {}, "ledger": {}, "versions": {}, "counts": {}, "funnel": ()}
    write_manifest(folder, Manifest("0.1.0", files=file_facts(folder), run={"reference_cpu_s": times}, **empty))
    return records


def _item(record: RawProblem, place: int, items: int) -> WorkItem:
    evidence = {
        "unit_tests": [{"unit_test": 0, "expected": "1\n", "answers": [{"solutions": [0, 1], "actual": "2\n"}]}]
    }
    slugs = {SLUGS[place % len(SLUGS)], SLUGS[place // 7 % len(SLUGS)]}
    return WorkItem(
        problem_id=record.problem_id,
        source=record.source,
        license=record.license,
        url=record.url,
        split=record.split,
        difficulty=record.difficulty,
        title=title_of(record.description),
        outcome="rejected",
        stage="passing",
        value=float(items - place),
        reasons=tuple(
            WorkReason(slug, "independent solutions agree on another output", evidence) for slug in sorted(slugs)
        ),
        source_hash=record.source_hash,
        record=record,
    )


def make_ledger(folder: Path, records: Sequence[RawProblem]) -> None:
    """Decisions of another reviewer on the first of the records, written line by line as `LedgerWriter` does."""
    writer = LedgerWriter(folder, "other", "human")
    with patch("os.fsync"):  # a power cut would cost us nothing here
        for record in records:
            hashes = {"source_hash": record.source_hash, "seen_hash": record.seen_hash}
            writer.append(
                problem_id=record.problem_id, action="accept", comment="as it should be", seconds=40.0, **hashes
            )


@contextmanager
def started_app(folder: Path) -> Iterator[Client]:
    """The app as a process of its own."""
    command = [Path(sys.executable).parent / "appsplus", "review", folder / "dataset", "--reviewer", "reader"]
    options = ["--ledger", folder / "ledger", "--isolation", "best-effort", "--cache-dir", folder / "cache"]
    process = subprocess.Popen([*map(str, command), *map(str, options)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        client = Client(process.stdout.readline().split()[-1])
        client.enter()
        yield client
    finally:
        process.terminate()
        process.communicate()


def measure(client: Client, records: Sequence[RawProblem], requests: int) -> dict[str, Any]:
    """Every kind of request, in turns, so that no kind has the machine's best moment to itself."""
    chance = random.Random(0)
    words = [(record.description.split() or ["geese"])[-1] for record in records[:50]]

    def any_id() -> str:
        return quote(chance.choice(records).problem_id)

    kinds: dict[str, Callable[[], Answer]] = {
        "problem": lambda: client.get(f"/item/{any_id()}"),
        "problem, filtered": lambda: client.get(f"/item/{any_id()}?reason=weak_tests&difficulty=interview"),
        "next open": lambda: client.get("/"),
        "worklist": lambda: client.get(f"/list?start={100 * chance.randrange(100)}"),
        "worklist, filtered": lambda: client.get(f"/list?reason={chance.choice(SLUGS)}&state=open"),
        "search": lambda: client.get(f"/list?{urlencode({'q': chance.choice(words)})}"),
        "decision": lambda: decide(client, any_id()),
        "undo": lambda: client.post("/undo", {"csrf": csrf_of(client)}),
    }
    for ask in kinds.values():
        ask()  # the first of each kind loads what it needs
    answers: dict[str, list[Answer]] = {kind: [] for kind in kinds}
    for _ in range(requests):
        for kind, ask in kinds.items():
            answers[kind].append(ask())
    for kind, found in answers.items():
        bad = [answer.status for answer in found if answer.status not in (200, 303)]
        assert not bad, f"{kind}: answers with the status {bad[:5]}"
    judged = [quote(record.problem_id) for record in records[:20]]  # sound ones: others may loop up to their limit
    return {
        "pages": {kind: figures(found) for kind, found in answers.items()},
        "judged": {
            "never judged": figures([client.get(f"/judged/{problem_id}") for problem_id in judged]),
            "known": figures([client.get(f"/judged/{problem_id}") for problem_id in judged]),
        },
    }


def decide(client: Client, problem_id: str) -> Answer:
    """Accept a problem; only the decision is timed, not the page that it needs."""
    page = client.get(f"/item/{problem_id}").body
    form = {name: hidden(page, name) for name in ("csrf", "seen_hash", "opened")}
    return client.post(f"/decide/{problem_id}", form | {"action": "accept"})


def csrf_of(client: Client) -> str:
    return hidden(client.get("/list?q=00000").body + client.get("/item/corpus/00000").body, "csrf")


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, f"the page has no field {name}"
    return found[1]


def figures(answers: Sequence[Answer]) -> dict[str, float]:
    """Median, 95th percentile and maximum in milliseconds, and the median size of an answer."""
    times = [answer.ms for answer in answers]
    return {
        "median_ms": round(median(times), 1),
        "p95_ms": round(quantiles(times, n=20)[-1], 1),
        "max_ms": round(max(times), 1),
        "median_kib": round(median(len(answer.body) for answer in answers) / 1024, 1),
    }


if __name__ == "__main__":
    main()
