"""What a policy does on held-out problems: counted by problem, and without a trace in the training's random numbers."""

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from appsplus.problem import Problem
from stepcoder.rollouts import Judgements
from stepcoder.validation import Validation, counted, validate
from tests.stepcoder.conftest import StandInJudge


def test_outcomes_are_counted_by_problem_and_averaged_over_completions() -> None:
    found = Validation((("b", "accepted", 1.0), ("a", "wrong_answer", -0.3), ("b", "accepted", 1.0), ("b", "x", -1.0)))
    assert found.by_problem() == {"a": {"wrong_answer": 1}, "b": {"accepted": 2, "x": 1}}
    assert found.numbers == {"pass_rate": 0.5, "reward_mean": pytest.approx((1.0 - 0.3 + 1.0 - 1.0) / 4)}
    assert counted([]) == {}
    assert Validation(()).numbers == {"pass_rate": 0.0, "reward_mean": 0.0}


@pytest.mark.parametrize(("completions", "expected"), [(0, 1), (3, 3)])
def test_each_problem_has_so_many_completions_drawn_apart_from_the_training(
    make_trainer: Callable[..., Any], problems: list[Problem], completions: int, expected: int
) -> None:
    trainer = make_trainer(validate_every=1, validation_completions=completions, temperature=2.0, top_p=1.0)
    before = torch.get_rng_state()
    with Judgements(StandInJudge(problems), threads=1, coverage=False) as judgements:
        found = [validate(trainer, trainer.config, judgements, update) for update in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert found[0] == found[1]
    assert [problem_id for problem_id, _, _ in found[0].outcomes] == sorted(
        expected * ["made/0-held-out", "made/1-held-out"]
    )
    assert set(found[0].by_problem()) == {"made/0-held-out", "made/1-held-out"}
