"""The sets of problems that a dataset is compared with: another dataset of ours, a benchmark's file, or one of the Hub."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appsplus import jsonl
from appsplus.errors import SourceError
from appsplus.problem import Problem, RawProblem
from appsplus.release import load_problems
from appsplus.release.manifest import NAME as MANIFEST
from appsplus.sources import hub, open_sources
from appsplus.sources.apps_directory import is_apps_directory
from appsplus.sources.row_files import ENDINGS, RowFile, choose, iter_rows, list_names

KNOWN = {"humaneval": "hub:openai/openai_humaneval", "mbpp": "hub:google-research-datasets/mbpp#full"}
"""Sets that go by a name, and where they are."""

_IDS = ("problem_id", "task_id", "question_id", "id", "name")
_DESCRIPTIONS = ("description", "prompt", "text", "question", "question_content", "problem")
_SOLUTIONS = ("canonical_solution", "solution", "code", "solutions", "canonical_solutions")
_NAMED = re.compile(r"([A-Za-z0-9._-]+)=(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Item:
    """A problem, as far as it is compared."""

    problem_id: str
    description: str
    solution: str  # the first, where there are several; empty where there is none

    @classmethod
    def of(cls, problem: Problem) -> "Item":
        """A problem of a dataset of ours."""
        return cls(problem.problem_id, problem.description, problem.canonical_solution)


@dataclass(frozen=True, slots=True)
class ItemSet:
    """A set with its name."""

    name: str
    items: tuple[Item, ...]


def read_set(spec: str) -> ItemSet:
    """Read `[NAME=]SPEC`: humaneval, mbpp, a file, a folder, or hub:OWNER/NAME. Raises InputError.

    A folder is a dataset of ours or in the layout of APPS; a file has rows (Parquet, JSON Lines, JSON, also gzipped) with a
    column for the description and one for the solution, under one of the names that benchmarks give them.
    """
    match = _NAMED.fullmatch(spec)
    name, where = (match[1], match[2]) if match and not Path(spec).exists() else (spec, spec)
    if not Path(where).exists():
        where = KNOWN.get(where, where)
    items = tuple(_items(where))
    if not items:
        raise SourceError(f"{where} holds no problem; expected problems to compare with. Check --against")
    return ItemSet(name if name in KNOWN or match else Path(name).name, items)


def _items(where: str) -> Iterator[Item]:
    path = Path(where)
    if where.startswith(hub.PREFIX):
        yield from _rows(hub.download(hub.parse_address(where)).files)
    elif (path / MANIFEST).is_file():
        yield from map(Item.of, load_problems(path))
    elif path.is_dir() and is_apps_directory(path):
        for source in open_sources([f"apps={where}"]):
            for record in source.read():
                if isinstance(record, RawProblem):
                    yield Item(record.problem_id, record.description, next(iter(record.solutions), ""))
    elif path.is_dir():
        names = choose(list_names(path), where, None, "give one of its files")
        yield from _rows(tuple(RowFile(name, path / name, None) for name in names))
    elif path.is_file() and where.endswith(ENDINGS):
        yield from _rows((RowFile(path.name, path, None),))
    else:
        known, endings = ", ".join(KNOWN), ", ".join(ENDINGS)
        got = "is of no kind that is known" if path.exists() else "does not exist"
        raise SourceError(
            f"--against {where}: it {got}; expected {known}, hub:OWNER/NAME, a dataset folder, or a file that ends in"
            f" {endings}. Check the path"
        )


def _rows(files: tuple[RowFile, ...]) -> Iterator[Item]:
    for number, row in enumerate(iter_rows(files), 1):
        value = row.value
        if not isinstance(value, dict):
            raise SourceError(f"{row.place} is no object; expected one with columns. Correct the file")
        description, solution = _first(value, _DESCRIPTIONS), _first(value, _SOLUTIONS)
        if description is None and solution is None:
            raise SourceError(
                f"{row.place} has neither a description ({', '.join(_DESCRIPTIONS)}) nor a solution"
                f" ({', '.join(_SOLUTIONS)}); its columns are {', '.join(map(str, value))[:200]}. Rename them"
            )
        found = _first(value, _IDS)
        yield Item(
            str(number) if found is None else str(found),
            description if isinstance(description, str) else "",
            _program(solution),
        )


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _program(value: Any) -> str:
    """The first of several programs, which may be a JSON list in text, as APPS has it."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = jsonl.loads(value)
        except (ValueError, RecursionError):
            return value if isinstance(value, str) else ""
    if isinstance(value, list):
        value = next(iter(value), "")
    return value if isinstance(value, str) else ""
