"""Values of options by name: presets, chosen by --preset, and what each method brings where nobody says otherwise."""

from collections.abc import Mapping
from typing import Any

from stepcoder.methods.names import Parts

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # From scratch on a CPU, in minutes, the shortest problems by heart; docs/tiny.md has what was measured and tried.
    # Supervised training stops where samples of the policy pass now and then, so that verdicts have something to teach.
    # A few thousand completions must do then. One that fails is right but for a token or two, and these are unlikely, so
    # their gradient is large: advantages around a mean are mostly noise here. Hence reward 0 or 1 as it is, neither critic
    # nor whitening: what passed is reinforced. Samples are from all tokens, for the loss knows of no nucleus, and colder,
    # for the policy is unsure.
    "tiny": {
        "hidden_size": 96,
        "layers": 2,
        "heads": 4,
        "vocab_tokens": 4096,
        "max_prompt_tokens": 400,
        "max_completion_tokens": 150,
        "sft_epochs": 38,
        "sft_batch_examples": 2,
        "sft_learning_rate": 3e-3,
        "pack_tokens": 800,
        "updates": 30,
        "problems_per_update": 11,
        "completions_per_problem": 8,
        "generation_batch": 88,
        "temperature": 0.6,
        "top_p": 1.0,
        "plain_share": 0.5,
        "reward": "binary",
        "whiten_advantages": False,
        "value_coef": 0.0,
        "lam": 1.0,
        "learning_rate": 3e-4,
        "warmup_updates": 3,
        "ppo_epochs": 1,
        "minibatches": 2,
        "kl_coef": 0.02,
        "validate_every": 0,
        "keep_policies": 4,
    },
    # a pretrained model on one GPU
    "small": {
        "model": "deepseek-ai/deepseek-coder-1.3b-instruct",
        "dtype": "bfloat16",
        "gradient_checkpointing": True,
        "lora_rank": 32,
        "max_prompt_tokens": 1024,
        "max_completion_tokens": 768,
        "pack_tokens": 2048,
        "sft_learning_rate": 1e-4,
        "learning_rate": 1e-5,
        "critic_learning_rate": 5e-5,
        "problems_per_update": 32,
        "generation_batch": 128,
        "updates": 500,
    },
    # arXiv:2402.01391, section 4.1 and appendix
    "paper-6.7b": {
        "model": "deepseek-ai/deepseek-coder-6.7b-instruct",
        "dtype": "bfloat16",
        "gradient_checkpointing": True,
        "critic": "separate",
        "sft_epochs": 3,
        "sft_learning_rate": 2e-5,
        "sft_batch_examples": 64,
        "learning_rate": 5e-7,
        "critic_learning_rate": 1.5e-6,
        "completions_per_problem": 16,
        "temperature": 0.8,
        "top_p": 0.9,
        "max_completion_tokens": 1024,
        "max_prompt_tokens": 2048,
        "pack_tokens": 4096,
        "micro_rows": 2,
        "kl_coef": 0.05,
        "kl_control": "fixed",
        "reward": "verdict",
        "problems_per_update": 32,
        "updates": 1000,
    },
}

_REINFORCE: Mapping[str, Any] = {
    "reward": "verdict",
    "loss_mean": "completion",
    "kl_in": "loss",
    "kl_coef": 0.0,
    "ratio": "none",
    "ppo_epochs": 1,  # nothing makes up for a policy that has changed since it wrote
    "whiten_advantages": False,
    "critic": "shared",
    "ground_truth_coef": 1.0,
}

OF_METHODS: Mapping[str, Mapping[str, Any]] = {
    # arXiv:2402.03300: KL as a loss term, 0.04; a mean over each completion, then over completions
    "grpo": {
        "kl_in": "loss",
        "kl_coef": 0.04,
        "loss_mean": "completion",
        "whiten_advantages": False,
        "critic": "shared",
    },
    # arXiv:2402.14740: KL in the reward; the completion as one action
    "rloo": {"kl_in": "reward", "ratio": "sequence", "whiten_advantages": False, "critic": "shared"},
    # arXiv:2307.04349: REINFORCE without KL, a mean over each completion, a supervised term, the best so far
    "rltf": {**_REINFORCE, "baseline": "best"},
    # arXiv:2207.01780: the same without the fine-grained feedback, against the greedy completion
    "coderl": {**_REINFORCE, "baseline": "greedy"},
}
"""By the first part of a method's name."""

OF_SHAPINGS: Mapping[str, Mapping[str, Any]] = {
    "match": {"reward": "verdict"},  # arXiv:2301.13816: added to +1 / -0.3 / -0.6 / -1
}
"""By a part that shapes rewards."""


def method_options(method: str) -> Mapping[str, Any]:
    """What a method brings: values over those of the preset, below those that are given. Raises ConfigError."""
    parts = Parts.of(method)
    found = dict(OF_METHODS.get(parts.advantages, {}))
    for name in parts.shapings:
        found |= OF_SHAPINGS.get(name, {})
    return found
