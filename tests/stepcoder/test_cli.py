"""What the commands refuse before they load anything, and what they do one after the other."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from appsplus.problem import Problem
from stepcoder.cli import app
from stepcoder.config import SftConfig, TrainConfig, configured
from stepcoder.errors import ConfigError
from tests.stepcoder.conftest import TINY, StandInJudge, engine_of, metrics


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("--rerank prm", "--rerank prm and --prm PRM go together"),
        ("--candidates 4", "--candidates is of --rerank, which is not given"),
        ("--rerank prm --prm x --width 2", "--width is of --search, which is not given"),
        ("--repair-model x", "--repair-model is of --critic-sampling, which is not given"),
        ("--repair-top 2", "--repair-top is of --critic-sampling"),
        ("--example-tests 2", "--example-tests is of --critic-sampling"),
    ],
)
def test_options_of_what_is_not_asked_for_are_refused(given: str, told: str) -> None:
    found = CliRunner().invoke(app, f"sample run --data x --out y {given}")
    assert isinstance(found.exception, ConfigError)
    assert told in str(found.exception)


def flags(values: dict[str, Any]) -> str:
    """Options of a config as flags."""
    return " ".join(
        f"--{'' if value is not False else 'no-'}{name.replace('_', '-')}"
        + ("" if isinstance(value, bool) else f" {value}")
        for name, value in values.items()
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            "--method ppo --schedule mixed",
            "--schedule would do nothing with --method ppo: it is of methods with cccs or jsrl",
        ),
        ("--method grpo+fgo --plain-share 0.5", "--plain-share would do nothing with --method grpo+fgo"),
        (
            "--method ppo+r3 --threshold 0.7",
            "it is of methods with adaback, or with cccs or jsrl and --schedule adaptive; leave it away",
        ),
        (
            "--updates-per-level 3",
            "--updates-per-level would do nothing with --method stepcoder: it is of a curriculum with",
        ),
        ("--keep-policies 5 --updates 4", "--keep-policies 5 is more than the 4 policies that as many --updates leave"),
        ("--method ppo+cccs --mask-kl", "--mask-kl would do nothing with --method ppo+cccs: it is of methods with fgo"),
        (
            "--method rloo --gamma 0.9",
            "--gamma would do nothing with --method rloo: it is of methods with a critic of values",
        ),
        ("--method ppo --fine-alpha code", "it is of rltf"),
        ("--prm-gap-updates 3", "it is of --dense-reward prm"),
        ("--dense-reward prm --prm p --prm-gap-updates 3", "it is of --prm-drop-gap above 0"),
        ("--method ppo+fgo --mask-values", "it is of a critic that learns: --value-coef above 0"),
        ("--critic-learning-rate 1e-4", "it is of a critic that learns: --value-coef above 0"),
        ("--method ppo+fgo --mask-kl --kl-coef 0", "it is of a KL penalty: --kl-coef above 0"),
        ("--method ppo+bread --plain-share 0.5", "it is of methods with cccs or r3 or adaback or jsrl"),
        ("--schedule fixed --threshold 0.9", "it is of methods with adaback, or with cccs or jsrl and"),
        ("--schedule mixed --coefficient 0.2", "it is of methods with cccs or jsrl and --schedule adaptive"),
        ("--model x --layers 3", "it is of models from scratch, and there is a --model"),
        ("--kl-target 3", "it is of --kl-control adaptive"),
        ("--validation-problems 3", "it is of --validate-every above 0"),
        ("--kl-coef 0 --kl-control adaptive", "multiplies --kl-coef, and that is 0 and would stay so"),
        ("--method coderl --outcome-coef 0", "the critic of coderl would never learn"),
        ("--critic separate", "with --value-coef 0, which --preset tiny has, it would never learn"),
    ],
)
def test_options_that_would_do_nothing_are_refused(given: str, told: str) -> None:
    found = CliRunner().invoke(app, f"train data --out run {given}")
    assert isinstance(found.exception, ConfigError), found.output
    assert told in str(found.exception)


@pytest.mark.parametrize("given", ["--model x --layers 3", "--lora-alpha 9"])
def test_options_of_supervised_training_that_would_do_nothing_are_refused(given: str) -> None:
    found = CliRunner().invoke(app, f"sft data --out run {given}")
    assert isinstance(found.exception, ConfigError), found.output
    assert f"{given.split()[-2]} would do nothing: it is of" in str(found.exception)


def test_every_option_is_of_something_that_can_be_asked_for() -> None:
    """Each name in the tables is an option, and what it is said to be of makes it pass."""
    from stepcoder import unused

    names = {name for row in (*unused._OF_ALL, *unused._STARTS, *unused._OTHERS) for name in row[0].split()}
    assert names <= set(TrainConfig.__dataclass_fields__)
    unused.refuse_unused(
        TrainConfig(method="ppo+cccs+fgo", schedule="fixed"), ["updates_per_level", "mask_kl", "gamma"]
    )
    unused.refuse_unused(
        configured(TrainConfig, "tiny", {"method": "coderl"}), ["outcome_coef", "critic_learning_rate"]
    )


def test_the_commands_of_a_run_one_after_the_other(
    problems: list[Problem], dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Supervised training, a run from its policy that is interrupted and goes on, its page, its samples."""
    from stepcoder import ppo, run

    monkeypatch.setattr(run, "LocalEngine", engine_of(StandInJudge, problems))
    started, out = tmp_path / "started", tmp_path / "run"

    def told(command: str, status: int = 0) -> str:
        found = CliRunner().invoke(app, command)
        assert found.exit_code == status, (command, found.output, found.exception)
        return found.output

    of_sft = {name: TINY[name] for name in TINY if name in SftConfig.__slots__}
    assert f"the policy is in {started / 'final'}; go on with" in told(f"sft {dataset} --out {started} {flags(of_sft)}")
    begun = ("hidden_size", "layers", "heads", "vocab_tokens", "sft_batch_examples", "sft_learning_rate")
    options = {name: value for name, value in TINY.items() if name not in begun}
    options |= {"updates": 2, "checkpoint_every": 1, "model": started, "sft_epochs": 0}
    from_policy = f"train {dataset} --out {out} {flags(options)}"
    assert "GiB  in all" in told(f"{from_policy} --dry-run")
    assert not out.exists()

    learned = ppo._learned

    def interrupted(*arguments: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return learned(*arguments)

    monkeypatch.setattr(ppo, "_learned", interrupted)
    assert f"interrupted; go on with: stepcoder train {dataset} --out {out} --resume" in told(from_policy, 130)
    monkeypatch.setattr(ppo, "_learned", learned)
    assert not (out / "final").exists()
    assert f"the policy is in {out / 'final'}" in told(f"train {dataset} --out {out} --resume")
    assert [line["update"] for line in metrics(out)] == [1, 2]
    assert f"open {out / 'report.html'}" in told(f"report {out}")
    samples = tmp_path / "samples.jsonl"
    command = f"sample {out} --data {dataset} --split validation --max-tokens 20 --out {samples}"
    assert "2 completions are in" in told(command)
    assert len(samples.read_text().splitlines()) == 2
