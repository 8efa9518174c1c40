"""One update: against another implementation's step, in parts and as a whole, with masks, and with numbers gone wrong."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from torch import Tensor

from stepcoder.batch import Batch, Read, alone, assembled, read_once
from stepcoder.errors import TrainingError
from stepcoder.ppo import Scored, _refuse_nan, _told, minibatches, ppo_step
from stepcoder.rollouts import Collected, Completion, Judged, Task
from stepcoder.setup import Trainer

REWARDS = [1.0, -0.3, -1.0, -0.6]
LENGTHS = [7, 3, 5, 1]
LR, CRITIC_LR = 0.1, 0.3


READING = ("policy", "turns", "micro_rows", "predict_outcomes")  # options of the reading, not of the batch


def some_judged(trainer: Trainer) -> list[Judged]:
    """Four completions of random tokens, of different lengths, on prompts of different lengths."""
    generator = torch.Generator().manual_seed(1)
    judged = []
    for i, length in enumerate(LENGTHS):
        problem = trainer.sampler.take(1)[0]
        task: Task = trainer.task(problem, 1 + i % 2)
        ids = torch.randint(2, 300, (length,), generator=generator).tolist()
        judged.append(Judged(Completion(task, tuple(ids), "", None), None))
    return judged


def batch_of(trainer: Trainer, judged: list[Judged], keeps: list[list[float]] | None = None, **changes: Any) -> Batch:
    options: dict[str, Any] = {"kl_coef": 0.05, "gamma": 0.99, "lam": 0.9, "whiten_advantages": True}
    read = read_by(trainer, judged, **{name: changes.pop(name) for name in READING if name in changes})
    return assembled(read, judged, keeps or [[1.0] * n for n in LENGTHS], REWARDS, **options | changes)


def read_by(trainer: Trainer, judged: list[Judged], **changes: Any) -> Read:
    options: dict[str, Any] = {
        "policy": trainer.policy,
        "unwrapped": trainer.unwrapped,
        "reference": trainer.reference,
        "pad_id": trainer.pad_id,
        "device": trainer.device,
        "micro_rows": 3,
        "temperature": 0.8,
    }
    return read_once([j.completion for j in judged], **options | changes)


def moved_a_little(trainer: Trainer) -> None:
    """So that ratios are not one, and some are clipped."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in trainer.unwrapped.parameters():
            p += 0.08 * torch.randn(p.shape, generator=generator).to(p.device)


def by_hand(trainer: Trainer) -> None:
    """A plain optimiser, whose step shows the gradient."""
    groups = [{"params": list(trainer.unwrapped.lm.parameters()), "lr": LR}]
    groups.append({"params": list(trainer.unwrapped.value_head.parameters()), "lr": CRITIC_LR})
    trainer.optimizer = torch.optim.SGD(groups)


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: p.detach().cpu().clone() for name, p in trainer.unwrapped.named_parameters()}


