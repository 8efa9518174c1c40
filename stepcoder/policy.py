"""The networks: the policy with its values, and the frozen reference that the KL penalty holds it to.

Legend: B sequences of N = P + T tokens, left-padded prompts (P) and right-padded responses (T).
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from appsplus.errors import InputError
from stepcoder.config import VALUES_FILE, SftConfig
from stepcoder.losses import token_entropy, token_logprobs


def device_here() -> torch.device:
    """Where one process computes: its GPU, or the CPU. Training asks accelerate instead."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Policy(nn.Module):
    """A causal language model, and a value for each position of the response.

    `critic` is a trunk of its own for the values; None: they are read off the policy's trunk.
    """

    def __init__(self, lm: Any, critic: Any = None) -> None:
        super().__init__()
        self.lm, self.critic = lm, critic
        self._no_split_modules = getattr(lm, "_no_split_modules", None)  # what FSDP's TRANSFORMER_BASED_WRAP shards by
        self.outcomes: Any = None  # what predicts outcomes, where a method asks for it: stepcoder/methods/critics.py
        width = lm.config.get_text_config().hidden_size
        self.value_head = nn.Linear(width, 1, dtype=torch.float32)
        nn.init.zeros_(self.value_head.weight)
        nn.init.zeros_(self.value_head.bias)

    def forward(
        self,
        ids: Tensor,
        attention: Tensor,
        response_tokens: int,
        *,
        temperature: float = 1.0,
        positions: Tensor | None = None,
        entropy: bool = False,
        outcomes: bool = False,
        values_only: bool = False,
    ) -> tuple[Tensor, ...]:
        """Log-probabilities, values and entropies of the last `response_tokens` (T) positions. (B, N) -> 3 x (B, T).

        `attention` is 1 on tokens and 0 on padding, (B, N), or a whole mask to be added, (B, 1, N, N). The value at a
        position is that of the state before its token. Entropies are zeros, unless asked for. With `outcomes` a fourth
        tensor has the logits of what becomes of the program, after each token, (B, T, 4). With `values_only` the gradient
        of the values stays out of the policy's trunk.
        """
        logits, hidden = _response(self.lm, ids, attention, response_tokens, positions)
        logits = logits.float() / temperature
        if self.critic is not None:
            hidden = hidden_states(self.critic, ids, attention, positions)[:, -response_tokens - 1 : -1]
        elif values_only:
            hidden = hidden.detach()
        values = self.values_of(hidden)
        logprobs = token_logprobs(logits, ids[:, -response_tokens:])
        found = logprobs, values, token_entropy(logits) if entropy else torch.zeros_like(logprobs)
        return (*found, self.outcomes(ids, attention, response_tokens, positions)) if outcomes else found

    def values_of(self, hidden: Tensor) -> Tensor:
        """Values of states, in float32 whatever the trunk computes in. (B, T, H) -> (B, T)."""
        with torch.autocast(hidden.device.type, enabled=False):
            head = self.value_head  # whose weights FSDP may hold in the trunk's type
            return nn.functional.linear(hidden.float(), head.weight.float(), head.bias.float()).squeeze(-1)


def reference_logprobs(
    policy: Policy, reference: Any, ids: Tensor, attention: Tensor, response_tokens: int, temperature: float
) -> Tensor:
    """Log-probabilities under the frozen reference; under LoRA (`reference` None) that is the model without adapters."""
    with torch.no_grad(), policy.lm.disable_adapter() if reference is None else nullcontext():
        logits, _ = _response(policy.lm if reference is None else reference, ids, attention, response_tokens, None)
        return token_logprobs(logits.float() / temperature, ids[:, -response_tokens:])


