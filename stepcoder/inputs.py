"""Which problems a run can use, and what it is refused for before it has cost anything."""

from collections.abc import Collection, Sequence
from typing import Any

from appsplus.errors import DatasetError, InputError
from appsplus.problem import Problem
from stepcoder.config import SftConfig, TrainConfig
from stepcoder.data import Tokens, evenly, load_split, new_tokenizer, sft_example, tokenizer_texts
from stepcoder.errors import ConfigError
from stepcoder.estimate import row_tokens
from stepcoder.guide import prefixes_of
from stepcoder.policy import context_of, empty_model, load_tokenizer, model_config, shape_named
from stepcoder.prm.model import check_same_shapes, check_same_tokenizer


def fits(example: Tokens, config: SftConfig) -> bool:
    """Whether a problem can be trained on."""
    return (
        example.prompt <= config.max_prompt_tokens and len(example.ids) - example.prompt <= config.max_completion_tokens
    )


def fitting(problems: Sequence[Problem], tokenizer: Any, config: SftConfig, name: str) -> list[Problem]:
    """The problems that can be trained on. Raises DatasetError where none can."""
    found = [problem for problem in problems if fits(sft_example(problem, tokenizer), config)]
    if not found:
        raise DatasetError(
            f"none of the {len(problems)} problems of {name} fits into {config.max_prompt_tokens} tokens of prompt and"
            f" {config.max_completion_tokens} of completion; raise --max-prompt-tokens or --max-completion-tokens"
        )
    return found


def check_inputs(dataset: str, config: TrainConfig, processes: int, *, prm_is_there: bool = True) -> None:
    """Refuse before hours of supervised training what PPO could not begin with after it. Raises InputError.

    `prm_is_there`: whether the reward model, if there is one, has been made already.
    """
    refuse_too_few(config, processes)
    train = load_split(dataset, "train", limit=config.limit)
    if config.guide:
        model_config(config.guide, "--guide")
    tokenizer = (
        load_tokenizer(config.model) if config.model else new_tokenizer(tokenizer_texts(train), config.vocab_tokens)
    )
    if config.prm and prm_is_there:
        _check_reward_model(config, tokenizer)
    problems = fitting(train, tokenizer, config, f"the split train of {dataset}")
    validation_that_fits(dataset, config, tokenizer)
    if config.model:
        refuse_too_long(problems, tokenizer, config, model_config(config.model))
    if config.curriculum.name not in ("plain", "jsrl"):  # what a guide can write is not known before
        levels = {len(of) for of in prefixes_of(train, config.curriculum, lambda _: {}).values()}
        refuse_one_level(dataset, config, levels)


def _check_reward_model(config: TrainConfig, tokenizer: Any) -> None:
    """Refuse a reward model of other tokens, or one that a critic cannot start from. Raises ConfigError."""
    check_same_tokenizer(load_tokenizer(config.prm), tokenizer, config.prm)
    if config.value_init:
        theirs, ours = model_config(config.prm, "--prm"), shape_named(config, len(tokenizer))
        check_same_shapes(empty_model(theirs), empty_model(ours), config.prm)


def refuse_too_few(config: TrainConfig, processes: int) -> None:
    """Refuse fewer completions than the minibatches of all processes need. Raises ConfigError."""
    if config.completions < processes * config.minibatches:
        raise ConfigError(
            f"{config.completions} completions an update do not go round for {processes} processes with"
            f" {config.minibatches} minibatches each; raise --problems-per-update, or lower --minibatches"
        )


def _validation(dataset: str, config: TrainConfig) -> list[Problem]:
    try:
        return evenly(load_split(dataset, config.validation_split), config.validation_problems)
    except DatasetError as error:
        raise DatasetError(f"{error}. It is there to validate on: --validation-split, --validate-every 0") from None


def validation_that_fits(dataset: str, config: TrainConfig, tokenizer: Any) -> list[Problem]:
    """The problems that validations are on, none where there are no validations. Raises DatasetError where none fits."""
    if not config.validate_every:
        return []
    found = [p for p in _validation(dataset, config) if fits(sft_example(p, tokenizer), config)]
    if not found:
        raise DatasetError(
            f"no problem of the split {config.validation_split} of {dataset} fits into the model's prompt and completion;"
            " raise --max-prompt-tokens, or do without by --validate-every 0"
        )
    return found


def refuse_one_level(dataset: str, config: TrainConfig, levels: Collection[int]) -> None:
    """Refuse a curriculum in which every problem has one level. Raises InputError."""
    if config.curriculum.name != "plain" and set(levels) == {1}:
        longer = "more than one line" if config.curriculum.cuts == "lines" else "conditional statements"
        raise InputError(
            f"no problem of {dataset} has more than one level, so there is no curriculum; use --method"
            f" {config.parts.without_start}, or problems whose solutions have {longer}"
        )


def refuse_too_long(problems: Sequence[Problem], tokenizer: Any, config: TrainConfig, shape: Any) -> None:
    """Refuse rows that are longer than the model reads: a prompt, what the curriculum gives of a program, and a completion.

    `shape` is the model's config. Raises InputError.
    """
    context = context_of(shape)
    if context is None or row_tokens(config) <= context:
        return
    examples = [sft_example(problem, tokenizer) for problem in problems]
    longest = max(e.prompt if config.curriculum.name in ("plain", "jsrl") else len(e.ids) for e in examples)
    if config.curriculum.name == "jsrl":  # what a guide wrote may be as long as any completion
        longest += config.max_completion_tokens
    if longest + config.max_completion_tokens > context:
        raise InputError(
            f"prompts of up to {longest:,} tokens, what the curriculum gives included, and completions of"
            f" {config.max_completion_tokens:,} are more than the {context:,} tokens that the model reads; lower"
            " --max-prompt-tokens or --max-completion-tokens"
        )


def refuse_too_long_examples(examples: Sequence[Tokens], shape: Any) -> None:
    """Refuse supervised training on rows that are longer than the model reads. Raises InputError."""
    context, longest = context_of(shape), max(len(example.ids) for example in examples)
    if context is not None and longest > context:
        raise InputError(
            f"prompts and solutions of up to {longest:,} tokens are more than the {context:,} tokens that the model reads;"
            " lower --max-prompt-tokens or --max-completion-tokens, so that such problems are left out"
        )
