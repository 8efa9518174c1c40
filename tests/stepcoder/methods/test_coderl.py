"""CodeRL: the critic of outcomes, its weights and its loss worked by hand, and the supervised term."""

from collections.abc import Callable
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from appsplus.problem import Verdict
from stepcoder.data import Tokens
from stepcoder.methods.baselines import Baselines
from stepcoder.methods.coderl import (
    OUTCOMES,
    CodeRl,
    outcome_loss,
    outcome_of,
    pooled_logits,
    true_outcome_probability,
)
from stepcoder.methods.ground_truth import ground_truth_step, truth_of
from stepcoder.ppo import ppo_step
from stepcoder.rollouts import Judged
from stepcoder.setup import Trainer
from tests.stepcoder.methods.test_rltf import judged, report, signals
from tests.stepcoder.test_ppo import batch_of, by_hand, some_judged, weights

LN3 = 1.0986122886681098


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (report(Verdict.COMPILE_ERROR), "compile_error"),
        (None, "compile_error"),
        (report(Verdict.RUN_TIME_ERROR), "run_time_error"),
        (report(Verdict.TIME_LIMIT_EXCEEDED), "run_time_error"),
        (report(Verdict.MEMORY_LIMIT_EXCEEDED), "run_time_error"),
        (report(Verdict.WRONG_ANSWER, passed=1), "failed"),
        (report(Verdict.ACCEPTED, passed=2), "passed"),
    ],
)
def test_a_verdict_is_one_of_four_outcomes(found: object, outcome: str) -> None:
    assert OUTCOMES[outcome_of(Judged(judged(None, "a").completion, found))] == outcome  # type: ignore[arg-type]


def test_the_probability_of_the_true_outcome_after_each_token() -> None:
    """Logits (ln 3, 0, 0, 0): 3/6 for the first outcome, 1/6 for each other; equal ones: 1/4."""
    logits = torch.tensor([[[LN3, 0, 0, 0], [0.0, 0, 0, 0]], [[LN3, 0, 0, 0], [0.0, 0, 0, LN3]]])
    found = true_outcome_probability(logits, torch.tensor([0, 3]))
    assert torch.allclose(found, torch.tensor([[0.5, 0.25], [1 / 6, 0.5]]))


def test_the_largest_logit_of_each_outcome_counts_and_padding_does_not() -> None:
    logits = torch.tensor([[[1.0, -2, 0, 0], [0.0, 3, -1, 0], [99.0, 99, 99, 99]], [[5.0] * 4] * 3])
    keep = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert pooled_logits(logits, keep).tolist() == [[1.0, 3.0, 0.0, 0.0], [0.0] * 4]


def test_the_loss_is_the_cross_entropy_of_the_pooled_logits_and_moves_the_largest_alone() -> None:
    """Pooled (ln 3, 0, 0, 0), outcome 0: -ln(3/6) = ln 2; outcome 1: -ln(1/6) = ln 6. Mean: ln(12) / 2."""
    logits = torch.tensor([[[LN3, 0, -1.0, -1], [1.0, -1, 0, 0]]]).repeat(2, 1, 1).requires_grad_()
    loss = outcome_loss(logits, torch.tensor([0, 1]), torch.ones(2, 2))
    assert loss.item() == pytest.approx(torch.log(torch.tensor(12.0)).item() / 2)
    loss.backward()
    expected = torch.tensor([[-3 / 6, 1 / 6, 0, 0], [0, 0, 1 / 6, 1 / 6]]) / 2  # (softmax - 1 at the outcome) / 2 rows
    assert torch.allclose(logits.grad[0], expected, atol=1e-6)
    assert outcome_loss(logits, torch.tensor([0, 1]), torch.ones(2, 2), total=4.0).item() == pytest.approx(
        loss.item() / 2
    )


def test_the_weight_of_a_token_is_the_probability_times_the_reward_above_the_greedy_completion_s() -> None:
    """R = 1, b = -0.3, q = 1/2 then 1/4: 0.65 and 0.325; without weights 1.3; of another task b = 0."""
    accepted = judged(report(Verdict.ACCEPTED, passed=2), "a")
    given = replace(signals([accepted], [1.0]), outcome_logits=torch.tensor([[[0.0, 0, 0, LN3], [0.0] * 4]]))
    baselines = Baselines("greedy", "verdict")
    baselines.take_greedy([(("made/2", 1), (-0.3, -0.3))])
    part = CodeRl(baselines, weighted=True)
    assert torch.allclose(part(given)[0], torch.tensor([[0.65, 0.325]]))
    assert part.numbers(lambda items: items) == {"outcome_accuracy": 1.0, "outcome_weight": pytest.approx(0.375)}
    assert torch.allclose(CodeRl(baselines, weighted=False)(given)[0], torch.tensor([[1.3, 1.3]]))
    shaped = replace(given, shaped=torch.tensor([[0.5, -0.1]]))  # 1.3 + 0.4 = 1.7
    assert torch.allclose(part(shaped)[0], torch.tensor([[0.85, 0.425]]))
    baselines.take_greedy([(("made/3", 1), (-0.3, -0.3))])
    assert torch.allclose(part(given)[0], torch.tensor([[0.5, 0.25]]))
    assert part.state_dict() == {"best": []}  # greedy completions are written anew


