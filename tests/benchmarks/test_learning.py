"""What is recorded in benchmarks/learning/ is of the experiment as it is, and stands on its page."""

import json
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from stepcoder.ablation.arms import SUITES
from stepcoder.ablation.plan import PRESETS, AblationConfig
from stepcoder.config import configured
from tests.benchmarks.scripts import ROOT, script

FOLDER = ROOT / "benchmarks" / "learning"
RECORDED = sorted(path.parent.name for path in FOLDER.glob("*/table.json"))


def recorded(suite: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / suite / "table.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def page_maker() -> ModuleType:
    return script("docs/make_learning_page.py")


@pytest.mark.parametrize("suite", RECORDED)
def test_the_recorded_runs_had_the_options_of_the_experiment_and_whole_seeds(suite: str) -> None:
    numbers = recorded(suite)
    options = numbers["of"]["options"]
    assert {name: options[name] for name in PRESETS["experiment"]} == PRESETS["experiment"], "measure again"
    assert options["suite"] == suite
    assert set(numbers["methods"]) == set(SUITES[suite])
    [seeds] = {tuple(method["seeds"]) for method in numbers["methods"].values()}
    assert seeds == tuple(sorted({seed for of in numbers["of"]["made_by"] for seed in of["seeds"]}))


@pytest.mark.parametrize("suite", RECORDED)
def test_the_recorded_numbers_follow_from_what_the_runs_left(
    suite: str, page_maker: ModuleType, tmp_path: Path
) -> None:
    page_maker.results(FOLDER / suite / page_maker.ARCHIVE, tmp_path)
    assert json.loads((tmp_path / "table.json").read_text(encoding="utf-8")) == recorded(suite)


@pytest.mark.parametrize("suite", RECORDED)
def test_the_page_has_the_recorded_numbers(suite: str, page_maker: ModuleType) -> None:
    page = page_maker.PAGE.read_text(encoding="utf-8")
    made = page_maker.on_page(page, suite, page_maker.section(recorded(suite)))
    assert made == page, "python docs/make_learning_page.py OUT"


@pytest.mark.parametrize("suite", RECORDED)
def test_no_path_of_the_machine_is_recorded(suite: str) -> None:
    assert "/work" not in json.dumps(recorded(suite))
    assert "/tmp" not in json.dumps(recorded(suite))


def test_the_page_has_the_recorded_speed_of_generation(page_maker: ModuleType) -> None:
    page = page_maker.PAGE.read_text(encoding="utf-8")
    found = json.loads(page_maker.SPEED.read_text(encoding="utf-8"))
    assert page_maker.on_page(page, "generation", page_maker.speed(found)) == page, "python docs/make_learning_page.py"


def test_the_command_of_a_run_names_what_the_preset_has_otherwise(page_maker: ModuleType) -> None:
    options = asdict(configured(AblationConfig, "experiment", {"updates": 9, "suite": "methods"}, PRESETS))
    assert page_maker.command(options) == "stepcoder ablate --updates 9 --suite methods --out OUT"


@pytest.mark.parametrize("suite", SUITES)
def test_the_page_has_room_for_every_suite(suite: str, page_maker: ModuleType) -> None:
    assert "made" in page_maker.on_page(page_maker.PAGE.read_text(encoding="utf-8"), suite, "made")


def test_a_page_without_marks_is_refused(page_maker: ModuleType) -> None:
    with pytest.raises(ValueError, match="one pair of marks"):
        page_maker.on_page("nothing here", "stepcoder", "made")


def test_the_word_that_was_not_learned_comes_first(tmp_path: Path) -> None:
    words = script("benchmarks/learning/words.py")
    problems = [
        {
            "split": "test",
            "problem_id": "k5-0001",
            "question": "Translate f:\n\n0 lim 4\n1 zor 7\n2 rim 2",
            "at": [0, 2],
        },
        {"split": "test", "problem_id": "k6-0001", "question": "Translate f:\n\n0 zor 4\n1 lim 1", "at": [0, 1]},
        {"split": "test", "problem_id": "k1-0001", "question": "Translate f:\n\n0 dok 4", "at": [0]},
        {"split": "train", "problem_id": "k5-0002", "question": "Translate f:\n\n0 pit 4", "at": [0]},
    ]
    lines = [json.dumps(p | {"input_output": {"inputs": [[place, 9] for place in p["at"]]}}) for p in problems]
    (tmp_path / "family.jsonl").write_text("\n".join(lines) + "\n")
    live = words.live_words(tmp_path / "family.jsonl")
    assert live == {"family/test/k5-0001": {"lim", "rim"}, "family/test/k6-0001": {"zor", "lim"}}
    outcomes = {"family/test/k5-0001": {"wrong_answer": 4}, "family/test/k6-0001": {"accepted": 3, "wrong_answer": 1}}
    assert words.by_word(outcomes, live) == {"rim": 0.0, "lim": 3 / 8, "zor": 3 / 4}
    assert list(words.by_word(outcomes, live)) == ["rim", "lim", "zor"]
