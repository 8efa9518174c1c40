"""The networks: padding, values, adapters, the reference, and estimates of what they take."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("transformers", reason="the trainer's tests need transformers: pip install '.[train]'")

from appsplus.errors import InputError
from appsplus.problem import Problem
from stepcoder.config import SftConfig, TrainConfig, configured
from stepcoder.data import new_tokenizer, tokenizer_texts
from stepcoder.policy import Policy, frozen_copy, load_model, made_trainable, new_model, reference_logprobs
from tests.stepcoder.conftest import TINY

SIZES: dict[str, Any] = {k: v for k, v in TINY.items() if k in SftConfig.__slots__}


@pytest.fixture
def lm(problems: list[Problem]) -> Any:
    torch.manual_seed(0)
    made = new_model(SftConfig(**SIZES), new_tokenizer(tokenizer_texts(problems), 400))
    for p in made.parameters():
        if p.ndim > 1:
            torch.nn.init.normal_(p, std=0.2)
    return made


def some_ids(rows: int, tokens: int) -> Any:
    return torch.randint(2, 300, (rows, tokens), generator=torch.Generator().manual_seed(5))


def test_padding_changes_neither_logprobs_nor_values(lm: Any) -> None:
    policy = Policy(lm)
    torch.nn.init.normal_(policy.value_head.weight)
    ids = some_ids(1, 9)
    logprobs, values, entropy = policy(ids, torch.ones_like(ids), 4, entropy=True)
    padded = torch.cat([torch.ones(1, 3, dtype=torch.long), ids, torch.ones(1, 2, dtype=torch.long)], 1)
    attention = torch.tensor([[0] * 3 + [1] * 9 + [0] * 2])
    more_logprobs, more_values, more_entropy = policy(padded, attention, 6, entropy=True)
    assert torch.allclose(more_logprobs[:, :4], logprobs, atol=1e-5)
    assert torch.allclose(more_values[:, :4], values, atol=1e-4)
    assert torch.allclose(more_entropy[:, :4], entropy, atol=1e-4)
    assert values.abs().max() > 0


def test_logprobs_are_those_of_the_language_model_at_a_temperature(lm: Any) -> None:
    ids = some_ids(2, 7)
    logprobs, values, _ = Policy(lm)(ids, torch.ones_like(ids), 3, temperature=0.5)
    expected = (lm(input_ids=ids).logits / 0.5).log_softmax(-1)
    for row in range(2):
        for t in range(3):
            assert logprobs[row, t].item() == pytest.approx(expected[row, 3 + t, ids[row, 4 + t]].item(), abs=1e-5)
    assert torch.all(values == 0)  # before anything is learned


def test_the_value_at_a_position_does_not_see_its_token(lm: Any) -> None:
    policy = Policy(lm)
    torch.nn.init.normal_(policy.value_head.weight)
    ids = some_ids(1, 6)
    other = ids.clone()
    other[0, -1] = (ids[0, -1] + 1) % 300
    assert torch.equal(*(policy(x, torch.ones_like(x), 2)[1] for x in (ids, other)))


def test_a_separate_critic_reads_values_as_the_policy_would_without_its_head_over_words(lm: Any) -> None:
    ids = some_ids(2, 8)
    shared, separate = Policy(lm), Policy(lm, frozen_copy(lm, SftConfig(**SIZES)))
    torch.nn.init.normal_(shared.value_head.weight)
    separate.value_head.load_state_dict(shared.value_head.state_dict())
    separate.critic.lm_head.register_forward_pre_hook(lambda *_: pytest.fail("nothing is read off words"))
    attention = torch.tensor([[1] * 8, [0] * 3 + [1] * 5])
    for one, other in zip(shared(ids, attention, 3), separate(ids, attention, 3), strict=True):
        assert torch.equal(one, other)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_under_lora_the_reference_is_the_policy_without_its_adapters(lm: Any) -> None:
    ids = some_ids(2, 8)
    plain = frozen_copy(lm, SftConfig(**SIZES))
    policy = Policy(made_trainable(lm, SftConfig(**SIZES | {"lora_rank": 2})))
    with torch.no_grad():
        for name, p in policy.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(p)
    found = reference_logprobs(policy, None, ids, torch.ones_like(ids), 3, 0.8)
    assert torch.allclose(found, reference_logprobs(policy, plain, ids, torch.ones_like(ids), 3, 0.8), atol=1e-6)
    assert not torch.allclose(found, policy(ids, torch.ones_like(ids), 3, temperature=0.8)[0], atol=1e-2)
    trained = [name for name, p in policy.named_parameters() if p.requires_grad]
    assert all("lora_" in name or name.startswith("value_head") for name in trained)


def test_gradient_checkpointing_gives_the_same_gradients(lm: Any) -> None:
    ids, gradients = some_ids(2, 8), []
    for on in (False, True):
        policy = Policy(
            made_trainable(frozen_copy(lm, SftConfig(**SIZES)).requires_grad_(True), _checkpointed(on))
        ).train()
        policy(ids, torch.ones_like(ids), 3)[0].sum().backward()
        gradients.append([p.grad for p in policy.lm.parameters()])
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def _checkpointed(on: bool) -> SftConfig:
    return SftConfig(**SIZES | {"gradient_checkpointing": on})


def test_dropout_is_switched_off_when_a_model_is_loaded(tmp_path: Path, problems: list[Problem]) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = new_tokenizer(tokenizer_texts(problems), 400)
    GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    lm, _ = load_model(str(tmp_path), SftConfig())
    ids = some_ids(1, 5)
    lm.train()
    assert lm.config.resid_pdrop == lm.config.attn_pdrop == lm.config.embd_pdrop == 0.0
    assert torch.equal(lm(input_ids=ids).logits, lm(input_ids=ids).logits)


def test_trained_weights_stay_float32_and_frozen_ones_take_the_type_asked_for(lm: Any, tmp_path: Path) -> None:
    half = SftConfig(**SIZES | {"dtype": "bfloat16"})
    assert frozen_copy(lm, half).dtype is torch.bfloat16
    assert lm.dtype is torch.float32


def test_a_model_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--model .*nothing cannot be loaded .* expected a folder or a Hub id"):
        load_model(str(tmp_path / "nothing"), SftConfig())


def test_a_dry_run_counts_parameters_and_bytes(lm: Any) -> None:
    from stepcoder.estimate import hours_of, memory_gib, shape_of

    config = configured(TrainConfig, "tiny", TINY)
    shape = shape_of(config)
    vocabulary = config.vocab_tokens * 32
    layers = 2 * (4 * 32 * 32 + 3 * 32 * 128 + 2 * 32)  # attention, feed-forward, two norms
    assert shape.parameters == vocabulary + layers + 32
    parts = memory_gib(shape, config)
    assert parts["weights that are trained, gradients, Adam"] * 2**30 == 16 * shape.parameters
    assert parts["frozen weights"] * 2**30 == 4 * shape.parameters
    half = memory_gib(shape, configured(TrainConfig, "tiny", TINY | {"lora_rank": 2, "dtype": "bfloat16"}))
    assert half["frozen weights"] * 2**30 == 2 * shape.parameters
    mixed = memory_gib(shape, configured(TrainConfig, "tiny", TINY | {"dtype": "bfloat16", "critic": "separate"}))
    trained = mixed["weights that are trained, gradients, Adam"] * 2**30
    assert trained == 18 * shape.parameters
    assert mixed["separate critic, the same"] * 2**30 == trained
    shared = memory_gib(shape, configured(TrainConfig, "tiny", TINY | {"dtype": "bfloat16"}))
    assert mixed["activations"] == 2 * shared["activations"]
    # logits, their gradients and the loss's own, in float32, of the larger phase: a pack of the warm-up, or completions
    packed, completed = config.micro_rows * config.pack_tokens, config.micro_rows * config.max_completion_tokens
    without = configured(TrainConfig, "tiny", TINY | {"sft_epochs": 0, "model": "x"})
    assert packed > completed
    for of, scored in ((config, packed), (without, completed)):
        logits = memory_gib(shape, of)["logits and their gradients"] * 2**30
        assert logits == pytest.approx(12 * scored * config.vocab_tokens)
    assert half["weights that are trained, gradients, Adam"] < parts["weights that are trained, gradients, Adam"]
    # SFT: epochs x problems x tokens x 6 operations a parameter, at 40 % of 1 TFLOP/s
    hours = hours_of(shape, config, problems=10, flops=1e12)["SFT"]
    assert hours == pytest.approx(2 * 10 * (128 + 48) * 6 * shape.parameters / 0.4e12 / 3600)


def test_a_dry_run_trains_nothing(make_trainer: Callable[..., Any], tmp_path: Path) -> None:
    from stepcoder.estimate import estimate

    make_trainer()
    told = estimate(str(tmp_path / "data"), configured(TrainConfig, "tiny", TINY))
    assert "6 problems; at most, on one process:" in told
    assert "GiB  in all" in told


def test_values_are_float32_whatever_the_trunk_computes_in(lm: Any) -> None:
    policy, ids = Policy(lm), some_ids(2, 8)
    torch.nn.init.normal_(policy.value_head.weight)
    with torch.autocast("cpu", torch.bfloat16):
        _, values, _ = policy(ids, torch.ones_like(ids), 3)
    assert values.dtype == torch.float32
    assert not torch.equal(values, values.to(torch.bfloat16).float())
    policy.to(torch.bfloat16)  # as FSDP may hold it
    assert policy(ids, torch.ones_like(ids), 3)[1].dtype == torch.float32


def test_fsdp_finds_the_layers_to_shard_by(lm: Any) -> None:
    from accelerate.utils.fsdp_utils import get_module_class_from_name

    policy = Policy(lm)
    [name] = policy._no_split_modules
    assert get_module_class_from_name(policy, name) is type(lm.model.layers[0])
