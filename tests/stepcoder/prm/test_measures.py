"""Measures on numbers worked by hand and by brute force; data selections; the page."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appsplus.errors import InputError
from stepcoder.prm import report
from stepcoder.prm.measures import Scored, accuracy, auroc, calibration, calibration_error, measured, position, summary
from stepcoder.prm.selections import hardness, selected


def scored(label: int, score: float, **changes: Any) -> Scored:
    return Scored(
        **{"label": label, "score": score, "line": 1, "lines": 5, "tokens": 10, "difficulty": "interview"} | changes
    )


@given(st.lists(st.tuples(st.sampled_from([-1, 1]), st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0])), max_size=20))
def test_auroc_is_the_share_of_pairs_in_the_right_order(pairs: list[tuple[int, float]]) -> None:
    good = [score for label, score in pairs if label > 0]
    bad = [score for label, score in pairs if label < 0]
    wins = [1.0 if g > b else 0.5 if g == b else 0.0 for g in good for b in bad]
    expected = sum(wins) / len(wins) if wins else None
    assert auroc([scored(label, score) for label, score in pairs]) == pytest.approx(expected)


def test_accuracy_is_of_signs_and_calibration_of_bins() -> None:
    four = [scored(1, 0.9), scored(1, -0.1), scored(-1, -0.9), scored(-1, 0.9)]
    assert accuracy(four) == 0.5
    # probabilities 0.95, 0.45, 0.05, 0.95: bins [0, 0.1) none good, [0.4, 0.5) all, [0.9, 1] one of two
    assert calibration(four) == [(pytest.approx(0.05), 0.0, 1), (0.45, 1.0, 1), (pytest.approx(0.95), 0.5, 2)]
    assert calibration_error(four) == pytest.approx((0.05 + 0.55 + 2 * 0.45) / 4)


def test_neutral_lines_have_a_measure_of_their_own() -> None:
    found = measured([scored(1, 1.0), scored(0, -0.5), scored(0, 0.1)])
    assert (found["line_ends"], found["neutral_line_ends"]) == (1, 2)
    assert found["neutral_error"] == pytest.approx(0.3)
    assert found["squared_error"] == 0
    assert found["auroc"] is None  # no bad prefix
    assert measured([])["accuracy"] is None


def test_lines_are_told_apart_by_where_they_stand() -> None:
    names = [position(scored(1, 0, line=line, lines=5)) for line in range(1, 6)]
    assert [name.split()[0] for name in names] == ["0", "20", "40", "60", "80"]
    found = summary([scored(1, 1.0, line=1), scored(-1, -1.0, line=5), scored(1, 0.5, line=5, tokens=101)])
    assert [m["line_ends"] for m in found["by_position"].values()] == [1, 2]
    assert found["by_length"]["over 100 tokens"]["line_ends"] == 1


def test_difficulties_stand_from_easy_to_hard_in_the_table_and_the_chart() -> None:
    names = ["competition", "introductory", "interview"]
    found = summary([scored(1, 0.5 * sign, difficulty=name) for name in names for sign in (1, -1)])
    assert list(found["by_difficulty"]) == ["introductory", "interview", "competition"]
    [chart] = [chart for chart in report._charts(found) if "difficulty" in chart.title]
    bars = re.findall(r"<title>(.*?)</title>", chart.svg)  # no AUROC where there is no bad prefix
    assert bars == [f"accuracy, {name}: 50%" for name in found["by_difficulty"]]
    assert [label for _, label in chart.legend] == ["accuracy", "auroc"]


def row(problem: str, verdict: str, transition: int) -> dict[str, Any]:
    return {"problem_id": problem, "verdict": verdict, "transition": transition}


ROWS = [
    row("easy", "accepted", 3),
    row("easy", "accepted", 4),
    row("medium", "accepted", 3),
    row("medium", "wrong_answer", 0),
    row("revised", "wrong_answer", 2),
    row("revised", "run_time_error", 0),
    row("hard", "compile_error", 0),
]


def test_problems_are_easy_medium_or_hard_by_all_their_responses() -> None:
    assert hardness(ROWS) == {"easy": "easy", "medium": "medium", "revised": "medium", "hard": "hard"}


@pytest.mark.parametrize(
    ("selection", "kept"),
    [("full", range(7)), ("remove-hard", range(6)), ("medium-only", [2, 3, 4, 5]), ("revised-only", [4])],
)
def test_each_selection_keeps_its_responses(selection: str, kept: Any) -> None:
    assert selected(ROWS, selection) == [ROWS[i] for i in kept]


def test_a_selection_of_nothing_is_an_error() -> None:
    with pytest.raises(InputError, match=r"--selection revised-only selects none of the 2 labelled"):
        selected(ROWS[:2], "revised-only")


def test_the_charts_show_the_measures_at_the_places_of_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """First fifth: right and wrong, so 0.5; last: both right, one of them +1 and one -1, in order. Between them nothing."""
    drawn: dict[str, dict[str, Any]] = {}

    def line_chart(series: Any, *, share: bool, label: str) -> str:
        assert share
        drawn[label] = {one.name: list(one.points) for one in series}
        return "<svg/>"

    monkeypatch.setattr(report, "line_chart", line_chart)
    first = [scored(1, 0.9, line=1), scored(1, -0.9, line=1)]
    charts = report._charts(summary([*first, scored(1, 0.9, line=5), scored(-1, -0.9, line=5)]))
    assert drawn["By place of the line"] == {"accuracy": [(10.0, 0.5), (90.0, 1.0)], "auroc": [(90.0, 1.0)]}
    assert charts[1].legend == ((0, "accuracy"), (1, "auroc"))
    assert drawn["Calibration"]["share of +1"] == [(pytest.approx(5.0), 0.5), (pytest.approx(95.0), 1.0)]
    assert not any(chart.svg for chart in report._charts(summary([])))
