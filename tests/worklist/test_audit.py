"""The audit sample is drawn once, stays what it is, and its decisions give an error rate with its interval."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from appsplus.release import load_worklist_index, read_manifest
from appsplus.worklist.audit import in_sample
from appsplus.worklist.interval import wilson
from appsplus.worklist.value import value_of

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("hits", "trials", "interval"),
    [
        (0, 10, [0.0, 0.2775]),  # z²/(n + z²) = 3.8415/13.8415
        (10, 10, [0.7225, 1.0]),
        (5, 10, [0.2366, 0.7634]),  # 0.5 ± 1.96 sqrt(0.025 + 0.0096) / 1.384
        (1, 29, [0.0061, 0.1718]),  # E. B. Wilson's method 3 in R. G. Newcombe (1998), table I
        (81, 263, [0.2553, 0.3662]),
        (0, 0, None),
    ],
)
def test_the_interval_is_wilsons(hits: int, trials: int, interval: list[float] | None) -> None:
    assert wilson(hits, trials) == interval


def test_a_sample_has_about_its_share_and_another_seed_draws_another() -> None:
    drawn = [{n for n in range(4000) if in_sample(f"made/{n}", "5" * 64, 0.05, seed)} for seed in (0, 1)]
    assert all(150 <= len(sample) <= 250 for sample in drawn)  # 200 and 3.6 standard deviations
    assert len(drawn[0] & drawn[1]) < 30
    assert not any(in_sample(f"made/{n}", "5" * 64, 0.0, 0) for n in range(100))
    assert all(in_sample(f"made/{n}", "5" * 64, 1.0, 0) for n in range(100))


@pytest.fixture
def desk(built: Make, make_raw: Make) -> Any:
    """Four sound problems and one that the build rejects, all of the first in the sample."""
    texts = (
        "Print twice a whole number.",
        "Double what you read, please.",
        "Two times n is asked for.",
        "What is n plus n?",
    )
    records = [make_raw(problem_id=f"made/{n}", description=text) for n, text in enumerate(texts, start=1)]
    broken = make_raw(problem_id="made/5", outputs=("2\n", "4\n", "15\n"), description="A number, twice, on a line.")
    return built(*records, broken, audit_share=1.0)


def audited(desk: Any) -> Any:
    return desk.build(audit_share=1.0).manifest.counts["audit"]


def test_without_a_decision_the_error_rate_is_said_to_be_unknown(desk: Any) -> None:
    assert [row.slugs for row in load_worklist_index(desk.out)][-1] == ("audit_sample",)
    assert audited(desk) == {
        "share": 1.0,
        "accepted": 4,
        "sampled": 4,
        "decided": {kind: {"decided": 0, "errors": 0, "interval": None} for kind in ("human", "model")},
    }
    card = (desk.out / "README.md").read_text()
    assert (
        "Of 4 problems that the build accepts without the help of reviewers, 4 were drawn at random (100.0 %)" in card
    )
    assert "Not audited yet: nobody has decided about any of them" in card


def test_rejected_and_corrected_problems_of_the_sample_are_errors(desk: Any) -> None:
    desk.decide("accept", "made/1")
    desk.decide("reject", "made/2", reason="wrong_tests")
    desk.decide("correct", "made/3", patch=({"op": "replace", "path": "/description", "value": "Print 2n."},))
    assert audited(desk)["decided"] == {
        "human": {"decided": 3, "errors": 2, "interval": wilson(2, 3)},
        "model": {"decided": 0, "errors": 0, "interval": None},
    }
    assert audited(desk)["sampled"] == 4  # what was decided is in the sample still
    card = (desk.out / "README.md").read_text()
    assert (
        "Humans have decided about 3 of them and rejected or corrected 2: an estimated error rate of 66.7 %,"
        " 95 % interval 20.8 % to 93.8 % (Wilson)."
    ) in card
    assert "Models have decided about none of them: not audited by models yet." in card


def test_humans_and_models_are_counted_apart(desk: Any) -> None:
    desk.decide("accept", "made/1", kind="model")
    desk.decide("reject", "made/1", kind="human")
    found = audited(desk)["decided"]
    assert (found["human"]["errors"], found["model"]["errors"]) == (1, 0)


def test_the_card_of_a_dataset_that_only_models_looked_at_calls_nothing_verified_by_humans(desk: Any) -> None:
    desk.decide("accept", "made/1", kind="model")
    audited(desk)
    card = " ".join((desk.out / "README.md").read_text().split())
    assert "Humans have decided about none of them: not audited by humans yet." in card
    assert "(Wilson), by the judgement of models, not of humans." in card
    assert "verified by human" not in card
    assert "human-verified" not in card


def test_a_correction_of_what_the_build_rejects_is_no_error_of_what_it_accepts(desk: Any) -> None:
    desk.decide("correct", "made/5", patch=({"op": "replace", "path": "/outputs/2", "value": "14\n"},))
    found = audited(desk)
    assert desk.kept == 5
    assert (found["accepted"], found["decided"]["human"]["decided"]) == (4, 0)


def test_an_acceptance_of_the_corrected_content_does_not_make_the_error_unseen(desk: Any) -> None:
    desk.decide("correct", "made/3", patch=({"op": "replace", "path": "/description", "value": "Print 2n."},))
    desk.decide("accept", "made/3")
    assert audited(desk)["decided"]["human"] == {"decided": 1, "errors": 1, "interval": wilson(1, 1)}


def test_an_undone_decision_does_not_count(desk: Any) -> None:
    from appsplus.ledger import Ledger

    desk.decide("reject", "made/1")
    [decision] = Ledger.read([desk.ledger]).history("made/1")
    desk.decide("undo", "made/1", undoes=decision.event_id)
    assert audited(desk)["decided"]["human"]["decided"] == 0


def test_stats_tells_what_the_card_tells(desk: Any) -> None:
    from appsplus.release.error_rates import audit_sentences

    desk.decide("accept", "made/1")
    audited(desk)
    [_, humans, _] = audit_sentences(read_manifest(desk.out).counts)
    assert humans in (desk.out / "README.md").read_text()


# ---- the value of a decision


def test_the_value_is_the_chance_of_a_change_weighed_by_the_split(desk: Any) -> None:
    from appsplus.worklist.audit import doubt_of_sample

    doubt = replace(doubt_of_sample(0.05, 0), chance=0.5)
    assert value_of([doubt], "test", decided=False) == 0.5
    assert value_of([doubt, doubt], "test", decided=False) == 0.75  # 1 - 0.5²
    assert value_of([doubt], "train", decided=False) == 0.35
    assert value_of([doubt], "test", decided=True) == 0.05


def test_what_people_have_decided_goes_to_the_end_of_the_list(desk: Any) -> None:
    desk.decide("accept", "made/1")
    audited(desk)
    rows = load_worklist_index(desk.out)
    assert (rows[0].problem_id, rows[-1].problem_id) == ("made/5", "made/1")
    assert rows[-1].value == pytest.approx(rows[-2].value / 10)
