"""What is recorded of the preset tiny is of the preset as it is, shows that it learns, and stands in the docs."""

import json
from typing import Any

import pytest

from stepcoder.config import PRESETS
from tests.benchmarks.scripts import ROOT, script

RECORDED: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / "tiny.json").read_text(encoding="utf-8"))


def test_the_recorded_runs_had_the_preset_s_values() -> None:
    options = RECORDED["of"]["options"]
    known = {
        name: value for name, value in PRESETS["tiny"].items() if name in options
    }  # younger options change nothing
    assert len(known) > 20
    assert {name: options[name] for name in known} == known, (
        "measure again: python benchmarks/learning/tiny.py --out out/tiny"
    )


def test_reinforcement_learning_raised_the_pass_rate_of_plain_tasks_with_every_seed() -> None:
    pass_rate = script("benchmarks/learning/tiny.py").pass_rate
    assert len(RECORDED["runs"]) >= 3
    rises = [pass_rate(run["after"]) - pass_rate(run["before"]) for run in RECORDED["runs"]]
    assert min(rises) >= 0.1  # 18 of 176 completions
    assert sum(rises) / len(rises) >= 0.25


def test_the_page_has_the_recorded_numbers() -> None:
    page = (ROOT / "docs" / "tiny.md").read_text(encoding="utf-8")
    assert script("docs/make_tiny_page.py").numbers(RECORDED) in page, "python docs/make_tiny_page.py"


def test_a_pass_rate_is_of_all_completions() -> None:
    pass_rate = script("benchmarks/learning/tiny.py").pass_rate
    assert pass_rate({"a": {"accepted": 1, "wrong_answer": 1}, "b": {"compile_error": 2}}) == pytest.approx(0.25)
