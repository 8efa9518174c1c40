"""TRL: the reward for GRPO and its relatives, and a rollout that masks the tokens of lines that were not executed (FGO).

    appsplus export out/appsplus --to trl --out out/trl
    trl grpo --dataset_name out/trl --reward_funcs appsplus.integrations.trl.reward ...

A completion that the judge fails on gets None, which TRL leaves out of the group's mean and gives no advantage.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from appsplus import jsonl
from appsplus.errors import InputError, SandboxError
from appsplus.evaluation import Program, extract
from appsplus.integrations import judges
from appsplus.integrations.extras import needs
from appsplus.integrations.rows import COLUMNS, Row, job_of
from appsplus.integrations.scoring import Scored, score_all, scored_of

Completion = str | Sequence[dict[str, Any]]  # text, or messages

_SCORED = "appsplus_scored"  # field of a rollout: the completion's score, so that it is not judged a second time


def reward(
    prompts: Sequence[Any],
    completions: Sequence[Completion],
    completion_ids: Sequence[Sequence[int]] | None = None,  # noqa: ARG001
    *,
    tests: Sequence[Any],
    io_format: Sequence[str],
    entry_point: Sequence[str | None] | None = None,
    limits: Sequence[dict[str, Any] | None] | None = None,
    checker: Sequence[dict[str, Any] | None] | None = None,
    problem_id: Sequence[str] | None = None,
    modules: Sequence[Sequence[str] | None] | None = None,
    continued: Sequence[bool | None] | None = None,
    appsplus_scored: Sequence[Scored | None] | None = None,
    log_extra: Callable[[str, list[Any]], None] | None = None,
    log_metric: Callable[[str, float], None] | None = None,
    **_: Any,
) -> list[float | None]:
    """The reward of each completion; None where the judge failed. The keyword arguments are the exported columns.

    Raises SandboxError where the judge failed on all of them, InputError for rows that are none of ours.
    """
    if appsplus_scored is not None:
        results: Sequence[Scored | SandboxError | None] = appsplus_scored
    else:
        columns = (problem_id, tests, io_format, entry_point, limits, checker, modules, continued)
        filled = [column if column is not None else [None] * len(completions) for column in columns]
        rows = [dict(zip(COLUMNS, values, strict=True)) for values in zip(*filled, strict=True)]
        results = score_all(rows, [text_of(completion) for completion in completions])
    known = [result if isinstance(result, Scored) else None for result in results]
    if log_extra:
        log_extra("verdict", [scored.outcome if scored else "judge_failed" for scored in known])
    if log_metric and (scores := [scored for scored in known if scored]):
        log_metric("appsplus/accepted", sum(s.accepted for s in scores) / len(scores))
        log_metric("appsplus/share_passed", sum(s.share_passed for s in scores) / len(scores))
        log_metric("appsplus/extraction_failed", sum(s.outcome == "extraction_failed" for s in scores) / len(scores))
        log_metric("appsplus/judge_failed", 1 - len(scores) / len(prompts))
    return [scored.reward if scored else None for scored in known]


def text_of(completion: Completion) -> str:
    """The text of a completion: itself, or what the last message says."""
    content = completion if isinstance(completion, str) else completion[-1].get("content") if completion else ""
    if isinstance(content, list):  # parts, of which only text is ours
        content = "".join(part.get("text") or "" for part in content)
    return content or ""


def executed_lines_rollout(dataset: Any) -> Callable[[list[Any], Any], dict[str, Any]]:
    """A `rollout_func` for `GRPOTrainer`: its own generation, and an `env_mask` that keeps executed lines in the loss (FGO).

    `dataset`: the exported rows that the trainer gets, by number (no stream). The mask is StepCoder's
    (`stepcoder.executed_tokens`); a completion without a program keeps all of its tokens. Needs the extra `trl`.
    Completions are judged once, here, with coverage; `reward` finds the scores.
    """
    numbers = {jsonl.dumps(row["prompt"]): number for number, row in enumerate(dataset)}

    def rollout(prompts: list[Any], trainer: Any) -> dict[str, Any]:
        ids, images, other = trainer._tokenize_prompts(prompts)
        several = trainer.num_generations if trainer.model.training else trainer.num_generations_eval
        completion_ids, logprobs = trainer._generate_single_turn(ids, images, other, several)
        tokenizer = getattr(trainer.processing_class, "tokenizer", trainer.processing_class)
        known = [dataset[_number_of(numbers, prompt)] for prompt in prompts]
        masked = judges.in_parallel(
            lambda pair: executed_mask(pair[0], pair[1], tokenizer), list(zip(known, completion_ids, strict=True))
        )
        kept = [
            ([1] * len(tokens), None) if isinstance(found, SandboxError) else found
            for tokens, found in zip(completion_ids, masked, strict=True)
        ]
        return {
            "prompt_ids": ids,
            "completion_ids": completion_ids,
            "logprobs": logprobs,
            "env_mask": [mask for mask, _ in kept],
            _SCORED: [scored for _, scored in kept],
        }

    return rollout


def executed_mask(row: Row, completion_ids: Sequence[int], tokenizer: Any) -> tuple[list[int], Scored]:
    """For each token of a completion 1 or 0, and what the completion is worth. Raises SandboxError."""
    with needs("trl"):
        from stepcoder.data import token_offsets
    from appsplus.engine.verdict_and_lines import verdict_and_lines
    from stepcoder.executed_tokens import executed_keep, lines_in_loss

    text = tokenizer.decode(completion_ids, skip_special_tokens=True)
    found = extract(text, fence_open=bool(row.get("continued")))
    variant = judges.settings().reward
    if not isinstance(found, Program):
        return [1] * len(completion_ids), scored_of(None, len(row["tests"]), variant)
    job = job_of(row, found.text)
    report = verdict_and_lines(judges.engine(job.modules), job)
    keep = executed_keep(
        token_offsets(completion_ids, text, tokenizer),
        completion=text,
        program=found,
        executed_lines=lines_in_loss(report),
    )
    return [int(kept) for kept in keep], scored_of(report, len(row["tests"]), variant)


def _number_of(numbers: Mapping[str, int], prompt: Any) -> int:
    number = numbers.get(jsonl.dumps(prompt))
    if number is None:
        raise InputError(
            f"the trainer asks for a prompt that is not in the dataset ({str(prompt)[:80]!r}); give"
            " executed_lines_rollout the same dataset as the trainer"
        )
    return number
