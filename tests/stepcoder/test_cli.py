"""What the commands refuse before they load anything, and what they do one after the other."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from appsplus.problem import Problem
from stepcoder.cli import app
from stepcoder.config import SftConfig
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


@pytest.fixture
def options() -> str:
    """A small model, as flags."""
    return " ".join(
        f"--{'' if value is not False else 'no-'}{name.replace('_', '-')}"
        + ("" if isinstance(value, bool) else f" {value}")
        for name, value in (TINY | {"updates": 2, "checkpoint_every": 1}).items()
    )


def test_the_commands_of_a_run_one_after_the_other(
    problems: list[Problem], dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    """Supervised training, a run from its policy that is interrupted and goes on, its page, its samples."""
    from stepcoder import ppo, run

    monkeypatch.setattr(run, "LocalEngine", engine_of(StandInJudge, problems))
    started, out = tmp_path / "started", tmp_path / "run"

    def told(command: str, status: int = 0) -> str:
        found = CliRunner().invoke(app, command)
        assert found.exit_code == status, (command, found.output, found.exception)
        return found.output

    of_sft = " ".join(f"--{name.replace('_', '-')} {TINY[name]}" for name in TINY if name in SftConfig.__slots__)
    assert f"the policy is in {started / 'final'}; go on with" in told(f"sft {dataset} --out {started} {of_sft}")
    from_policy = f"train {dataset} --out {out} {options} --model {started} --sft-epochs 0"
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
