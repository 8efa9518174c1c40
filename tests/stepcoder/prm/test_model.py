"""A reward model given perfect labels ranks prefixes perfectly; a search without a choice is greedy decoding."""

from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("transformers", reason="the trainer's tests need transformers: pip install '.[train]'")

from appsplus.problem import Problem
from stepcoder.config import SftConfig
from stepcoder.data import new_tokenizer, tokenizer_texts
from stepcoder.policy import Policy, new_config, new_model
from stepcoder.prm import reranking
from stepcoder.prm.measures import auroc, measured
from stepcoder.prm.model import RewardModel, line_scores
from stepcoder.prm.options import PrmConfig
from stepcoder.prm.reranking import Candidate, best, ranked, search_lines
from stepcoder.prm.training import _step, learn, scored_ends
from stepcoder.rollouts import Decoding, Task, generate
from tests.stepcoder.prm.conftest import LINES, tokens_of

ALL = list(product((0, 1), repeat=LINES))
RIGHT = [(0, 1, 1, 0), (1, 1, 0, 0)]


def row(program: tuple[int, ...]) -> dict[str, Any]:
    """A response with the labels that exhaustive completions give it; a comment after its second line."""
    good = max(
        sum(all(program[: n + 1] == other[: n + 1] for n in range(m)) for m in range(1, LINES + 1)) for other in RIGHT
    )
    ids = list(tokens_of(program))
    ids[4:4] = [5, 4]
    return {
        "prompt_ids": [6, 6, 6],
        "token_ids": ids,
        "line_numbers": [1, 2, 3, 4, 5],
        "line_tokens": [1, 3, 5, 7, 9],
        "labels": [*(1 if n < good else -1 for n in range(2)), 0, *(1 if n < good else -1 for n in range(2, LINES))],
        "lines": 5,
        "difficulty": "x",
    }


class Multiplied(torch.nn.Module):
    """Scores w times the number of each token."""

    def __init__(self) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, ids: torch.Tensor, _attention: torch.Tensor) -> torch.Tensor:
        return self.w * ids


@pytest.mark.parametrize("micro_rows", [1, 8])
def test_a_step_descends_the_mean_squared_error_of_all_line_ends_of_the_batch(micro_rows: int) -> None:
    """w = 0.5, scores 0.5, 1 and 1.5 at tokens 1, 2 and 3, labels 1, -1 and 0: (0.25 + 4 + 2.25) / 3. By w the gradient is
    2 (-0.5 x 1 + 2 x 2 + 1.5 x 3) / 3 = 16 / 3; of length at most 2 it is 2; at a rate of 0.1, w falls to 0.3.
    """
    rows = [
        {"prompt_ids": [7], "token_ids": [1, 6, 2], "line_tokens": [0, 2], "labels": [1, -1]},
        {"prompt_ids": [7, 7, 7], "token_ids": [3, 6], "line_tokens": [0], "labels": [0]},
    ]
    for most, w in ((100.0, 0.5 - 1.6 / 3), (2.0, 0.3)):
        model: Any = Multiplied()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        loss = _step(model, optimizer, rows, PrmConfig(micro_rows=micro_rows, max_grad_norm=most), 0)
        assert loss == pytest.approx(6.5 / 3)
        assert model.w.item() == pytest.approx(w, abs=1e-5)


def test_a_reward_model_with_perfect_labels_ranks_prefixes_perfectly(tmp_path: Path) -> None:
    from transformers import LlamaForCausalLM

    torch.manual_seed(0)
    sizes = SftConfig(hidden_size=32, layers=2, heads=2)
    model = RewardModel(Policy(LlamaForCausalLM(new_config(sizes, 8, eos=2, pad=3))))
    rows = [row(program) for program in ALL]
    before = [s for s in scored_ends(model.eval(), rows, 3, 8) if s.label]
    assert auroc(before) == 0.5  # a head of zeros knows nothing
    config = PrmConfig(epochs=40, batch_responses=4, learning_rate=3e-3, head_learning_rate=1e-2, checkpoint_every=1000)
    learn(model, rows, config, tmp_path, 3, lambda *_: None)
    found = measured(scored_ends(model.eval(), rows, 3, 5))
    assert found["auroc"] == 1.0
    assert found["accuracy"] == 1.0
    assert found["neutral_error"] < 0.3


