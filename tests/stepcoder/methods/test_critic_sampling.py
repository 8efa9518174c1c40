"""CodeRL's critic sampling: what stays, where a program is cut, what a repair is asked, and a whole run of it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from appsplus.errors import InputError
from appsplus.evaluation.extraction import Program, extract
from appsplus.judge import Job, Report
from appsplus.problem import Problem, Verdict
from stepcoder import run
from stepcoder.config import TrainConfig, configured
from stepcoder.errors import ConfigError
from stepcoder.methods import critic_sampling
from stepcoder.methods.critic_sampling import (
    CriticSampling,
    Tried,
    best_prefix,
    repair_task,
    rewritten,
    tried_out,
    what_is_wrong,
)
from stepcoder.rollouts import Completion, Decoding, Task
from stepcoder.sampling import Request, sample_run
from tests.stepcoder.conftest import CODE, TINY, StandInJudge, engine_of, sampled_again_from, small_problem
from tests.stepcoder.methods.test_rltf import report

ACCEPTED, WRONG = report(Verdict.ACCEPTED, passed=1, tests=1), report(Verdict.WRONG_ANSWER, tests=1)
DECODING = Decoding(temperature=1.0, top_p=1.0, max_tokens=40, batch=8)


def completion_of(text: str, tokenizer: Any) -> Completion:
    problem = small_problem()
    program = extract(text, "", fence_open=True)
    ids = (*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id)
    task = Task(problem, 1, "", (1, 2, 3))
    return Completion(task, ids, text, program if isinstance(program, Program) else None)


def tried(text: str, tokenizer: Any, found: Report | None, score: float = 0.5, best: int = 0) -> Tried:
    """A completion after whose token `best` the critic is surest of passing."""
    made = completion_of(text, tokenizer)
    return Tried(made, found, tuple(0.9 if i == best else 0.1 for i in range(len(made.ids))), score)


@pytest.fixture
def tokenizer(make_trainer: Callable[..., Any]) -> Any:
    return make_trainer().tokenizer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tokenizer: Any) -> list[Task]:
    """The tasks that a model is asked, which writes "pass" to each."""
    tasks: list[Task] = []

    def written(_lm: Any, its: Any, some: Sequence[Task], _decoding: Decoding) -> list[Completion]:
        tasks.extend(some)
        return [replace(completion_of("pass\n```", its), task=task) for task in some]

    monkeypatch.setattr(critic_sampling, "generated", written)
    return tasks


def mended(some: Sequence[Tried], tokenizer: Any, how: CriticSampling) -> list[str]:
    return [made.text for made in rewritten(some, None, tokenizer, (None, tokenizer), how, DECODING)]


def test_a_program_is_cut_after_the_token_at_which_the_critic_is_surest_and_never_kept_whole(tokenizer: Any) -> None:
    text = "n = 1\nprint(n)\n```"
    ids = completion_of(text, tokenizer).ids
    assert best_prefix(tried(text, tokenizer, ACCEPTED, best=2), tokenizer) == ids[:3]
    for late in range(len(ids)):
        kept = best_prefix(tried(text, tokenizer, ACCEPTED, best=late), tokenizer)
        assert ids[: len(kept)] == kept
        assert len(tokenizer.decode(kept)) < len("n = 1\nprint(n)\n")
    assert best_prefix(tried("x", tokenizer, ACCEPTED), tokenizer) == ()


def test_where_one_passes_what_fails_is_written_again_from_the_best_prefixes_in_turns(
    tokenizer: Any, asked: list[Task]
) -> None:
    """Two pass; the critic likes the second better, so the first failing one begins like it."""
    some = [
        tried("a = 0\n```", tokenizer, WRONG),
        tried("n = 1\nprint(n)\n```", tokenizer, ACCEPTED, score=0.3, best=1),
        tried("m = 2\nprint(m)\n```", tokenizer, ACCEPTED, score=0.6, best=2),
        tried("b = 0\n```", tokenizer, None, score=0.9),
    ]
    texts = mended(some, tokenizer, CriticSampling("refine"))
    first, second = some[2].completion.ids[:3], some[1].completion.ids[:2]
    assert [task.ids for task in asked] == [(1, 2, 3, *first), (1, 2, 3, *second)]
    assert texts == [
        tokenizer.decode(first) + "pass\n```",
        "n = 1\nprint(n)\n```",
        "m = 2\nprint(m)\n```",
        tokenizer.decode(second) + "pass\n```",
    ]


def test_where_none_passes_the_critic_s_favourite_is_repaired_with_its_error(tokenizer: Any, asked: list[Task]) -> None:
    some = [
        tried("a = 1\n```", tokenizer, WRONG, score=0.2),
        tried("b = c\n```", tokenizer, report(Verdict.RUN_TIME_ERROR, "NameError: c (line 1)", 1, tests=1), score=0.4),
    ]
    texts = mended(some, tokenizer, CriticSampling("repair"))
    assert texts == ["pass\n```"] * 2
    assert asked[0].ids == asked[1].ids == repair_task(some[1], tokenizer).ids
    prompt = tokenizer.decode(asked[0].ids)
    assert "This program is wrong:\n\n```python\nb = c\n```\n\nNameError: c (line 1)\n\nWrite it again" in prompt
    assert prompt.endswith("```python\n")
    asked.clear()
    mended(some, tokenizer, CriticSampling("both", repair_top=2))
    assert [task.ids for task in asked] == [repair_task(some[i], tokenizer).ids for i in (1, 0)]


@pytest.mark.parametrize(
    ("mode", "reports"),
    [("both", [ACCEPTED, ACCEPTED]), ("repair", [ACCEPTED, WRONG]), ("refine", [WRONG, None])],
)
def test_what_a_mode_is_not_for_stays_as_it_is(
    tokenizer: Any, asked: list[Task], mode: str, reports: list[Report | None]
) -> None:
    some = [tried(f"a = {i}\n```", tokenizer, found) for i, found in enumerate(reports)]
    texts = mended(some, tokenizer, CriticSampling(mode))
    assert texts == ["a = 0\n```", "a = 1\n```"]
    assert asked == []


def test_what_is_wrong_is_said_of_the_first_example_test_that_fails() -> None:
    problem = small_problem()
    wrong = replace(WRONG, unit_tests=(replace(WRONG.unit_tests[0], actual="small\n"),))
    assert what_is_wrong(wrong, problem) == r"On the input '3\n' it gives 'small\n'; expected 'big\n'."
    late = report(Verdict.TIME_LIMIT_EXCEEDED, passed=1)
    assert what_is_wrong(late, problem) == r"On the input '2\n': time_limit_exceeded."
    assert what_is_wrong(None, problem) == "It could not be run."


class CountingJudge(StandInJudge):
    """Fails on its second question, and keeps how many unit tests it was asked."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems, lambda asked: asked == 2)
        self.unit_tests: list[int] = []

    def _report(self, job: Job) -> Report:
        self.unit_tests.append(len(job.unit_tests))
        return super()._report(job)


