"""A local model: what it reads, how its tokens are drawn, where it ends, and that nothing depends on what else is made."""

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="local sampling needs torch: pip install torch, then '.[sample]'")
pytest.importorskip("transformers", reason="local sampling needs transformers: pip install '.[sample]'")

from appsplus.errors import InputError
from appsplus.evaluation import prompts
from appsplus.evaluation.backends import Request, Sampling
from appsplus.evaluation.backends.local import LocalModel, drawn, fingerprint
from appsplus.evaluation.sample_file import Sample
from appsplus.evaluation.sampling import Plan, make_samples
from tests.evaluation.sampling.conftest import make_call, make_problem

WARM = Sampling(temperature=1.0, top_p=0.95, max_tokens=24)
COLD = Sampling(temperature=0.0, top_p=1.0, max_tokens=24)


def requests(num_samples: int = 2, problems: int = 3) -> list[Request]:
    asked = [
        make_problem(0),
        make_call(1),
        make_problem(2, description="short\n"),
        *map(make_problem, range(3, problems)),
    ]
    return [Request(p, (), i, 100 * n + i) for n, p in enumerate(asked[:problems]) for i in range(num_samples)]


def run(model: LocalModel, asked: list[Request], done: set[Any] | None = None) -> list[Sample]:
    made: list[Sample] = []
    assert model.run(asked, done or set(), made.extend) == []
    return made


def test_each_sample_has_its_own_chance_whatever_is_beside_it(make_model: Callable[..., Path]) -> None:
    name = str(make_model("plain"))
    asked = requests(num_samples=3)
    together = run(LocalModel(name, WARM, batch=9), asked)
    assert len({sample.completion for sample in together}) == 9
    for batch in (1, 2, 4):
        assert run(LocalModel(name, WARM, batch=batch), asked) == together
    assert run(LocalModel(name, WARM, batch=4), asked[::-1]) == together[::-1]
    other = [Request(r.problem, r.shots, r.sample_index, r.seed + 1) for r in asked]
    assert all(a.completion != b.completion for a, b in zip(run(LocalModel(name, WARM), other), together, strict=True))


def test_what_was_made_is_not_made_again_and_the_rest_comes_out_the_same(make_model: Callable[..., Path]) -> None:
    model = LocalModel(str(make_model("plain")), WARM, batch=4)
    asked = requests(num_samples=4)
    whole = run(model, asked)
    for missing in ([], [0], [3, 4, 11], range(12)):
        done = {r.key for i, r in enumerate(asked) if i not in missing}
        assert run(model, asked, done) == [whole[i] for i in missing]


def test_a_run_that_is_stopped_at_any_batch_gives_the_same_bytes(
    make_model: Callable[..., Path], dataset: Path, tmp_path: Path
) -> None:
    plan = Plan(dataset, WARM, "all", 2, seed=5)
    model = LocalModel(str(make_model("plain")), WARM, batch=3)
    make_samples(plan, model, tmp_path / "whole.jsonl", command="c")
    calls = 0
    real = model._written

    def stops(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls % 2 == 0:
            raise KeyboardInterrupt
        return real(*arguments)

    model._written = stops  # type: ignore[method-assign]
    out = tmp_path / "stopped.jsonl"
    stopped = 0
    while True:
        try:
            done = make_samples(plan, model, out, command="c")
            break
        except KeyboardInterrupt:
            stopped += 1
    assert stopped == 4
    assert done.num_samples == 14
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert [json.loads(line)["problem_id"] for line in out.read_text().splitlines()][::2] == [
        f"made/{n}" for n in (10, 11, 12, 13, 0, 1, 2)
    ]


def test_the_likeliest_tokens_are_those_of_transformers_own_generate(make_model: Callable[..., Path]) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = make_model("plain")
    lm, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    ours = run(LocalModel(str(folder), COLD, batch=3), requests(num_samples=1))
    for request, sample in zip(requests(num_samples=1), ours, strict=True):
        ids = torch.tensor([prompts.token_ids(prompts.continued_text(request.problem), tokenizer)])
        out = lm.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=24)
        text = tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
        assert text.startswith(sample.completion.removeprefix("```python\n"))
        assert sample.completion == "```python\n" + text or "```" in sample.completion[10:]
        assert sample.prompt_sha256 == prompts.prompt_hash(prompts.continued_text(request.problem))


def test_tokens_are_drawn_with_the_probabilities_of_the_nucleus() -> None:
    logits = torch.tensor([[0.05, 0.5, 0.15, 0.3]]).log()
    rng = random.Random(0)
    numbers = torch.tensor([rng.random() for _ in range(4000)], dtype=torch.float64)
    for top_p, shares in ((1.0, {1: 0.5, 3: 0.3, 2: 0.15, 0: 0.05}), (0.79, {1: 0.625, 3: 0.375}), (0.2, {1: 1.0})):
        tokens = drawn(logits.repeat(4000, 1), numbers, temperature=1.0, top_p=top_p).tolist()
        counts = Counter(tokens)
        assert set(counts) == set(shares)
        for token, share in shares.items():
            assert counts[token] / 4000 == pytest.approx(share, abs=0.03)
    colder = drawn(logits.repeat(4000, 1), numbers, temperature=0.5, top_p=0.79)  # 25 : 9
    assert (colder == 1).float().mean().item() == pytest.approx(25 / 34, abs=0.03)


