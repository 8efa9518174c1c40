"""Presets, flags and what is refused; the command line without torch."""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appsplus.errors import InputError
from stepcoder import cli
from stepcoder.config import METHODS, PRESETS, SftConfig, TrainConfig, configured
from stepcoder.errors import ConfigError
from stepcoder.saved_config import OF_THE_PAPER, ours, read_config, save_config

ROOT = Path(__file__).resolve().parents[2]


def test_the_paper_s_preset_has_the_paper_s_constants() -> None:
    """DESIGN: KL 0.05; SFT 3 epochs, 2e-5, batch 64; PPO 5e-7, critic 1.5e-6, 16 rollouts, 0.8, 0.9, 1,024 tokens."""
    c = configured(TrainConfig, "paper-6.7b", {})
    assert c.model == "deepseek-ai/deepseek-coder-6.7b-instruct"
    assert (c.kl_coef, c.kl_control, c.reward) == (0.05, "fixed", "verdict")
    assert (c.sft_epochs, c.sft_learning_rate, c.sft_batch_examples) == (3, 2e-5, 64)
    assert (c.learning_rate, c.critic_learning_rate, c.completions_per_problem) == (5e-7, 1.5e-6, 16)
    assert (c.temperature, c.top_p, c.max_completion_tokens, c.method) == (0.8, 0.9, 1024, "stepcoder")


def test_what_the_paper_does_not_say_is_listed_as_ours(tmp_path: Path) -> None:
    config = configured(TrainConfig, "paper-6.7b", {})
    told = set(ours(config))
    assert {"gamma", "lam", "clip_range", "threshold", "coefficient", "kinds", "mask_values", "executed_in"} <= told
    assert {f.name for f in fields(TrainConfig)} >= OF_THE_PAPER
    assert not told & OF_THE_PAPER
    # what looks on, what is of another method, and the sizes of a model from scratch
    assert not told & {
        "seed",
        "tracker",
        "keep_checkpoints",
        "fine_penalty",
        "prm_drop_gap",
        "group_std",
        "hidden_size",
    }
    assert {"threshold", "executed_in"}.isdisjoint(ours(configured(TrainConfig, "paper-6.7b", {"method": "ppo"})))
    save_config(config, tmp_path, "data")
    assert json.loads((tmp_path / "config.json").read_text())["not_the_papers"] == ours(config)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_names_options_that_there_are_and_comes_back_from_its_file(preset: str, tmp_path: Path) -> None:
    assert set(PRESETS[preset]) <= {f.name for f in fields(TrainConfig)}
    config = configured(TrainConfig, preset, {"seed": 7})
    save_config(config, tmp_path, "data")
    assert read_config(TrainConfig, tmp_path) == (config, "data")
    assert configured(SftConfig, preset, {}).sft_epochs == config.sft_epochs


@pytest.mark.parametrize(("method", "cccs", "fgo"), list(zip(METHODS, (0, 1, 0, 1), (0, 0, 1, 1), strict=True)))
def test_a_method_says_what_is_on(method: str, cccs: int, fgo: int) -> None:
    config = TrainConfig(method=method)
    assert (config.cccs, config.fgo) == (bool(cccs), bool(fgo))
    assert config.curriculum.name == ("cccs" if cccs else "plain")
    assert config.executed == ("union" if fgo else None)
    assert TrainConfig(method=method, executed_in="first_failing").executed == ("first_failing" if fgo else None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"seed": -1}, r"--seed must be at least 0 and below 2\^32; got -1"),
        ({"seed": 1 << 32}, r"--seed must be at least 0 and below 2\^32"),
        ({"validation_problems": -1}, "--validation-problems must be at least 0; got -1"),
        ({"method": "pgo"}, "--method pgo is not known; expected ppo, grpo"),
        ({"method": "ppo+sfo"}, r"--method ppo\+sfo: the part 'sfo' is not known; expected ppo, grpo"),
        ({"method": "stepcoder+fgo"}, r"--method stepcoder\+fgo has fgo twice; name every part once"),
        ({"method": "cccs+ppo"}, r"--method cccs\+ppo is not known"),
        ({"method": "grpo", "critic": "separate"}, "--critic separate: grpo has no critic of values; leave --critic"),
        ({"method": "rloo+fgo", "mask_values": True}, r"--mask-values: rloo\+fgo learns no values"),
        ({"method": "grpo", "critic_warmup_updates": 2}, "--critic-warmup-updates: grpo learns no values"),
        ({"method": "rloo", "completions_per_problem": 1}, "rloo compares the completions of a prompt, and .* give at"),
        ({"kl_in": "mind"}, "--kl-in mind is not known; expected one of reward, loss"),
        ({"gamma": 1.5}, "--gamma must lie between 0 and 1; got 1.5"),
        ({"learning_rate": 0.0}, "--learning-rate must be above zero; got 0.0"),
        ({"minibatches": 10_000}, "--minibatches 10000 is more than the"),
        ({"heads": 7}, "is no even multiple of --heads 7"),
        ({"vocab_tokens": 10}, "--vocab-tokens 10 is too small"),
        ({"micro_rows": 0}, "--micro-rows must be at least 1; got 0"),
        ({"learning_rate": float("nan")}, "--learning-rate must be above zero; got nan"),
        ({"threshold": 2.0}, r"threshold must be in \[0, 1\)"),
        ({"kinds": "if,unless"}, "unknown kinds of statements: "),
        ({"executed_in": "last"}, "--executed-in last is not known"),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_its_flag(given: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        configured(TrainConfig, "tiny", given)


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"--preset huge is not known; expected one of tiny, small, paper-6.7b"):
        configured(TrainConfig, "huge", {})


def test_every_option_is_a_flag_of_its_command_and_help_tells_presets() -> None:
    shown = CliRunner().invoke(cli.app, ["train", "--help"], terminal_width=300, env={"COLUMNS": "300"}).output
    for f in fields(TrainConfig):
        assert f"--{f.name.replace('_', '-')}" in shown, f.name
    [line] = [line for line in shown.splitlines() if "--kl-coef" in line]
    assert "[0.05" in line
    sft = CliRunner().invoke(cli.app, ["sft", "--help"], terminal_width=300, env={"COLUMNS": "300"}).output
    assert "--sft-epochs" in sft
    assert "--gamma" not in sft


def test_wrong_usage_exits_with_2_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from stepcoder.cli import main; main()", "train", "data", "--out", str(tmp_path)]
    done = subprocess.run([*command, "--gamma", "7"], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (2, "error: --gamma must lie between 0 and 1; got 7.0\n")


def test_the_command_line_starts_without_torch() -> None:
    code = "import sys, stepcoder.cli; print(*{'torch', 'transformers', 'accelerate'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == ""