def _response(
    model: Any, ids: Tensor, attention: Tensor, response_tokens: int, positions: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Logits and last hidden states of the positions that predict the response. (B, N) -> (B, T, V), (B, T, H)."""
    out = model(
        input_ids=ids,
        attention_mask=attention,
        position_ids=_positions(attention) if positions is None else positions,
        logits_to_keep=response_tokens + 1,
        output_hidden_states=True,
        use_cache=False,
    )
    return out.logits[:, :-1], out.hidden_states[-1][:, -response_tokens - 1 : -1]


def hidden_states(lm: Any, ids: Tensor, attention: Tensor, positions: Tensor | None = None) -> Tensor:
    """The last hidden state of each position; the head over words, the widest layer, is not asked. (B, N) -> (B, N, H)."""
    if positions is None:
        positions = _positions(attention)
    lm = lm.get_base_model() if hasattr(lm, "get_base_model") else lm  # of adapters
    read = lm.base_model(input_ids=ids, attention_mask=attention, position_ids=positions, use_cache=False)
    hidden: Tensor = read.last_hidden_state
    return hidden


def _positions(attention: Tensor) -> Tensor:
    """Places of tokens among those that are none of padding. (B, N) -> (B, N)."""
    return (attention.long().cumsum(-1) - 1).clamp(min=0)


def load_model(name: str, config: SftConfig, *, dtype: torch.dtype | None = None) -> tuple[Any, Any]:
    """A pretrained model and its tokenizer, without dropout; `dtype` of its weights, else what training under the config
    needs. Raises InputError where they cannot be had.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # of loading weights: those who call have their own progress
    shape, tokenizer = _without_dropout(model_config(name)), load_tokenizer(name)
    with _said_in_words(name):
        return AutoModelForCausalLM.from_pretrained(name, config=shape, dtype=dtype or _weights(config)), tokenizer


def load_tokenizer(name: str) -> Any:
    """The tokenizer of a pretrained model. Raises InputError where it cannot be had."""
    from transformers import AutoTokenizer

    with _said_in_words(name):
        return AutoTokenizer.from_pretrained(name)


def model_config(name: str, option: str = "--model") -> Any:
    """The shape of a pretrained model. Raises InputError where it cannot be had; `option`: what has named it."""
    from transformers import AutoConfig

    with _said_in_words(name, option):
        return AutoConfig.from_pretrained(name)


@contextmanager
def _said_in_words(name: str, option: str = "--model") -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise InputError(
            f"{option} {name} cannot be loaded ({error}); expected a folder or a Hub id of a causal language model"
        ) from None


def new_model(config: SftConfig, tokenizer: Any) -> Any:
    """A small Llama with random weights."""
    from transformers import LlamaForCausalLM

    return LlamaForCausalLM(new_config(config, len(tokenizer), eos=tokenizer.eos_token_id, pad=tokenizer.pad_token_id))


def new_config(config: SftConfig, vocab_tokens: int, *, eos: int, pad: int) -> Any:
    """The shape of a new model."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=vocab_tokens,
        hidden_size=config.hidden_size,
        intermediate_size=4 * config.hidden_size,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.heads,
        max_position_embeddings=2 * (config.max_prompt_tokens + config.max_completion_tokens),
        tie_word_embeddings=True,
        eos_token_id=eos,
        pad_token_id=pad,
        bos_token_id=None,
    )


def shape_named(config: SftConfig, vocab_tokens: int) -> Any:
    """The shape of the model that the config names, or of the new one that it describes."""
    return model_config(config.model) if config.model else new_config(config, vocab_tokens, eos=0, pad=1)


def empty_model(shape: Any) -> Any:
    """A model of a shape, to ask it for those of its weights; nothing is allocated."""
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(shape)


def made_trainable(lm: Any, config: SftConfig) -> Any:
    """The model with what the config asks for: adapters, gradient checkpointing."""
    if config.gradient_checkpointing:
        enable = (
            getattr(lm, "activation_checkpointing_enable", None) or lm.gradient_checkpointing_enable
        )  # the older name
        enable({"use_reentrant": False})
    if config.lora_rank:
        from peft import LoraConfig, get_peft_model

        adapters = LoraConfig(
            r=config.lora_rank, lora_alpha=config.lora_alpha, target_modules="all-linear", task_type="CAUSAL_LM"
        )
        lm = get_peft_model(lm, adapters)
    return lm


def frozen_copy(lm: Any, config: SftConfig) -> Any:
    """A copy that is never trained."""
    return copy.deepcopy(lm).requires_grad_(False).to(activations(config)).eval()


def save_policy(policy: Policy, state: dict[str, Tensor], tokenizer: Any, folder: Path) -> None:
    """Write the policy as transformers loads it (adapters merged in), and the values beside it.

    `state` is the policy's whole state, which a process that holds a part of the policy has gathered.
    """
    from safetensors.torch import save_file
    from torch.distributed.tensor import DTensor
    from transformers import AutoModelForCausalLM

    lm = policy.lm
    if hasattr(lm, "merge_and_unload"):  # in float32: much of what adapters add is below the last bit of bfloat16
        lm = copy.deepcopy(lm).to("cpu", torch.float32).merge_and_unload()
    elif any(isinstance(p, DTensor) for p in lm.parameters()):  # only a part of it is here, and the others do not wait
        lm = AutoModelForCausalLM.from_config(lm.config)
        lm.load_state_dict({name.removeprefix("lm."): t for name, t in state.items() if name.startswith("lm.")})
    lm.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    values = {name: t.detach().contiguous().clone() for name, t in state.items() if not name.startswith("lm.")}
    save_file(values, str(folder / VALUES_FILE))


def whole_state(policy: Policy) -> dict[str, Tensor]:
    """The policy's weights, gathered from all processes where each holds a part."""
    from torch.distributed.tensor import DTensor

    state = policy.state_dict()
    return {name: t.full_tensor().cpu() if isinstance(t, DTensor) else t for name, t in state.items()}


def load_values(policy: Policy, folder: Path) -> bool:
    """Take the values from a folder that `save_policy` wrote; False where it has none that fit."""
    from safetensors.torch import load_file

    path = folder / VALUES_FILE
    if not path.is_file():
        return False
    values = load_file(str(path))
    if set(values) != {name for name in policy.state_dict() if not name.startswith("lm.")}:
        return False
    policy.load_state_dict(values, strict=False)
    return True


def context_of(shape: Any) -> int | None:
    """The tokens that a model reads, by its config; None where that does not say."""
    found: int | None = getattr(shape.get_text_config(), "max_position_embeddings", None)
    return found


def activations(config: SftConfig) -> torch.dtype:
    """The type that the config names."""
    return torch.bfloat16 if config.dtype == "bfloat16" else torch.float32


def _weights(config: SftConfig) -> torch.dtype:
    """Weights that are trained stay float32: a step of 5e-7 is lost in the 8 bits of bfloat16's mantissa."""
    return activations(config) if config.lora_rank else torch.float32


def _without_dropout(shape: Any) -> Any:
    """Old and new log-probabilities of the same weights must be equal."""
    for name, value in vars(shape).items():
        if "drop" in name and isinstance(value, float):
            setattr(shape, name, 0.0)
    return shape
