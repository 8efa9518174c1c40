"""Every method: two updates of a tiny model, the numbers they log, exact resume, and what a judge that fails earns."""

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from safetensors.torch import load_file

from appsplus.problem import Problem
from stepcoder import run
from stepcoder.config import TrainConfig, configured
from stepcoder.glossary import unknown_names
from tests.stepcoder.conftest import TINY, VariedJudge, engine_of, metrics

METHODS = (
    "grpo",
    "grpo+cccs+fgo",
    "rloo+fgo+cccs",
    "rltf+cccs",
    "coderl+fgo",
    "ppocoder+cccs",
    "stepcoder+lines+match",
)
LOGGED = {
    "grpo": {"kl_loss"},
    "rltf": {"blamed_line_share", "blamed_global_share", "ground_truth_loss"},
    "coderl": {"outcome_loss", "outcome_accuracy", "outcome_weight", "greedy_reward", "ground_truth_loss"},
    "ppocoder": {"ast_match", "data_flow_match", "shaped_reward", "value_loss"},
}


@pytest.fixture
def judge_fails() -> list[int]:
    """The numbers of the questions to the judge that it fails on."""
    return []


@pytest.fixture(autouse=True)
def stand_in(problems: list[Problem], monkeypatch: pytest.MonkeyPatch, judge_fails: list[int]) -> None:
    monkeypatch.setattr(run, "LocalEngine", engine_of(VariedJudge, problems, lambda asked: asked in judge_fails))


def config(method: str, **changes: Any) -> TrainConfig:
    small = {"updates": 2, "checkpoint_every": 1, "method": method, "ppo_epochs": 2}
    return configured(TrainConfig, "tiny", TINY | small | changes)


def weights(folder: Path) -> dict[str, Any]:
    return load_file(str(folder / "model.safetensors")) | load_file(str(folder / "values.safetensors"))


@pytest.mark.parametrize("method", METHODS)
def test_two_updates_then_the_same_numbers_when_the_second_is_resumed(
    dataset: str, tmp_path: Path, method: str
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert run.train_run(dataset, config(method), whole, quiet=True)
    run.train_run(dataset, config(method, updates=1), broken, quiet=True)
    again = run.resumed_config(broken, dataset, {"updates": 2})
    assert run.train_run(dataset, again, broken, resume=True, quiet=True)
    assert metrics(broken) == metrics(whole)
    one, other, before = weights(whole / "final"), weights(broken / "final"), weights(whole / "sft")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any(not torch.equal(one[name], before[name]) for name in before if name.startswith("model."))
    for numbers in metrics(whole):
        assert unknown_names(numbers) == []
        assert LOGGED.get(method.split("+")[0], set()) <= numbers.keys()
    if config(method).parts.critic:
        assert one["value_head.weight"].abs().max() > 0
    else:
        assert one["value_head.weight"].abs().max() == 0
        assert {"value_loss", "value_mean", "value_explained"}.isdisjoint(metrics(whole)[0])
    if method.startswith("coderl"):
        assert any(name.startswith("outcomes.head") for name in one)
        assert metrics(whole)[0]["greedy_completions"] == 3  # one for each of three problems at one level


@pytest.mark.parametrize("method", ["grpo", "rltf", "coderl", "ppocoder+lines"])
def test_a_completion_that_the_judge_failed_on_is_dropped_and_counted(
    dataset: str, tmp_path: Path, judge_fails: list[int], method: str
) -> None:
    judge_fails.append(2)
    run.train_run(dataset, config(method, updates=1), tmp_path / "run", quiet=True)
    [numbers] = metrics(tmp_path / "run")
    assert numbers["judge_failures"] == 1  # of coderl it may have been one of the baseline's
    assert -1 <= numbers["reward_mean"] <= 1
