"""The problems and programs that the verdict benchmarks judge: a folder of APPS problems and its `submissions.jsonl`.

Problems are read as the build reads them, up to the stage `normalized`, and kept whatever the build would reject them for:
a submission to a problem with several right answers is judged too, and its false verdict is listed. What `annotations.jsonl`
says is not read here. Programs are mended as the build mends solutions (imports that graders offer, tabs), so that both are
judged alike; a program that the submissions hold and the solutions too is judged once.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from appsplus import jsonl
from appsplus.engine.judging import Judging
from appsplus.engine.ordered import in_order, threads
from appsplus.problem import IOFormat, Limits, Problem, RawProblem, Rejection, UnitTest
from appsplus.sources import Rejected, open_sources
from appsplus.stages.complete import complete
from appsplus.stages.determined import determined
from appsplus.stages.normalized import normalized

_NAME = "apps"
_WITNESSES = 10


@dataclass(frozen=True, slots=True)
class Tests:
    """What a program is judged on, and what the build says of the problem."""

    problem_id: str  # as the submissions name it, e.g. "train/0001"
    io_format: IOFormat
    entry_point: str | None
    unit_tests: tuple[UnitTest, ...]
    changes: tuple[str, ...]  # slugs of what `normalized` changed
    rejected: str  # the reason for which the stages before `normalized` reject the problem; empty where they do not


@dataclass(frozen=True, slots=True)
class Program:
    """One submission, or a solution that is no submission."""

    program_id: (
        str  # "<problem>#<number>", numbered by its line in submissions.jsonl, from 0; "<problem>#s<n>": solution n
    )
    problem_id: str
    code: str
    expected: str  # the verdict that its source records
    is_solution: bool  # it also stands in the problem's solutions.json


def read_programs(data: Path) -> list[Program]:
    """Every submission, and every solution that is none of them, in an order that mixes dear ones with cheap ones."""
    solutions = {_problem_id(path): _strings(path) for path in sorted((data / "apps").glob("*/*/solutions.json"))}
    programs, seen = [], set()
    with (data / "submissions.jsonl").open(encoding="utf-8") as file:
        for number, line in enumerate(file):
            row = json.loads(line)
            problem_id, code = row["id"], row["code"]
            programs.append(
                Program(
                    f"{problem_id}#{number}", problem_id, code, row["expected"], code in solutions.get(problem_id, ())
                )
            )
            seen.add((problem_id, code))
    for problem_id, codes in solutions.items():
        programs += [
            Program(f"{problem_id}#s{number}", problem_id, code, "accepted", is_solution=True)
            for number, code in enumerate(codes)
            if (problem_id, code) not in seen
        ]
    return sorted(programs, key=lambda program: hashlib.sha256(program.program_id.encode()).digest())


def _problem_id(path: Path) -> str:
    return f"{path.parent.parent.name}/{path.parent.name}"


def _strings(path: Path) -> list[str]:
    return [code for code in json.loads(path.read_text(encoding="utf-8")) if isinstance(code, str)]


def read_tests(data: Path, judging: Judging, workers: int, prepared: Path) -> dict[str, Tests]:
    """The unit tests of every problem that has any, by problem id.

    Which reading of a function's unit tests is right is found by running solutions, so the outcome is kept in `prepared`
    and read from there the next time: two runs that are compared judge the same unit tests. Raises SandboxError.
    """
    if not prepared.is_file():
        guesses = _first_programs(read_programs(data))
        [source] = open_sources([f"{_NAME}={data / 'apps'}"])
        with threads(workers) as pool:
            found = in_order(pool, lambda raw: _tests(raw, guesses, judging), source.read(), window=16 * workers)
            lines = [jsonl.dumps(asdict(tests)) + "\n" for tests in found if tests is not None]
        jsonl.write_atomically(prepared, "".join(lines).encode())
    return {tests.problem_id: tests for tests in _prepared(prepared)}


def _first_programs(programs: list[Program]) -> dict[str, tuple[str, ...]]:
    """The first submissions to each problem."""
    found: dict[str, list[str]] = {}
    for program in programs:
        found.setdefault(program.problem_id, []).append(program.code)
    return {problem_id: tuple(codes[:_WITNESSES]) for problem_id, codes in found.items()}


def _tests(raw: RawProblem | Rejected, guesses: Mapping[str, tuple[str, ...]], judging: Judging) -> Tests | None:
    if isinstance(raw, Rejected):
        return None
    early = next((found for stage in (complete, determined) if isinstance(found := stage(raw), Rejection)), None)
    if not raw.solutions:  # submissions, wrong as they may be, show how the unit tests of a function are to be read
        raw = replace(raw, solutions=guesses.get(raw.problem_id.removeprefix(f"{_NAME}/"), ()))
    problem = normalized(raw, judging) if raw.inputs and len(raw.inputs) == len(raw.outputs or ()) else None
    if not isinstance(problem, Problem):
        return None
    return Tests(
        problem_id=problem.problem_id.removeprefix(f"{_NAME}/"),
        io_format=problem.io_format,
        entry_point=problem.entry_point,
        unit_tests=problem.unit_tests,
        changes=tuple(change.what for change in problem.changes),
        rejected="" if early is None else early.reason.value,
    )


def _prepared(path: Path) -> Iterator[Tests]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = jsonl.loads(line)
            row["io_format"] = IOFormat(row["io_format"])
            row["unit_tests"] = tuple(UnitTest(**unit_test) for unit_test in row["unit_tests"])
            row["changes"] = tuple(row["changes"])
            yield Tests(**row)


def limits_of(cpu_s: float | None) -> Limits:
    """The package's limits, or with another CPU limit and a wall limit in the same proportion."""
    if cpu_s is None:
        return Limits()
    return Limits(cpu_s=cpu_s, wall_s=cpu_s * Limits().wall_s / Limits().cpu_s)


def counted(words: Counter[str]) -> str:
    """E.g. "accepted 12, wrong_answer 3", the commonest first."""
    return ", ".join(f"{word} {count:,}" for word, count in sorted(words.items(), key=lambda item: (-item[1], item[0])))