def trl_step(trainer: Trainer, judged: list[Judged], old: dict[str, Tensor], max_grad_norm: float) -> dict[str, Tensor]:
    """The weights after one step as TRL's PPOTrainer (v0.11) defines it, written out from its documentation:

    compute_rewards: -kl_coef * (logprob - ref_logprob), the score added at the last token; compute_advantages: values and
    rewards times mask, lastgaelam = delta + gamma * lam * lastgaelam from the end, returns = advantages + values, then
    masked_whiten (unbiased variance); loss: vf_coef * 0.5 * masked_mean(max((v - R)^2, (clip(v, v_old +- c) - R)^2)) +
    masked_mean(max(-A * ratio, -A * clamp(ratio, 1 - c, 1 + c))). One sequence at a time, without padding.
    """
    policy, new = trainer.unwrapped, weights(trainer)

    def read(state: dict[str, Tensor], j: Judged) -> tuple[Tensor, Tensor]:
        prompt, response = list(j.completion.task.ids), list(j.completion.ids)
        out = torch.func.functional_call(
            policy.lm,
            {n.removeprefix("lm."): t for n, t in state.items() if n.startswith("lm.")},
            kwargs={"input_ids": torch.tensor([prompt + response]), "output_hidden_states": True},
        )
        at = slice(len(prompt) - 1, len(prompt) + len(response) - 1)
        logprobs = (out.logits[0, at] / 0.8).log_softmax(-1)[torch.arange(len(response)), torch.tensor(response)]
        values = out.hidden_states[-1][0, at] @ state["value_head.weight"][0] + state["value_head.bias"]
        return logprobs, values

    reference = {f"lm.{n}": p for n, p in trainer.reference.named_parameters()} | {
        n: t for n, t in old.items() if n.startswith("value_head")
    }
    all_advantages, per_row = [], []
    for j, score in zip(judged, REWARDS, strict=True):
        with torch.no_grad():
            old_logprobs, values = read(old, j)
            rewards = -0.05 * (old_logprobs - read(reference, j)[0])
        rewards[-1] += score
        lastgaelam, advantages = torch.tensor(0.0), []
        for t in reversed(range(len(rewards))):
            next_value = values[t + 1] if t + 1 < len(rewards) else 0.0
            lastgaelam = rewards[t] + 0.99 * next_value - values[t] + 0.99 * 0.9 * lastgaelam
            advantages.insert(0, lastgaelam)
        advantages_t = torch.stack(advantages)
        per_row.append((j, old_logprobs, values, advantages_t + values))
        all_advantages.append(advantages_t)
    flat = torch.cat(all_advantages)
    mean, variance = flat.mean(), flat.var(unbiased=True)

    leaves = {name: t.clone().requires_grad_() for name, t in new.items()}
    policy_losses, value_losses = [], []
    for (j, old_logprobs, old_values, returns), raw in zip(per_row, all_advantages, strict=True):
        advantages_t = (raw - mean) * torch.rsqrt(variance + 1e-8)
        logprobs, values = read(leaves, j)
        clipped = torch.clamp(values, old_values - 0.2, old_values + 0.2)
        value_losses.append(torch.max((values - returns) ** 2, (clipped - returns) ** 2))
        ratio = torch.exp(logprobs - old_logprobs)
        policy_losses.append(torch.max(-advantages_t * ratio, -advantages_t * torch.clamp(ratio, 0.8, 1.2)))
    loss = torch.cat(policy_losses).mean() + 0.5 * 0.5 * torch.cat(value_losses).mean()
    gradients = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
    norm = torch.sqrt(sum((g**2).sum() for g in gradients.values()))
    scale = min(1.0, max_grad_norm / (norm.item() + 1e-6))
    rates = {name: CRITIC_LR if name.startswith("value_head") else LR for name in new}
    return {name: new[name] - rates[name] * scale * gradients[name] for name in new}


@pytest.mark.parametrize("max_grad_norm", [1e6, 0.05])
def test_one_step_equals_that_of_trl(make_trainer: Callable[..., Trainer], max_grad_norm: float) -> None:
    trainer = make_trainer()
    trainer.config = replace(trainer.config, max_grad_norm=max_grad_norm)
    judged, before = some_judged(trainer), weights(trainer)
    batch = batch_of(trainer, judged)
    moved_a_little(trainer)
    expected = trl_step(trainer, judged, before, max_grad_norm)
    by_hand(trainer)
    moved = weights(trainer)
    found = ppo_step(trainer, trainer.config, batch)
    assert found["clipped_share"] > 0
    for name, after in weights(trainer).items():
        step = (after - moved[name]).abs().max()
        assert step > 0, name
        assert (after - expected[name]).abs().max() <= 1e-5 * step.clamp(min=after.abs().max() * 0.01), name


def test_a_step_is_the_same_however_few_rows_pass_at_once(make_trainer: Callable[..., Trainer]) -> None:
    after = []
    for micro_rows in (1, 2, 4):
        trainer = make_trainer()
        batch = batch_of(trainer, some_judged(trainer))
        moved_a_little(trainer)
        by_hand(trainer)
        numbers = ppo_step(trainer, replace(trainer.config, micro_rows=micro_rows), batch)
        after.append((numbers, weights(trainer)))
    for numbers, state in after[1:]:
        assert numbers == pytest.approx(after[0][0], rel=1e-4, abs=1e-6)
        for name, weight in state.items():
            assert torch.allclose(weight, after[0][1][name], atol=1e-6), name


