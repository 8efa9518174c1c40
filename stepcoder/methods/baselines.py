"""What a completion is compared with where there is neither a critic nor a group: the reward of another program.

| `--baseline` | b of a task (a problem at a level) |
|---|---|
| `best` | the best that a completion of it earned in earlier updates; 0 before the first: RLTF's (arXiv:2307.04349) |
| `greedy` | what its likeliest completion earns now: CodeRL's (arXiv:2207.01780); one more completion a task |
| `none` | 0 |

RLTF's released code has the newest greedy completion of a problem, not the best. That tasks are apart by level, not only by
problem, is ours: a start state changes what can be earned. A task whose greedy completion the judge failed on has b = 0.
What reward shaping gives a completion is part of what it earns, on either side of the comparison.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from appsplus.reward import reward
from stepcoder.rollouts import Judged

Kind = Literal["best", "greedy", "none"]
Task = tuple[str, int]  # problem_id, level
Earned = tuple[float, float]  # what --reward says, and RLTF's adaptive reward


def task_of(judged: Judged) -> Task:
    """The problem and the level of a completion."""
    return judged.completion.task.problem.problem_id, judged.completion.task.level


def earned(judged: Judged, variant: str, shaped: float = 0.0) -> Earned:
    """What a completion earns by --reward, with what reward shaping gave it in all, and by `pass_rate`."""
    count = len(judged.completion.task.problem.unit_tests)
    return reward(judged.report, count, variant) + shaped, reward(judged.report, count, "pass_rate")


class Baselines:
    """The baselines of all tasks; those of `best` are saved with a checkpoint."""

    def __init__(self, kind: Kind, variant: str) -> None:
        self.kind, self.variant = kind, variant
        self._of_task: dict[Task, Earned] = {}

    def take_greedy(self, found: Sequence[tuple[Task, Earned]]) -> None:
        """The greedy completions of this update, of all processes."""
        self._of_task = dict(found)

    def of(self, judged: Judged) -> Earned:
        """What this completion is compared with."""
        return self._of_task.get(task_of(judged), (0.0, 0.0))

    def learn(
        self, judged: Sequence[Judged], shaped: Sequence[float], gathered: Callable[[list[Any]], list[Any]]
    ) -> None:
        """Keep the best of these, after they were compared; every process calls it. `shaped`: of each, see `earned`."""
        if self.kind != "best":
            return
        pairs = zip(judged, shaped, strict=True)
        for task, (one, other) in gathered([(task_of(j), earned(j, self.variant, more)) for j, more in pairs]):
            best = self._of_task.get(task, (one, other))
            self._of_task[task] = (max(best[0], one), max(best[1], other))

    def state_dict(self) -> dict[str, Any]:
        """Plain JSON; greedy completions are written anew in each update."""
        kept = self._of_task if self.kind == "best" else {}
        return {"best": [[*task, *values] for task, values in sorted(kept.items())]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._of_task = {(problem_id, level): (one, other) for problem_id, level, one, other in state["best"]}
