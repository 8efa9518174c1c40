"""inspect_ai: a task and a scorer, which it finds by the entry point of this package.

    inspect eval appsplus/problems -T dataset=out/appsplus --model openai/NAME

Logs name the dataset's folder and the problem, and do not repeat its unit tests. A completion that the judge fails on is
unscored, and in no metric.
"""

from pathlib import Path

from appsplus.errors import SandboxError
from appsplus.evaluation.prompts import chat_messages
from appsplus.integrations.extras import needs
from appsplus.integrations.scoring import score_problem
from appsplus.release import load_problems

with needs("inspect"):
    import anyio.to_thread
    from inspect_ai import Task, task
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser
    from inspect_ai.scorer import Score, Scorer, Target, accuracy, mean, scorer, stderr
    from inspect_ai.solver import TaskState, generate

_MESSAGES = {"system": ChatMessageSystem, "user": ChatMessageUser}


@task
def problems(dataset: str = "out/appsplus", split: str = "test") -> Task:
    """The problems of a split of a dataset folder; one program each."""
    folder = str(Path(dataset).resolve())
    samples = [
        Sample(
            input=[_message(**message) for message in chat_messages(problem)],
            id=problem.problem_id,
            metadata={"difficulty": problem.difficulty, "io_format": str(problem.io_format)},
        )
        for problem in load_problems(folder, split)
    ]
    return Task(
        dataset=MemoryDataset(samples, name=f"{Path(folder).name}/{split}"), solver=generate(), scorer=verdict(folder)
    )


@scorer(
    metrics={"accepted": [accuracy(), stderr()], "share_passed": [mean()], "reward": [mean()]},
)
def verdict(dataset: str) -> Scorer:
    """What the judge says of the program in a completion: accepted, share of unit tests passed, and the reward."""

    async def judge(state: TaskState, target: Target) -> Score:  # noqa: ARG001
        completion = state.output.completion
        try:
            scored = await anyio.to_thread.run_sync(score_problem, dataset, str(state.sample_id), completion)
        except SandboxError as error:
            return Score.unscored(reason="scoring_failed", explanation=f"the judge failed: {error}")
        return Score(
            value={"accepted": float(scored.accepted), "share_passed": scored.share_passed, "reward": scored.reward},
            answer=completion,
            explanation=f"{scored.outcome}: {scored.passed_tests} of {scored.num_tests} unit tests passed. {scored.error}",
            metadata={"verdict": scored.outcome},
        )

    return judge


def _message(role: str, content: str) -> ChatMessage:
    return _MESSAGES[role](content=content)
