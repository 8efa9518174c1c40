"""verl itself: its loader of reward functions, its reward manager and its data set, on what we export."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsplus import jsonl
from appsplus.errors import InputError, SandboxError
from appsplus.integrations.rows import row_of
from appsplus.integrations.verl import compute_score
from tests.integrations.conftest import BREAKS, CASES, CODE, STDIN, Case, fenced

NEEDS = "these tests drive verl: pip install torch, then '.[test,verl]'"
CHAT = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}assistant:"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_score_is_the_reward(case: Case) -> None:
    found = compute_score("appsplus", case.completion, jsonl.dumps(row_of(case.problem)), {"index": 0}, num_turns=1)
    assert (found["score"], found["verdict"]) == (case.reward, case.outcome)
    assert found.keys() == {
        "score",
        "acc",
        "share_passed",
        "verdict",
    }  # the same in each, as verl puts them into columns
    assert found["acc"] == float(case.outcome == "accepted")


def test_the_variant_comes_from_reward_kwargs() -> None:
    ground_truth = jsonl.dumps(row_of(STDIN))
    assert compute_score("appsplus", fenced("1"), ground_truth, variant="binary")["score"] == 0.0
    with pytest.raises(InputError, match="'shaped' is not known"):
        compute_score("appsplus", fenced("1"), ground_truth, variant="shaped")


@pytest.mark.usefixtures("judge_fails")
def test_a_failure_of_the_judge_is_raised() -> None:
    with pytest.raises(SandboxError, match="the worker is gone"):
        compute_score("appsplus", BREAKS, jsonl.dumps(row_of(STDIN)))


@pytest.fixture
def tokenizer() -> Any:
    """A tokenizer that gives back every text, with a chat template."""
    pytest.importorskip("verl", reason=NEEDS)
    from stepcoder.data import new_tokenizer

    made = new_tokenizer([case.completion for case in CASES.values()], 400)
    made.chat_template = CHAT
    return made


def manager(tokenizer: Any, **reward_kwargs: Any) -> Any:
    """The reward manager that verl makes of its configuration, with our function."""
    from omegaconf import OmegaConf
    from verl.trainer.ppo.reward import load_reward_manager

    function = {"path": "pkg://appsplus.integrations.verl", "name": "compute_score", "reward_kwargs": reward_kwargs}
    kind = {"source": "register", "name": "naive"}
    config = OmegaConf.create({"reward": {"custom_reward_function": function, "reward_manager": kind}})
    return load_reward_manager(config, tokenizer)


def rollout(tokenizer: Any, row: dict[str, Any], completion: str) -> Any:
    """What verl has of one completion when it asks for its reward."""
    import torch
    from verl import DataProto

    ids = [*tokenizer(completion, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    prompt = [1, 2, 3]
    tensors = {
        "prompts": torch.tensor([prompt]),
        "responses": torch.tensor([ids + [tokenizer.pad_token_id] * 4]),
        "attention_mask": torch.tensor([[1] * (len(prompt) + len(ids)) + [0] * 4]),
    }
    fields = {name: row[name] for name in ("data_source", "reward_model", "extra_info")}
    return DataProto.from_dict(tensors=tensors, non_tensors={name: _column(value) for name, value in fields.items()})


def _column(value: Any) -> Any:
    import numpy as np

    return np.fromiter([value], dtype=object, count=1)


@pytest.mark.filterwarnings("ignore")
def test_verls_data_set_and_reward_manager_take_what_we_export(
    tokenizer: Any, exported: Callable[..., Path], tmp_path: Path
) -> None:
    from omegaconf import OmegaConf
    from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn

    files = str(exported("verl") / "train.parquet")
    config = OmegaConf.create(
        {"cache_dir": str(tmp_path / "cache"), "max_prompt_length": 4096, "filter_overlong_prompts_workers": 1}
    )
    rows = RLHFDataset(files, tokenizer, config)
    assert [row["extra_info"]["problem_id"] for row in rows] == ["made/stdin", "made/call", "made/checked"]
    assert rows[0]["raw_prompt"][0]["content"].endswith("is n above two?\n\n")
    assert len(collate_fn([rows[0], rows[1]])["reward_model"]) == 2
    by_id = {row["extra_info"]["problem_id"]: row for row in rows}

    async def scores() -> list[dict[str, Any]]:
        asked = manager(tokenizer)  # it takes the running loop
        several = (
            asked.run_single(rollout(tokenizer, by_id[case.problem.problem_id], case.completion))
            for case in CASES.values()
        )
        return await asyncio.gather(*several)

    found = asyncio.run(scores())
    assert [one["reward_score"] for one in found] == [case.reward for case in CASES.values()]
    assert [one["reward_extra_info"]["verdict"] for one in found] == [case.outcome for case in CASES.values()]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("judge_fails")
def test_verls_reward_manager_raises_what_the_judge_raises(tokenizer: Any, exported: Callable[..., Path]) -> None:
    import pyarrow.parquet as pq

    [row, *_] = pq.read_table(exported("verl") / "train.parquet").to_pylist()

    async def scores(*texts: str) -> list[dict[str, Any]]:
        asked = manager(tokenizer, variant="binary")
        return await asyncio.gather(*(asked.run_single(rollout(tokenizer, row, text)) for text in texts))

    [good, bad] = asyncio.run(scores(fenced(CODE), fenced("1")))
    assert (good["reward_score"], bad["reward_score"]) == (1.0, 0.0)
    with pytest.raises(SandboxError, match="the worker is gone"):
        asyncio.run(scores(fenced(CODE), BREAKS))
