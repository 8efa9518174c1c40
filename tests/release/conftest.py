"""Problems and dataset folders to write and read back; a test names only what it is about."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from appsplus.problem import (
    Annotation,
    IOFormat,
    Problem,
    Reason,
    Rejection,
    Solution,
    SplitPoint,
    UnitTest,
    Verdict,
)
from appsplus.release import DatasetWriter, FunnelStage, Manifest, RejectedProblem, WorkItem, WorklistWriter
from appsplus.release.seal import seal

CODE = "n = int(input())\nif n > 2:\n    print(1)\nelse:\n    print(0)\n"


@pytest.fixture
def make_problem() -> Callable[..., Problem]:
    def make(**changes: Any) -> Problem:
        annotation = Annotation(
            split_points=(SplitPoint("if", 17, 17, 2, 0, 0),),
            subtask_chars=(17, 0),
            executable_lines=(1, 2, 3, 5),
            executed_lines=((1, 2, 3), (1, 2, 5)),
        )
        fields: dict[str, Any] = {
            "problem_id": "apps/1",
            "source": "APPS",
            "split": "train",
            "description": "Say whether n is above two.\n",
            "io_format": IOFormat.STDIN,
            "entry_point": None,
            "starter_code": "",
            "solutions": (Solution(CODE, Verdict.ACCEPTED),),
            "unit_tests": (UnitTest("3\n", "1\n"), UnitTest("2\n", "0\n")),
            "source_hash": "5" * 64,
            "difficulty": "introductory",
            "license": "MIT",
            "canonical": 0,
            "annotation": annotation,
        }
        return Problem(**fields | changes)

    return make


@pytest.fixture
def make_rejected() -> Callable[..., RejectedProblem]:
    def make(**changes: Any) -> RejectedProblem:
        fields: dict[str, Any] = {
            "problem_id": "apps/9",
            "source": "APPS",
            "split": "train",
            "stage": "passing",
            "rejection": Rejection(Reason.WRONG_ANSWER, "no solution passes test 0", {"expected": "4", "actual": "5"}),
            "description": "Add two numbers.\n",
            "source_hash": "9" * 64,
        }
        return RejectedProblem(**fields | changes)

    return make


@pytest.fixture
def make_dataset() -> Callable[..., Path]:
    """Write a whole dataset folder: problems as (problem, split), rejected ones, worklist, manifest fields."""

    def make(
        folder: Path,
        problems: Iterable[tuple[Problem, str]] = (),
        rejected: Iterable[RejectedProblem] = (),
        worklist: Iterable[WorkItem] = (),
        **fields: Any,
    ) -> Path:
        folder.mkdir(parents=True)
        with DatasetWriter(folder) as writer:
            for problem, split in problems:
                writer.add(problem, split)
            for problem_out in rejected:
                writer.reject(problem_out)
        with WorklistWriter(folder) as writer_of_items:
            for item in worklist:
                writer_of_items.add(item)
        counts = writer.statistics.counts()
        reasons: dict[str, int] = {}
        for by_reason in counts["rejections"].values():
            for reason, n in by_reason.items():
                reasons[reason] = reasons.get(reason, 0) + n
        given = counts["problems"] + counts["rejected"]
        defaults: dict[str, Any] = {
            "appsplus": "0.1.0",
            "inputs": [
                {
                    "name": "apps",
                    "revision": "",
                    "files": [{"name": "train", "num_files": 2, "num_bytes": 3, "sha256": "a" * 64}],
                }
            ],
            "options": {"isolation": "strict"},
            "ledger": {},
            "versions": {"python": "3.11.9"},
            "counts": counts,
            "funnel": (FunnelStage("passing", given, counts["problems"], reasons),),
        }
        seal(folder, Manifest(**defaults | fields))
        return folder

    return make