@pytest.mark.parametrize(
    ("number", "token"), [(0.0, 1), (0.49, 1), (0.51, 3), (0.79, 3), (0.81, 2), (0.94, 2), (0.96, 0), (1 - 2**-53, 0)]
)
def test_a_number_falls_into_the_share_of_one_token(number: float, token: int) -> None:
    logits = torch.tensor([[0.05, 0.5, 0.15, 0.3]]).log()
    assert drawn(logits, torch.tensor([number], dtype=torch.float64), temperature=1.0, top_p=1.0).tolist() == [token]


def test_a_chat_model_reads_its_template_and_begins_in_a_block_unless_told_otherwise(
    make_model: Callable[..., Path],
) -> None:
    name = str(make_model("chat", chat=True))
    asked = requests(num_samples=1)
    question = prompts.chat_messages(asked[0].problem)[0]["content"]
    begun, free = LocalModel(name, WARM), LocalModel(name, WARM, open_block=False)
    one, other = run(begun, asked)[0], run(free, asked)[0]
    assert one.prompt_sha256 == prompts.prompt_hash(f"<user>{question}<assistant>```python\n")
    assert other.prompt_sha256 == prompts.prompt_hash(f"<user>{question}<assistant>")
    assert one.completion.startswith("```python\n")
    assert (begun.facts["prompt"], free.facts["prompt"]) == ("chat, block opened", "chat")
    assert LocalModel(str(make_model("plain")), WARM, open_block=False).facts["prompt"] == "continued"


class _Scripted:
    """Replaces the model's choice: row by row, the tokens of given texts."""

    def __init__(self, model: LocalModel, texts: list[str], prompt_tokens: int) -> None:
        tokenizer = model._tokenizer
        self._rows = [tokenizer(text, add_special_tokens=False)["input_ids"] + [5] * 40 for text in texts]
        self._prompt_tokens = prompt_tokens

    def __call__(self, ids: Any, scores: Any) -> Any:
        at = ids.shape[1] - self._prompt_tokens
        chosen = torch.tensor([row[at] for row in self._rows])
        return torch.full_like(scores, -torch.inf).scatter(1, chosen.unsqueeze(1), 0.0)


@pytest.mark.parametrize("open_block", [True, False])
def test_a_completion_ends_with_its_block_or_with_the_text(
    make_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, open_block: bool
) -> None:
    from appsplus.evaluation.backends import local

    model = LocalModel(str(make_model("chat", chat=True)), COLD, batch=3, open_block=open_block)
    end = model._tokenizer.eos_token
    texts = [f"n = 1\n```\nmore {end} x", f"x {end} y", "n = 1\nn = 2\n"]
    monkeypatch.setattr(local, "_Draw", lambda _s, _seeds, prompt_tokens, _d: _Scripted(model, texts, prompt_tokens))
    made = run(model, requests(num_samples=1))
    opening = "```python\n" if open_block else ""
    assert made[0].completion == (f"{opening}n = 1\n```" if open_block else "n = 1\n```\nmore ")
    assert (made[1].completion, made[1].finish_reason) == (f"{opening}x ", "stop")
    assert made[0].finish_reason == "stop"
    assert (made[2].finish_reason, len(made[2].completion) > 20) == ("length", True)


def test_a_problem_longer_than_the_model_reads_is_refused_and_the_others_are_made(
    make_model: Callable[..., Path],
) -> None:
    model = LocalModel(str(make_model("plain")), WARM)
    long = Request(make_problem(9, description="word " * 800), (), 0, 0)
    made: list[Sample] = []
    [refusal] = model.run([*requests(1), long], set(), made.extend)
    assert refusal.request is long
    assert refusal.detail.endswith("tokens of prompt and 24 of completion are more than the 800 that the model reads")
    assert len(made) == 3
    with pytest.raises(InputError, match="that the model reads; give a smaller --max-tokens"):
        model.run([long], set(), made.extend)


def test_models_are_told_apart_and_no_path_of_this_machine_is_in_the_facts(
    make_model: Callable[..., Path], tmp_path: Path
) -> None:
    one, two = make_model("plain"), make_model("other", seed=1)
    assert fingerprint(one) != fingerprint(two)
    facts = LocalModel(str(one), WARM).facts
    assert facts["name"].endswith("/plain")
    assert str(one.parent) not in json.dumps(facts)
    assert facts["fingerprint"] == fingerprint(one)


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_what_is_no_model_is_said_in_one_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        InputError, match=rf"--model hf:.*{name} cannot be loaded: .*; expected a folder or a Hub id"
    ) as told:
        LocalModel(str(tmp_path / name), WARM)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"dtype": "nonsense"}, "--dtype nonsense is no type of torch; expected auto, float32, bfloat16 or float16"),
        ({"dtype": "tensor"}, "--dtype tensor is no type of torch"),
        ({"device": "nonsense"}, "cannot be loaded: .* and a --device that this machine has"),
    ],
)
def test_a_type_or_device_that_does_not_exist_is_said(
    make_model: Callable[..., Path], options: dict[str, str], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        LocalModel(str(make_model("plain")), WARM, **options)
