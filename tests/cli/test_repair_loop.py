"""The repair loop: rejected, decided, accepted in the next build, which runs only what the decision touched."""

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from appsplus.engine import Cache, LocalEngine
from appsplus.ledger import Ledger, LedgerWriter
from appsplus.pipeline import build
from appsplus.problem import RawProblem, Reason
from appsplus.release import find_problem, folder_hash, load_rejected, read_manifest
from appsplus.release.rows import problem_from_row, problem_row
from appsplus.sources import CORPUS_DIR, open_sources

GEESE = "corpus/train/0919"  # of its six expected outputs the fifth is wrong: four fours and two twos are content
FIX = {"op": "replace", "path": "/outputs/4", "value": "5\n"}
Run = Callable[..., Any]


def raw_problem(problem_id: str) -> RawProblem:
    [found] = [r for source in open_sources([]) for r in source.read() if r.problem_id == problem_id]
    assert isinstance(found, RawProblem)
    return found


def decide(folder: Path, problem_id: str, action: str, reviewer: str = "ada", **fields: Any) -> None:
    """Append a decision on the problem as its source has it; `bot` is a model."""
    raw = raw_problem(problem_id)
    writer = LedgerWriter(folder, reviewer, "model" if reviewer == "bot" else "human")
    hashes = {"source_hash": raw.source_hash, "seen_hash": raw.seen_hash}
    writer.append(**{"problem_id": problem_id, **hashes, "action": action} | fields)


@pytest.fixture
def known(embedded: Path, embedded_cache: Path, tmp_path: Path) -> Path:
    """A copy of what the judge has answered about the embedded corpus."""
    return Path(shutil.copytree(embedded_cache, tmp_path / "cache"))


def test_a_wrong_expected_output_goes_from_rejected_to_accepted_and_explain_tells_it(
    embedded: Path, known: Path, run: Run, tmp_path: Path
) -> None:
    [before] = [r for r in load_rejected(embedded) if r.problem_id == GEESE]
    assert before.rejection.reason is Reason.WRONG_ANSWER
    [suggestion] = before.rejection.evidence["suggestions"]
    assert (suggestion["unit_test"], suggestion["actual"]) == (4, "5\n")

    decide(
        tmp_path / "ledger",
        GEESE,
        "correct",
        reason="wrong_output",
        comment="2 3 2: both twos are content.",
        patch=[FIX],
    )
    with Cache(known) as cache, LocalEngine(workers=2, isolation="best-effort", cache=cache) as engine:
        ledger = Ledger.read([tmp_path / "ledger", CORPUS_DIR / "ledger"])
        manifest = build(open_sources([]), tmp_path / "out", engine, ledger)
        # two solutions, the canonical one under the other hash seed, and once more for its lines; nothing else
        assert engine.counts["judged"] == 4
    assert manifest.ledger["corrections"] == {"human": 1, "model": 0}
    assert manifest.ledger["rejected"] == {"human": 0, "model": 1}

    problem = find_problem(tmp_path / "out", GEESE)
    assert problem.unit_tests[4].output == "5\n"
    assert problem.source_hash == raw_problem(GEESE).source_hash
    [change] = problem.changes
    [event] = Ledger.read([tmp_path / "ledger"]).history(GEESE)
    assert (change.by, change.event_id) == ("ada (human)", event.event_id)
    assert problem.review is not None
    assert problem.review.before == (before.stage, before.rejection)
    assert problem_from_row(problem_row(problem), "train").review == problem.review

    told = run("explain", tmp_path / "out", GEESE)
    assert told.status == 0
    story = [
        "as its source has it", "✗ passing", "wrong_answer: none of 2 solutions passes", '"suggestions"', "decisions",
        f"{event.utc}  correct by ada (human) — wrong_output: 2 3 2: both twos are content.", "in force", event.event_id,
        "with them", "✓ corrected", "✓ passing", "✓ annotated",
    ]  # fmt: skip
    positions = [told.out.index(part) for part in story]
    assert positions == sorted(positions)
    data = json.loads(run("explain", tmp_path / "out", GEESE, "--json").out)
    assert data["kept"]
    assert data["review"]["before"]["stage"] == "passing"
    assert data["review"]["events"][0]["reviewer_kind"] == "human"


