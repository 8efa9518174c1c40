"""What --method may say, what each method brings, and which combinations are refused, with the reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from stepcoder.config import METHODS, TrainConfig, configured
from stepcoder.errors import ConfigError
from stepcoder.methods.names import ADDED, ADVANTAGES, BUNDLES, SOURCES, Parts
from stepcoder.saved_config import save_config


@pytest.mark.parametrize(
    ("method", "parts"),
    [
        ("ppo", Parts("ppo")),
        ("stepcoder", Parts("ppo", "cccs", fgo=True)),
        ("ppo+fgo+cccs", Parts("ppo", "cccs", fgo=True)),
        ("ppocoder", Parts("ppo", shapings=("match",))),
        ("stepcoder+lines+match", Parts("ppo", "cccs", fgo=True, shapings=("match", "lines"))),
        ("grpo+fgo", Parts("grpo", fgo=True)),
        ("rltf+cccs", Parts("rltf", "cccs")),
    ],
)
def test_a_name_is_a_combination_of_parts(method: str, parts: Parts) -> None:
    assert Parts.of(method) == parts


def test_a_name_without_its_start_state_says_the_same_otherwise() -> None:
    for method in (*METHODS, *ADVANTAGES, *BUNDLES, "stepcoder+lines", "grpo+cccs+match"):
        parts = Parts.of(method)
        assert Parts.of(parts.without_start) == Parts(parts.advantages, "", parts.fgo, parts.shapings)


def test_a_method_brings_its_paper_s_options_over_the_preset_s_and_below_those_given() -> None:
    grpo = configured(TrainConfig, "paper-6.7b", {"method": "grpo+cccs"})
    assert (grpo.kl_in, grpo.kl_coef, grpo.loss_mean, grpo.whiten_advantages) == ("loss", 0.04, "completion", False)
    assert grpo.critic == "shared"  # the preset says separate
    assert grpo.completions_per_problem == 16  # the preset's
    assert configured(TrainConfig, "paper-6.7b", {"method": "grpo", "kl_coef": 0.1}).kl_coef == 0.1
    assert configured(TrainConfig, "small", {"method": "rltf"}).ppo_epochs == 1  # the preset says 2
    rltf = configured(TrainConfig, "tiny", {"method": "rltf+fgo"})
    assert (rltf.kl_coef, rltf.ratio, rltf.baseline, rltf.ground_truth_coef) == (0.0, "none", "best", 1.0)
    assert (rltf.reward, rltf.loss_mean) == ("verdict", "completion")  # the paper's, whatever the preset has
    assert configured(TrainConfig, "tiny", {"method": "ppocoder"}).reward == "verdict"
    assert configured(TrainConfig, "tiny", {"method": "coderl", "reward": "binary"}).reward == "binary"
    assert configured(TrainConfig, "tiny", {"method": "stepcoder"}).reward == "binary"
    assert configured(TrainConfig, "tiny", {"method": "coderl"}).baseline == "greedy"
    assert configured(TrainConfig, "tiny", {"method": "rloo"}).ratio == "sequence"


@pytest.mark.parametrize("method", METHODS)
def test_the_methods_of_the_paper_keep_their_options(method: str) -> None:
    config = configured(TrainConfig, "paper-6.7b", {"method": method})
    assert (config.kl_in, config.kl_coef, config.ratio, config.loss_mean) == ("reward", 0.05, "token", "token")
    assert (config.critic, config.whiten_advantages, config.ground_truth_coef) == ("separate", True, 0.0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"method": "rltf+lines"}, r"--method rltf\+lines: rltf has the penalty on lines already; leave \+lines away"),
        ({"method": "grpo+lines"}, r"--method grpo\+lines: grpo adds up what the tokens of a completion earn"),
        ({"method": "coderl+lines"}, "the penalty would not stay on its line; leave"),
        ({"method": "stepcoder", "ratio": "sequence"}, "--ratio sequence takes a completion as one action"),
        ({"method": "rloo", "loss_mean": "constant"}, "--loss-mean constant: the loss of rloo is a mean over whole"),
        ({"method": "rltf", "ratio": "sequence"}, "use --ratio token, or grpo or rloo"),
        ({"method": "rltf", "kl_coef": 0.1, "kl_in": "reward"}, "the weights of rltf are no sums of rewards of tokens"),
        ({"method": "ppo", "baseline": "best"}, "--baseline best: ppo has its own; --baseline is of rltf and coderl"),
        ({"method": "coderl", "critic": "separate"}, "--critic separate: coderl has no critic of values"),
        ({"method": "coderl", "mask_values": True}, "--mask-values: coderl learns no values"),
        ({"method": "rltf", "fine_alpha": "mine"}, "--fine-alpha mine is not known; expected one of paper, code"),
        ({"method": "ppocoder", "ast_weight": -1.0}, "--ast-weight must be at least 0; got -1.0"),
        ({"method": "ppo+lines", "fine_penalty": 0.0}, r"--fine-penalty 0: ppo\+lines would do nothing"),
        (
            {"method": "ppocoder", "ast_weight": 0.0, "flow_weight": 0.0},
            "--ast-weight 0 --flow-weight 0: ppocoder would match nothing",
        ),
        ({"critic_warmup_updates": 2}, "--critic-warmup-updates 2: with --value-coef 0, which --preset tiny has"),
        ({"method": "grpo+rloo"}, "the part 'rloo' is not known"),
    ],
)
def test_a_combination_that_makes_no_sense_is_refused_with_the_reason(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        configured(TrainConfig, "tiny", given)


def test_a_critic_of_outcomes_may_have_a_head_start() -> None:
    assert configured(TrainConfig, "tiny", {"method": "coderl", "critic_warmup_updates": 3}).critic_warmup_updates == 3


def test_a_method_names_the_papers_that_it_follows_each_once() -> None:
    assert Parts.of("stepcoder").sources == ("PPO (arXiv:1707.06347)", "StepCoder (arXiv:2402.01391)")
    assert Parts.of("grpo+match+lines").sources == (
        "GRPO (arXiv:2402.03300)",
        "PPOCoder (arXiv:2301.13816)",
        "RLTF (arXiv:2307.04349)",
    )
    assert set(SOURCES) == {*ADVANTAGES, *ADDED, "prm"}


def test_what_a_method_brings_over_the_paper_s_preset_is_told_apart_from_what_the_paper_does_not_state(
    tmp_path: Path,
) -> None:
    told = {}
    for method in ("stepcoder", "grpo"):
        save_config(configured(TrainConfig, "paper-6.7b", {"method": method}), tmp_path, "data")
        told[method] = json.loads((tmp_path / "config.json").read_text())
    assert told["stepcoder"]["changed"] == []
    assert set(told["grpo"]["changed"]) == {"kl_coef", "critic", "method"}
    assert not set(told["grpo"]["changed"]) & set(told["grpo"]["not_the_papers"])
