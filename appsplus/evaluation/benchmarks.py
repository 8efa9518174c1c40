"""HumanEval and MBPP as suites, from the files that their authors publish, through the same judge.

| a row of the file | unit tests | a completion |
|---|---|---|
| `prompt, canonical_solution, test, entry_point` (HumanEval; MBPP, less the docstring) | one: `check` | continues `prompt` |
| `text` or `prompt, code, test_list` (MBPP, as JSON Lines or the list of the sanitized set) | one per assertion | a program |

Where a completion that should continue the prompt brings the function itself (a chat model's answer), it follows the prompt
instead, whose imports and helpers it may use. The tests are assertions in Python and must run beside the program; what is
compared outside is a token that they hand back when they have all held, and that comes only when they are run. A program
that ends early is therefore not accepted. Not covered: a program that reads the tests, or the token, in memory.
"""

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appsplus import jsonl
from appsplus.errors import InputError
from appsplus.evaluation.extraction import NoProgram, Program, extract
from appsplus.evaluation.results import DatasetFacts
from appsplus.evaluation.samples import Sample
from appsplus.evaluation.suite import ALL, Suite, program_of
from appsplus.problem import IOFormat, Problem, Solution, UnitTest

BENCHMARKS = {"humaneval": ("humaneval", "python"), "mbpp": ("mbpp", "mbppeval")}
"""Names, and the words before "/" in the ids that they go by, in lower case."""

_ENTRY_POINT = "appsplus_check"
_NUMBERED = re.compile(r"(?:([A-Za-z]+)/)?(\d+)\Z")
_FUTURE = re.compile(r"^from __future__ import", re.MULTILINE)
_NO_PRELUDE = "[globals().pop(name) for name in list(globals()) if not name.startswith('__')]\n"
"""Takes away the names that the judge gives to functions: a program for HumanEval brings its imports along."""

_NO_NAMES = "[globals().pop(name, None) for name in {names!r}]\n"
_DEFINED = re.compile(r"^(?:def|class) +(\w+)", re.MULTILINE)

_HARNESS = """

def appsplus_check(number, token):
    import builtins as python  # whatever the program calls `exec`, `compile` or `dict`
    tests = {tests!r}
    try:
        python.exec(python.compile(tests[number], "<tests>", "exec"), {{**python.globals()}})
    except python.AssertionError:
        return "an assertion does not hold"
    return token
"""


@dataclass(frozen=True, slots=True)
class _Row:
    """One problem of a benchmark."""

    problem_id: str
    description: str
    prompt: str  # that completions continue; empty where a completion is a program
    function: str  # that a program must define; empty where the row does not say
    solution: str  # the canonical one, a whole program
    tests: tuple[str, ...]  # programs of their own, run where the program's names are known

    @property
    def token(self) -> str:
        return hashlib.sha256(jsonl.dumps([self.problem_id, self.tests]).encode()).hexdigest()[:16]


def benchmark_suite(name: str, path: Path) -> Suite:
    """HumanEval or MBPP from a file of theirs. Raises InputError for a file or a row that is none, with its number."""
    if name not in BENCHMARKS:
        raise InputError(f"the benchmark {name!r} is not known; expected one of {', '.join(BENCHMARKS)}")
    data = _data(path)
    rows: dict[str, _Row] = {}
    for number, value in _values(path, data):
        row = _row(name, value, f"{path}:{number}")
        if (named := _NUMBERED.match(row.problem_id)) and named[1] and named[1].lower() not in BENCHMARKS[name]:
            raise InputError(f"{path}:{number}: {row.problem_id} is no problem of {name}; check --benchmark and --data")
        if row.problem_id in rows:
            raise InputError(f"{path}:{number}: {row.problem_id} is there twice; expected each problem once")
        rows[row.problem_id] = row
    if not rows:
        raise InputError(f"{path} holds no problem; expected the file of {name} that its authors publish")
    ids = {_number(name, problem_id): problem_id for problem_id in rows}
    problems = {problem_id: _problem(name, row) for problem_id, row in rows.items()}
    return Suite(
        facts=DatasetFacts(name, "", hashlib.sha256(data).hexdigest(), ALL, len(rows)),
        problem_ids=tuple(rows),
        problems=lambda: iter(problems.values()),
        program=lambda problem, sample: _program(rows[problem.problem_id], problem, sample),
        known_as=lambda problem_id: (
            problem_id if problem_id in rows else ids.get(_number(name, problem_id), problem_id)
        ),
        elsewhere=lambda _: "",
    )


def canonical_samples(name: str, path: Path) -> Iterator[dict[str, Any]]:
    """The canonical solutions of a benchmark as lines of a file of samples. Raises as `benchmark_suite` does."""
    for number, value in _values(path, _data(path)):
        row = _row(name, value, f"{path}:{number}")
        yield {"task_id": row.problem_id, "solution": row.solution}


