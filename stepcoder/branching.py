"""The loop of the curriculum bread: where all completions of a problem fail, those from a prefix take their place.

`curriculum/bread.py` has the rule and the bisection; here the policy writes and the judge answers. All processes search for
the same problems in as many rounds, since they decide on what all of them have seen.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from appsplus.problem import Problem, Verdict
from stepcoder.curriculum.bread import Bread
from stepcoder.rollouts import Collected, Judged, Task
from stepcoder.setup import Trainer


@dataclass(frozen=True, slots=True)
class Branched:
    """The completions of an update, and what the search for anchors did."""

    collected: Collected
    anchors: dict[str, int]  # by problem: the level whose completions took the place of those that failed
    numbers: dict[str, float]  # for metrics.jsonl


def branches(trainer: Trainer) -> bool:
    """Whether completions may be replaced by others when they have been judged."""
    return isinstance(trainer.curriculum, Bread)


def branched(
    trainer: Trainer,
    problems: Sequence[Problem],
    plain: Collected,
    completions_per_problem: int,
    complete: Callable[[Sequence[Task]], Collected],
) -> Branched:
    """The completions to learn from, given those of the plain tasks; the same, where the curriculum is another.

    `complete` writes and judges this process's share of some tasks.
    """
    if not isinstance(trainer.curriculum, Bread):
        return Branched(plain, {}, {})
    outcomes = _passes(trainer, plain.judged)
    search = trainer.curriculum.search([problem_id for problem_id, passed in outcomes.items() if not any(passed)])
    by_id = {problem.problem_id: problem for problem in problems}
    rounds, asked_for = [plain], 0
    kept: dict[str, list[Judged]] = {}
    while asked := search.asked():
        tasks = [
            trainer.task(by_id[name], level) for name, level in asked.items() for _ in range(completions_per_problem)
        ]
        asked_for += len(tasks)
        found = complete(trainer.share(tasks))
        rounds.append(found)
        passed = {name: any(of_problem) for name, of_problem in _passes(trainer, found.judged).items()}
        search.told(passed)
        for name, has_passed in passed.items():
            if has_passed:
                kept[name] = [judged for judged in found.judged if _problem_id(judged) == name]
    branches = [judged for name in sorted(search.anchors) for judged in kept[name]]
    stayed = [judged for judged in plain.judged if _problem_id(judged) not in search.anchors]
    every = [passed for of_problem in outcomes.values() for passed in of_problem]
    numbers = {
        "anchored_share": len(search.anchors) / len(problems),
        "search_completions": float(asked_for),
        "plain_pass_rate": sum(every) / max(1, len(every)),
    }
    return Branched(_added(rounds, (*stayed, *branches)), dict(search.anchors), numbers)


def _added(rounds: Sequence[Collected], judged: tuple[Judged, ...]) -> Collected:
    """Some completions, with the cost of all rounds."""
    return replace(
        rounds[0],
        judged=judged,
        generate_s=sum(found.generate_s for found in rounds),
        wait_s=sum(found.wait_s for found in rounds),
        response_tokens=sum(found.response_tokens for found in rounds),
        programs=sum(found.programs for found in rounds),
    )


def _passes(trainer: Trainer, judged: Sequence[Judged]) -> dict[str, list[bool]]:
    """By problem, which completions of all processes passed."""
    found: dict[str, list[bool]] = defaultdict(list)
    for problem_id, passed in trainer.gathered([(_problem_id(j), j.outcome == Verdict.ACCEPTED) for j in judged]):
        found[problem_id].append(passed)
    return dict(sorted(found.items()))


def _problem_id(judged: Judged) -> str:
    return judged.completion.task.problem.problem_id
