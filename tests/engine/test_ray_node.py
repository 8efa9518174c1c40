"""What a node says of itself, where its first judge does not start at once."""

from typing import Any

import pytest

from appsplus.engine import ray_node
from appsplus.engine.ray_node import STARTS, NodeJudges
from appsplus.errors import SandboxError


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
