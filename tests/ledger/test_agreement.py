"""Agreement: the measures on numbers worked by hand and on published examples, and what counts as a value."""

from collections import Counter
from collections.abc import Callable

import pytest

from appsplus.errors import LedgerError
from appsplus.ledger import Decision, Ledger
from appsplus.ledger.agreement import bootstrap, cohen_kappa, disagreements, krippendorff_alpha, measure

Decide = Callable[..., Decision]


def test_kappa_of_two_who_agree_on_35_of_50() -> None:
    # observed (20 + 15) / 50 = 0.7; expected 0.5 * 0.6 + 0.5 * 0.4 = 0.5; (0.7 - 0.5) / (1 - 0.5)
    rows = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    assert cohen_kappa(rows) == pytest.approx(0.4)


def test_kappa_is_below_zero_where_two_agree_less_than_by_chance_and_not_defined_for_one_value() -> None:
    assert cohen_kappa({("a", "b"): 5, ("b", "a"): 5}) == pytest.approx(-1.0)
    assert cohen_kappa({("a", "a"): 5}) is None


def test_alpha_of_krippendorffs_example_with_missing_values() -> None:
    # Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C: four observers, twelve units; 0.743
    observers = ("123321412...", "12332241 25.3".replace(" ", ""), ".3332342251.", "1233244125 1.".replace(" ", ""))
    rows = Counter(tuple("" if value == "." else value for value in unit) for unit in zip(*observers, strict=True))
    assert krippendorff_alpha(rows) == pytest.approx(0.743, abs=0.0005)


def test_alpha_of_krippendorffs_example_with_two_observers() -> None:
    # the same paper, section A: ten units, two observers, binary data; 0.095
    rows = Counter(zip("0100000010", "1110010000", strict=True))
    assert krippendorff_alpha(rows) == pytest.approx(0.095, abs=0.0005)


def test_alpha_leaves_out_units_with_one_value_and_is_not_defined_for_one_value_in_all() -> None:
    rows = {("a", "a", ""): 3, ("b", "", "b"): 2, ("a", "b", ""): 1}
    # pairs: aa 6, bb 4, ab 1, ba 1; n = 12, n_a = 7, n_b = 5: 1 - 11 * 2 / (144 - 49 - 25)
    assert krippendorff_alpha(rows) == pytest.approx(1 - 22 / 70)
    assert krippendorff_alpha(rows | {("a", "", ""): 9}) == pytest.approx(1 - 22 / 70)
    assert krippendorff_alpha({("a", "a"): 3}) is None


def test_the_interval_is_that_of_drawing_units_anew_and_seeded() -> None:
    rows = [("a", "a")] * 20 + [("b", "b")] * 20 + [("a", "b")] * 10
    first = bootstrap(rows, cohen_kappa, seed=1)
    assert first is not None
    value = cohen_kappa(Counter(rows))
    assert value is not None
    # The standard error of kappa here is sqrt(p(1 - p) / n) / (1 - expected) = 0.057 / 0.48 = 0.12: about +- 0.23
    assert value - first[0] == pytest.approx(0.23, abs=0.05)
    assert first[1] - value == pytest.approx(0.22, abs=0.05)
    assert bootstrap(rows, cohen_kappa, seed=1) == first
    assert bootstrap(rows, cohen_kappa, seed=2) != first
    assert bootstrap([("a", "a")] * 9, cohen_kappa, seed=1) is None


def ledger_of(*decisions: Decision) -> Ledger:
    problems = {d.problem_id: tuple(e for e in decisions if e.problem_id == d.problem_id) for d in decisions}
    return Ledger(problems)


def test_two_reviewers_are_compared_on_what_both_decided(decide: Decide) -> None:
    ledger = ledger_of(
        *(decide(who, what, problem_id=p) for p in "abc" for who, what in (("ada", "accept"), ("bot", "accept"))),
        *(decide(who, what, problem_id="d") for who, what in (("ada", "reject"), ("bot", "accept"))),
        decide("ada", "accept", problem_id="only ada"),
        *(decide(who, what, problem_id="skipped") for who, what in (("ada", "reject"), ("bot", "skip"))),
    )
    found = measure(ledger)
    assert (found.statistic, found.units, found.observed) == ("cohen_kappa", 4, 0.75)
    assert found.value == pytest.approx(0.0)  # bot always accepts: 0.75 is what chance gives
    assert found.reviewers == {"ada": "human", "bot": "model"}
    assert found.table["accept"] == {"accept": 3, "correct": 0, "reject": 0}
    assert found.table["reject"] == {"accept": 1, "correct": 0, "reject": 0}


def test_only_independent_decisions_on_one_content_are_compared(decide: Decide) -> None:
    one, other = decide("ada", "accept"), decide("ben", "reject")
    ledger = ledger_of(
        one,
        other,
        decide("ben", "accept", resolves=(one.event_id, other.event_id)),  # not independent
        decide("ada", "accept", problem_id="b"),
        decide("ben", "accept", problem_id="b", seen_hash="1" * 64),  # other content
    )
    found = measure(ledger)
    assert (found.units, found.observed, found.value) == (1, 0.0, 0.0)
    assert disagreements(ledger) == []


def test_more_than_two_are_measured_by_alpha_and_two_of_them_may_be_chosen(decide: Decide) -> None:
    decisions = [decide(who, "accept", problem_id=p) for p in "ab" for who in ("ada", "ben", "cleo")]
    ledger = ledger_of(*decisions, decide("ada", "reject", problem_id="c"), decide("ben", "reject", problem_id="c"))
    found = measure(ledger)
    assert (found.statistic, found.value, list(found.reviewers)) == ("krippendorff_alpha", 1.0, ["ada", "ben", "cleo"])
    two = measure(ledger, ["ada", "ben"])
    assert (two.statistic, two.units, two.value) == ("cohen_kappa", 3, 1.0)
    with pytest.raises(
        LedgerError, match="dora decided nothing in this ledger; expected reviewers among ada, ben, cleo"
    ):
        measure(ledger, ["ada", "dora"])


def test_one_reviewer_alone_cannot_be_compared(decide: Decide) -> None:
    for ledger in (Ledger(), ledger_of(decide("ada", "accept"))):
        with pytest.raises(LedgerError, match="no content was decided by two reviewers"):
            measure(ledger)


def test_disagreements_wait_with_the_decisions_that_count(decide: Decide) -> None:
    one, other = decide("ada", "correct", to="4\n"), decide("ben", "correct", to="04\n")
    same = [decide(who, "correct", problem_id="b") for who in ("ada", "ben")]
    outranked = [decide("bot", "reject", problem_id="c"), decide("ada", "accept", problem_id="c")]
    assert disagreements(ledger_of(one, other, *same, *outranked)) == [(one, other)]
    settled = decide("cleo", "correct", resolves=(one.event_id, other.event_id))
    assert disagreements(ledger_of(one, other, settled)) == []