@pytest.fixture
def build_some(
    known: Path, some_of_the_corpus: Callable[[Iterable[str]], Path], run: Run, tmp_path: Path
) -> Callable[..., Any]:
    """Build some folders of the corpus with the ledger of this test."""

    def command(*names: str) -> Any:
        if not (tmp_path / "corpus").exists():
            some_of_the_corpus(names)
        arguments = ["--isolation", "best-effort", "--cache-dir", known, "--ledger", tmp_path / "ledger"]
        return run("build", f"corpus={tmp_path / 'corpus'}", "--out", tmp_path / "out", *arguments)

    return command


def test_the_build_says_which_decisions_somebody_should_look_at(build_some: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    decide(folder, "corpus/train/0000", "accept")
    decide(folder, "corpus/train/0000", "reject", "ben", reason="wrong_output")
    decide(folder, GEESE, "reject", "bot", source_hash="0" * 64, seen_hash="")
    decide(folder, "corpus/train/0102", "accept", "bot")
    ben = folder / "ben.jsonl"
    ben.write_bytes(ben.read_bytes() + b'{"torn')
    ran = build_some("train/0000", "train/0919")
    assert ran.status == 0
    told = [line for line in ran.out.splitlines() if not line.startswith(" ")]
    assert "Ledger: 2 human, 2 model decisions; in force none." in told
    assert "Reviewers disagree, and none of their decisions was applied (problems: 1):" in told
    assert "    corpus/train/0000: accept by ada (human), reject by ben (human)" in ran.out
    assert "Stale decisions, made on other content than there is now, and not applied (problems: 1):" in told
    assert f"    {GEESE}: reject by bot (model)" in ran.out
    assert "Decisions about problems that are not in these sources (problems: 1):" in told
    assert "    corpus/train/0102: accept by bot (model)" in ran.out
    assert "ben.jsonl:2: the last line is torn" in told[-1]
    assert find_problem(tmp_path / "out", "corpus/train/0000").review is not None  # neither applied


def test_an_adjudicated_disagreement_is_applied_by_the_next_build(
    build_some: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "ledger"
    decide(folder, "corpus/train/0000", "accept")
    decide(folder, "corpus/train/0000", "reject", "ben")
    assert build_some("train/0000").status == 0
    disputed = folder_hash(tmp_path / "out")
    events = [decision.event_id for decision in Ledger.read([folder]).history("corpus/train/0000")]
    decide(folder, "corpus/train/0000", "reject", "cleo", reason="duplicate_task", resolves=events)
    assert build_some().status == 0
    assert folder_hash(tmp_path / "out") != disputed
    [rejected] = load_rejected(tmp_path / "out")
    assert rejected.rejection.detail == "cleo (human) ruled it out: duplicate_task."
    assert rejected.review is not None
    assert [event.effect for event in rejected.review.events] == ["replaced", "replaced", "in_force"]
    assert rejected.review.events[2].resolves == tuple(events)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| all decisions, skips and comments included | 3 | 0 |" in card
    assert "| rulings to reject that are in force | 1 | 0 |" in card


@pytest.mark.parametrize(
    ("name", "fields", "stage"),
    [
        ("train/0928", {}, ""),  # ambiguous_output: read out of the description
        ("train/0911", {}, "runnable"),  # interactive_or_file_io was, too; but then no solution finds its file
        ("train/0924", {}, "passing"),  # nondeterministic: measured
        ("train/0924", {"override": True}, ""),
        ("train/0919", {"override": True}, "passing"),  # no solution passes: there is nothing to accept
    ],
)
def test_an_acceptance_overrules_what_was_read_out_of_the_text_and_nothing_that_was_measured(
    build_some: Callable[..., Any], tmp_path: Path, name: str, fields: dict[str, Any], stage: str
) -> None:
    planted = json.loads((CORPUS_DIR / name / "metadata.json").read_text())["planted"]
    decide(tmp_path / "ledger", f"corpus/{name}", "accept", "bot", **fields)
    assert build_some(name, "train/0000").status == 0
    manifest = read_manifest(tmp_path / "out")
    assert manifest.ledger["accepted"] == {"human": 0, "model": 1}
    rejected = [(r.problem_id, r.stage, r.rejection.reason.value) for r in load_rejected(tmp_path / "out")]
    assert rejected == ([(f"corpus/{name}", stage, planted)] if stage else [])
    [review] = [r.review for r in load_rejected(tmp_path / "out")] or [
        find_problem(tmp_path / "out", f"corpus/{name}").review
    ]
    assert review is not None
    assert review.acceptance is not None
    assert review.before is not None
    assert review.before[1].reason == planted