def test_the_critic_reads_a_program_alone_as_it_does_in_a_padded_batch(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer(method="coderl")
    some = some_judged(trainer)
    batch = batch_of(trainer, some)
    critic = trainer.unwrapped.outcomes
    with torch.no_grad():
        together = critic(batch.ids, batch.attention, batch.response_tokens)
        for i, one in enumerate(some):
            ids = torch.tensor([[*one.completion.task.ids, *one.completion.ids]])
            alone = critic(ids, torch.ones_like(ids), len(one.completion.ids))
            assert torch.allclose(together[i, : alone.shape[1]], alone[0], atol=1e-4)
            last = [*one.completion.ids[:-1], 7 if one.completion.ids[-1] != 7 else 8]  # a later token changes nothing
            changed = critic(torch.tensor([[*one.completion.task.ids, *last]]), torch.ones_like(ids), len(last))
            assert torch.equal(changed[0, :-1], alone[0, :-1])
            assert not torch.equal(changed[0, -1], alone[0, -1])


def test_the_critic_learns_the_outcomes_and_the_policy_stands_still_while_it_has_its_head_start(
    make_trainer: Callable[..., Trainer],
) -> None:
    trainer = make_trainer(method="coderl", critic_learning_rate=1e-2)
    batch = batch_of(trainer, some_judged(trainer))
    batch = replace(batch, outcomes=torch.tensor([0, 1, 2, 3]))
    trainer.set_learning_rates(10)
    before = weights(trainer)
    losses = [ppo_step(trainer, trainer.config, batch, values_only=True)["outcome_loss"] for _ in range(12)]
    assert losses[-1] < 0.5 * losses[0]
    with torch.no_grad():
        logits = trainer.unwrapped.outcomes(batch.ids, batch.attention, batch.response_tokens)
    assert pooled_logits(logits, batch.response_keep).argmax(-1).tolist() == [0, 1, 2, 3]
    after = weights(trainer)
    assert all(torch.equal(after[n], before[n]) for n in before if n.startswith(("lm.", "value_head.")))


def test_a_canonical_solution_stands_beside_each_completion_and_begins_where_its_prefix_ends(
    make_trainer: Callable[..., Trainer],
) -> None:
    trainer = make_trainer(method="coderl+cccs")
    problem = trainer.sampler.take(1)[0]
    easy, plain = trainer.task(problem, 1), trainer.task(problem, 2)
    assert easy.prefix
    for task in (easy, plain):
        truth = truth_of(task, trainer.tokenizer)
        assert truth.ids[: truth.prompt] == task.ids
        assert truth.ids[-1] == trainer.tokenizer.eos_token_id
        rest = trainer.tokenizer.decode(truth.ids[truth.prompt : -1])
        assert task.prefix + rest == problem.canonical_solution.rstrip("\n") + "\n```"


def test_the_supervised_term_s_gradient_is_that_of_each_solution_as_often_as_its_task_has_completions(
    make_trainer: Callable[..., Trainer],
) -> None:
    """Tasks 0, 0 and 1: -(2 sum over solution 0 + sum over solution 1) / (2 n_0 + n_1), read one at a time."""
    trainer = make_trainer(method="rltf", ground_truth_coef=0.5)
    truths = {0: Tokens((5, 6, 7, 8, 9), 2), 1: Tokens((11, 12, 13), 1)}
    policy = trainer.unwrapped
    terms = []
    for truth, count in ((truths[0], 2.0), (truths[1], 1.0)):
        ids = torch.tensor([truth.ids])
        logprobs = policy(ids, torch.ones_like(ids), len(truth.ids) - truth.prompt)[0]
        terms.append(count * logprobs.sum())
    loss = -(terms[0] + terms[1]) / (2 * 3 + 2)
    trained = {n: p for n, p in policy.named_parameters() if p.requires_grad}
    expected = torch.autograd.grad(0.5 * loss, list(trained.values()))
    found = ground_truth_step(trainer, trainer.config, torch.tensor([0, 1, 0]), truths)
    assert found.item() == pytest.approx(loss.item(), rel=1e-5)
    for (name, parameter), gradient in zip(trained.items(), expected, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-6), name


def test_a_step_adds_the_supervised_term_to_the_weighted_loss(make_trainer: Callable[..., Trainer]) -> None:
    """With all weights 0 the step is the supervised term's; and it is left out while the critic has its head start."""
    trainer = make_trainer(method="rltf")
    batch = batch_of(trainer, some_judged(trainer), groups=[0, 0, 0, 0])
    batch = replace(batch, advantages=torch.zeros_like(batch.advantages))
    before = weights(trainer)
    by_hand(trainer)
    truths = {0: Tokens((5, 6, 7, 8, 9), 2)}
    still = ppo_step(trainer, trainer.config, batch, values_only=True, truths=truths)
    assert "ground_truth_loss" not in still
    assert all(torch.equal(t, before[n]) for n, t in weights(trainer).items())
    moved = ppo_step(trainer, trainer.config, batch, truths=truths)
    assert moved["ground_truth_loss"] > 0
    assert moved["policy_loss"] == 0
    assert not torch.equal(weights(trainer)["lm.model.embed_tokens.weight"], before["lm.model.embed_tokens.weight"])


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers' old name
def test_the_critic_beside_a_policy_with_adapters_has_none_and_all_its_weights_are_trained(
    make_trainer: Callable[..., Trainer],
) -> None:
    pytest.importorskip("peft", reason="adapters need peft: pip install '.[train]'")
    trainer = make_trainer(method="coderl", lora_rank=2)
    named = dict(trainer.unwrapped.outcomes.named_parameters())
    assert not [name for name in named if "lora" in name]
    assert all(p.requires_grad for p in named.values())
    assert any(not p.requires_grad for p in trainer.unwrapped.lm.parameters())
    batch = batch_of(trainer, some_judged(trainer))
    before = weights(trainer)
    trainer.set_learning_rates(10)
    ppo_step(trainer, trainer.config, batch)
    changed = {n for n, t in weights(trainer).items() if not torch.equal(t, before[n])}
    assert changed <= {f"outcomes.{n}" for n in named} | {n for n in before if "lora" in n}
    assert f"outcomes.{next(iter(named))}" in changed