def test_example_tests_alone_are_asked_and_a_program_that_the_judge_fails_on_does_not_pass(
    make_trainer: Callable[..., Any],
) -> None:
    trainer = make_trainer(method="coderl")
    judge = CountingJudge([small_problem()])
    some = [completion_of(text, trainer.tokenizer) for text in (CODE + "```", CODE + "```", "n = 1\n```", "")]
    found = tried_out(some, trainer.unwrapped.outcomes, trainer.tokenizer, judge, 1)
    assert judge.unit_tests == [1, 1, 1]
    assert [t.passes for t in found] == [True, False, False, False]
    assert [t.report is None for t in found] == [False, True, False, True]
    for one in found:
        assert len(one.passing) == len(one.completion.ids)
        assert all(0 < p < 1 for p in (*one.passing, one.score))


def test_a_run_of_coderl_is_sampled_with_its_critic_and_another_is_refused(
    problems: list[Problem], write_dataset: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(StandInJudge, problems)
    monkeypatch.setattr(run, "LocalEngine", engine)
    monkeypatch.setattr(critic_sampling, "LocalEngine", engine)
    dataset = str(write_dataset(problems, problems[:2]))
    for method in ("coderl", "ppo"):
        config = configured(TrainConfig, "tiny", TINY | {"updates": 1, "method": method})
        run.train_run(dataset, config, tmp_path / method, quiet=True)
    request = Request(dataset, "train", 2, Decoding(1.0, 1.0, 8, 6), seed=1, critic=CriticSampling("both"))
    out = tmp_path / "samples.jsonl"
    assert sample_run(tmp_path / "coderl", request, out) == 12
    whole, again = sampled_again_from(out, 7, partial(sample_run, tmp_path / "coderl", request))
    assert whole == again
    assert [json.loads(line)["problem_id"] for line in whole] == [f"made/{n}" for n in range(6) for _ in range(2)]
    with pytest.raises(InputError, match=r"ppo has no critic that predicts outcomes; --critic-sampling needs a run"):
        sample_run(tmp_path / "ppo", request, tmp_path / "x")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mode": "mend"}, "--critic-sampling mend is not known; expected one of refine, repair, both"),
        ({"mode": "both", "example_tests": 0}, "--example-tests and --repair-top must be at least 1; got 0 and 1"),
        ({"mode": "refine", "repair_model": "m"}, "--critic-sampling refine repairs nothing; use repair or both"),
        ({"mode": "both", "isolation": "none"}, "--isolation none is not known"),
    ],
)
def test_options_that_cannot_be_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        CriticSampling(**given)
