"""The glossary of metrics: complete, and its page current."""

from collections import Counter
from pathlib import Path

from appsplus.evaluation import EXTRACTION_FAILED
from appsplus.problem import Verdict
from stepcoder.glossary import BY_NAME, METRICS, markdown, unknown_names

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_what_the_glossary_says() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == markdown(), "python docs/make_metrics_page.py"


def test_every_metric_is_there_once_with_a_formula_and_a_row_in_the_page() -> None:
    assert [name for name, count in Counter(m.name for m in METRICS).items() if count > 1] == []
    for metric in METRICS:
        assert metric.title
        assert len(metric.formula) > 10
        assert f"\n| `{metric.name}` | {metric.unit or '-'} | {metric.formula}" in markdown()


def test_every_outcome_of_a_completion_has_its_share() -> None:
    assert {f"share_{outcome}" for outcome in (*Verdict, EXTRACTION_FAILED)} <= BY_NAME.keys()


def test_names_that_it_lacks_are_told() -> None:
    assert unknown_names(["update", "levels", "kl", "novelty", "pass_rate", "bogus"]) == ["bogus", "novelty"]
