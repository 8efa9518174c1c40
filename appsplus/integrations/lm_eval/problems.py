"""What `appsplus.yaml` calls: the problems, the judge for all completions at once, and the metrics of one of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import datasets

from appsplus.errors import InputError, SandboxError
from appsplus.evaluation.prompts import chat_messages, continued_text
from appsplus.integrations import judges
from appsplus.integrations.scoring import Scored, score_problem
from appsplus.release import load_problems

Doc = dict[str, Any]
Metrics = dict[str, float]


def load(*, dataset: str = "", split: str = "test", **_: Any) -> dict[str, datasets.Dataset]:
    """The problems of a split; unit tests stay in the folder. Raises InputError where `--metadata` names no dataset."""
    if not dataset:
        raise InputError(
            """the task appsplus needs the folder of a dataset; say --metadata '{"dataset": "out/appsplus"}'"""
        )
    folder = Path(dataset).resolve()
    docs = [
        {
            "problem_id": p.problem_id,
            "dataset": str(folder),
            "difficulty": p.difficulty,
            "question": chat_messages(p)[-1]["content"],
            "continued": continued_text(p),
        }
        for p in load_problems(folder, split)
    ]
    if not docs:
        raise InputError(
            f"the split {split} of {dataset} is empty; name another in --metadata, or build from more problems"
        )
    return {"test": datasets.Dataset.from_list(docs)}


def judge(responses: Iterable[Sequence[str]], docs: Sequence[Doc], *, continued: bool = False) -> list[list[Metrics]]:
    """The metrics of every completion, judged in parallel. Raises SandboxError where the judge failed on all of them.

    `continued`: the prompt ended in an open block of code.
    """
    responses = list(responses)
    flat = [(doc, text) for doc, texts in zip(docs, responses, strict=True) for text in texts]

    def work(one: tuple[Doc, str]) -> Scored:
        return score_problem(one[0]["dataset"], one[0]["problem_id"], one[1], continued=continued)

    found = iter(judges.in_parallel(work, flat))
    return [[_metrics(next(found)) for _ in texts] for texts in responses]


def judge_continued(responses: Iterable[Sequence[str]], docs: Sequence[Doc]) -> list[list[Metrics]]:
    """`judge` for completions that continue an open block of code."""
    return judge(responses, docs, continued=True)


def results(doc: Doc, judged: Sequence[Sequence[Metrics]]) -> Metrics:  # noqa: ARG001
    """The mean over the completions of a problem; what the judge failed on counts nowhere but in `judge_failed`."""
    [metrics] = judged
    names = sorted({name for each in metrics for name in each})
    return {name: _mean([each[name] for each in metrics if name in each]) for name in names}


def _metrics(scored: Scored | SandboxError) -> Metrics:
    if isinstance(scored, SandboxError):
        return {"judge_failed": 1.0}
    return {
        "accepted": float(scored.accepted),
        "share_passed": scored.share_passed,
        "reward": scored.reward,
        "extraction_failed": float(scored.outcome == "extraction_failed"),
        "judge_failed": 0.0,
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
