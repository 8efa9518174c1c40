"""Samples of no model at all, to have something to compare models with: `python benchmarks/leaderboard/baselines.py DIR`.

| folder | samples | what the row shows |
|---|---|---|
| canonical | the canonical solution | the ceiling: what is not 100 % is a fault of the dataset or the judge |
| second | another solution that the source calls right | the same, by another author |
| one_fault | ten copies of the canonical solution, each with one small fault | how much the unit tests notice |
| echo | a program that says what it was given | what is right by chance |
| empty | a program that does nothing | the floor |

Writes `FOLDER/samples.jsonl` and how it was made, for the test split of a dataset; the same dataset gives the same bytes.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from appsplus.problem import IOFormat, Problem, Verdict
from appsplus.release import data_hash, load_problems
from appsplus.worklist.mutants import mutants

HERE = Path(__file__).parent
SPLIT = "test"
FAULTS = 10


def canonical(problem: Problem) -> Iterator[str]:
    yield problem.canonical_solution


def second(problem: Problem) -> Iterator[str]:
    yield next(s.code for s in problem.other_solutions if s.verdict is Verdict.ACCEPTED)


def one_fault(problem: Problem) -> Iterator[str]:
    assert problem.annotation is not None
    executed = {line for lines in problem.annotation.executed_lines for line in lines}
    found = mutants(problem.canonical_solution, executed, FAULTS, seed=0)
    if len(found) < FAULTS:
        raise SystemExit(f"{problem.problem_id}: there are {len(found)} faults only to put in; lower FAULTS")
    for mutant in found:
        yield mutant.of(problem.canonical_solution)


def echo(problem: Problem) -> Iterator[str]:
    if problem.io_format is IOFormat.STDIN:
        yield "import sys\n\nsys.stdout.write(sys.stdin.read())\n"
    else:
        yield f"def {str(problem.entry_point).rpartition('.')[2]}(*arguments):\n    return arguments[0]\n"


def empty(_: Problem) -> Iterator[str]:
    yield "pass\n"


BASELINES: dict[str, tuple[str, Callable[[Problem], Iterator[str]]]] = {
    "canonical": ("canonical solutions", canonical),
    "second": ("second solutions", second),
    "one_fault": ("canonical solutions with one fault", one_fault),
    "echo": ("echo of the input", echo),
    "empty": ("empty program", empty),
}


def main(dataset: Path, out: Path) -> None:
    """Write the samples of every baseline."""
    problems = list(load_problems(dataset, SPLIT))
    facts = {"name": dataset.resolve().name, "sha256": data_hash(dataset), "split": SPLIT}
    for folder, (name, programs) in BASELINES.items():
        (out / folder).mkdir(parents=True, exist_ok=True)
        rows = [
            {"problem_id": problem.problem_id, "sample_index": i, "solution": program}
            for problem in problems
            for i, program in enumerate(programs(problem))
        ]
        meta = {
            "model": {"name": name, "kind": "baseline"},
            "dataset": facts,
            "command": "python benchmarks/leaderboard/baselines.py out/appsplus",
        }
        (out / folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (out / folder / "samples.meta.json").write_text(json.dumps(meta, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else HERE)
