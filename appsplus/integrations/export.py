"""A dataset as the files that trainers read: one a split, written as a stream, whole or not at all, always the same bytes.

| format | file | a row is |
|---|---|---|
| `trl` | Parquet | `prompt`, and the columns of `appsplus.integrations.rows` |
| `verl` | Parquet | `data_source`, `prompt`, `ability`, `reward_model` (with the columns as one JSON text), `extra_info` |
| `openrlhf` | JSON Lines | `prompt`, `label` (the columns as one JSON text), `datasource` |
| `nemo-gym` | JSON Lines | `responses_create_params`, `verifier_metadata`, as the resources server `code_gen` wants them |
| `jsonl` | JSON Lines | `prompt`, the columns, the canonical solution, and where the problem comes from |

A prompt is the question as messages of a chat, or as text to be continued (`appsplus.evaluation.prompts`). `export.json`
beside the files says what they were made of. NeMo Gym judges by itself, and knows neither checkers nor values that JSON does
not have: problems with such are left out there.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from appsplus import jsonl
from appsplus.errors import DatasetError, InputError
from appsplus.evaluation import prompts
from appsplus.integrations.rows import modules_of, row_of
from appsplus.problem import IOFormat, Problem
from appsplus.release import commit, data_hash, disk_errors, load_problems, prepare_target, read_manifest
from appsplus.release.schema import PROBLEMS, SPLITS

NAME = "export.json"
PROMPTS = ("chat", "continued")
_BATCH = 16  # rows of Parquet that are in memory

_TAGGED = re.compile(r'\{\s*"\$')  # how `appsplus.judge.values` writes what JSON does not have

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    files: dict[str, int]  # name -> rows
    left_out: dict[str, int]  # why -> problems


@dataclass(frozen=True, slots=True)
class _Context:
    """Where a row is, and what all rows share."""

    split: str
    index: int
    modules: tuple[str, ...]
    continued: bool

    def columns(self, problem: Problem) -> Row:
        return row_of(problem, self.modules, continued=self.continued)

    def prompt(self, problem: Problem) -> Any:
        return prompts.continued_text(problem) if self.continued else prompts.chat_messages(problem)


@dataclass(frozen=True, slots=True)
class _Format:
    row: Callable[[Problem, _Context], Row | str]  # a text: why the problem is left out
    columns: Callable[[bool], pa.Schema] | None = None  # None: JSON Lines
    continues: bool = True  # whether the framework takes text to be continued


def export(
    dataset: Path,
    out: Path,
    to: str,
    *,
    prompt: str = "chat",
    splits: Sequence[str] = SPLITS,
    watched: Callable[[Iterable[Problem], int], Iterable[Problem]] = lambda problems, _: problems,
) -> Exported:
    """Write a dataset folder for a trainer into the folder `out`.

    `watched` is given the problems of a split and their number, and passes them on, for progress. Raises InputError for a
    format, prompt or split that does not exist or a folder with files of another origin, DatasetError for the dataset.
    """
    _check_options(to, prompt, splits)
    form, modules = FORMATS[to], modules_of(dataset)
    counts = read_manifest(dataset).counts["splits"]
    facts: Row = {"format": to, "prompt": prompt, "prompt_version": prompts.VERSION, "dataset": data_hash(dataset)}
    left_out: Counter[str] = Counter()
    with prepare_target(out, check_target) as folder, disk_errors(out):
        files: dict[str, int] = {}
        for split in splits:
            problems = watched(load_problems(dataset, split), counts[split])
            context = _Context(split, 0, modules, prompt == "continued")
            path = folder / f"{split}.{'parquet' if form.columns else 'jsonl'}"
            files[path.name] = _write(path, _rows(problems, form, context, left_out), form.columns, context.continued)
            if not files[path.name]:  # an empty file is one that some loaders stumble over
                path.unlink()
                del files[path.name]
        if not files:
            raise DatasetError(f"{dataset} has no problem to export in {', '.join(splits)}; choose other splits")
        hashes = {name: {"rows": rows, "sha256": _sha256(folder / name)} for name, rows in files.items()}
        facts |= {"appsplus": metadata.version("appsplus"), "files": hashes, "left_out": left_out}
        (folder / NAME).write_text(jsonl.dumps(facts) + "\n")
        commit(folder, out, check_target)
    return Exported(files, dict(left_out))


def check_target(out: Path) -> None:
    """Raise InputError unless `out` is free, an empty folder, or an export with nothing else in it."""
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir():
        raise InputError(f"{out} is a file; expected a folder for the files of the splits: choose another --out")
    try:
        ours = {NAME, *jsonl.loads((out / NAME).read_bytes())["files"]}
    except FileNotFoundError:
        ours = set()
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"{out / NAME} is no record of an export; delete the folder, or choose another --out"
        ) from None
    if foreign := sorted({path.name for path in out.iterdir()} - ours):
        raise InputError(
            f"{out} holds {foreign[0]}, which no export wrote; expected a new or empty folder: choose another --out"
        )


def _check_options(to: str, prompt: str, splits: Sequence[str]) -> None:
    if to not in FORMATS:
        raise InputError(f"the format {to!r} is not known; expected one of {', '.join(FORMATS)}")
    if prompt not in PROMPTS:
        raise InputError(f"the prompt {prompt!r} is not known; expected one of {', '.join(PROMPTS)}")
    if prompt == "continued" and not FORMATS[to].continues:
        raise InputError(f"{to} takes messages of a chat only; got the prompt 'continued': leave it out")
    for split in splits:
        if split not in SPLITS:
            raise InputError(f"the split {split!r} is not known; expected one of {', '.join(SPLITS)}")


def _rows(problems: Iterable[Problem], form: _Format, context: _Context, left_out: Counter[str]) -> Iterator[Row]:
    for problem in problems:
        row = form.row(problem, context)
        if isinstance(row, str):
            left_out[row] += 1
            continue
        context = replace(context, index=context.index + 1)
        yield row


def _write(path: Path, rows: Iterator[Row], columns: Callable[[bool], pa.Schema] | None, continued: bool) -> int:
    """How many rows were written."""
    count = 0
    with _opened(path, columns and columns(continued)) as add:
        for row in rows:
            add(row)
            count += 1
    return count


@contextmanager
def _opened(path: Path, columns: pa.Schema | None) -> Iterator[Callable[[Row], None]]:
    """A function that adds a row to a file."""
    if columns is None:
        with path.open("w", encoding="ascii") as file:
            yield lambda row: _add_line(file, row)
        return
    waiting: list[Row] = []
    with pq.ParquetWriter(path, columns, compression="zstd") as writer:

        def add(row: Row) -> None:
            waiting.append(row)
            if len(waiting) == _BATCH:
                flush()

        def flush() -> None:
            if waiting:
                writer.write_table(pa.Table.from_pylist(waiting, schema=columns))
                waiting.clear()

        yield add
        flush()


def _add_line(file: IO[str], row: Row) -> None:
    file.write(jsonl.dumps(row) + "\n")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _trl(problem: Problem, context: _Context) -> Row:
    return {"prompt": context.prompt(problem), **context.columns(problem)}


def _verl(problem: Problem, context: _Context) -> Row:
    facts = {"index": context.index, "split": context.split, "difficulty": problem.difficulty}
    return {
        "data_source": "appsplus",
        "prompt": context.prompt(problem),
        "ability": "code",
        "reward_model": {"style": "rule", "ground_truth": jsonl.dumps(context.columns(problem))},
        "extra_info": {"problem_id": problem.problem_id, **facts},
    }


def _openrlhf(problem: Problem, context: _Context) -> Row:
    prompt = context.prompt(problem)
    question = prompt if isinstance(prompt, str) else prompt[-1]["content"]
    return {"prompt": question, "label": jsonl.dumps(context.columns(problem)), "datasource": "appsplus"}


def _nemo_gym(problem: Problem, context: _Context) -> Row | str:
    if problem.checker is not None:
        return "has a checker, which NeMo Gym's judge does not know"
    if problem.entry_point and any(_TAGGED.search(text) for t in problem.unit_tests for text in (t.input, t.output)):
        return "has a value that is not plain JSON, which NeMo Gym's judge does not know"
    inputs = [t.input if problem.io_format is IOFormat.STDIN else _lines_of(t.input) for t in problem.unit_tests]
    tests = {"inputs": inputs, "outputs": [t.output for t in problem.unit_tests], "fn_name": problem.entry_point}
    facts = {"problem_id": problem.problem_id, "difficulty": problem.difficulty}
    return {
        "responses_create_params": {"input": context.prompt(problem)},
        "verifier_metadata": {**facts, "unit_tests": tests},
    }


def _jsonl(problem: Problem, context: _Context) -> Row:
    return {
        "prompt": context.prompt(problem),
        **context.columns(problem),
        "split": context.split,
        "canonical_solution": problem.canonical_solution,
        "difficulty": problem.difficulty,
        "source": problem.source,
        "license": problem.license,
        "url": problem.url,
    }


def _lines_of(arguments: str) -> str:
    """A JSON list of arguments as LiveCodeBench has it: one argument a line."""
    return "\n".join(jsonl.dumps(argument) for argument in jsonl.loads(arguments))


_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.large_string())]))


def _trl_columns(continued: bool) -> pa.Schema:
    return pa.schema(
        {
            "prompt": pa.large_string() if continued else _MESSAGES,
            "problem_id": pa.string(),
            "tests": PROBLEMS.field("unit_tests").type,
            "io_format": pa.string(),
            "entry_point": pa.string(),
            "limits": PROBLEMS.field("limits").type,
            "checker": PROBLEMS.field("checker").type,
            "modules": pa.list_(pa.string()),
            "continued": pa.bool_(),
        }
    )


def _verl_columns(continued: bool) -> pa.Schema:  # noqa: ARG001
    facts = [("problem_id", pa.string()), ("index", pa.int64()), ("split", pa.string()), ("difficulty", pa.string())]
    return pa.schema(
        {
            "data_source": pa.string(),
            "prompt": _MESSAGES,
            "ability": pa.string(),
            "reward_model": pa.struct([("style", pa.string()), ("ground_truth", pa.large_string())]),
            "extra_info": pa.struct(facts),
        }
    )


FORMATS = {
    "trl": _Format(_trl, _trl_columns),
    "verl": _Format(_verl, _verl_columns, continues=False),
    "openrlhf": _Format(_openrlhf),
    "nemo-gym": _Format(_nemo_gym, continues=False),
    "jsonl": _Format(_jsonl),
}
