"""The build as a whole: nothing lost, nothing wrong kept, the same bytes, bounded memory, and whole or not at all."""

import gc
import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from yes_engine import Counted, Made, Yes, made

from appsplus import pipeline
from appsplus.engine import Cache, LocalEngine
from appsplus.engine.ordered import READ_AHEAD
from appsplus.engine.turn import TURN
from appsplus.errors import InputError, SandboxError, SourceError
from appsplus.judge import Job, Report
from appsplus.ledger import Ledger
from appsplus.pipeline import STAGES, BuildOptions, Progress, build
from appsplus.problem import IOFormat, Problem, RawProblem, Reason, Verdict
from appsplus.release import folder_hash, load_problems, load_rejected, read_manifest
from appsplus.release.rows import problem_from_row, problem_row
from appsplus.sources import CORPUS_DIR, Source, open_sources

METADATA = {
    f"corpus/{path.parent.parent.name}/{path.parent.name}": json.loads(path.read_text())
    for path in sorted(CORPUS_DIR.glob("t*/*/metadata.json"))
}
PLANTED = {problem_id: found["planted"] for problem_id, found in METADATA.items() if "planted" in found}
REPAIRED = {problem_id: found["repaired"] for problem_id, found in METADATA.items() if "repaired" in found}
SMALL = "train/0000 train/0003 train/0102 train/0905 train/0910 train/0919 train/0941 test/0500".split()


@pytest.fixture(scope="module")
def kept(embedded: Path) -> dict[str, Problem]:
    return {problem.problem_id: problem for problem in load_problems(embedded)}


# ---- the embedded problems


def test_every_planted_flaw_is_rejected_for_its_planted_reason(embedded: Path) -> None:
    assert {r.problem_id: r.rejection.reason.value for r in load_rejected(embedded)} == PLANTED


def test_a_flaw_is_planted_for_every_reason() -> None:
    ours = {Reason.NOT_JUDGED, Reason.NOT_SELECTED}  # no flaws of a problem
    assert set(PLANTED.values()) == {reason.value for reason in Reason if reason not in ours}


def test_every_other_problem_is_kept(kept: dict[str, Problem]) -> None:
    assert kept.keys() == METADATA.keys() - PLANTED.keys()
    assert len(kept) >= 48


def test_what_was_repaired_is_on_record_and_nothing_else_was_changed(kept: dict[str, Problem]) -> None:
    found = {problem_id: [change.what for change in problem.changes] for problem_id, problem in kept.items()}
    wanted = {
        problem_id: [] if REPAIRED.get(problem_id, "tuples_as_lists") == "tuples_as_lists" else [REPAIRED[problem_id]]
        for problem_id in kept
    }
    assert found == wanted


def test_the_books_balance_at_every_stage(embedded: Path) -> None:
    funnel = read_manifest(embedded).funnel
    assert [row.stage for row in funnel] == [stage.name for stage in STAGES]
    assert (funnel[0].given, funnel[-1].kept) == (len(METADATA), len(METADATA) - len(PLANTED))
    assert [row.given for row in funnel[1:]] == [row.kept for row in funnel[:-1]]
    rejected = Counter((r.stage, r.rejection.reason.value) for r in load_rejected(embedded))
    assert {(row.stage, reason): n for row in funnel for reason, n in row.rejected.items()} == rejected


def test_what_is_kept_says_what_its_source_says(kept: dict[str, Problem]) -> None:
    raw = {record.problem_id: record for source in open_sources([]) for record in source.read()}
    for problem_id, problem in kept.items():
        source = raw[problem_id]
        assert isinstance(source, RawProblem)
        assert problem.source_hash == source.source_hash
        if problem_id not in REPAIRED:
            assert (problem.description, problem.entry_point) == (source.description, source.entry_point)
            assert tuple(solution.code for solution in problem.solutions) == source.solutions
            assert source.inputs is not None
            decode = (lambda text: text) if problem.io_format is IOFormat.STDIN else json.loads
            assert [decode(t.input) for t in problem.unit_tests] == list(source.inputs)


def test_what_is_kept_survives_a_round_trip(embedded: Path) -> None:
    for split in ("train", "validation", "test"):
        problems = list(load_problems(embedded, split))
        assert problems
        assert all(problem.reference_cpu_s is not None for problem in problems)  # from the manifest, not from the rows
        rows = [replace(problem, reference_cpu_s=None) for problem in problems]
        assert [problem_from_row(problem_row(problem), split) for problem in rows] == rows