def test_scores_do_not_depend_on_what_is_read_beside_them() -> None:
    from transformers import LlamaForCausalLM

    torch.manual_seed(0)
    model = RewardModel(
        Policy(LlamaForCausalLM(new_config(SftConfig(hidden_size=32, layers=1, heads=2), 8, eos=2, pad=3)))
    )
    torch.nn.init.normal_(model.policy.value_head.weight, std=0.1)
    prompts, responses, ends = [[6], [6, 6, 6]], [[0, 4, 1], [1, 4, 0, 4, 2]], [[1], [1, 3]]
    options: dict[str, Any] = {"pad_id": 3, "device": torch.device("cpu")}
    together = line_scores(model, prompts, responses, ends, rows=2, **options)
    alone = line_scores(model, prompts, responses, ends, rows=1, **options)
    assert [len(of) for of in together] == [1, 2]
    for one, other in zip(together, alone, strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    assert line_scores(model, [[6]], [[2]], [[]], rows=1, **options) == [[]]


@pytest.fixture
def policy(problems: list[Problem]) -> tuple[Any, Any]:
    tokenizer = new_tokenizer(tokenizer_texts(problems), 400)
    torch.manual_seed(3)
    lm = new_model(SftConfig(hidden_size=32, layers=1, heads=2), tokenizer)
    for p in lm.parameters():
        if p.ndim > 1:
            torch.nn.init.normal_(p, std=0.2)
    return lm.eval(), tokenizer


def zeros(prompts: Any, responses: Any, ends: Any) -> list[list[float]]:
    return [[0.0] * len(of) for of in ends]


def test_a_search_of_one_likeliest_line_at_a_time_writes_what_greedy_decoding_does(
    policy: tuple[Any, Any], problems: list[Problem]
) -> None:
    lm, tokenizer = policy
    tasks = [Task.of(problem, (20, 0), 1 + i % 2, tokenizer) for i, problem in enumerate(problems)]
    greedy = generate(lm, tokenizer, tasks, max_tokens=24, temperature=0.0, top_p=1.0)
    for batch in (1, 2, 64):
        found = search_lines(lm, tokenizer, tasks, zeros, width=1, tries=1, decoding=Decoding(0.0, 1.0, 24, batch))
        assert [c.ids for [c] in found] == [c.ids for c in greedy]
        assert all(c.ended for [c] in found)


def test_a_search_ends_where_the_model_reads_no_further(policy: tuple[Any, Any], problems: list[Problem]) -> None:
    lm, tokenizer = policy
    tasks = [Task.of(problem, (0,), 1, tokenizer) for problem in problems[:2]]
    tasks.append(replace(tasks[0], ids=tasks[0].ids * 40))
    context = max(len(task.ids) for task in tasks[:2]) + 9
    lm.config.max_position_embeddings = context
    assert len(tasks[2].ids) > context
    decoding = Decoding(1.0, 1.0, max_tokens=30, batch=16)
    found = search_lines(lm, tokenizer, tasks, zeros, width=2, tries=3, decoding=decoding)
    assert all(
        c.ended and len(task.ids) + len(c.ids) <= context
        for task, of in zip(tasks[:2], found, strict=False)
        for c in of
    )
    assert [c.ids for c in found[2]] == [()]


def test_a_search_keeps_what_the_reward_model_likes_best(policy: tuple[Any, Any], problems: list[Problem]) -> None:
    lm, tokenizer = policy

    def likes_few_tokens(prompts: Any, responses: Any, ends: Any) -> list[list[float]]:
        return [[-len(ids) / 100 for _ in of] for ids, of in zip(responses, ends, strict=True)]

    torch.manual_seed(0)
    task = Task.of(problems[0], (0,), 1, tokenizer)
    decoding = Decoding(1.0, 1.0, max_tokens=30, batch=16)
    [few] = search_lines(lm, tokenizer, [task], likes_few_tokens, width=2, tries=6, decoding=decoding)
    scores = [c.score for c in few]
    assert scores == sorted(scores, reverse=True)
    assert len(few) <= 2
    [any_] = search_lines(lm, tokenizer, [task], zeros, width=2, tries=6, decoding=decoding)
    assert min(len(c.ids) for c in few) <= min(len(c.ids) for c in any_)


NEXT = {  # of a prefix, by its last line: the two lines that are tried after it
    "": ("a = 1\n", "b = 2\n"),
    "b = 2": ("b1 = 1\n", "b2 = 1\n"),
    "a = 1": ("a1 = 1\n", "a2 = 1\n"),
    "a1 = 1": ("```", "x = 1\n"),
    "a2 = 1": ("y = 1\n", "```"),
    "y = 1": ("```", "z = 1\n"),
    "z = 1": ("```", "w = 1\n"),
}
WORTH = {
    "a = 1": 0.1, "b = 2": 0.9, "b1 = 1": -0.5, "b2 = 1": 0.2, "a1 = 1": 0.8, "a2 = 1": 0.7, "x = 1": 0.3, "y = 1": 0.75,
    "z = 1": 0.9, "w = 1": -1.0,
}  # fmt: skip


def test_of_all_that_is_tried_the_search_keeps_the_best_prefixes_wherever_they_come_from(
    policy: tuple[Any, Any], problems: list[Problem], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both that come from `b = 2`, the best line, are dropped; what has ended stays while it is among the best two."""
    lm, tokenizer = policy
    task = Task.of(problems[0], (0,), 1, tokenizer)
    asked: list[set[str]] = []

    def last_line(ids: Any) -> str:
        lines = tokenizer.decode(list(ids)).split("```")[0].split("\n")
        return next((line for line in reversed(lines) if line), "")

    def written(_lm: Any, _tokenizer: Any, ids: Any, attention: Any, **_: Any) -> list[list[int]]:
        tries: Counter[str] = Counter()
        rows = []
        for row, mask in zip(ids, attention, strict=True):
            line = last_line(row[mask.bool()].tolist()[len(task.ids) :])
            rows.append(tokenizer(NEXT[line][tries[line]], add_special_tokens=False)["input_ids"])
            tries[line] += 1
        assert set(tries.values()) == {2}
        asked.append(set(tries))
        return rows

    def worth(_prompts: Any, responses: Any, ends: Any) -> list[list[float]]:
        return [[WORTH[last_line(ids[: e + 1])] for e in of] for ids, of in zip(responses, ends, strict=True)]

    monkeypatch.setattr(reranking, "written", written)
    decoding = Decoding(1.0, 1.0, max_tokens=200, batch=16)
    [found] = search_lines(lm, tokenizer, [task], worth, width=2, tries=2, decoding=decoding)
    assert asked == [{""}, {"a = 1", "b = 2"}, {"a1 = 1", "a2 = 1"}, {"y = 1"}, {"z = 1"}]
    assert [(tokenizer.decode(list(c.ids)), c.score, c.ended) for c in found] == [
        ("a = 1\na2 = 1\ny = 1\nz = 1\n```", 0.9, True),
        ("a = 1\na1 = 1\n```", 0.8, True),
    ]


def test_the_best_of_several_are_those_with_the_highest_score_of_their_last_line(
    policy: tuple[Any, Any], problems: list[Problem]
) -> None:
    lm, tokenizer = policy
    made = generate(
        lm, tokenizer, [Task.of(problems[0], (0,), 1, tokenizer)] * 3, max_tokens=20, temperature=1.0, top_p=1.0
    )

    def by_number(prompts: Any, responses: Any, ends: Any) -> list[list[float]]:
        return [[(0.1, 0.9, 0.5)[i]] * len(of) for i, of in enumerate(ends)]

    found = ranked(made, by_number, tokenizer)
    assert [c.ids for c in found] == [c.ids for c in made]
    assert [c.score for c in best(found, 2)] == [0.9, 0.5]
    same = [Candidate((1,), 0.5), Candidate((2,), 0.5)]
    assert best(same, 1) == same[:1]  # of equals the first
