"""verifiers and prime-rl: a taskset. Its id is `appsplus-verifiers`, for that is the name of a top-level package.

    vf-eval appsplus-verifiers --env.taskset.dataset out/appsplus --env.agent.harness.id null --model NAME ...
    vf-validate appsplus-verifiers --taskset.dataset out/appsplus --runtime.type subprocess

The data of a task names the dataset's folder and the problem; unit tests stay in the folder, out of traces and prompts. Where
the judge fails, scoring ends with a TaskError and the reward of the trace is None. `validate` judges the canonical solution.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from appsplus.evaluation.prompts import chat_messages
from appsplus.integrations.extras import needs
from appsplus.integrations.judges import aside
from appsplus.integrations.scoring import Scored, score_problem
from appsplus.release import find_problem, load_problems

with needs("verifiers"):
    import verifiers.v1 as vf


class ProblemData(vf.TaskData):
    """One problem: where it is, and the hash of its content, so that a changed problem is another task."""

    dataset: str
    content_hash: str


class ProblemTask(vf.Task[ProblemData]):
    """Judges the last reply of the agent."""

    @vf.metric
    async def judged(self, trace: vf.Trace) -> dict[str, float]:
        """Whether the program was accepted, the share of unit tests passed, whether there was no program at all."""
        scored = await self._scored(trace)
        return {
            "accepted": float(scored.accepted),
            "share_passed": scored.share_passed,
            "extraction_failed": float(scored.outcome == "extraction_failed"),
        }

    @vf.reward
    async def reward(self, trace: vf.Trace) -> float:
        """The reward that every integration gives."""
        return (await self._scored(trace)).reward

    async def validate(self, runtime: vf.Runtime) -> bool:  # noqa: ARG002
        """Whether the canonical solution earns 1."""
        problem = await asyncio.to_thread(find_problem, Path(self.data.dataset), str(self.data.id))
        scored = await aside(
            score_problem, self.data.dataset, self.data.id, f"```python\n{problem.canonical_solution}\n```"
        )
        return scored.reward == 1.0

    async def _scored(self, trace: vf.Trace) -> Scored:
        return await aside(score_problem, self.data.dataset, self.data.id, trace.last_reply)


class ProblemsConfig(vf.TasksetConfig):
    """Which problems."""

    dataset: Path = Path("out/appsplus")
    """A dataset folder that `appsplus build` wrote."""
    split: str = "train"
    """Its split: train, validation or test."""


class ProblemsTaskset(vf.Taskset[ProblemTask, ProblemsConfig]):
    """The problems of a split, in the order of its files."""

    def load(self) -> Iterator[ProblemTask]:
        """One task a problem. Raises DatasetError for a folder that is no dataset of ours."""
        folder = self.config.dataset.resolve()
        for problem in load_problems(folder, self.config.split):
            data = ProblemData(
                id=problem.problem_id,
                name=problem.problem_id,
                prompt=chat_messages(problem),
                dataset=str(folder),
                content_hash=problem.content_hash,
            )
            yield ProblemTask(data, self.config.task)
