"""TRL itself: two steps of GRPO from the command line, and FGO through its trainer."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import InputError
from appsplus.integrations import judges, trl
from appsplus.integrations.rows import COLUMNS, row_of
from appsplus.integrations.scoring import score
from tests.integrations.conftest import BREAKS, CASES, CODE, SETTINGS, STDIN, fenced

NEEDS = "these tests drive TRL: pip install torch, then '.[test,trl]'"
ROOT = Path(__file__).resolve().parents[2]


def columns(*problems: Any) -> dict[str, list[Any]]:
    rows = [row_of(problem) for problem in problems]
    return {name: [row[name] for row in rows] for name in COLUMNS}


def test_the_reward_takes_what_trl_hands_over() -> None:
    cases = list(CASES.values())
    given = columns(*(case.problem for case in cases))
    logged: dict[str, Any] = {}
    found = trl.reward(
        prompts=["?"] * len(cases),
        completions=[[{"role": "assistant", "content": case.completion}] for case in cases],
        completion_ids=[[1]] * len(cases),
        trainer_state=None,
        log_extra=logged.__setitem__,
        log_metric=logged.__setitem__,
        **given,
    )
    assert found == [case.reward for case in cases]
    assert logged["verdict"] == [case.outcome for case in cases]
    assert logged["appsplus/accepted"] == 3 / 9
    assert logged["appsplus/share_passed"] == 3.5 / 9  # one case passes one test of two
    assert logged["appsplus/extraction_failed"] == 2 / 9
    assert logged["appsplus/judge_failed"] == 0.0


@pytest.mark.usefixtures("judge_fails")
def test_what_the_judge_fails_on_is_none() -> None:
    logged: dict[str, Any] = {}
    given = columns(STDIN, STDIN)
    texts = [fenced(CODE), BREAKS]
    assert trl.reward(["?"] * 2, texts, log_extra=logged.__setitem__, log_metric=logged.__setitem__, **given) == [
        1.0,
        None,
    ]
    assert logged["verdict"] == ["accepted", "judge_failed"]
    assert (logged["appsplus/judge_failed"], logged["appsplus/accepted"]) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("as it is", "as it is"),
        ([{"role": "assistant", "content": "said"}], "said"),
        ([{"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "image"}]}], "a"),
        ([{"role": "assistant", "content": None, "tool_calls": []}], ""),
        ([], ""),
    ],
)
def test_the_text_of_a_completion_is_what_the_last_message_says(completion: Any, text: str) -> None:
    assert trl.text_of(completion) == text


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    """A Llama of two layers with its own tokenizer, in a folder."""
    pytest.importorskip("trl", reason=NEEDS)
    from transformers import LlamaConfig, LlamaForCausalLM

    from stepcoder.data import new_tokenizer

    tokenizer = new_tokenizer([CODE, fenced(CODE), STDIN.description], 400)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path / "tiny")
    tokenizer.save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def test_two_steps_of_grpo_from_the_command_line(
    tiny_model: Path, exported: Callable[..., Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    words = [Path(sys.executable).parent / "trl", "grpo", "--model_name_or_path", tiny_model]
    words += ["--dataset_name", exported("trl", prompt="continued")]
    words += ["--reward_funcs", "appsplus.integrations.trl.reward"]
    words += ["--output_dir", run, "--max_steps", 2, "--num_generations", 2, "--per_device_train_batch_size", 4]
    words += [
        "--max_completion_length",
        16,
        "--logging_steps",
        1,
        "--use_cpu",
        "--report_to",
        "none",
        "--bf16",
        "false",
    ]
    offline = {"HF_HUB_OFFLINE": "1", "APPSPLUS_ISOLATION": "best-effort", "TOKENIZERS_PARALLELISM": "false"}
    ran = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, cwd=ROOT, env={**os.environ, **offline}
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    [state] = run.glob("checkpoint-*/trainer_state.json")
    history = [entry for entry in json.loads(state.read_text())["log_history"] if "reward" in entry]
    assert [entry["step"] for entry in history] == [1, 2]
    for entry in history:
        assert -1.0 <= entry["rewards/reward/mean"] <= 1.0
        assert entry["appsplus/judge_failed"] == 0.0
        assert math.isfinite(entry["loss"])


@pytest.mark.filterwarnings("ignore")
def test_grpo_with_fgo_keeps_executed_lines_in_the_loss(
    tiny_model: Path, exported: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    from datasets import load_dataset
    from transformers import AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    dead = "n = int(input())\nif n > 9:\n    print('never')\nprint('big')"
    texts = [f"{CODE}```", f"{dead}\n```"]  # right; wrong, with a line that no unit test reaches
    rows = load_dataset(str(exported("trl", prompt="continued", splits=("test",))))["test"]
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    settings = GRPOConfig(
        output_dir=str(tmp_path / "run"),
        max_steps=1,
        num_generations=2,
        per_device_train_batch_size=2,
        max_completion_length=64,
        use_cpu=True,
        bf16=False,
        report_to="none",
        logging_steps=1,
        beta=0.0,
    )
    trainer = GRPOTrainer(
        model=str(tiny_model),
        processing_class=tokenizer,
        reward_funcs=trl.reward,
        args=settings,
        train_dataset=rows,
        rollout_func=trl.executed_lines_rollout(rows),
    )
    written = [[*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id] for text in texts]
    trainer._generate_single_turn = lambda ids, *_: (written[: len(ids)], None)
    seen: list[dict[str, Any]] = []
    compute = trainer._generate_and_score_completions
    trainer._generate_and_score_completions = lambda inputs: seen.append(compute(inputs)) or seen[-1]
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    trainer.train()

    [batch] = seen
    right, wrong = (
        "".join(tokenizer.decode([token]) for token, keep in zip(ids, mask, strict=False) if keep)
        for ids, mask in zip(written, batch["tool_mask"].tolist(), strict=True)
    )
    assert right == texts[0] + tokenizer.eos_token
    assert "never" not in wrong and wrong.startswith("n = int(input())\nif n > 9:\n") and "print('big')\n```" in wrong
    [entry] = [entry for entry in trainer.state.log_history if "reward" in entry]
    assert entry["reward"] == pytest.approx(0.35)  # 1.0 and -0.3
    assert entry["appsplus/accepted"] == 0.5
    assert any(not value.equal(before[name]) for name, value in trainer.model.named_parameters())


def test_a_mask_has_a_number_for_each_token_and_the_score_is_the_rewards(tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    for case in CASES.values():
        ids = tokenizer(case.completion, add_special_tokens=False)["input_ids"]
        mask, scored = trl.executed_mask(row_of(case.problem), ids, tokenizer)
        assert len(mask) == len(ids)
        assert set(mask) <= {0, 1}
        assert scored == score(row_of(case.problem), case.completion)


@pytest.mark.usefixtures("judge_fails")
def test_a_rollout_whose_judge_fails_keeps_all_tokens_and_gives_no_reward(tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    judges.configure(SETTINGS)
    written = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in (fenced(CODE), BREAKS)]

    class Trainer:
        processing_class, num_generations, num_generations_eval = tokenizer, 2, 1

        class model:  # noqa: N801
            training = True

        def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
            return [[1]] * len(prompts), None, {}

        def _generate_single_turn(self, ids: Any, *_: Any) -> tuple[Any, None]:
            return written[: len(ids)], None

    rollout = trl.executed_lines_rollout([{"prompt": "?", **row_of(STDIN)}])
    output = rollout(["?", "?"], Trainer())
    assert output["env_mask"][1] == [1] * len(written[1])
    given = columns(STDIN, STDIN)
    found = trl.reward(["?"] * 2, ["", ""], appsplus_scored=output["appsplus_scored"], **given)
    assert found == [1.0, None]
    with pytest.raises(InputError, match="a prompt that is not in the dataset"):
        rollout(["another"], Trainer())
