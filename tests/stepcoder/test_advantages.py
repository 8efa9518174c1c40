"""Token rewards, advantages and whitening against numbers worked by hand and brute force."""

import math

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
from torch import Tensor

from stepcoder.advantages import gae, next_kl_coef, token_rewards, whiten


def rows(*values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_the_reward_stands_on_the_last_token_and_the_kl_penalty_on_every_one() -> None:
    logprobs, reference = rows([-1.0, -2.0, -9.0]), rows([-1.5, -1.0, -1.0])
    found = token_rewards(torch.tensor([1.0]).double(), logprobs, reference, rows([1, 1, 0]), kl_coef=0.1)
    assert torch.allclose(found, rows([-0.05, 1.0 + 0.1, 0.0]))  # -0.1 x 0.5; 1 - 0.1 x (-1)


def test_advantages_of_three_tokens_worked_by_hand() -> None:
    rewards, values, keep = rows([0.0, 0.0, 1.0, 7.0]), rows([0.5, 0.4, 0.2, 9.0]), rows([1, 1, 1, 0])
    # gamma 0.9, lam 0.5: deltas 0.9 x 0.4 - 0.5 = -0.14; 0.9 x 0.2 - 0.4 = -0.22; 1 - 0.2 = 0.8
    # A_2 = 0.8; A_1 = -0.22 + 0.45 x 0.8 = 0.14; A_0 = -0.14 + 0.45 x 0.14 = -0.077
    advantages, returns = gae(rewards, values, keep, gamma=0.9, lam=0.5)
    assert torch.allclose(advantages, rows([-0.077, 0.14, 0.8, 0.0]))
    assert torch.allclose(returns, rows([0.423, 0.54, 1.0, 0.0]))


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 1.0), (1.0, 0.95), (0.9, 0.0), (0.97, 0.8)])
def test_advantages_equal_the_weighted_sum_of_n_step_advantages(gamma: float, lam: float) -> None:
    """By definition (arXiv:1506.02438, eq. 16): A_t is the sum of (gamma lam)^k delta_{t+k} over the rest of the response."""
    torch.manual_seed(0)
    lengths = [1, 4, 6]
    rewards, values = torch.randn(3, 6).double(), torch.randn(3, 6).double()
    keep = torch.tensor([[1.0] * n + [0.0] * (6 - n) for n in lengths]).double()
    advantages, returns = gae(rewards, values, keep, gamma=gamma, lam=lam)
    for b, n in enumerate(lengths):
        v = [*values[b, :n].tolist(), 0.0]
        delta = [rewards[b, t].item() + gamma * v[t + 1] - v[t] for t in range(n)]
        for t in range(n):
            brute = sum((gamma * lam) ** k * delta[t + k] for k in range(n - t))
            assert advantages[b, t].item() == pytest.approx(brute)
            assert returns[b, t].item() == pytest.approx(brute + v[t])
        assert torch.all(advantages[b, n:] == 0)


def test_with_gamma_and_lam_one_the_return_is_what_is_still_to_come() -> None:
    rewards = rows([0.25, -0.5, 1.0])
    _, returns = gae(rewards, rows([3.0, -2.0, 5.0]), rows([1, 1, 1]), gamma=1.0, lam=1.0)
    assert torch.allclose(returns, rows([0.75, 0.5, 1.0]))


def test_whitening_sees_kept_tokens_only() -> None:
    found = whiten(rows([1.0, 3.0, 1e9], [5.0, math.nan, 0.0]), rows([1, 1, 0], [1, 0, 0]))
    # 1, 3, 5 have the mean 3 and the deviation sqrt((4 + 0 + 4) / 2) = 2
    assert torch.allclose(found, rows([-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]))


def test_a_single_kept_token_keeps_its_advantage() -> None:
    assert torch.equal(whiten(rows([2.0, 7.0]), rows([1, 0])), rows([2.0, 0.0]))


def test_whitening_of_parts_is_whitening_of_the_whole() -> None:
    """Two processes, each with one row, that add up their sums."""
    x, keep = rows([1.0, 2.0], [3.0, 10.0]), rows([1, 1], [1, 0])
    whole = whiten(x, keep)
    mean = 2.0
    sums = [torch.tensor([3.0, 6.0]).double(), torch.tensor((1 - mean) ** 2 + 0 + (3 - mean) ** 2).double()]
    reduced = iter(sums)
    assert torch.allclose(whiten(x[:1], keep[:1], lambda _: next(reduced)), whole[:1])


def test_the_kl_coefficient_follows_the_target() -> None:
    assert next_kl_coef(0.1, kl=6.6, target=6.0, horizon=1000, completions=100) == pytest.approx(0.1 * 1.01)
    assert next_kl_coef(0.1, kl=60.0, target=6.0, horizon=1000, completions=100) == pytest.approx(0.1 * 1.02)  # at most
    assert next_kl_coef(0.1, kl=0.0, target=6.0, horizon=1000, completions=100) == pytest.approx(0.1 * 0.98)