def _data(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read ({why}); check --data") from None


def _values(path: Path, data: bytes) -> Iterator[tuple[int, Any]]:
    """(line or element from 1, its value) of JSON Lines or of one JSON list."""
    try:
        if data.lstrip().startswith(b"["):
            yield from enumerate(jsonl.loads(data), start=1)
            return
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} begins as a JSON list, and is none ({error}); fetch it again") from None
    for number, line in enumerate(data.splitlines(), start=1):
        if line.strip():
            try:
                yield number, jsonl.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{path}:{number} is no JSON ({error}); fetch the file again") from None


def _row(name: str, value: Any, where: str) -> _Row:
    if isinstance(value, dict) and "task_id" in value:
        task_id = value["task_id"]
        problem_id = f"{name}/{task_id}" if isinstance(task_id, int) else str(task_id)
        if _has(value, "prompt", "canonical_solution", "test", "entry_point"):
            function = value["entry_point"]
            prompt = _without_docstring(value["prompt"]) if name == "mbpp" else value["prompt"]
            # A problem of MBPP is about a function `check`, and its test would call itself.
            test = f"{value['test'].replace('def check(', 'def appsplus_test(', 1)}\nappsplus_test({function})\n"
            return _Row(problem_id, value["prompt"], prompt, function, prompt + value["canonical_solution"], (test,))
        if _has(value, "code") and _are_texts(value.get("test_list")):
            imports = value.get("test_imports") if _are_texts(value.get("test_imports")) else []
            setup = "\n".join([*(imports or []), str(value.get("test_setup_code") or "")])
            description = str(value.get("text") or value.get("prompt") or "")
            tests = tuple(f"{setup}\n{test}\n" for test in value["test_list"])
            if tests:
                return _Row(problem_id, description, "", "", value["code"], tests)
    raise InputError(
        f"{where} is no row of {name}: expected task_id, prompt, canonical_solution, test and entry_point, or task_id,"
        " code and test_list; check --benchmark and --data"
    )


def _without_docstring(prompt: str) -> str:
    """The prompt less the docstring that ends it: MBPP's solutions are not always indented as it is."""
    code = prompt.rstrip()
    quotes = code[-3:]
    start = code.rfind(quotes, 0, -3) if quotes in ("'''", '"""') else -1
    return prompt if start < 0 else code[: code.rfind("\n", 0, start) + 1]


def _has(value: dict[str, Any], *names: str) -> bool:
    return all(isinstance(value.get(name), str) for name in names)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _problem(name: str, row: _Row) -> Problem:
    unit_tests = (UnitTest(jsonl.dumps([i, row.token]), jsonl.dumps(row.token)) for i in range(len(row.tests)))
    return Problem(
        problem_id=row.problem_id,
        source=name,
        split="test",
        description=row.description,
        io_format=IOFormat.CALL,
        entry_point=_ENTRY_POINT,
        starter_code="",
        solutions=(Solution(row.solution),),
        unit_tests=tuple(unit_tests),
        source_hash="",
        canonical=0,
    )


def _program(row: _Row, problem: Problem, sample: Sample) -> Program | NoProgram:
    """What runs: the program of a sample, and the tests after it."""
    found = _found(row, problem, sample)
    if isinstance(found, NoProgram):
        return found
    # An import from the future must stand first. Ten canonical solutions of MBPP's file in HumanEval's shape need the names,
    # but for those that it is to define: the judge's own `gcd` is no answer to a question about it.
    start = _NO_PRELUDE if problem.source == "humaneval" else _NO_NAMES.format(names=_DEFINED.findall(row.solution))
    harness = _HARNESS.format(tests=list(row.tests))
    if _FUTURE.search(found.text):
        return _after_the_future(found, start, harness)
    return Program(f"{start}{found.text}{harness}", len(start) + found.prefix_chars, found.pieces)


def _after_the_future(found: Program, start: str, harness: str) -> Program:
    """The same where imports from the future stand first: what runs is the judge's, and no piece of the completion."""
    last = list(_FUTURE.finditer(found.text))[-1]
    end = found.text.find("\n", last.end()) + 1 or len(found.text)
    text = f"{found.text[:end]}\n{start}{found.text[end:]}{harness}"
    return Program(text, len(text) - len(harness), ())


def _found(row: _Row, problem: Problem, sample: Sample) -> Program | NoProgram:
    if sample.is_program or not row.prompt:
        return program_of(problem, sample)
    whole = extract(sample.text)
    if isinstance(whole, Program) and re.search(
        rf"^(?:async )?def {re.escape(row.function)}\b", whole.text, re.MULTILINE
    ):
        return Program(f"{row.prompt}\n{whole.text}", len(row.prompt) + 1, whole.pieces)
    return extract(sample.text, row.prompt)


def _number(name: str, problem_id: str) -> str:
    """The number in an id such as "HumanEval/3", "Mbpp/3" or "3"; the id itself where there is none."""
    found = _NUMBERED.match(problem_id)
    if found is None or (found[1] and found[1].lower() not in BENCHMARKS[name]):
        return problem_id
    return str(int(found[2]))
