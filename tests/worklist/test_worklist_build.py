"""The worklist of a build: what is on it, what is not, and the same bytes however it was built."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsplus.engine import Cache, LocalEngine
from appsplus.ledger import Ledger
from appsplus.pipeline import BuildOptions, build
from appsplus.release import (
    folder_hash,
    load_problems,
    load_rejected,
    load_work_item,
    load_worklist_index,
    read_manifest,
)
from appsplus.sources import open_sources
from appsplus.worklist import image_only_description
from appsplus.worklist.case import Case
from appsplus.worklist.find import FINDERS
from appsplus.worklist.input_outside_constraints import bounds
from appsplus.worklist.kinds import KINDS

Make = Callable[..., Any]
LISTED = {  # what a reviewer can do something about, by reason of rejection
    "ambiguous_output": "ambiguous_output",
    "wrong_answer": "output_mismatch",
    "run_time_error": "output_mismatch",
    "time_limit_exceeded": "output_mismatch",
    "memory_limit_exceeded": "output_mismatch",
    "output_limit_exceeded": "output_mismatch",
    "nondeterministic": "nondeterministic",
    "missing_dependency": "undeclared_dependency",
    "missing_entry_point": "starter_code_mismatch",
    "image_only_description": "image_only_description",
}


def test_every_kind_has_a_module_and_a_question() -> None:
    modules = [find.__module__.rpartition(".")[2] for find in FINDERS]
    assert [*modules, "audit_sample"] == list(KINDS)


# ---- the embedded problems


def slugs_by_problem(folder: Path) -> dict[str, set[str]]:
    return {row.problem_id: set(row.slugs) for row in load_worklist_index(folder)}


def check_the_books(folder: Path) -> None:
    """Rejections that a reviewer can mend are listed for that; the counts are those of the list; all kinds are known."""
    listed = slugs_by_problem(folder)
    for rejected in load_rejected(folder):
        if slug := LISTED.get(rejected.rejection.reason.value):
            assert slug in listed.get(rejected.problem_id, set()), rejected
    counts = read_manifest(folder).counts
    assert counts["worklist"]["problems"] == len(listed)
    assert counts["worklist"]["reasons"] == {
        slug: sum(slug in slugs for slugs in listed.values()) for slug in sorted(set().union(*listed.values()))
    }
    assert set().union(*listed.values()) <= KINDS.keys()
    known = {p.problem_id for p in load_problems(folder)} | {r.problem_id for r in load_rejected(folder)}
    assert listed.keys() <= known
    assert sum("audit_sample" in slugs for slugs in listed.values()) <= counts["audit"]["sampled"]


def test_every_flaw_that_a_reviewer_can_mend_is_on_the_worklist_of_the_corpus(embedded: Path) -> None:
    check_the_books(embedded)


def test_the_planted_wrong_outputs_of_the_corpus_have_their_correction_proposed(embedded: Path) -> None:
    proposed = {
        row.problem_id: load_work_item(embedded, row.problem_id).reasons[0].proposal
        for row in load_worklist_index(embedded)
        if "output_mismatch" in row.slugs
    }
    assert proposed["corpus/train/0919"] == ({"op": "replace", "path": "/outputs/4", "value": "5\n"},)
    assert proposed["corpus/train/0926"] == ({"op": "replace", "path": "/outputs/5", "value": [7, 8, 9, 10]},)


def test_an_item_holds_the_record_as_its_source_has_it(embedded: Path) -> None:
    records = {record.problem_id: record for source in open_sources([]) for record in source.read()}
    for row in load_worklist_index(embedded):
        item = load_work_item(embedded, row.problem_id)
        assert item.record == records[row.problem_id]
        assert item.source_hash == records[row.problem_id].source_hash


@pytest.mark.parametrize("workers", [1, 3])
def test_the_bytes_of_a_worklist_do_not_depend_on_the_number_of_workers(
    workers: int, built: Make, make_raw: Make, tmp_path: Path
) -> None:
    outputs = ("2\n", "4\n", "15\n")
    description = "Read a number, and print what is twice as much as problem number"
    records = [
        make_raw(problem_id=f"made/{n}", outputs=outputs, description=f"{description} {n * 7919}") for n in range(9)
    ]
    expected = folder_hash(built(*records).out)

    class Some:
        def read(self) -> Any:
            return iter(records)

        def inputs(self) -> Any:
            return iter(())

    from appsplus.sources import Source

    options = BuildOptions(audit_share=0.0, mutants=0)
    with Cache(None) as cache, LocalEngine(workers=workers, isolation="best-effort", cache=cache) as engine:
        build([Source("made", "made", Some())], tmp_path / "again", engine, Ledger(), options)
    assert folder_hash(tmp_path / "again") == expected


# ---- the repair loop, as far as the ledger applies it


def test_doubts_are_about_the_corrected_content_and_the_record_is_the_uncorrected_one(
    built: Make, make_raw: Make
) -> None:
    raw = make_raw(
        outputs=("2\n", "5\n", "15\n"), solutions=("print(2 * int(input()))\n", "n = int(input())\nprint(n + n)\n")
    )
    desk = built(raw)
    desk.decide("correct", patch=({"op": "replace", "path": "/outputs/1", "value": "4\n"},))
    desk.build()
    reason = desk.reason("output_mismatch")
    assert desk.item().record == raw
    assert [operation["path"] for operation in reason.proposal] == ["/outputs/2"]
    assert desk.take("output_mismatch").kept == 1
    assert desk.item() is None


def test_a_ruled_out_problem_stays_on_the_list_with_what_speaks_for_a_look(built: Make, make_raw: Make) -> None:
    other = make_raw(problem_id="made/2", description="Something else that is kept, so that there is a dataset.")
    desk = built(make_raw(), other, audit_share=1.0)
    assert desk.item() is not None
    desk.decide("reject", reason="wrong_tests")
    desk.build(audit_share=1.0)
    item = desk.item()
    assert (item.outcome, item.stage, item.slugs) == ("rejected", "reviewed", ("audit_sample",))


# ---- hostile input


@pytest.mark.parametrize(
    "solution",
    [
        "x = " + "[" * 150 + "]" * 150 + "\nprint(2)\n",
        "print(" + "-" * 3000 + "1)\n",
        "#" + "\U0001f600" * 10_000 + "\nprint('\\udcff')\n",
        "print(end='\\0' * 100_000)\n",
        "import os\nos.write(1, b'\\xff' * 3_000_000)\n",
        "def check(*a):\n    return True\nprint('</script><script>alert(1)</script>')\n",
    ],
    ids=["deep", "minus", "surrogates", "zeros", "bytes", "script"],
)
def test_hostile_solutions_become_evidence_of_bounded_size(built: Make, make_raw: Make, solution: str) -> None:
    desk = built(make_raw(solutions=(solution, solution.replace("\n", "\n\n"))), mutants=3)
    item = desk.item()
    assert item is not None
    assert len(json.dumps([reason.evidence for reason in item.reasons])) < 100_000


def test_deeply_nested_values_are_no_proposal_that_breaks(built: Make, make_call: Make) -> None:
    deep = "def f(x):\n    value = []\n    for _ in range(900):\n        value = [value]\n    return value\n"
    other = "def f(y):\n    value = made = []\n    for _ in range(900):\n        value = [value]\n    return value\n"
    desk = built(make_call(solutions=(deep, other)))
    assert desk.item() is not None


def test_a_description_of_megabytes_is_looked_through(built: Make, make_raw: Make) -> None:
    text = "Print twice n. 1 <= n <= 5 " + "1 <= n <= " * 100_000
    assert built(make_raw(description=text)).kept == 1


@pytest.mark.parametrize("piece", ["![](", "<img", "1 * 10 ", "$`~", "len(", "the first line "])
def test_a_hostile_description_takes_no_time_that_grows_with_its_square(make_raw: Make, piece: str) -> None:
    started = time.thread_time()
    assert bounds(piece * 50_000) == {}
    assert list(image_only_description.find(Case(make_raw(description=piece * 50_000), None, None))) == []
    assert time.thread_time() - started < 10


# ---- real problems


@pytest.mark.real_data
def test_the_books_of_the_worklist_balance_on_real_problems(
    real_data: Path, engine: LocalEngine, tmp_path: Path
) -> None:
    import shutil

    for split, every in (("train", 90), ("test", 200)):
        for folder in sorted((real_data / "apps" / split).iterdir())[::every]:
            shutil.copytree(folder, tmp_path / "apps" / split / folder.name)
    sources = open_sources([f"apps={tmp_path / 'apps'}"])
    build(sources, tmp_path / "out", engine, Ledger(), BuildOptions(mutants=0))
    check_the_books(tmp_path / "out")
    assert len(load_worklist_index(tmp_path / "out")) >= 3
