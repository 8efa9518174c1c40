"""Options that were given and would do nothing: they are refused, so that nobody believes that they did something.

Values of a preset are not looked at: a preset is for every method. Nor are those of `stepcoder ablate`, which gives what it
is given to all of its runs.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from stepcoder.errors import ConfigError

Used = Callable[[Any], bool]

FROM_SCRATCH = ("hidden_size", "layers", "heads", "vocab_tokens")
"""Options of new models, idle where there is a `--model`; `stepcoder ablate` refuses them there as well."""

_OF_ALL: tuple[tuple[str, Used, str], ...] = (
    (" ".join(FROM_SCRATCH), lambda c: not c.model, "models from scratch, and there is a --model"),
    ("lora_alpha", lambda c: c.lora_rank > 0, "--lora-rank above 0"),
)
"""Of `stepcoder sft` too."""

_STARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("schedule", ("cccs", "jsrl")),
    ("plain_share", ("cccs", "r3", "adaback", "jsrl")),
    ("cuts levels_per_problem at_line_start", ("cccs", "r3", "adaback", "jsrl", "bread")),
    ("kinds", ("cccs", "r3", "adaback", "bread")),
    ("guide_completions", ("jsrl",)),
)

_OTHERS: tuple[tuple[str, Used, str], ...] = (
    (
        "threshold",
        lambda c: _advances(c) or c.curriculum.name == "adaback",
        "methods with adaback, or with cccs or jsrl and --schedule adaptive",
    ),
    ("coefficient", lambda c: _advances(c), "methods with cccs or jsrl and --schedule adaptive"),
    ("updates_per_level", lambda c: c.curriculum.schedule == "fixed", "a curriculum with --schedule fixed"),
    ("executed_in mask_values mask_kl", lambda c: c.parts.fgo, "methods with fgo"),
    ("mask_kl", lambda c: c.kl_coef > 0, "a KL penalty: --kl-coef above 0"),
    ("gamma lam value_coef value_clip_range", lambda c: c.parts.critic, "methods with a critic of values"),
    (
        "value_clip_range mask_values critic_learning_rate",
        lambda c: not c.parts.critic or c.value_coef > 0,
        "a critic that learns: --value-coef above 0",
    ),
    ("critic_learning_rate", lambda c: c.parts.critic or c.parts.outcomes, "methods with a critic"),
    ("clip_range", lambda c: c.ratio != "none", "--ratio token or sequence"),
    ("kl_target kl_horizon", lambda c: c.kl_control == "adaptive", "--kl-control adaptive"),
    ("group_std", lambda c: c.parts.advantages == "grpo", "grpo"),
    ("ast_weight flow_weight", lambda c: "match" in c.parts.shapings, "methods with match"),
    (
        "fine_penalty",
        lambda c: c.parts.advantages == "rltf" or "lines" in c.parts.shapings,
        "rltf and methods with lines",
    ),
    ("fine_alpha adaptive_weight", lambda c: c.parts.advantages == "rltf", "rltf"),
    ("outcome_weights outcome_coef", lambda c: c.parts.outcomes, "coderl"),
    (
        "prm_weight_passed prm_weight_failed prm_drop_gap prm_gap_updates",
        lambda c: bool(c.dense_reward),
        "--dense-reward prm",
    ),
    ("prm_gap_updates", lambda c: c.prm_drop_gap > 0, "--prm-drop-gap above 0"),
    ("sft_batch_examples sft_learning_rate sft_warmup_share", lambda c: c.sft_epochs > 0, "--sft-epochs above 0"),
    (
        "validation_problems validation_split validation_completions",
        lambda c: c.validate_every > 0,
        "--validate-every above 0",
    ),
)


def _advances(config: Any) -> bool:
    """Whether pass rates move a curriculum's levels up."""
    return config.curriculum.name in ("cccs", "jsrl") and config.curriculum.schedule == "adaptive"


def refuse_unused(config: Any, given: Iterable[str]) -> None:
    """Refuse options, by their names, that change nothing in a run with this config. Raises ConfigError."""
    asked = set(given)
    for name, of in without_effect(config):
        if name in asked:
            option, method = "--" + name.replace("_", "-"), getattr(config, "method", "")
            here = f" with --method {method}" if method else ""
            raise ConfigError(f"{option} would do nothing{here}: it is of {of}; leave it away")
    if "keep_policies" in asked and config.keep_policies > config.updates:
        raise ConfigError(
            f"--keep-policies {config.keep_policies} is more than the {config.updates} policies that as many --updates leave;"
            " lower it"
        )


def without_effect(config: Any) -> Iterator[tuple[str, str]]:
    """Options that change nothing in a run with this config, an SftConfig or a TrainConfig, each with what it is of."""
    yield from _idle(_OF_ALL, config)
    if not hasattr(config, "method"):
        return
    for names, starts in _STARTS:
        if config.parts.start not in starts:
            yield from ((name, f"methods with {' or '.join(starts)}") for name in names.split())
    yield from _idle(_OTHERS, config)


def _idle(table: Iterable[tuple[str, Used, str]], config: Any) -> Iterator[tuple[str, str]]:
    for names, used, of in table:
        if not used(config):
            yield from ((name, of) for name in names.split())
