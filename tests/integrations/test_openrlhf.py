"""OpenRLHF itself, as far as it goes without a GPU: its executor loads and calls the reward, its data set reads the export.

vLLM is not here: what it would generate is given, and where OpenRLHF only imports it, a name stands in for it.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from appsplus import jsonl
from appsplus.errors import InputError, SandboxError
from appsplus.integrations import openrlhf
from appsplus.integrations.rows import row_of
from tests.integrations.conftest import BREAKS, CASES, CODE, STDIN, Case, fenced

NEEDS = (
    "these tests drive OpenRLHF: pip install torch, then '.[test,openrlhf,verl]' and `pip install --no-deps openrlhf`"
)
PROMPT = "<|im_start|>user\nIs n above two?<|im_end|>\n<|im_start|>assistant\n"
LABEL = jsonl.dumps(row_of(STDIN))


@pytest.mark.parametrize(
    "end",
    [
        "",
        "<|im_end|>",
        "<|im_end|>\n<|endoftext|>",
        "</s>",
        "<｜end▁of▁sentence｜>",
        "<eos><pad><pad>",
        "<end_of_turn>\n",
    ],
)
def test_a_completion_is_what_follows_the_prompt_less_special_tokens_at_its_end(end: str) -> None:
    assert openrlhf.completion_of(f"{PROMPT}print('<|im_end|>')\n```{end}", PROMPT) == "print('<|im_end|>')\n```"


def test_of_a_prompt_that_was_cut_the_query_has_the_end() -> None:
    assert openrlhf.completion_of(f"{PROMPT[20:]}print(1)</s>", PROMPT) == "print(1)"
    doubled = "abcabc" * 5
    assert openrlhf.completion_of(f"{doubled[6:]}abcabc, and on", doubled) == ", and on"  # the longest end that fits
    with pytest.raises(InputError, match="does not begin with its prompt, nor with the end of it"):
        openrlhf.completion_of("something else, and much of it", PROMPT)


def test_nothing_takes_longer_than_its_length() -> None:
    long = "ab" * 200_000
    assert openrlhf.completion_of(long[1:] + "!", long) == "!"
    blank = " " * 400_000
    assert openrlhf.completion_of(f"{PROMPT}{blank}x{blank}", PROMPT) == f"{blank}x{blank}"
    assert openrlhf.completion_of(f"{PROMPT}{blank}x{'<pad> ' * 50_000}", PROMPT) == f"{blank}x"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_rewards_scores_and_logs_are_tensors(case: Case) -> None:
    torch = pytest.importorskip("torch", reason=NEEDS)
    queries = [f"{PROMPT}{case.completion}<|im_end|>", f"{PROMPT}{fenced(CODE)}<|im_end|>"]
    labels = [jsonl.dumps(row_of(case.problem)), LABEL]
    found = openrlhf.reward_func(queries, [PROMPT] * 2, labels, step=1)
    assert found["rewards"].equal(torch.tensor([case.reward, 1.0]))
    assert found["scores"].equal(torch.tensor([float(case.outcome == "accepted"), 1.0]))
    assert found["extra_logs"]["extraction_failed"].tolist() == [float(case.outcome == "extraction_failed"), 0.0]
    assert found["extra_logs"]["share_passed"].shape == (2,)


@pytest.mark.usefixtures("judge_fails")
def test_a_failure_of_the_judge_is_raised() -> None:
    pytest.importorskip("torch", reason=NEEDS)
    with pytest.raises(SandboxError, match="the worker is gone"):
        openrlhf.reward_func([PROMPT + fenced(CODE), PROMPT + BREAKS], [PROMPT] * 2, [LABEL] * 2)


@dataclass
class Engine:
    """What OpenRLHF asks vLLM for: a completion, by its tokens."""

    token_ids: list[int]

    async def generate(self, *_: Any, **__: Any) -> Any:
        output = SimpleNamespace(token_ids=self.token_ids, finish_reason="stop", logprobs=None)
        return SimpleNamespace(outputs=[output])


@pytest.fixture
def tokenizer() -> Any:
    pytest.importorskip("openrlhf", reason=NEEDS)
    from stepcoder.data import new_tokenizer

    return new_tokenizer([case.completion for case in CASES.values()], 400)


def executed(tokenizer: Any, completion: str, row: dict[str, Any]) -> dict[str, Any]:
    """What OpenRLHF's executor makes of a completion, reward and all."""
    from openrlhf.utils.agent import SingleTurnAgentExecutor

    ids = [*tokenizer(completion, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    executor = SingleTurnAgentExecutor([str(Path(openrlhf.__file__))])
    sampling = SimpleNamespace(max_tokens=1024, logprobs=None)
    run = executor.execute(row["prompt"], row["label"], sampling, 4096, tokenizer, Engine(ids))
    found: dict[str, Any] = asyncio.run(run)
    return found


@pytest.mark.filterwarnings("ignore")
def test_openrlhfs_executor_gets_the_reward_of_what_was_written(tokenizer: Any, exported: Callable[..., Path]) -> None:
    from openrlhf.datasets import PromptDataset
    from openrlhf.datasets.utils import blending_datasets

    data = SimpleNamespace(input_key="prompt", label_key="label", apply_chat_template=False, image_key="images")
    strategy = SimpleNamespace(args=SimpleNamespace(data=data), is_rank_0=lambda: False, print=lambda *_: None)
    rows = PromptDataset(blending_datasets(str(exported("openrlhf")), strategy=strategy), tokenizer, strategy)
    assert len(rows) == 3
    by_id = {jsonl.loads(label)["problem_id"]: {"prompt": text, "label": label} for _, text, label, _ in rows}
    for case in CASES.values():
        output = executed(tokenizer, case.completion, by_id[case.problem.problem_id])
        assert output["reward"].item() == pytest.approx(case.reward)
        assert output["scores"].item() == float(case.outcome == "accepted")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("judge_fails")
def test_openrlhf_has_no_reward_where_the_judge_failed(tokenizer: Any) -> None:
    output = executed(tokenizer, BREAKS, {"prompt": "?", "label": LABEL})
    assert (output["reward"], output["scores"], output["extra_logs"]) == (None, None, {})


@pytest.mark.filterwarnings("ignore")
def test_openrlhf_makes_an_experience_of_it(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = ModuleType("vllm")
    for name in ("SamplingParams", "TokensPrompt", "random_uuid"):
        setattr(stand_in, name, object)
    for name in ("vllm", "vllm.inputs", "vllm.utils"):
        monkeypatch.setitem(sys.modules, name, stand_in)
    from openrlhf.trainer.ppo_utils.samples_generator import SamplesGenerator

    output = executed(tokenizer, fenced("print('big')"), {"prompt": "?", "label": LABEL})
    experience = SamplesGenerator._process_response_into_experience(None, output, max_len=4096)
    assert experience.rewards.tolist() == pytest.approx([-0.3])
    assert experience.scores.tolist() == [0.0]
    assert experience.info["share_passed"].tolist() == [0.5]