def test_fgo_with_all_tokens_executed_is_plain_ppo_bit_for_bit(make_trainer: Callable[..., Trainer]) -> None:
    states = []
    for method in ("ppo", "ppo+fgo"):
        trainer = make_trainer(method=method, mask_values=True, mask_kl=True)
        batch = batch_of(trainer, some_judged(trainer), mask_kl=trainer.config.fgo)
        moved_a_little(trainer)
        ppo_step(trainer, trainer.config, batch)
        states.append(weights(trainer))
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_tokens_that_were_not_executed_do_not_move_the_policy(make_trainer: Callable[..., Trainer]) -> None:
    """Whatever advantage stands on a masked token, the step is the same."""
    states = []
    for noise in (0.0, 50.0):
        trainer = make_trainer(method="ppo+fgo")
        keeps = [[float(t % 2) for t in range(n)] for n in LENGTHS]
        batch = batch_of(trainer, some_judged(trainer), keeps)
        masked = (batch.executed_keep == 0).float()
        batch = replace(batch, advantages=batch.advantages + noise * masked)
        moved_a_little(trainer)
        by_hand(trainer)
        ppo_step(trainer, trainer.config, batch)
        states.append(weights(trainer))
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_masked_kl_penalises_executed_tokens_only(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer(method="ppo+fgo")
    judged = some_judged(trainer)
    moved_a_little(trainer)  # away from the reference
    keeps = [[1.0] * (n - 1) + [0.0] for n in LENGTHS]
    plain = batch_of(trainer, judged, keeps, lam=0.0, gamma=0.0, whiten_advantages=False)
    masked = batch_of(trainer, judged, keeps, lam=0.0, gamma=0.0, whiten_advantages=False, mask_kl=True)
    assert torch.allclose(masked.returns[0, :6], plain.returns[0, :6])  # with gamma 0, the return is the token's reward
    assert masked.returns[0, 6].item() == pytest.approx(1.0)
    assert plain.returns[0, 6].item() != pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("mask_values", [False, True])
def test_with_masked_values_returns_of_tokens_that_were_not_executed_do_not_count(
    make_trainer: Callable[..., Trainer], mask_values: bool
) -> None:
    states = []
    for noise in (0.0, 5.0):
        trainer = make_trainer(method="ppo+fgo", mask_values=mask_values)
        batch = batch_of(trainer, some_judged(trainer), [[float(t % 2) for t in range(n)] for n in LENGTHS])
        masked = batch.response_keep * (1 - batch.executed_keep)
        assert 0 < masked.sum() < batch.response_keep.sum()
        by_hand(trainer)
        ppo_step(trainer, trainer.config, replace(batch, returns=batch.returns + noise * masked))
        states.append(weights(trainer)["value_head.weight"])
    assert torch.equal(*states) is mask_values


def test_the_entropy_bonus_raises_the_entropy_of_executed_tokens(make_trainer: Callable[..., Trainer]) -> None:
    """With nothing to learn but the bonus, steps along its gradient."""
    trainer = make_trainer(method="ppo+fgo", entropy_coef=1.0, value_coef=0.0)
    batch = batch_of(trainer, some_judged(trainer), [[float(t % 2) for t in range(n)] for n in LENGTHS])
    batch = replace(batch, advantages=torch.zeros_like(batch.advantages))
    by_hand(trainer)
    found = [ppo_step(trainer, trainer.config, batch)["entropy"] for _ in range(3)]
    assert found == sorted(found)
    assert found[-1] > found[0] + 1e-4


def test_advantages_are_whitened_over_the_tokens_that_stay_in_the_loss(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer(method="ppo+fgo")
    keeps = [[float(t % 3 != 1) for t in range(n)] for n in LENGTHS]
    raw, white = (
        batch_of(trainer, some_judged(trainer), keeps, whiten_advantages=whiten).advantages for whiten in (False, True)
    )
    trainer = make_trainer(method="ppo+fgo")
    batch = batch_of(trainer, some_judged(trainer), keeps)
    kept = batch.advantages[batch.executed_keep > 0]
    assert 0 < len(kept) < batch.response_keep.sum()
    assert kept.mean().item() == pytest.approx(0.0, abs=1e-5)
    assert kept.var(unbiased=True).item() == pytest.approx(1.0, abs=1e-4)
    assert not torch.allclose(raw, white)


def test_learning_rates_rise_over_the_first_updates_and_the_policy_waits_for_its_critic(
    make_trainer: Callable[..., Trainer],
) -> None:
    trainer = make_trainer(warmup_updates=4, critic_warmup_updates=2, learning_rate=0.4, critic_learning_rate=0.8)
    found = []
    for update in range(6):
        trainer.set_learning_rates(update)
        found.append([group["lr"] for group in trainer.optimizer.param_groups])
    policy, critic = zip(*found, strict=True)
    assert policy == pytest.approx([0.0, 0.0, 0.3, 0.4, 0.4, 0.4])
    assert critic == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8])


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_values_alone_are_trained_while_they_warm_up(make_trainer: Callable[..., Trainer], weight_decay: float) -> None:
    trainer = make_trainer(critic="separate", critic_warmup_updates=1, weight_decay=weight_decay)
    batch = batch_of(trainer, some_judged(trainer))
    before = weights(trainer)
    trainer.set_learning_rates(0)
    ppo_step(trainer, trainer.config, batch, values_only=True)
    after = weights(trainer)
    assert all(torch.equal(after[n], before[n]) for n in before if n.startswith("lm."))
    assert any(not torch.equal(after[n], before[n]) for n in before if n.startswith("critic."))
    assert not torch.equal(after["value_head.weight"], before["value_head.weight"])


