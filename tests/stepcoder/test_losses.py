"""The losses against numbers worked by hand, brute force and autograd."""

import math

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
from torch import Tensor

from stepcoder.losses import (
    clipped_share,
    kl_estimate,
    masked_mean,
    policy_loss,
    token_entropy,
    token_logprobs,
    value_loss,
)

LN2 = math.log(2.0)


def rows(*values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_a_masked_mean_is_over_kept_positions_only() -> None:
    x, keep = rows([1.0, 2.0, 100.0], [4.0, 100.0, 100.0]), rows([1, 1, 0], [1, 0, 0])
    assert masked_mean(x, keep).item() == pytest.approx((1 + 2 + 4) / 3)


def test_a_masked_mean_ignores_what_is_not_finite_and_of_nothing_is_zero() -> None:
    assert masked_mean(rows([3.0, math.inf]), rows([1, 0])).item() == 3.0
    assert masked_mean(rows([3.0, math.nan]), rows([0, 0])).item() == 0.0


def test_parts_of_a_minibatch_add_up_to_the_whole() -> None:
    x, keep = rows([1.0, 2.0], [5.0, 9.0]), rows([1, 1], [1, 0])
    parts = sum(masked_mean(x[i : i + 1], keep[i : i + 1], 3.0).item() for i in range(2))
    assert parts == pytest.approx(masked_mean(x, keep).item()) == pytest.approx(8 / 3)


def test_the_policy_loss_takes_the_smaller_of_the_plain_and_the_clipped_gain() -> None:
    # ratios 2, 2, 1/2, 1/2; clipped to 1.2, 1.2, 0.8, 0.8
    new, old = rows([LN2, LN2, -LN2, -LN2]), rows([0, 0, 0, 0])
    advantages = rows([1.0, -1.0, 1.0, -1.0])
    # gains min(2, 1.2), min(-2, -1.2), min(0.5, 0.8), min(-0.5, -0.8)
    expected = -(1.2 - 2.0 + 0.5 - 0.8) / 4
    found = policy_loss(new, old, advantages, torch.ones_like(new), clip_range=0.2)
    assert found.item() == pytest.approx(expected)


def test_a_masked_token_gets_a_gradient_of_exactly_zero_and_its_neighbours_do_not() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 5, 7, requires_grad=True)
    tokens = torch.randint(7, (2, 5))
    keep = torch.tensor([[1.0, 0, 1, 0, 0], [0, 1, 1, 1, 0]])
    old = token_logprobs(logits, tokens).detach() + 0.05 * torch.randn(2, 5)
    old[0, 1] = -1000.0  # its ratio overflows: still nothing comes back from a masked token
    policy_loss(token_logprobs(logits, tokens), old, torch.randn(2, 5), keep, clip_range=0.2).backward()
    assert logits.grad is not None
    assert torch.all(logits.grad[keep == 0] == 0)
    assert torch.all(logits.grad[keep == 1].abs().sum(-1) > 0)


def test_a_mask_of_ones_is_plain_ppo_bit_for_bit() -> None:
    torch.manual_seed(1)
    new = torch.randn(3, 6, requires_grad=True)
    old, advantages = new.detach() + 0.3 * torch.randn(3, 6), torch.randn(3, 6)
    ratio = torch.exp(new - old)
    plain = -torch.min(ratio * advantages, torch.clamp(ratio, 0.8, 1.2) * advantages).mean()
    [plain_gradient] = torch.autograd.grad(plain, new)
    masked = policy_loss(new, old, advantages, torch.ones(3, 6), clip_range=0.2)
    [gradient] = torch.autograd.grad(masked, new)
    assert torch.equal(gradient, plain_gradient)
    assert masked.item() == pytest.approx(plain.item(), rel=1e-6)


def test_the_value_loss_takes_the_larger_of_the_plain_and_the_clipped_error() -> None:
    values, old, returns = rows([1.0, 1.0, 0.1]), rows([0.0, 0.0, 0.0]), rows([2.0, 0.0, 1.0])
    # clipped values 0.2, 0.2, 0.1; errors max(1, 3.24), max(1, 0.04), 0.81
    found = value_loss(values, old, returns, torch.ones_like(values), clip_range=0.2)
    assert found.item() == pytest.approx(0.5 * (3.24 + 1 + 0.81) / 3)


def test_token_logprobs_and_entropy_of_a_distribution_known_by_hand() -> None:
    logits = torch.log(torch.tensor([[[0.5, 0.25, 0.25]]]))
    assert token_logprobs(logits, torch.tensor([[1]])).item() == pytest.approx(math.log(0.25))
    assert token_entropy(logits).item() == pytest.approx(1.5 * LN2)


def test_the_clipped_share_counts_tokens_that_get_no_gradient() -> None:
    new = torch.tensor([[LN2, LN2, -LN2, -LN2, 0.0]], requires_grad=True)
    advantages = torch.tensor([[1.0, -1.0, 1.0, -1.0, 1.0]])
    keep, old = torch.ones(1, 5), torch.zeros(1, 5)
    policy_loss(new, old, advantages, keep, clip_range=0.2).backward()
    assert new.grad is not None
    assert (new.grad == 0).float().mean().item() == pytest.approx(0.4)
    assert clipped_share(new, old, advantages, keep, 0.2).item() == pytest.approx(0.4)


def test_the_kl_estimate_is_right_on_average_and_never_negative() -> None:
    policy, other = torch.tensor([0.7, 0.2, 0.1]).double(), torch.tensor([0.4, 0.4, 0.2]).double()
    exact = (policy * (policy / other).log()).sum()
    each = kl_estimate(policy.log(), other.log())  # of every token there is
    assert (policy * each).sum().item() == pytest.approx(exact.item())
    assert torch.all(each >= 0)