def test_the_unit_tests_execute_every_executable_line(kept: dict[str, Problem]) -> None:
    for problem_id, problem in kept.items():
        assert problem.annotation is not None
        executed = {line for lines in problem.annotation.executed_lines for line in lines}
        assert executed == set(problem.annotation.executable_lines), problem_id
        assert len(problem.annotation.executed_lines) == len(problem.unit_tests)


def test_every_solution_has_a_verdict_and_the_canonical_one_is_accepted(kept: dict[str, Problem]) -> None:
    for problem_id, problem in kept.items():
        assert problem.canonical is not None
        assert problem.solutions[problem.canonical].verdict is Verdict.ACCEPTED
        assert all(solution.verdict is not None for solution in problem.solutions), problem_id


# ---- the same bytes


def build_with(engine: Any, sources: Sequence[Source], target: Path) -> str:
    build(sources, target, engine, Ledger.read([CORPUS_DIR / "ledger"]))
    return folder_hash(target)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_bytes_do_not_depend_on_the_number_of_workers(
    embedded: Path, embedded_cache: Path, workers: int, tmp_path: Path
) -> None:
    with (
        Cache(embedded_cache) as cache,
        LocalEngine(workers=workers, isolation="best-effort", cache=cache) as engine,
    ):
        assert build_with(engine, open_sources([]), tmp_path / "again") == folder_hash(embedded)
        assert engine.counts["judged"] == 0


def test_the_bytes_do_not_depend_on_what_is_known(
    embedded: Path, embedded_cache: Path, some_of_the_corpus: Callable[[Iterable[str]], Path], tmp_path: Path
) -> None:
    sources = open_sources([str(some_of_the_corpus(SMALL))])
    hashes = set()
    for number, folder in enumerate([embedded_cache, None]):
        with Cache(folder) as cache, LocalEngine(workers=2, isolation="best-effort", cache=cache) as engine:
            hashes.add(build_with(engine, sources, tmp_path / str(number)))
            judged = engine.counts["judged"]
            assert judged == (0 if folder else len(cache)), "a question was put to the judge twice"
    with LocalEngine(workers=2, isolation="best-effort") as engine:
        hashes.add(build_with(engine, sources, tmp_path / "uncached"))
        assert engine.counts["cached"] == 0
        assert engine.counts["judged"] > judged
    assert len(hashes) == 1


# ---- with tiny problems and an engine that only says yes


def build_made(target: Path, reader: Made, engine: Yes, progress: Progress | None = None) -> Any:
    return build([Source("made", "made", reader)], target, engine, Ledger.read([]), progress=progress)


@pytest.fixture
def existing(tmp_path: Path) -> tuple[Path, str]:
    """A dataset of three problems, and its hash."""
    build_made(tmp_path / "out", Made(3), Yes())
    return tmp_path / "out", folder_hash(tmp_path / "out")


@pytest.mark.parametrize(
    ("reader", "engine", "expected"),
    [
        (Made(40, ends_with=SourceError("line 41 is broken")), Yes(workers=2), SourceError),
        (Made(40), Yes(workers=2, fails_after=20), SandboxError),
        (Made(40), Yes(workers=2, fails_after=100), SandboxError),  # in the second pass
        (Made(0), Yes(), SourceError),
    ],
    ids=["source", "judging", "annotating", "nothing"],
)
def test_a_build_that_fails_leaves_the_existing_dataset_whole(
    reader: Made, engine: Yes, expected: type[Exception], existing: tuple[Path, str]
) -> None:
    target, before = existing
    with pytest.raises(expected):
        build_made(target, reader, engine)
    assert folder_hash(target) == before
    assert [path.name for path in target.parent.iterdir()] == ["out"]


def test_a_build_that_succeeds_replaces_the_existing_dataset(existing: tuple[Path, str]) -> None:
    target, before = existing
    build_made(target, Made(5), Yes())
    assert len(list(load_problems(target))) == 5
    assert folder_hash(target) != before
    assert [path.name for path in target.parent.iterdir()] == ["out"]


def test_the_existing_dataset_is_there_until_the_new_one_is_complete(existing: tuple[Path, str]) -> None:
    target, before = existing
    seen = []

    class Looking(Progress):
        def advance(self, outcome: str, _stage: str = "") -> None:
            seen.append((outcome, folder_hash(target)))

    build_made(target, Made(4), Yes(), Looking())
    assert seen == [("kept", before)] * 8  # four problems, two passes


