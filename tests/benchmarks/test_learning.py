"""What is recorded in benchmarks/learning/ is of the experiment as it is, and stands on its page."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

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
def test_the_page_of_each_method_has_its_share_of_them(suite: str, page_maker: ModuleType) -> None:
    for name, arms in page_maker.OF_PAGES.get(suite, {}).items():
        page = (page_maker.METHODS / f"{name}.md").read_text(encoding="utf-8")
        made = page_maker.on_page(page, suite, page_maker.of_method(recorded(suite), arms))
        assert made == page, "python docs/make_learning_page.py OUT"


def test_every_arm_has_a_page_with_room_for_it(page_maker: ModuleType) -> None:
    for suite, pages in page_maker.OF_PAGES.items():
        on_pages = [arm for arms in pages.values() for arm in arms]
        left = set(SUITES[suite]) - set(on_pages) - {"sft", "ppo", "stepcoder"}  # of the first suite, or of no method
        assert (len(on_pages), left) == (len(set(on_pages)), set())
        for name in pages:
            page = (page_maker.METHODS / f"{name}.md").read_text(encoding="utf-8")
            assert "made" in page_maker.on_page(page, suite, "made")


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


class Letters:
    """A tokenizer of letters, and a model that gives each of them the same probability, but for one after another."""

    eos_token_id = 0

    def __call__(self, text: str, **_: object) -> dict[str, list[int]]:
        return {"input_ids": [ord(letter) for letter in text]}

    def decode(self, ids: list[int]) -> str:
        return "".join(map(chr, ids))


def test_a_belief_is_the_probability_of_all_tokens_of_the_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    module, letters = script("benchmarks/learning/beliefs.py"), Letters()
    solution = (
        "def f(a, b):\n    if a == 0:  # lim\n        b //= 4\n    if a == 1:  # zor\n        b += 7\n    return b\n"
    )
    ids = letters(solution)["input_ids"]
    monkeypatch.setattr(module, "sft_example", lambda *_: SimpleNamespace(ids=ids))

    def model(given: torch.Tensor) -> SimpleNamespace:
        assert given.tolist() == [ids]
        logits = torch.zeros(1, len(ids), 128)  # each letter has 1/128, and "+" nine in ten
        logits[0, solution.index("+") - 1, ord("+")] = math.log(9 * 127)
        return SimpleNamespace(logits=logits)

    found = module.beliefs(model, letters, [None])
    assert found == pytest.approx({"lim": 128**-3, "zor": 0.9 / 128})
    assert list(found) == ["lim", "zor"]
