"""Two versions of a dataset: every kind of change, with the reason that is on record."""

import json
from dataclasses import replace

import pytest

from appsplus.errors import DatasetError
from appsplus.problem import Change, Reason, Rejection, Review, ReviewEvent, Solution, UnitTest, Verdict
from appsplus.release.difference import KINDS, compare

EVENT = ReviewEvent("e1", "2026-01-02T03:04:05Z", "ada", "human", "correct", "wrong_output", "see test 1", "in_force")


@pytest.fixture
def versions(tmp_path, make_dataset):
    """Write the old and the new version; what they have in common besides is one problem that stays as it is."""

    def write(old, new, *, old_rejected=(), new_rejected=(), **fields):
        return (
            make_dataset(tmp_path / "old", old, old_rejected),
            make_dataset(tmp_path / "new", new, new_rejected, **fields),
        )

    return write


def only(difference):
    (change,) = difference.changes
    return change


def test_the_same_problems_are_no_difference(versions, make_problem, make_rejected):
    rows = [(make_problem(), "train")]
    found = compare(*versions(rows, rows, old_rejected=[make_rejected()], new_rejected=[make_rejected()]))
    assert (found.changes, found.unchanged, found.rejected_alike) == ((), 1, 1)
    assert found.counts == dict.fromkeys(KINDS, 0)


def test_a_problem_that_only_one_version_has_is_added_or_removed(versions, make_problem):
    stays = (make_problem(problem_id="apps/1"), "train")
    came, went = (make_problem(problem_id="apps/2"), "train"), (make_problem(problem_id="kattis/3"), "train")
    found = compare(*versions([stays, went], [stays, came]))
    assert [(change.problem_id, change.kinds, change.before, change.now) for change in found.changes] == [
        ("apps/2", ("added",), "", "train"),
        ("kattis/3", ("removed",), "train", ""),
    ]
    assert found.changes[0].reasons == ("the source 'apps' does not have it in the old version",)
    assert found.changes[1].reasons == ("the source 'kattis' is not in the new version",)
    assert found.unchanged == 1


def test_a_repair_names_the_columns_and_the_change_on_record(versions, make_problem):
    old = make_problem()
    change = Change("ledger_correction", "output of unit test 1", "ada (human)", "e1")
    tests = (UnitTest("3\n", "1\n"), UnitTest("2\n", "7\n"))
    new = replace(old, unit_tests=tests, changes=(change,), review=Review("s" * 64, (EVENT,)))
    found = only(compare(*versions([(old, "train")], [(new, "train")])))
    assert (found.kinds, found.fields) == (("repaired",), ("unit_tests",))
    assert found.reasons == (
        "correct by ada (human): wrong_output: see test 1",
        "ledger_correction by ada (human): output of unit test 1",
    )


def test_a_repair_without_a_record_says_what_was_built_otherwise(versions, make_problem):
    old = make_problem(solutions=(*make_problem().solutions, Solution("print(1)\n", Verdict.WRONG_ANSWER)))
    new = replace(old, solutions=(old.solutions[0], Solution("print(1)\n", Verdict.TIME_LIMIT_EXCEEDED)))
    found = only(compare(*versions([(old, "train")], [(new, "train")], versions={"python": "3.12.1"})))
    assert found.fields == ("other_solutions",)
    assert found.reasons == ("the same source, built with python 3.12.1 instead of 3.11.9",)


def test_another_source_text_is_a_reason(versions, make_problem):
    old, new = make_problem(), make_problem(description="Another text.\n", source_hash="6" * 64)
    assert only(compare(*versions([(old, "train")], [(new, "train")]))).reasons == (
        "its source says something else now",
    )


def test_what_was_rejected_anew_has_its_stage_reason_and_ruling(versions, make_problem, make_rejected):
    ruling = replace(EVENT, action="reject", reason="wrong_tests", comment="")
    rejected = make_rejected(
        problem_id="apps/1",
        stage="reviewed",
        rejection=Rejection(Reason.RULED_OUT, "a reviewer ruled it out"),
        review=Review("s" * 64, (ruling, replace(EVENT, event_id="e2", effect="stale"))),
    )
    found = only(compare(*versions([(make_problem(), "validation")], [], new_rejected=[rejected])))
    assert (found.kinds, found.before, found.now) == (("newly_rejected",), "validation", "rejected")
    assert found.reasons == ("reviewed: ruled_out: a reviewer ruled it out", "reject by ada (human): wrong_tests")


def test_what_is_kept_after_all_has_the_old_reason_and_what_mended_it(versions, make_problem, make_rejected):
    change = Change("output_unwrapped", "outputs were lists of one")
    kept = make_problem(problem_id="apps/9", changes=(change,), source_hash="9" * 64)
    found = only(compare(*versions([], [(kept, "train")], old_rejected=[make_rejected()])))
    assert (found.kinds, found.fields) == (("newly_kept",), ())
    assert found.reasons == (
        "before: passing: wrong_answer: no solution passes test 0",
        "output_unwrapped by build: outputs were lists of one",
    )


def test_another_reason_for_a_rejection_is_told_and_a_rejection_that_came_or_went(versions, make_rejected):
    syntax = Rejection(Reason.SYNTAX_ERROR, "line 1")
    old = [make_rejected(), make_rejected(problem_id="apps/7")]
    new = [make_rejected(stage="runnable", rejection=syntax), make_rejected(problem_id="apps/8")]
    found = compare(*versions([], [], old_rejected=old, new_rejected=new))
    assert [(change.problem_id, change.kinds[0]) for change in found.changes] == [
        ("apps/9", "rejected_otherwise"),
        ("apps/8", "added_rejected"),
        ("apps/7", "removed_rejected"),
    ]
    assert found.changes[0].reasons == (
        "before: passing: wrong_answer: no solution passes test 0",
        "now: runnable: syntax_error: line 1",
    )


def test_a_move_between_splits_is_told_apart_from_a_repair(versions, make_problem):
    old = make_problem()
    moved = only(compare(*versions([(old, "train")], [(old, "validation")], options={"seed": 1})))
    assert (moved.kinds, moved.before, moved.now) == (("moved",), "train", "validation")
    assert moved.reasons == (
        "validation was drawn with {'validation_share': None, 'seed': 1}, "
        "before with {'validation_share': None, 'seed': None}",
    )


def test_a_repaired_problem_that_moved_counts_as_both(versions, make_problem):
    old, new = make_problem(), make_problem(description="Say it.\n", source_hash="6" * 64)
    found = compare(*versions([(old, "train")], [(new, "validation")]))
    assert only(found).kinds == ("repaired", "moved")
    assert (found.counts["repaired"], found.counts["moved"], found.unchanged) == (1, 1, 0)
    assert only(found).reasons[-1] == "validation is drawn by the content, which has changed"


def test_another_label_alone_is_no_repair(versions, make_problem):
    found = only(compare(*versions([(make_problem(), "train")], [(make_problem(difficulty="interview"), "train")])))
    assert (found.kinds, found.fields) == (("annotated_otherwise",), ("difficulty",))
    assert found.reasons == ("the same source, built by the same version",)


def test_a_folder_that_is_no_dataset_is_refused(tmp_path, make_dataset):
    with pytest.raises(DatasetError, match=r"holds no manifest\.json"):
        compare(make_dataset(tmp_path / "old"), tmp_path)


def test_the_document_of_a_difference_is_plain_json(versions, make_problem):
    from dataclasses import asdict

    found = compare(*versions([(make_problem(), "train")], []))
    assert json.loads(json.dumps(asdict(found)))["counts"]["removed"] == 1
