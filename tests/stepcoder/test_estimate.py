"""Memory and hours that a run would take, and the refusal of a model that does not fit."""

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from types import SimpleNamespace

from stepcoder import estimate
from stepcoder.config import TrainConfig, configured
from stepcoder.errors import ConfigError

SHAPE = estimate.Shape(parameters=1 << 30, adapters=1 << 20, layers=10, width=64, vocab_tokens=1000)


def config(**changes: Any) -> TrainConfig:
    return configured(TrainConfig, "tiny", {"value_coef": 0.5, **changes})


@pytest.mark.parametrize(
    ("changes", "processes", "gib"),
    [
        ({}, 1, 16 + 4),  # trained, and the reference
        ({"critic": "separate"}, 1, 2 * 16 + 4),
        (
            {"critic": "separate"},
            4,
            2 * 16 / 4 + 4 + 4,
        ),  # the reference is whole in all, and so is the policy that writes
        ({"critic": "separate", "dtype": "bfloat16"}, 4, 2 * 18 / 4 + 2 + 2),
        ({"method": "coderl"}, 1, 2 * 16 + 4),
        ({"dense_reward": "prm", "prm": "x"}, 1, 16 + 4 + 4),
        ({"lora_rank": 16}, 1, 16 * 16 / 1024 + 4),
    ],
)
def test_what_a_run_cannot_do_without_is_counted_and_shared_as_fsdp_does(
    changes: dict[str, Any], processes: int, gib: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = "DistributedType.FSDP" if processes > 1 else "DistributedType.NO"
    accelerator = SimpleNamespace(num_processes=processes, distributed_type=kind, device=torch.device("cuda"))
    monkeypatch.setattr(estimate, "shape_of", lambda _config: SHAPE)
    monkeypatch.setattr(estimate, "memory_of", lambda _device: int(gib * 2**30) + 1)
    estimate.check_fits(config(**changes), accelerator)
    monkeypatch.setattr(estimate, "memory_of", lambda _device: int(gib * 2**30) - 2**20)
    with pytest.raises(ConfigError, match=f"the model does not fit: .* take {gib:,.1f} GiB"):
        estimate.check_fits(config(**changes), accelerator)


def test_hours_are_of_the_longest_rows_and_of_all_that_is_written() -> None:
    plain = config(method="ppo+fgo", sft_epochs=0)
    given = config(method="stepcoder", sft_epochs=0)
    hours = {c.method: estimate.hours_of(SHAPE, c, 100, 1e12) for c in (plain, given)}
    longer = estimate.row_tokens(given) / estimate.row_tokens(plain)
    assert longer == (400 + 2 * 150) / (400 + 150)
    for what in ("PPO", "generation"):
        assert hours["stepcoder"][what] / hours["ppo+fgo"][what] == pytest.approx(longer)
    tokens = plain.updates * plain.completions * 550
    assert hours["ppo+fgo"]["generation"] == pytest.approx(tokens * 2 * SHAPE.parameters / (0.05 * 1e12) / 3600)
    held_out = config(method="ppo+fgo", sft_epochs=0, validate_every=7, validation_completions=3)
    more = estimate.hours_of(SHAPE, held_out, 100, 1e12, validated=20)
    share = (plain.updates // 7) * 20 * 3 / (plain.updates * plain.completions)
    assert more["generation"] / hours["ppo+fgo"]["generation"] == pytest.approx(1 + share)
    assert math.isclose(more["PPO"], hours["ppo+fgo"]["PPO"])
