"""Six small problems, a judge that believes what a program says of itself, and submissions made with it."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import SandboxError
from appsplus.evaluation.evaluate import evaluate
from appsplus.evaluation.fit import fit
from appsplus.evaluation.leaderboard import Board, Rejudging, make_board
from appsplus.evaluation.results import DatasetFacts, Results, read_results, write_results
from appsplus.evaluation.samples import Samples
from appsplus.evaluation.suite import Suite, program_of
from appsplus.judge import Inspection, Job, Report, UnitTestReport
from appsplus.problem import Annotation, IOFormat, Problem, Solution, SplitPoint, UnitTest, Verdict

RIGHT, WRONG = "# accepted\n", "# wrong_answer\n"
IDS = tuple(f"small/test/{number}" for number in range(6))


class BelievingJudge:
    """Gives a program the verdict that its comment names, `lies` apart; `# in turn A B` gives A, then B, then A, ..."""

    modules: tuple[str, ...] = ()
    workers = 1
    isolation = "strict"

    def __init__(self, lies: Mapping[str, str] | None = None) -> None:
        self.lies = lies or {}  # program -> what is said of it instead
        self.rungs: dict[str, Any] = {"missing": {}}
        self.counts: Counter[str] = Counter()
        self.asked: list[str] = []

    def judge(self, jobs: Sequence[Job]) -> list[Report]:
        return [self._report(job) for job in jobs]

    def inspect(self, programs: Sequence[str]) -> list[Inspection]:
        raise NotImplementedError

    def _report(self, job: Job) -> Report:
        said = self.lies.get(job.program, job.program)
        words = said.strip("# \n").split()
        if words[0] == "fails":
            raise SandboxError("the worker has died")
        if words[:2] == ["in", "turn"]:
            words = [words[2 + self.asked.count(job.program) % len(words[2:])]]
        self.asked.append(job.program)
        self.counts["judged"] += 1
        verdict = Verdict(words[0])
        last = UnitTestReport(verdict, 0.0, 0.0, 1.0, near_limit="near" in words)
        passed = replace(last, verdict=Verdict.ACCEPTED)
        return Report(verdict, (*(passed,) * (len(job.unit_tests) - 1), last))


def make_problem(number: int) -> Problem:
    io_format = IOFormat.CALL if number % 2 else IOFormat.STDIN
    return Problem(
        problem_id=IDS[number],
        source="small",
        split="test",
        description=f"Problem {number}: print it twice.\n\nThere is more to say.",
        io_format=io_format,
        entry_point="twice" if io_format is IOFormat.CALL else None,
        starter_code="",
        solutions=(Solution(RIGHT, Verdict.ACCEPTED),),
        unit_tests=tuple(UnitTest(f"[{n}]", f"{2 * n}") for n in range(4)),
        source_hash="0" * 64,
        difficulty=("introductory", "interview", "competition")[number // 2],
        license="MIT",
        url="https://example.org/problem" if number else "javascript:alert(1)",
        canonical=0,
        annotation=Annotation(tuple(SplitPoint("if", 0, 0, 1, 0, 0) for _ in range(number)), (0,), (1,), ((1,),) * 4),
    )


def make_suite(**changes: Any) -> Suite:
    problems = [make_problem(number) for number in range(6)]
    fields: dict[str, Any] = {
        "facts": DatasetFacts("small", "", "d" * 64, "test", 6),
        "problem_ids": IDS,
        "problems": lambda: iter(problems),
        "program": program_of,
        "known_as": lambda problem_id: problem_id,
        "elsewhere": lambda _: "",
    }
    return Suite(**fields | changes)


def submit(
    folder: Path,
    programs: Mapping[str, Sequence[str]] | Sequence[str],
    *,
    name: str = "a model",
    ks: Sequence[int] = (1,),
    judge: BelievingJudge | None = None,
    suite: Suite | None = None,
) -> Path:
    """A submission in a folder of its own; a plain list of programs is for every problem."""
    folder.mkdir(parents=True)
    by_problem = programs if isinstance(programs, Mapping) else dict.fromkeys(IDS, programs)
    rows = [{"problem_id": i, "solution": p} for i, some in by_problem.items() for p in some]
    (folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    suite = suite or make_suite()
    with Samples(folder / "samples.jsonl") as samples:
        fitting = fit(suite, samples, ks, partial=True)
        evaluate(suite, samples, fitting, judge or BelievingJudge(), folder / "results.json", name=name, command="made")
    return folder / "results.json"


def board_of(*paths: Path, judge: BelievingJudge | None = None, share: float = 0.05, seed: str = "0") -> Board:
    judge = judge or BelievingJudge()
    return make_board(paths, make_suite(), Rejudging(judge, judge, share=share, seed=seed))


def tamper(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Change a results file by hand."""
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))
    return path


def rewrite(path: Path, **changes: Any) -> Results:
    """Change fields of a results file that stays one."""
    results = replace(read_results(path), **changes)
    write_results(path, results)
    return results


@pytest.fixture
def site_of(tmp_path: Path) -> Callable[..., Path]:
    """Write the site of some submissions; returns its folder."""
    from appsplus.evaluation.leaderboard import write_site

    def written(*paths: Path, judge: BelievingJudge | None = None, name: str = "site") -> Path:
        write_site(board_of(*paths, judge=judge), tmp_path / name)
        return tmp_path / name

    return written
