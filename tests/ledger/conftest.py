"""Decisions about one small problem; a test names only what it is about."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appsplus.ledger import Decision, Ledger
from appsplus.problem import RawProblem

START = datetime(2025, 3, 1, 12, tzinfo=UTC)


def corrected_output(text: str) -> list[dict[str, Any]]:
    return [{"op": "replace", "path": "/outputs/1", "value": text}]


@pytest.fixture
def raw() -> RawProblem:
    """Two plus two is said to be five."""
    return RawProblem(
        problem_id="apps/train/0001",
        source="APPS",
        split="train",
        description="Add two numbers.",
        solutions=("print(sum(map(int, input().split())))\n",),
        inputs=("1 2\n", "2 2\n"),
        outputs=("3\n", "5\n"),
    )


@pytest.fixture
def seen_after(raw: RawProblem) -> Callable[[str], str]:
    """The hash of the content after the second output was corrected to a text."""
    return lambda text: replace(raw, outputs=("3\n", text), original_hash=raw.source_hash).seen_hash


@pytest.fixture
def decide(raw: RawProblem) -> Callable[..., Decision]:
    """A decision, each an hour after the one before; a model's where the reviewer's name starts with "bot"."""
    count = 0

    def make(reviewer: str, action: str, **changes: Any) -> Decision:
        nonlocal count
        count += 1
        fields: dict[str, Any] = {
            "event_id": f"{reviewer}-{count}",
            "time": START + timedelta(hours=count),
            "reviewer": reviewer,
            "reviewer_kind": "model" if reviewer.startswith("bot") else "human",
            "problem_id": raw.problem_id,
            "source_hash": raw.source_hash,
            "action": action,
        }
        if action == "correct":
            fields["patch"] = tuple(corrected_output(changes.pop("to", "4\n")))
        return Decision(**fields | changes)

    return make


@pytest.fixture
def ledger_of(raw: RawProblem) -> Callable[..., Ledger]:
    def make(*decisions: Decision) -> Ledger:
        return Ledger({raw.problem_id: decisions})

    return make
