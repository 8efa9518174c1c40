"""Curricula in whole runs: what a guide's programs become, what BREAD learns from, and that both come back exactly."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from appsplus.errors import InputError
from appsplus.judge import Report, UnitTestReport
from appsplus.problem import Problem, Verdict
from stepcoder import guide, run
from stepcoder.branching import branched
from stepcoder.config import SftConfig, TrainConfig, configured
from stepcoder.curriculum import CurriculumConfig
from stepcoder.errors import ConfigError
from stepcoder.guide import prefixes_of
from stepcoder.rollouts import Collected, Completion, Judged, Task
from stepcoder.setup import Trainer
from tests.stepcoder.conftest import CODE, TINY, metrics, small_problem

WROTE = "n = int(input())\nprint('big' if n > 2 else 'small')\n"  # another program that is right

PARTLY_TAUGHT = {"sft_epochs": 24, "temperature": 1.3, "top_p": 1.0}


pytestmark = pytest.mark.usefixtures("stand_in")


def config(**changes: Any) -> TrainConfig:
    return configured(TrainConfig, "tiny", TINY | {"updates": 4, "checkpoint_every": 2} | changes)


@pytest.fixture
def taught(dataset: str, tmp_path: Path) -> Path:
    """A run of a guide that knows the solutions."""
    options = {k: v for k, v in TINY.items() if k in SftConfig.__slots__} | {"sft_epochs": 60}
    run.sft(dataset, configured(SftConfig, "tiny", options), tmp_path / "guide-run")
    return tmp_path / "guide-run"


def answer(passes: Callable[[Task], bool]) -> Callable[[Sequence[Task]], Collected]:
    """A policy and a judge in one: whether a completion passes depends on its task."""

    def complete(tasks: Sequence[Task]) -> Collected:
        judged = []
        for task in tasks:
            verdict = Verdict.ACCEPTED if passes(task) else Verdict.WRONG_ANSWER
            report = Report(verdict, (UnitTestReport(verdict, 0.0, 0.0, 1.0),), None)
            judged.append(Judged(Completion(task, (1,), "", None), report))
        return Collected(tuple(judged), 1.0, 0.5, 10 * len(tasks), len(tasks))

    return complete


def test_bread_learns_from_the_shortest_prefix_that_gives_some_success(make_trainer: Callable[..., Trainer]) -> None:
    """Of a solution of five lines the levels show 4, 3, 2, 1 and 0 lines; level 5 is the plain task."""
    trainer = make_trainer(method="ppo+bread")
    problems = trainer.sampler.take(3)
    easy, hard, hopeless = (problem.problem_id for problem in problems)
    needs = {easy: 5, hard: 3, hopeless: 0}  # the highest level from which a problem passes
    seen: list[Counter[tuple[str, int]]] = []

    def passes(task: Task) -> bool:
        seen[-1][task.problem.problem_id, task.level] += 1
        return task.level <= needs[task.problem.problem_id]

    def complete(tasks: Sequence[Task]) -> Collected:
        seen.append(Counter())
        return answer(passes)(tasks)

    plain = complete([trainer.task(problem, 5) for problem in problems for _ in range(2)])
    found = branched(trainer, problems, plain, 2, complete)
    # levels 1 to 4: first (1 + 4 + 1) // 2 = 3; after a success 4, after failures 2, then 1
    assert [dict(asked) for asked in seen[1:]] == [
        {(hard, 3): 2, (hopeless, 3): 2},
        {(hard, 4): 2, (hopeless, 2): 2},
        {(hopeless, 1): 2},
    ]
    assert found.anchors == {hard: 3}
    learned = Counter((j.completion.task.problem.problem_id, j.completion.task.level) for j in found.collected.judged)
    assert learned == {(easy, 5): 2, (hard, 3): 2, (hopeless, 5): 2}
    assert {j.completion.task.prefix for j in found.collected.judged if j.completion.task.level == 3} == {
        "n = int(input())\nif n > 2:\n    "
    }
    assert found.numbers == {"anchored_share": 1 / 3, "search_completions": 10.0, "plain_pass_rate": 1 / 3}
    assert (found.collected.generate_s, found.collected.response_tokens, found.collected.programs) == (4.0, 160, 16)


def test_where_no_completion_fails_nothing_is_searched(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer(method="ppo+bread")
    problems = trainer.sampler.take(2)
    complete = answer(lambda _: True)
    plain = complete([trainer.task(problem, 5) for problem in problems])
    found = branched(trainer, problems, plain, 2, complete)
    assert (found.collected, found.anchors) == (plain, {})
    assert found.numbers["search_completions"] == 0


def test_other_curricula_do_not_search(make_trainer: Callable[..., Trainer]) -> None:
    trainer = make_trainer(method="ppo+r3")
    plain = answer(lambda _: False)([trainer.task(problem, 2) for problem in trainer.sampler.take(2)])
    found = branched(trainer, [], plain, 2, answer(lambda _: True))
    assert (found.collected, found.anchors, found.numbers) == (plain, {}, {})


@pytest.mark.parametrize("changes", [{"method": "ppo+bread"}, {"method": "grpo+bread+fgo", **PARTLY_TAUGHT}])
def test_a_resumed_run_of_bread_gives_the_same_numbers(dataset: str, tmp_path: Path, changes: dict[str, Any]) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run.train_run(dataset, config(**changes), whole)
    run.train_run(dataset, config(**changes, updates=2), broken)
    run.train_run(dataset, run.resumed_config(broken, dataset, {"updates": 4}), broken, resume=True)
    assert metrics(broken) == metrics(whole)
    assert sum(line["search_completions"] for line in metrics(whole)) > 0


@pytest.mark.parametrize("schedule", ["adaptive", "random"])
def test_a_guides_programs_are_written_once_and_a_resumed_run_gives_the_same_numbers(
    dataset: str, taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, schedule: str
) -> None:
    monkeypatch.setattr(guide, "PROBLEMS_PER_BATCH", 4)  # of six: two batches
    changes = {"method": "ppo+jsrl", "guide": str(taught), "schedule": schedule, "temperature": 0.3, "plain_share": 0.0}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run.train_run(dataset, config(**changes), whole)
    written = [json.loads(path.read_text()) for path in sorted((whole / "guide").iterdir())]
    assert [len(batch) for batch in written] == [4, 2]
    solved = {name: code for batch in written for name, code in batch.items() if code}
    assert solved
    assert {code.strip() for code in solved.values()} == {CODE.strip()}
    run.train_run(dataset, config(**changes, updates=2), broken)
    (broken / "guide" / "batch-00001.json").unlink()  # as if the run had been killed before it
    run.train_run(dataset, run.resumed_config(broken, dataset, {"updates": 4}), broken, resume=True)
    assert metrics(broken) == metrics(whole)
    assert [json.loads(path.read_text()) for path in sorted((broken / "guide").iterdir())] == written
    levels = Counter(level for line in metrics(whole) for level in line["levels"])
    assert "1" in levels


def test_a_guides_program_is_cut_at_lines_and_a_problem_it_does_not_solve_is_plain() -> None:
    one, two = small_problem(1), small_problem(2)
    asked: list[Sequence[Problem]] = []

    def programs(problems: Sequence[Problem]) -> dict[str, str]:
        asked.append(problems)
        return {"made/1": WROTE}

    found = prefixes_of([one, two], CurriculumConfig("jsrl", cuts="lines"), programs)
    assert found == {"made/1": ("n = int(input())\n", ""), "made/2": ("",)}
    assert asked == [[one, two]]
    own = prefixes_of([one], CurriculumConfig(cuts="lines", levels_per_problem=3), programs)
    # five lines, four starts after the first: i = 4, then ceil(4 / 2) = 2
    assert own == {"made/1": (CODE[: CODE.index("print('small')")], CODE[: CODE.index("print('big')")], "")}
    assert len(asked) == 1


def test_a_guide_that_solves_nothing_is_refused(dataset: str, tmp_path: Path) -> None:
    options = {k: v for k, v in TINY.items() if k in SftConfig.__slots__} | {"sft_epochs": 1}
    run.sft(dataset, configured(SftConfig, "tiny", options), tmp_path / "weak")
    with pytest.raises(InputError, match=r"solves none of the 6 problems in 4 completions each.*--guide-completions"):
        run.train_run(dataset, config(method="ppo+jsrl", guide=str(tmp_path / "weak")), tmp_path / "run")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"method": "ppo+jsrl"}, r"--method ppo\+jsrl without --guide: .*give a run or a model"),
        ({"method": "ppo+cccs", "guide": "x"}, r"--guide x does nothing with --method ppo\+cccs; add \+jsrl"),
        ({"method": "stepcoder+r3"}, r"begins in two ways, cccs and r3; keep one"),
        ({"method": "ppo+r3", "schedule": "fixed"}, "--schedule fixed: r3 has no schedule; leave it away"),
        (
            {"method": "ppo+adaback", "schedule": "mixed"},
            "--schedule mixed is the curriculum r3, and --method says adab",
        ),
        ({"method": "ppo+jsrl", "guide": "x", "cuts": "split_points"}, "jsrl cuts the guide's program at lines"),
        ({"method": "ppo+cccs", "schedule": "random"}, "for random levels of cccs use the curriculum r3"),
        ({"method": "ppo+cccs", "schedule": "soon"}, "schedule must be one of adaptive, fixed, random; got 'soon'"),
        ({"method": "ppo+jsrl", "guide": "x", "guide_completions": 0}, "--guide-completions must be at least 1; got 0"),
    ],
)
def test_combinations_that_make_no_sense_are_refused_with_the_reason(given: dict[str, Any], words: str) -> None:
    with pytest.raises((ConfigError, InputError), match=words):
        configured(TrainConfig, "tiny", given)


@pytest.mark.parametrize(
    ("given", "name", "cuts"),
    [
        ({"method": "stepcoder"}, "cccs", "split_points"),
        ({"method": "stepcoder", "schedule": "mixed"}, "r3", "split_points"),  # the old value
        ({"method": "ppo+cccs", "schedule": "bisection"}, "adaback", "split_points"),  # the old value
        ({"method": "grpo+r3+fgo"}, "r3", "split_points"),
        ({"method": "rloo+adaback", "cuts": "lines"}, "adaback", "lines"),
        ({"method": "ppo+bread"}, "bread", "lines"),
        ({"method": "ppo+bread", "cuts": "split_points"}, "bread", "split_points"),
        ({"method": "ppo+jsrl", "guide": "x"}, "jsrl", "lines"),
        ({"method": "grpo"}, "plain", "split_points"),
    ],
)
def test_a_method_names_its_curriculum(given: dict[str, Any], name: str, cuts: str) -> None:
    found = configured(TrainConfig, "tiny", given).curriculum
    assert (found.name, found.cuts) == (name, cuts)
