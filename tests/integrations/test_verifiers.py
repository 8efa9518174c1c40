"""verifiers itself: its loader finds the taskset, its tasks score traces, its validation accepts the canonical solutions."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsplus.evaluation.prompts import chat_messages
from appsplus.problem import Solution, Verdict
from appsplus.release import DatasetWriter, Manifest
from appsplus.release.seal import seal
from tests.integrations.conftest import BREAKS, CALL, CASES, CODE, STDIN, Case, fenced, problem

vf: Any = pytest.importorskip(
    "verifiers.v1", reason="these tests drive verifiers: pip install '.[test,verifiers]'", exc_type=ImportError
)
pytestmark = pytest.mark.filterwarnings("ignore")


def taskset(folder: Path, split: str = "train") -> Any:
    """The taskset as verifiers loads it, by its id."""
    config = vf.taskset_config_type("appsplus-verifiers")(id="appsplus-verifiers", dataset=folder, split=split)
    return vf.load_taskset(config)


def trace_of(task: Any, completion: str) -> Any:
    """A trace in which the agent answered once."""
    trace = vf.Trace(
        task=vf.TraceTask(type=type(task).__name__, data=task.data, key=task.key, hash=task.hash),
        state=vf.State(),
        agent=vf.AgentInfo(config=vf.AgentConfig()),
    )
    question = vf.MessageNode(message=vf.UserMessage(content=task.data.prompt_text))
    answer = vf.MessageNode(message=vf.AssistantMessage(content=completion), parent=0, sampled=True)
    trace.nodes.extend([question, answer])
    return trace


def test_the_tasks_are_the_problems_of_the_split(dataset: Path) -> None:
    tasks = list(taskset(dataset))
    assert [task.data.id for task in tasks] == ["made/stdin", "made/call", "made/checked"]
    assert [task.data.idx for task in tasks] == [0, 1, 2]
    assert tasks[1].data.prompt_text == chat_messages(CALL)[0]["content"]
    assert tasks[1].data.content_hash == CALL.content_hash
    assert "big" not in tasks[0].data.model_dump_json()  # no unit test in what is traced
    assert [task.data.id for task in taskset(dataset, "test")] == ["made/test"]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_trace_gets_the_reward_of_its_last_reply(case: Case, dataset: Path) -> None:
    [task] = [task for task in taskset(dataset) if task.data.id == case.problem.problem_id]
    trace = trace_of(task, case.completion)
    asyncio.run(task.score(trace))
    assert trace.reward == case.reward
    assert trace.metrics["accepted"] == float(case.outcome == "accepted")
    assert trace.metrics["extraction_failed"] == float(case.outcome == "extraction_failed")


@pytest.mark.usefixtures("judge_fails")
def test_what_the_judge_fails_on_has_no_reward(dataset: Path) -> None:
    task = next(iter(taskset(dataset)))
    trace = trace_of(task, BREAKS)
    with pytest.raises(vf.TaskError, match="the worker is gone"):
        asyncio.run(task.score(trace))
    assert trace.rewards == {"reward": None}


@pytest.fixture
def validate(tmp_path: Path) -> Callable[[Path], dict[str, Any]]:
    """Run `vf-validate` on a dataset; the counts of its gold and noop checks."""

    def run(folder: Path) -> dict[str, Any]:
        words: list[object] = [Path(sys.executable).parent / "vf-validate", "appsplus-verifiers"]
        words += ["--taskset.dataset", folder, "--runtime.type", "subprocess", "--rich", "false"]
        words += ["-o", tmp_path / "validated", "--run.dir", "run"]
        environment = {**os.environ, "APPSPLUS_ISOLATION": "best-effort"}
        ran = subprocess.run(
            [str(word) for word in words], capture_output=True, text=True, env=environment, cwd=tmp_path
        )
        summary = tmp_path / "validated" / "run" / "summary.json"
        assert summary.exists(), ran.stdout + ran.stderr
        checks: dict[str, Any] = json.loads(summary.read_text())["checks"]
        return {name: {why: count for why, count in counts.items() if count} for name, counts in checks.items()}

    return run


def test_the_validation_of_verifiers_accepts_every_canonical_solution(
    dataset: Path, validate: Callable[[Path], dict[str, Any]]
) -> None:
    assert validate(dataset) == {"gold": {"valid": 3}, "noop": {"valid": 3}}


def test_the_validation_of_verifiers_finds_a_canonical_solution_that_is_wrong(
    tmp_path: Path, validate: Callable[[Path], dict[str, Any]]
) -> None:
    folder = tmp_path / "wrong"
    folder.mkdir()
    with DatasetWriter(folder) as writer:
        writer.add(problem("made/wrong", solutions=(Solution("print('big')\n" + CODE[:0], Verdict.ACCEPTED),)), "train")
        writer.add(STDIN, "train")
    seal(folder, Manifest("0.1.0", [], {}, {}, {}, writer.statistics.counts(), ()))
    assert validate(folder)["gold"] == {"valid": 1, "invalid": 1}
    assert fenced(CODE)
