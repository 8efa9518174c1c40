"""GRPO and RLOO: numbers worked by hand, and one step against TRL's formulas written out."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from torch import Tensor

from stepcoder.batch import Batch
from stepcoder.losses import masked_mean, mean_weights, policy_loss, reinforce_loss, sequence_policy_loss
from stepcoder.methods.grpo import Grpo, group_relative
from stepcoder.methods.parts import Signals, group_numbers, group_sums
from stepcoder.methods.rloo import Rloo, leave_one_out
from stepcoder.ppo import ppo_step
from stepcoder.rollouts import Judged
from stepcoder.setup import Trainer
from tests.stepcoder.test_ppo import REWARDS, batch_of, by_hand, moved_a_little, some_judged, weights

PAIRS = [0, 0, 1, 1]
CLIP = 0.2


def test_grpo_divides_by_the_standard_deviation_of_the_group() -> None:
    """Group 0: mean 0.35, deviations +-0.65, standard deviation 0.65 sqrt(2). Group 1: +-0.75, 0.75 sqrt(2)."""
    earned, groups = torch.tensor([1.0, -0.3, -1.0, 0.5]), torch.tensor(PAIRS)
    found = group_relative(earned, groups, group_std=True).tolist()
    one, other = 0.65 / (0.65 * math.sqrt(2) + 1e-4), 0.75 / (0.75 * math.sqrt(2) + 1e-4)
    assert found == pytest.approx([one, -one, -other, other], rel=1e-5)


def test_without_the_standard_deviation_grpo_is_dr_grpo() -> None:
    earned, groups = torch.tensor([1.0, -0.3, -1.0, 0.5]), torch.tensor(PAIRS)
    assert group_relative(earned, groups, group_std=False).tolist() == pytest.approx([0.65, -0.65, -0.75, 0.75])


def test_rloo_leaves_each_completion_out_of_its_baseline() -> None:
    """1 - (0 - 1) / 2 = 1.5;  0 - (1 - 1) / 2 = 0;  -1 - (1 + 0) / 2 = -1.5; the last is alone."""
    found = leave_one_out(torch.tensor([1.0, 0.0, -1.0, 7.0]), torch.tensor([0, 0, 0, 1]))
    assert found.tolist() == pytest.approx([1.5, 0.0, -1.5, 0.0])


def test_a_completion_whose_others_are_gone_has_no_advantage_and_equal_ones_have_none() -> None:
    earned, groups = torch.tensor([0.7, -0.3, -0.3]), torch.tensor([0, 1, 1])
    assert group_relative(earned, groups, group_std=True).tolist() == [0.0, 0.0, 0.0]
    assert leave_one_out(earned, groups).tolist() == pytest.approx([0.0, 0.0, 0.0])


def test_groups_are_added_up_over_processes() -> None:
    """The other process has 2 and 3 in the group 0, and nothing of group 1."""
    answers = iter([torch.tensor(4.0), torch.tensor([[1.0 + 5.0, 4.0, 0, 0], [1.0 + 2.0, 1.0, 0, 0]])])
    sums, counts = group_sums(torch.tensor([1.0, 4.0]), torch.tensor([0, 1]), lambda _: next(answers))
    assert (sums.tolist(), counts.tolist()) == ([6.0, 4.0], [3.0, 1.0])
    assert group_numbers([("b", 1), ("a", 2)], lambda items: [*items, ("a", 1)]) == [2, 1]


@pytest.mark.parametrize("part", [Grpo(group_std=False), Rloo()])
def test_all_that_a_completion_earned_is_compared_and_stands_on_each_of_its_tokens(part: Any) -> None:
    """Two completions: 1 - 0.2 of KL + 0.1 of shaping = 0.9 and 0.1; in groups of two RLOO is twice GRPO without std."""
    keep = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
    token_rewards = torch.tensor([[-0.2, 0.1, 1.0], [0.1, 0.0, 0.0]])
    zeros = torch.zeros_like(keep)
    signals = Signals((), torch.tensor([1.0, 0.1]), zeros, token_rewards, zeros, keep, torch.tensor([0, 0]))
    advantages, returns = part(signals)
    half = 0.4 if isinstance(part, Grpo) else 0.8
    assert torch.allclose(advantages, torch.tensor([[half] * 3, [-half, 0.0, 0.0]]))
    assert returns.abs().sum() == 0
    assert part.state_dict() == {}


def test_the_mean_over_completions_gives_each_of_them_the_same_weight() -> None:
    keep = torch.tensor([[1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    per_completion = mean_weights(keep, "completion")
    assert torch.allclose(per_completion, torch.tensor([[1 / 3, 1 / 3, 0.0, 1 / 3], [1.0, 0, 0, 0], [0.0] * 4]))
    losses = torch.tensor([[3.0, 6.0, 99.0, 0.0], [5.0, 99.0, 99.0, 99.0], [99.0] * 4])
    assert masked_mean(losses, per_completion, 3.0).item() == pytest.approx((3.0 + 5.0) / 3)
    assert torch.equal(mean_weights(keep, "token"), keep)


def test_the_ratio_of_a_completion_is_the_product_of_its_kept_tokens() -> None:
    """Row 1: 1.1 * 1.05 = 1.155, A = 2: 2.31. Row 2: 1.5 is clipped at 1.2, A = 1. -(2.31 + 1.2) / 2 = -1.755."""
    old = torch.tensor([[-1.0, -2.0, -3.0], [-1.0, -1.0, -1.0]])
    moved = torch.log(torch.tensor([[1.1, 1.05, 9.0], [1.5, 1.0, 1.0]]))
    logprobs = (old + moved).requires_grad_()
    keep = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    advantages = torch.tensor([[2.0, 2.0, -50.0], [1.0, 1.0, 1.0]])
    loss = sequence_policy_loss(logprobs, old, advantages, keep, clip_range=CLIP)
    assert loss.item() == pytest.approx(-1.755)
    loss.backward()
    assert torch.allclose(logprobs.grad, torch.tensor([[-1.155, -1.155, 0.0], [0.0, 0.0, 0.0]]))


def test_reinforce_s_gradient_is_the_advantage_over_the_number_of_tokens() -> None:
    logprobs = torch.tensor([[-1.0, -2.0, float("-inf")]], requires_grad=True)
    keep = torch.tensor([[1.0, 1.0, 0.0]])
    loss = reinforce_loss(logprobs, torch.tensor([[0.5, -1.5, 7.0]]), keep)
    assert loss.item() == pytest.approx(-(0.5 * -1.0 + -1.5 * -2.0) / 2)
    loss.backward()
    assert logprobs.grad.tolist() == [[-0.25, 0.75, 0.0]]


def test_at_a_ratio_of_one_reinforce_and_the_clipped_surrogate_have_the_same_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    old, advantages = torch.randn(3, 5, generator=generator), torch.randn(3, 5, generator=generator)
    keep = (torch.rand(3, 5, generator=generator) > 0.3).float()
    gradients = []
    for loss in (
        lambda x: policy_loss(x, old, advantages, keep, clip_range=CLIP),
        lambda x: reinforce_loss(x, advantages, keep),
    ):
        x = old.clone().requires_grad_()
        loss(x).backward()
        gradients.append(x.grad)
    assert torch.allclose(*gradients)


def read(trainer: Trainer, judged: Judged) -> tuple[Tensor, Tensor]:
    """Log-probabilities of one completion, alone and without padding, under the policy and under the reference."""
    prompt, response = list(judged.completion.task.ids), list(judged.completion.ids)
    at = slice(len(prompt) - 1, len(prompt) + len(response) - 1)
    found = []
    for lm in (trainer.unwrapped.lm, trainer.reference):
        logits = lm(input_ids=torch.tensor([prompt + response])).logits[0, at] / 0.8
        found.append(logits.log_softmax(-1)[torch.arange(len(response)), torch.tensor(response)])
    return found[0], found[1].detach()


def stepped(trainer: Trainer, loss: Tensor) -> dict[str, Tensor]:
    """The weights after one step of plain gradient descent by 0.1."""
    named = {n: p for n, p in trainer.unwrapped.named_parameters() if p.requires_grad}
    gradients = torch.autograd.grad(loss, list(named.values()))
    before = weights(trainer)
    return before | {n: before[n] - 0.1 * g for n, g in zip(named, gradients, strict=True)}


def check_step(trainer: Trainer, batch: Batch, expected: dict[str, Tensor], **options: Any) -> None:
    before = weights(trainer)
    by_hand(trainer)
    trainer.optimizer.param_groups[1]["params"] = []
    numbers = ppo_step(trainer, replace(trainer.config, max_grad_norm=1e6), batch, **options)
    assert "value_loss" not in numbers
    for name, after in weights(trainer).items():
        assert (after - expected[name]).abs().max() <= 1e-5 * max(1.0, float(after.abs().max())), name
    assert (
        weights(trainer)["lm.model.embed_tokens.weight"] - before["lm.model.embed_tokens.weight"]
    ).abs().max() > 1e-4


@pytest.mark.parametrize("mean", ["completion", "token", "constant"])
def test_a_grpo_step_equals_that_of_trl(make_trainer: Callable[..., Trainer], mean: str) -> None:
    """TRL's GRPOTrainer, written out: advantages (r - mean) / (std + 1e-4) of the group; per token -min(c1 A, c2 A) + beta
    (exp(ref - logp) - (ref - logp) - 1); loss_type grpo: a mean over each completion, then over completions; bnpo: over all
    tokens; dr_grpo: the sum over completions x max_completion_length.
    """
    trainer = make_trainer(method="grpo", loss_mean=mean)
    judged = some_judged(trainer)
    batch = batch_of(
        trainer, judged, kl_coef=0.0, groups=PAIRS, advantages_of=trainer.method.advantages, whiten_advantages=False
    )
    old = [read(trainer, j)[0].detach() for j in judged]
    moved_a_little(trainer)
    rewards = torch.tensor(REWARDS)
    means = rewards.view(2, 2).mean(1).repeat_interleave(2)
    advantages = (rewards - means) / (rewards.view(2, 2).std(1).repeat_interleave(2) + 1e-4)
    per_completion = []
    for j, old_logprobs, advantage in zip(judged, old, advantages, strict=True):
        logprobs, ref = read(trainer, j)
        ratio = torch.exp(logprobs - old_logprobs)
        clipped = torch.clamp(ratio, 1 - CLIP, 1 + CLIP)
        kl = torch.exp(ref - logprobs) - (ref - logprobs) - 1
        per_completion.append(-torch.min(ratio * advantage, clipped * advantage) + 0.04 * kl)
    expected = {
        "completion": torch.stack([loss.mean() for loss in per_completion]).mean(),
        "token": torch.cat(per_completion).mean(),
        "constant": torch.cat(per_completion).sum() / (4 * 48),
    }[mean]
    check_step(trainer, batch, stepped(trainer, expected), kl_coef=0.04)


def test_an_rloo_step_equals_that_of_trl(make_trainer: Callable[..., Trainer]) -> None:
    """TRL's RLOOTrainer, written out: reward - beta * sum(logp - ref); the baseline (sum - own) / (k - 1); the ratio of whole
    completions, exp(sum logp - sum old), clipped; the mean over completions of -min(c1 A, c2 A).
    """
    trainer = make_trainer(method="rloo")
    judged = some_judged(trainer)
    moved_a_little(trainer)  # away from the reference
    batch = batch_of(
        trainer, judged, kl_coef=0.05, groups=PAIRS, advantages_of=trainer.method.advantages, whiten_advantages=False
    )
    pairs = [read(trainer, j) for j in judged]
    old = [logprobs.detach().sum() for logprobs, _ in pairs]
    earned = torch.stack([r - 0.05 * (o - ref.sum()) for r, o, (_, ref) in zip(REWARDS, old, pairs, strict=True)]).view(
        2, 2
    )
    advantages = (earned - (earned.sum(1, keepdim=True) - earned)).flatten()
    with torch.no_grad():
        for p in trainer.unwrapped.lm.parameters():
            p *= 1.003  # so that ratios are not one
    ratios = [torch.exp(read(trainer, j)[0].sum() - o) for j, o in zip(judged, old, strict=True)]
    terms = [
        torch.min(ratio * a, torch.clamp(ratio, 1 - CLIP, 1 + CLIP) * a)
        for ratio, a in zip(ratios, advantages, strict=True)
    ]
    assert any(abs(ratio.item() - 1) > 1e-3 for ratio in ratios)
    check_step(trainer, batch, stepped(trainer, -torch.stack(terms).mean()))


def test_a_step_of_rltf_is_that_of_its_formula(make_trainer: Callable[..., Trainer]) -> None:
    """docs/methods/rltf.md: the mean over completions of -1/T sum over t of A_t log pi(token t), no ratio and no KL."""
    trainer = make_trainer(method="rltf", ground_truth_coef=0.0)
    judged = some_judged(trainer)
    batch = batch_of(trainer, judged, kl_coef=0.0, whiten_advantages=False)
    moved_a_little(trainer)  # with a ratio it would differ
    logprobs = [read(trainer, j)[0] for j in judged]
    terms = [-(a[: len(its)] * its).mean() for its, a in zip(logprobs, batch.advantages, strict=True)]
    check_step(trainer, batch, stepped(trainer, torch.stack(terms).mean()))


def test_masked_tokens_do_not_move_a_policy_without_a_critic(make_trainer: Callable[..., Trainer]) -> None:
    for method in ("grpo+fgo", "rloo+fgo"):
        states = []
        for noise in (0.0, 50.0):
            trainer = make_trainer(method=method, kl_coef=0.0)
            keeps = [[float(t % 2 == 0) for t in range(n)] for n in (7, 3, 5, 1)]
            batch = batch_of(trainer, some_judged(trainer), keeps, groups=PAIRS, whiten_advantages=False)
            batch = replace(batch, advantages=batch.advantages + noise * (batch.executed_keep == 0).float())
            by_hand(trainer)
            ppo_step(trainer, trainer.config, batch)
            states.append(weights(trainer))
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0]), method


@pytest.mark.parametrize("mask_kl", [False, True])
def test_the_kl_loss_runs_over_executed_tokens_only_where_it_is_asked_to(
    make_trainer: Callable[..., Trainer], mask_kl: bool
) -> None:
    """The reference is moved on the masked tokens by ln 2: k3 of log q = -ln 2 there is 1/2 - 1 + ln 2."""
    trainer = make_trainer(method="grpo+fgo", mask_kl=mask_kl, loss_mean="token")
    keeps = [[float(t % 2 == 0) for t in range(n)] for n in (7, 3, 5, 1)]  # 4 + 2 + 3 + 1 kept, 3 + 1 + 2 masked
    batch = batch_of(trainer, some_judged(trainer), keeps, groups=PAIRS, whiten_advantages=False)
    masked = (batch.response_keep > 0) & (batch.executed_keep == 0)
    batch = replace(batch, ref_logprobs=torch.where(masked, batch.old_logprobs - math.log(2), batch.old_logprobs))
    by_hand(trainer)
    found = ppo_step(trainer, trainer.config, batch, kl_coef=0.1)["kl_loss"]
    assert found == pytest.approx(0.0 if mask_kl else 6 / 16 * (0.5 - 1 + math.log(2)), abs=1e-6)
