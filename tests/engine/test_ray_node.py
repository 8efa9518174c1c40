"""What a node says of itself, where its first judge does not start at once, and how it shares out a batch."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from appsplus.engine import ray_node
from appsplus.engine.ray_node import STARTS, Asked, NodeJudges
from appsplus.errors import SandboxError
from appsplus.judge import Job
from appsplus.problem import IOFormat, UnitTest


class Judges:
    """Judges of which the first few do not start."""

    def __init__(self, failures: int) -> None:
        self.left, self.rungs, self.scale = failures, {"seccomp": True}, 1.0

    def __call__(self, **_: Any) -> "Judges":
        self.left -= 1
        if self.left >= 0:
            raise SandboxError("the judge's worker did not start")
        return self


@pytest.mark.parametrize(("failures", "refusal"), [(STARTS - 1, ""), (STARTS, "the judge's worker did not start")])
def test_a_judge_that_is_killed_while_it_starts_is_started_again(
    failures: int, refusal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_node, "WarmJudges", Judges(failures))
    facts = NodeJudges(1, "strict", ()).facts()
    assert facts.refusal == refusal
    assert facts.rungs == ({} if refusal else {"seccomp": True})


class SlowJudges(Judges):
    """Judges that take their time over one program."""

    def ask(self, _hash_seed: int, work: Callable[[Any], Any]) -> Any:
        program = work(self)
        time.sleep(0.5 if program == "slow" else 0.0)
        return program

    def run(self, job: Job) -> str:
        return job.program


def test_a_slow_question_holds_up_one_thread_and_not_those_that_came_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_node, "WarmJudges", SlowJudges(0))
    batch = [Asked(Job(name, IOFormat.STDIN, (UnitTest("", ""),))) for name in ("slow", "a", "b", "c")]
    told = list(NodeJudges(2, "strict", ()).answer(batch, {}))
    assert [number for some in told for number, _ in some] == [1, 2, 3, 0]
    assert told[-1] == [(0, "slow")]
