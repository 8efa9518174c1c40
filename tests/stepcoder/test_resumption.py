"""What a run that goes on must have in common with what was begun: the command, the processes, the reward model."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from safetensors.torch import load_file, save_file

from appsplus.errors import InputError, SandboxError
from appsplus.problem import Problem
from stepcoder import run
from stepcoder.config import SftConfig, TrainConfig, configured
from stepcoder.errors import TrainingError
from stepcoder.prm.policies import policies_of
from tests.stepcoder.conftest import TINY, StandInJudge, engine_of

pytestmark = pytest.mark.usefixtures("stand_in")


def config(**changes: Any) -> TrainConfig:
    return configured(TrainConfig, "tiny", TINY | {"updates": 2, "checkpoint_every": 1} | changes)


def test_the_other_command_does_not_go_on_with_a_run_and_loses_none_of_its_options(
    dataset: str, tmp_path: Path
) -> None:
    trained, taught = tmp_path / "trained", tmp_path / "taught"
    assert run.train_run(dataset, config(lam=0.9), trained)
    assert run.sft(dataset, configured(SftConfig, "tiny", {n: v for n, v in TINY.items() if n in _SFT}), taught)
    with pytest.raises(InputError, match=r"was begun by `stepcoder train`; go on with that, or give `stepcoder sft`"):
        run.resumed_config(trained, dataset, {}, SftConfig)
    with pytest.raises(InputError, match=r"was begun by `stepcoder sft`; go on with that, or give `stepcoder train`"):
        run.resumed_config(taught, dataset, {})
    assert run.resumed_config(trained, dataset, {}).lam == 0.9
    for folder in (trained, taught):  # runs of older versions do not say which command it was
        saved = json.loads((folder / "config.json").read_text())
        assert saved.pop("command") in ("train", "sft")
        (folder / "config.json").write_text(json.dumps(saved))
    with pytest.raises(InputError, match="was begun by `stepcoder train`"):
        run.resumed_config(trained, dataset, {}, SftConfig)
    with pytest.raises(InputError, match="was begun by `stepcoder sft`"):
        run.resumed_config(taught, dataset, {})


_SFT = SftConfig.__dataclass_fields__


def test_a_dataset_is_the_same_however_its_folder_is_spelled(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run.train_run(dataset, config(), tmp_path / "run")
    assert run.resumed_config(tmp_path / "run", f"{dataset}/", {}).updates == 2
    monkeypatch.chdir(Path(dataset).parent)
    assert run.resumed_config(tmp_path / "run", Path(dataset).name, {}).updates == 2


def test_a_run_does_not_go_on_in_another_number_of_processes(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    assert run.train_run(dataset, config(), out)
    two = SimpleNamespace(num_processes=2, is_main_process=True)
    with pytest.raises(InputError, match=r"was begun with 1 processes, not 2: .*start as many, or begin another"):
        run._begin(out, config(updates=3), dataset, two, resume=True)
    assert run.train_run(dataset, config(updates=3), out, resume=True)


def test_a_run_does_not_go_on_with_another_reward_model(dataset: str, tmp_path: Path) -> None:
    assert run.train_run(dataset, config(), tmp_path / "policy")
    prm, out = tmp_path / "prm", tmp_path / "run"
    (tmp_path / "policy" / "final").rename(prm)  # a policy with values has the files of a reward model
    (prm / "prm.json").write_text("{}")
    given = {"model": str(tmp_path / "policy" / "sft"), "sft_epochs": 0, "dense_reward": "prm", "prm": str(prm)}
    assert run.train_run(dataset, config(**given), out)
    assert run.train_run(dataset, config(updates=3, **given), out, resume=True)
    head = load_file(str(prm / "values.safetensors"))
    save_file({name: tensor + 1 for name, tensor in head.items()}, str(prm / "values.safetensors"))
    with pytest.raises(InputError, match=r"the weights of .*prm are not those that .* put back the reward model"):
        run.train_run(dataset, config(updates=4, **given), out, resume=True)


def test_the_final_policy_of_before_is_not_the_last_of_a_run_that_goes_on(dataset: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert run.train_run(dataset, config(keep_policies=1), out)
    assert [one.update for one in policies_of(out)] == [2]
    saved = json.loads((out / "config.json").read_text())
    (out / "config.json").write_text(json.dumps(saved | {"updates": 6}))  # as a resumption with more updates begins
    assert [one.update for one in policies_of(out)] == [2]
    assert run.train_run(dataset, config(keep_policies=1, updates=3), out, resume=True)
    assert [(one.update, one.folder.parent.name) for one in policies_of(out)] == [(2, "policies"), (3, "policies")]


def test_failures_of_the_judge_are_counted_over_interruptions(
    dataset: str, problems: list[Problem], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One failure each time that the run goes on: never three in a process, three in the run."""

    class FailsOnce(StandInJudge):
        def _report(self, job: Any) -> Any:
            if not self.asked:
                self.asked += 1
                raise SandboxError("the worker is gone")
            return super()._report(job)

    monkeypatch.setattr(run, "LocalEngine", engine_of(FailsOnce, problems))
    out = tmp_path / "run"
    for updates in (1, 2):
        assert run.train_run(dataset, config(updates=updates), out, resume=updates > 1)
    with pytest.raises(TrainingError, match=r"the judge failed on 3 of \d+ completions"):
        run.train_run(dataset, config(updates=3), out, resume=True)
