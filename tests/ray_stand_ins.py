"""Nodes with a fault, for tests of the Ray engine: what `NodeJudges` would be on a machine that is not as it should be."""

import os
import time
from dataclasses import replace

import ray

from appsplus.engine.ray_node import Asked, Failed, NodeFacts, NodeJudges
from appsplus.errors import SandboxError
from appsplus.judge import Inspection, Report, handle


def _is(name: str) -> bool:
    return any(
        row["NodeName"] == name for row in ray.nodes() if row["NodeID"] == ray.get_runtime_context().get_node_id()
    )


class WithoutNamespaces(NodeJudges):
    """The kernel of the node named "second" refuses namespaces."""

    def __init__(self, cpus: int, isolation: str, modules: tuple[str, ...]) -> None:
        if _is("second"):
            start = handle.WorkerHandle.__init__

            def start_without(self: handle.WorkerHandle, *, hash_seed: int, modules: tuple[str, ...]) -> None:
                start(self, hash_seed=hash_seed, modules=modules)
                self.rungs = {**self.rungs, "namespaces": False, "missing": {"namespaces": "the kernel refused them"}}

            handle.WorkerHandle.__init__ = start_without  # type: ignore[method-assign]
        super().__init__(cpus, isolation, modules)


class OfAnotherVersion(NodeJudges):
    """On the node named "second" an older judge is installed."""

    def facts(self) -> NodeFacts:
        found = super().facts()
        return replace(found, judge="0123456789abcdef-3.11.0") if _is("second") else found


class Mortal(NodeJudges):
    """A program that says "kill the process" takes the whole process down; "stumble" makes the judge fail."""

    def _answer(self, asked: Asked, tests: dict[str, object]) -> Report | Inspection | Failed:
        program = asked.question[0] if isinstance(asked.question, tuple) else asked.question.program
        if "kill the process" in program:
            time.sleep(0.05)
            os._exit(1)
        if "stumble" in program:
            return Failed(str(SandboxError("the judge's worker failed twice on one job")))
        return super()._answer(asked, tests)


class Sluggish(NodeJudges):
    """It takes ten minutes to start."""

    def __init__(self, cpus: int, isolation: str, modules: tuple[str, ...]) -> None:
        time.sleep(600)
        super().__init__(cpus, isolation, modules)
