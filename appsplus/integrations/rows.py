"""What an outside framework carries of a problem: the columns that the judge needs, and the way from them to a job.

| column | is |
|---|---|
| `problem_id` | as in the dataset |
| `tests` | the unit tests, a list of `{"input": ..., "output": ...}` |
| `io_format`, `entry_point` | how input reaches the program: `stdin`, or `call` and the function's name |
| `limits` | what one unit test may use; the canonical solution's own time is in it already |
| `checker` | null, or who decides where several outputs are right |
| `modules` | packages that the dataset's judge offered to programs, beyond the standard library and numpy |
| `continued` | whether the prompt ended in an open block of code, which the completion continues |

Trainers read these from an exported file; where a framework keeps each row in its logs (verifiers, inspect_ai, lm-eval), the
row is looked up in the dataset's folder instead, by `find_row`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from appsplus import jsonl
from appsplus.engine.judging import fair_limits
from appsplus.errors import InputError
from appsplus.judge import Job
from appsplus.problem import Checker, IOFormat, Limits, Problem, UnitTest
from appsplus.release import find_problem, read_manifest

COLUMNS = ("problem_id", "tests", "io_format", "entry_point", "limits", "checker", "modules", "continued")
_NEEDED = ("tests", "io_format")  # the others have defaults

Row = Mapping[str, Any]


def row_of(problem: Problem, modules: Sequence[str] = (), *, continued: bool = False) -> dict[str, Any]:
    """The columns of a problem, as plain JSON."""
    checker = problem.checker
    return {
        "problem_id": problem.problem_id,
        "tests": [{"input": t.input, "output": t.output} for t in problem.unit_tests],
        "io_format": str(problem.io_format),
        "entry_point": problem.entry_point,
        "limits": asdict(fair_limits(problem)),
        "checker": checker
        and {"kind": checker.kind, "any_of": [list(some) for some in checker.any_of], "program": checker.program},
        "modules": list(modules),
        "continued": continued,
    }


def row_from_text(text: str) -> dict[str, Any]:
    """The row that an exported file holds as one text (verl's `ground_truth`, OpenRLHF's `label`). Raises InputError."""
    try:
        row = jsonl.loads(text)
    except (TypeError, ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise InputError(
            f"{str(text)[:60]!r} is no row of ours; expected the JSON that `appsplus export` writes: export the dataset again"
        )
    return row


@lru_cache(maxsize=64)
def find_row(dataset: str, problem_id: str, *, continued: bool = False) -> Row:
    """The row of one problem of a dataset folder. Raises DatasetError where it is not there."""
    problem = find_problem(Path(dataset), problem_id)
    return row_of(problem, modules_of(Path(dataset)), continued=continued)


def modules_of(dataset: Path) -> tuple[str, ...]:
    """The packages that a dataset's problems may import. Raises DatasetError for a folder that is no dataset of ours."""
    return tuple(read_manifest(dataset).options.get("modules", ()))


def job_of(row: Row, program: str) -> Job:
    """The job that judges a program by a row. Raises InputError for a row that is none of ours."""
    for name in _NEEDED:
        if row.get(name) is None:
            raise InputError(
                f"a row has no column {name!r} (it has {', '.join(sorted(row)) or 'none'}); expected the columns that"
                " `appsplus export` writes: export the dataset again, and keep all of them"
            )
    checker = row.get("checker")
    try:
        return Job(
            program=program,
            io_format=IOFormat(row["io_format"]),
            unit_tests=tuple(UnitTest(t["input"], t["output"]) for t in row["tests"]),
            entry_point=row.get("entry_point"),
            limits=Limits(**(row.get("limits") or {})),
            checker=checker
            and Checker(
                checker["kind"], tuple(tuple(some) for some in checker["any_of"] or ()), checker["program"] or ""
            ),
            modules=tuple(row.get("modules") or ()),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the row of {row.get('problem_id', 'a problem')} cannot be judged ({error!r}); expected the columns that"
            " `appsplus export` writes: export the dataset again"
        ) from None
