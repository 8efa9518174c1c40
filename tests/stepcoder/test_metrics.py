"""What a run shows while it goes on: the progress line, and what trackers are told."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from accelerate import tracking
from accelerate.tracking import GeneralTracker, LoggerType

from appsplus.problem import Problem
from stepcoder import run
from stepcoder.config import SftConfig, TrainConfig, configured
from stepcoder.metrics import _words
from stepcoder.progress import Progress
from tests.stepcoder.conftest import TINY, StandInJudge, engine_of, metrics


def test_the_progress_line_has_reward_pass_rate_kl_executed_share_levels_and_speed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    numbers = {"reward_mean": -0.25, "pass_rate": 0.125, "kl": 0.03125, "executed_share": 0.5, "tokens_per_s": 12345.6}
    words = _words(numbers, {"1": 3, "2": 5})
    assert words == "reward -0.25  passed 12%  kl 0.0312  executed 50%  levels 1:3 2:5  12,346 tokens/s"
    with Progress(quiet=False) as progress:  # not a terminal: lines
        progress.advance("train", 1, 7, words)
    assert f"train: 1/7  {words}" in capsys.readouterr().err
    with Progress(quiet=True) as progress:
        progress.advance("train", 1, 7, words)
    assert capsys.readouterr().err == ""


class Notebook(GeneralTracker):
    """A tracker that keeps what it is told, by project."""

    name, requires_logging_directory, main_process_only = "wandb", False, True
    told: dict[str, list[tuple[int, dict[str, Any]]]]
    options: dict[str, dict[str, Any]]

    def __init__(self, run_name: str, **_: Any) -> None:
        self._project = run_name
        super().__init__()

    @property
    def tracker(self) -> None: ...

    def start(self) -> None: ...

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        Notebook.options[self._project] = values

    def log(self, values: dict[str, Any], step: int | None = None, **_: Any) -> None:
        assert step is not None
        Notebook.told.setdefault(self._project, []).append((step, values))

    def finish(self) -> None: ...


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch, problems: list[Problem]) -> type[Notebook]:
    Notebook.told, Notebook.options = {}, {}
    monkeypatch.setitem(tracking.LOGGER_TYPE_TO_CLASS, "wandb", Notebook)
    monkeypatch.setattr(tracking, "_available_trackers", [LoggerType.TENSORBOARD, LoggerType.WANDB])
    monkeypatch.setattr(run, "LocalEngine", engine_of(StandInJudge, problems))
    return Notebook


def test_a_tracker_is_told_of_supervised_training_and_of_every_update(
    dataset: str, tmp_path: Path, notebook: type[Notebook]
) -> None:
    config = configured(TrainConfig, "tiny", TINY | {"updates": 2, "tracker": "wandb"})
    run.train_run(dataset, config, tmp_path / "run", quiet=True)
    assert set(notebook.told) == {"stepcoder-sft", "stepcoder"}
    assert [step for step, _ in notebook.told["stepcoder"]] == [1, 2]
    written = metrics(tmp_path / "run")
    assert [numbers["pass_rate"] for _, numbers in notebook.told["stepcoder"]] == [n["pass_rate"] for n in written]
    assert all(numbers.keys() == {"loss"} for _, numbers in notebook.told["stepcoder-sft"])
    assert notebook.options["stepcoder"]["updates"] == 2


def test_supervised_training_alone_has_a_tracker_too(dataset: str, tmp_path: Path, notebook: type[Notebook]) -> None:
    config = configured(SftConfig, "tiny", {k: v for k, v in TINY.items() if k in SftConfig.__slots__})
    run.sft(dataset, SftConfig(**{**_values(config), "tracker": "wandb"}), tmp_path / "run", quiet=True)
    steps = [step for step, _ in notebook.told["stepcoder-sft"]]
    assert steps == list(range(1, len(steps) + 1))
    assert steps


def _values(config: SftConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in SftConfig.__slots__}
