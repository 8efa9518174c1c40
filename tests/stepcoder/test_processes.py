"""Several processes: plain data parallelism and FSDP, on gloo."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from safetensors.torch import load_file

from appsplus.problem import Problem
from stepcoder import processes, run
from stepcoder.config import SftConfig, TrainConfig, configured
from stepcoder.errors import ConfigError
from stepcoder.report import read_lines
from tests.stepcoder.conftest import TINY, metrics

ROOT = Path(__file__).resolve().parents[2]


def launched(dataset: Path, out: Path, kind: str, updates: int, *method: str) -> list[dict[str, Any]]:
    """The numbers of a run in two processes, of a new one or one that goes on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = ROOT / "tests" / "stepcoder" / "two_processes.py"
    command = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    command += ["--master_port", str(port), str(script), str(dataset), str(out), kind, str(updates), *method]
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    return metrics(out)


def final_weights(out: Path) -> dict[str, Any]:
    return load_file(str(out / "final" / "model.safetensors"))


def test_fsdp_and_plain_data_parallelism_give_the_same_numbers(
    problems: list[Problem], write_dataset: Callable[..., Path], tmp_path: Path
) -> None:
    dataset = write_dataset(problems)
    plain, sharded = tmp_path / "plain", tmp_path / "sharded"
    expected, found = launched(dataset, plain, "ddp", 2), launched(dataset, sharded, "fsdp", 2)
    assert [n["update"] for n in found] == [1, 2]
    for one, other in zip(expected, found, strict=True):
        assert sum(one["levels"].values()) == 4
        for name in ("reward_mean", "pass_rate", "executed_share", "policy_loss", "value_loss", "gradient_norm", "kl"):
            assert other[name] == pytest.approx(one[name], rel=1e-3, abs=1e-5), name
    weights, whole = final_weights(plain), final_weights(sharded)
    assert whole.keys() == weights.keys()
    apart = torch.cat([(whole[name] - weights[name]).abs().flatten() for name in weights])
    assert (
        apart > 1e-4
    ).float().mean() < 0.01  # where a gradient is next to nothing, Adam's first steps are its sign alone


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_a_resumed_run_of_two_processes_gives_the_same_numbers_as_an_unbroken_one(
    problems: list[Problem], write_dataset: Callable[..., Path], tmp_path: Path, kind: str
) -> None:
    dataset = write_dataset(problems)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = launched(dataset, whole, kind, 2)
    assert launched(dataset, broken, kind, 1) == expected[:1]
    before = final_weights(broken)
    assert launched(dataset, broken, kind, 2) == expected
    weights, again = final_weights(whole), final_weights(broken)
    assert all(torch.equal(again[name], weight) for name, weight in weights.items())
    assert not all(torch.equal(before[name], weight) for name, weight in weights.items())


@pytest.mark.parametrize(
    ("version", "changes", "told"),
    [
        (1, {}, "FSDP version 1 is not known here"),
        (2, {"lora_rank": 4}, "--lora-rank, which --preset small has, does not go with FSDP"),
    ],
)
def test_what_does_not_go_with_fsdp_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: int, changes: dict[str, Any], told: str
) -> None:
    plugin = SimpleNamespace(fsdp_version=version)
    found = SimpleNamespace(distributed_type="DistributedType.FSDP", state=SimpleNamespace(fsdp_plugin=plugin))
    monkeypatch.setattr(processes, "Accelerator", lambda **_: found)
    with pytest.raises(ConfigError, match=told):
        processes.new_accelerator(configured(TrainConfig, "tiny", TINY | changes), tmp_path)


@pytest.mark.parametrize("method", ["grpo+fgo", "coderl"])
def test_methods_without_values_give_the_same_numbers_sharded_or_not(
    problems: list[Problem], write_dataset: Callable[..., Path], tmp_path: Path, method: str
) -> None:
    """Completions of one prompt lie in both processes, so a group is compared across them; so are a critic's gradients."""
    dataset = write_dataset(problems)
    [expected] = launched(dataset, tmp_path / "plain", "ddp", 1, method)
    [found] = launched(dataset, tmp_path / "sharded", "fsdp", 1, method)
    names = {"reward_mean", "policy_loss", "gradient_norm", "kl_loss"}
    if method == "coderl":
        names |= {"outcome_loss", "outcome_weight", "greedy_reward", "ground_truth_loss"}
    for name in names:
        assert found[name] == pytest.approx(expected[name], rel=1e-3, abs=1e-5), name
    assert expected["mixed_share"] > 0
    assert expected["gradient_norm"] > 0
    one, other = ((tmp_path / "plain" / f"programs-{rank}.jsonl").read_text().splitlines() for rank in (0, 1))
    assert len(one) >= 4
    if method == "grpo+fgo":  # the other writes the likeliest completions, too
        assert set(one).isdisjoint(other)  # both have the same tasks, but random numbers of their own


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers' old name
def test_as_accelerate_launches_it_two_processes_train_adapters_as_one_does(
    problems: list[Problem], write_dataset: Callable[..., Path], tmp_path: Path
) -> None:
    """The command of README, as a user gives it."""
    dataset = write_dataset(problems)
    chosen = {k: v for k, v in TINY.items() if k in SftConfig.__slots__} | {"lora_rank": 2, "sft_epochs": 4}
    flags = [word for name, value in chosen.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    run.sft(str(dataset), configured(SftConfig, "tiny", chosen), tmp_path / "one", quiet=True)
    launch = [Path(sys.executable).with_name("accelerate"), "launch", "--cpu", "--num_processes", "2"]
    command = [*launch, "-m", "stepcoder", "sft", dataset, "--preset", "tiny", *flags, "--out", tmp_path / "two"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "HF_HOME": str(tmp_path / "hf")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    one, two = (list(read_lines(tmp_path / name / "sft.jsonl")) for name in ("one", "two"))
    assert [line["step"] for line in two] == [line["step"] for line in one]
    assert len(two) > 1
    assert [line["loss"] for line in two] == pytest.approx([line["loss"] for line in one], rel=1e-3)
    weights, theirs = final_weights(tmp_path / "one"), final_weights(tmp_path / "two")
    assert all(torch.allclose(weights[name], theirs[name], atol=1e-3) for name in weights)


def test_a_machine_s_cpus_are_shared_by_its_own_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes.processes_here(SimpleNamespace(num_processes=32)) == 32
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert processes.processes_here(SimpleNamespace(num_processes=32)) == 8
