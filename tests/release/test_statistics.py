"""The counters behind manifest, card and figures."""

import pytest

from appsplus.problem import Annotation, Change, Reason, Rejection, Solution, SplitPoint, Verdict
from appsplus.release import Statistics
from appsplus.release.statistics import covered_percent


def test_problems_are_counted_by_split_difficulty_source_and_change(make_problem, make_rejected):
    statistics = Statistics()
    change = Change("output_unwrapped", "twice in one problem")
    statistics.add(make_problem(changes=(change, change)), "train")
    statistics.add(make_problem(difficulty="interview", license=""), "validation")
    statistics.reject(make_rejected())
    statistics.reject(make_rejected(stage="unique", rejection=Rejection(Reason.DUPLICATE, "of apps/1")))
    counts = statistics.counts()
    assert (counts["problems"], counts["rejected"]) == (2, 2)
    assert counts["splits"] == {"train": 1, "validation": 1, "test": 0}
    assert counts["difficulty"] == {
        "interview": {"train": 0, "validation": 1, "test": 0},
        "introductory": {"train": 1, "validation": 0, "test": 0},
    }
    assert counts["io_format"] == {"stdin": {"train": 1, "validation": 1, "test": 0}}
    assert counts["sources"] == [
        {"source": "APPS", "license": "", "problems": 1},
        {"source": "APPS", "license": "MIT", "problems": 1},
    ]
    assert counts["changes"] == {"output_unwrapped": 1}
    assert counts["rejections"] == {"passing": {"wrong_answer": 1}, "unique": {"duplicate": 1}}
    assert counts["rejected_by_source"] == {"APPS": 2}


def test_histograms_hold_one_value_a_problem(make_problem):
    kinds = ("if", "elif", "else", "for", "while", "match")
    points = tuple(SplitPoint(kind, 0, 0, 1, 0, 0) for kind in kinds)
    annotation = Annotation(points, (9, 4, 0), (1, 2, 3), ((1,), (1, 2)))
    solutions = (Solution("x", Verdict.ACCEPTED), Solution("y", Verdict.WRONG_ANSWER))
    statistics = Statistics()
    statistics.add(make_problem(annotation=annotation, solutions=solutions), "train")
    statistics.add(make_problem(), "train")
    counts = statistics.counts()
    assert counts["histograms"] == {
        "unit_tests": {"2": 2},
        "executable_lines": {"3": 1, "4": 1},
        "conditionals": {"1": 1, "3": 1},  # if, for, while
        "levels": {"2": 1, "3": 1},
        "covered_percent": {"66": 1, "100": 1},
    }
    assert counts["other_solutions"] == {"wrong_answer": 1}


def test_coverage_is_the_union_over_the_unit_tests():
    assert covered_percent(Annotation((), (0,), (1, 2, 3), ((1,), (2, 3)))) == 100
    assert covered_percent(Annotation((), (0,), (1, 2, 3), ((1,), (1,)))) == 33
    assert covered_percent(Annotation((), (0,), (), ((),))) == 100


def test_a_problem_without_annotation_cannot_be_counted(make_problem):
    with pytest.raises(ValueError, match="only an annotated problem"):
        Statistics().add(make_problem(annotation=None), "train")