def test_values_on_the_policy_s_own_trunk_do_not_move_it_while_they_alone_are_trained(
    make_trainer: Callable[..., Trainer],
) -> None:
    trainer = make_trainer(critic="shared")
    batch = batch_of(trainer, some_judged(trainer))
    torch.nn.init.ones_(trainer.unwrapped.value_head.weight)  # at zero no gradient would reach the trunk anyway
    before = weights(trainer)
    ppo_step(trainer, trainer.config, batch, values_only=True)
    after = weights(trainer)
    assert all(torch.equal(after[n], before[n]) for n in before if n.startswith("lm."))
    assert not torch.equal(after["value_head.weight"], before["value_head.weight"])
    ppo_step(trainer, trainer.config, batch)
    assert any(not torch.equal(t, after[n]) for n, t in weights(trainer).items() if n.startswith("lm."))


def test_a_process_without_rows_reads_along_and_keeps_nothing_of_it(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer()
    judged = some_judged(trainer)
    read: list[int] = []

    def counting(ids: Any, *arguments: Any, **options: Any) -> Any:
        read.append(len(ids))
        return trainer.policy(ids, *arguments, **options)

    def longer(rows: int, micro_rows: int) -> Iterator[tuple[Tensor, float]]:
        yield from alone(rows, micro_rows)
        yield torch.zeros(1, dtype=torch.long), 0.0

    plain = batch_of(trainer, judged)
    found = batch_of(trainer, judged, policy=counting, turns=longer)
    assert read == [3, 1, 1]
    assert all(torch.equal(getattr(found, f.name), getattr(plain, f.name)) for f in fields(plain))


def test_what_was_read_before_the_verdicts_serves_those_that_were_judged(make_trainer: Callable[..., Trainer]) -> None:
    """The judge has failed on two of the completions, the longest among them."""
    trainer = make_trainer()
    judged = some_judged(trainer)
    kept = [j for j in judged if len(j.completion.ids) not in (max(LENGTHS), min(LENGTHS))]
    given = [[1.0] * len(j.completion.ids) for j in kept], REWARDS[: len(kept)]
    options = {"kl_coef": 0.05, "gamma": 0.99, "lam": 0.9, "whiten_advantages": True}
    early = read_by(trainer, judged)
    assert early.of(judged) is early
    found = assembled(early.of(kept), kept, *given, **options)
    late = assembled(read_by(trainer, kept), kept, *given, **options)
    every = torch.arange(len(kept))
    found, late = found.rows(every), late.rows(every)  # the same columns
    assert torch.equal(found.ids, late.ids)
    for name in ("old_logprobs", "ref_logprobs", "old_values", "advantages", "returns"):
        assert torch.allclose(getattr(found, name), getattr(late, name), atol=1e-4), name


def test_minibatches_are_a_partition_into_nearly_equal_parts() -> None:
    parts = minibatches(10, 4)
    assert sorted(torch.cat(parts).tolist()) == list(range(10))
    assert sorted(len(part) for part in parts) == [2, 2, 3, 3]


def test_a_loss_that_is_not_a_number_ends_the_run_in_words() -> None:
    with pytest.raises(TrainingError, match=r"update 7: policy_loss is nan; expected finite numbers.* --resume"):
        _refuse_nan({"policy_loss": float("nan"), "entropy": 0.0}, 7)


def test_weights_are_left_alone_where_the_gradient_is_not_a_number(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer()
    batch = batch_of(trainer, some_judged(trainer))
    before = weights(trainer)
    found = ppo_step(trainer, trainer.config, replace(batch, advantages=batch.advantages * float("nan")))
    assert found["policy_loss"] != found["policy_loss"]
    assert all(torch.equal(t, before[n]) for n, t in weights(trainer).items())


def test_old_and_reference_logprobs_are_equal_before_the_first_step(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer()
    trainer.reference = None
    from stepcoder.policy import frozen_copy

    trainer.reference = frozen_copy(trainer.unwrapped.lm, trainer.config)
    batch = batch_of(trainer, some_judged(trainer))
    assert torch.equal(batch.old_logprobs, batch.ref_logprobs)


def test_columns_that_are_padding_in_all_rows_are_left_away_and_change_nothing(
    make_trainer: Callable[..., Any],
) -> None:
    """One row at a time and all at once: other columns of padding, the same numbers."""
    trainer = make_trainer()
    judged = some_judged(trainer)
    alone, together = (batch_of(trainer, judged, micro_rows=rows) for rows in (1, 4))
    for name in ("old_logprobs", "ref_logprobs", "old_values", "advantages", "returns"):
        kept = together.response_keep > 0
        assert torch.allclose(getattr(alone, name)[kept], getattr(together, name)[kept], atol=1e-4), name
    prompts = [len(j.completion.task.ids) for j in judged]
    for i, length in enumerate(LENGTHS):
        part = together.rows(torch.tensor([i]))
        assert part.ids.shape == part.attention.shape == (1, prompts[i] + length)
        assert part.attention.all()
        assert part.response_keep.tolist() == [[1.0] * length]
        assert part.ids[0, -length:].tolist() == list(judged[i].completion.ids)
        assert torch.equal(part.advantages[0], together.advantages[i, :length])
    two = together.rows(torch.tensor([1, 3]))
    assert two.response_tokens == max(LENGTHS[1], LENGTHS[3])
    assert two.ids.shape[1] == max(prompts[1], prompts[3]) + two.response_tokens


def test_tasks_with_mixed_rewards_are_those_whose_completions_differ(make_trainer: Callable[..., Any]) -> None:
    """Problem a at level 1: -1 and -0.3; at level 2: twice -0.3; problem b: 1 alone. One task of three is mixed."""
    trainer = make_trainer()
    a, b = trainer.sampler.take(2)
    scored = [
        Scored(Judged(Completion(trainer.task(problem, level), (5,), "", None), None), earned, [(0, 0)], [1.0])
        for problem, level, earned in ((a, 1, -1.0), (a, 2, -0.3), (b, 2, 1.0), (a, 1, -0.3), (a, 2, -0.3))
    ]
    numbers = _told(trainer, scored, Collected((), 1.0, 0.0, 5), 0.0)
    assert numbers["mixed_share"] == 1 / 3
    assert numbers["reward_mean"] == pytest.approx((-1.0 - 0.3 + 1.0 - 0.3 - 0.3) / 5)
    assert numbers["plain_pass_rate"] == 0.0  # of three: none has a program