def test_a_full_disk_ends_the_build_with_what_to_do(
    existing: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target, before = existing
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)
        with pytest.raises(InputError, match="the disk is full"):
            build_made(target, Made(2), Yes())
    assert folder_hash(target) == before


def test_problems_stream_and_are_never_all_in_memory(tmp_path: Path) -> None:
    count = READ_AHEAD + 50
    reader, alive, ahead = Made(count, kind=Counted), [], []
    gc.collect()
    left = Counted.alive

    class Counting(Progress):
        kept = 0

        def advance(self, outcome: str, _stage: str = "") -> None:
            self.kept += outcome == "kept"
            if self.kept <= count:  # the first pass
                ahead.append(reader.taken - self.kept)
            alive.append(Counted.alive - left)

    build_made(tmp_path / "out", reader, Yes(workers=1), Counting())
    assert len(list(load_problems(tmp_path / "out"))) == count
    assert len(alive) == 2 * count  # in both passes
    assert 0 < max(ahead) <= READ_AHEAD
    assert max(alive) <= READ_AHEAD + 2  # and what the loop itself holds


def test_a_problem_that_takes_long_holds_up_the_order_but_not_the_workers(tmp_path: Path) -> None:
    first, last = made(0).solutions[0], made(READ_AHEAD - 1).solutions[0]
    others_done = {False: threading.Event(), True: threading.Event()}  # in the first pass, and in that with coverage

    class FirstTakesLong(Yes):
        def judge(self, jobs: Sequence[Job]) -> list[Report]:
            for job in jobs:
                if job.program == first:
                    with TURN.given_up():  # as every engine does
                        assert others_done[job.coverage].wait(60), "nobody goes on while the first problem is judged"
                elif job.program == last:
                    others_done[job.coverage].set()
            return super().judge(jobs)

    build_made(tmp_path / "out", Made(READ_AHEAD), FirstTakesLong(workers=1))
    assert len(list(load_problems(tmp_path / "out"))) == READ_AHEAD


def test_of_problems_with_much_text_fewer_are_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = pipeline.text_bytes(made(0))
    assert size > len(made(0).description)
    monkeypatch.setattr("appsplus.engine.ordered.WINDOW_BYTES", 4 * size)
    alive = []
    gc.collect()
    left = Counted.alive

    class Counting(Progress):
        def advance(self, outcome: str, _stage: str = "") -> None:
            alive.append((outcome, Counted.alive - left))

    build_made(tmp_path / "out", Made(60, kind=Counted), Yes(workers=1), Counting())
    assert {outcome for outcome, _ in alive} == {"kept"}
    assert len(alive) == 120
    assert 0 < max(count for _, count in alive) <= 4 + 3  # the one read last, the one written, and what the loop holds


def test_progress_counts_every_problem_in_both_passes(tmp_path: Path) -> None:
    told: list[Any] = []

    class Noting(Progress):
        def start(self, what: str, total: int | None) -> None:
            told.append((what, total))

        def advance(self, outcome: str, _stage: str = "") -> None:
            told.append(outcome)

    class WithADuplicate(Made):
        def read(self) -> Iterator[RawProblem]:
            yield from super().read()
            yield replace(made(0), problem_id="x")

    build_made(tmp_path / "out", WithADuplicate(2), Yes(), Noting())
    assert told == [("judging", None), *["kept"] * 3, ("annotating", 3), "kept", "kept", "rejected"]


def test_the_seed_and_the_share_choose_the_validation_problems(tmp_path: Path) -> None:
    chosen = []
    for number, options in enumerate([BuildOptions(0.5), BuildOptions(0.5, seed=1), BuildOptions(0.0)]):
        source = Source("made", "made", Made(40))
        build([source], tmp_path / str(number), Yes(), Ledger.read([]), options)
        chosen.append({problem.problem_id for problem in load_problems(tmp_path / str(number), "validation")})
    assert 10 <= len(chosen[0]) <= 30
    assert chosen[0] != chosen[1]
    assert chosen[2] == set()


def test_a_failing_engine_does_not_keep_the_build_waiting(tmp_path: Path) -> None:
    release = threading.Event()

    class Stuck(Yes):
        def judge(self, jobs: Sequence[Job]) -> list[Report]:
            if jobs[0].program == "print(0)\n":
                raise SandboxError("the worker has died")
            release.wait(20)
            return super().judge(jobs)

    started = time.monotonic()
    try:
        with pytest.raises(SandboxError):
            build_made(tmp_path / "out", Made(10), Stuck(workers=2))
        assert time.monotonic() - started < 10
    finally:
        release.set()
