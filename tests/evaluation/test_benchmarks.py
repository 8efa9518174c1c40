"""HumanEval and MBPP through the judge: their own files where they are, and rows made for a test everywhere."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsplus.engine import LocalEngine
from appsplus.errors import InputError
from appsplus.evaluation.benchmarks import benchmark_suite, canonical_samples
from appsplus.evaluation.judging import judge_samples
from appsplus.evaluation.samples import Samples
from appsplus.evaluation.suite import Suite

Write = Callable[..., Path]
HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'import math\n\n\ndef helper(x):\n    return x + 1\n\n\ndef add(x: int) -> int:\n    """Add one to x."""\n',
    "canonical_solution": "    return helper(x)\n",
    "test": "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(-1) == 0\n",
    "entry_point": "add",
}
MBPP = {
    "task_id": 7,
    "text": "Write a function that doubles.",
    "code": "def double(x):\r\n\treturn 2 * x",
    "test_list": ["assert double(1) == 2", "assert double(0) == 0", "assert double(-2) == -4"],
    "test_setup_code": "",
}
MBPP_IN_THE_OTHER_SHAPE = {
    "task_id": "MbppEval/56",
    "prompt": "def check(n):\n    '''\n    Is n even?\n    '''\n",
    "canonical_solution": "\treturn n % 2 == 0\n",
    "test": "def check(candidate):\n    assert check(2) == True\n    assert check(3) == False\n",
    "entry_point": "check",
}


def verdicts(suite: Suite, path: Path, engine: LocalEngine) -> dict[str, list[tuple[str, int]]]:
    with Samples(path) as samples:
        found = judge_samples(suite, samples, engine)
        return {p.problem_id: [(j.verdict.verdict, j.verdict.passed_tests) for j in judged] for p, judged in found}


@pytest.fixture
def humaneval(write_samples: Write) -> Suite:
    return benchmark_suite("humaneval", write_samples(HUMANEVAL, name="HumanEval.jsonl"))


@pytest.fixture
def judged(humaneval: Suite, write_samples: Write, engine: LocalEngine) -> Callable[..., list[str]]:
    """The verdicts on completions, or on programs, of the one problem of `humaneval`."""

    def judge(*texts: str, key: str = "completion") -> list[str]:
        path = write_samples(*({"task_id": "HumanEval/0", key: text} for text in texts))
        return [verdict for verdict, _ in verdicts(humaneval, path, engine)["HumanEval/0"]]

    return judge


def test_a_completion_goes_on_where_the_prompt_ended(judged: Callable[..., list[str]]) -> None:
    assert judged("    return x + 1\n", "    return x\n", "    return helper(x)\n", "return x\n", "") == [
        "accepted", "wrong_answer", "accepted", "compile_error", "wrong_answer",
    ]  # fmt: skip


def test_a_completion_with_the_function_itself_follows_the_prompt(judged: Callable[..., list[str]]) -> None:
    whole = "def add(x: int) -> int:\n    return helper(x) + int(math.sqrt(0))\n"
    told = f"Here it is:\n\n```python\n{whole}```\nIt adds one."
    assert judged(whole, told, f"```python\n{HUMANEVAL['prompt']}    return x + 1\n```") == ["accepted"] * 3


def test_a_solution_is_a_program_and_nothing_is_added(judged: Callable[..., list[str]]) -> None:
    assert judged(
        "def add(x):\n    return x + 1\n",
        "def add(x):\n    return helper(x)\n",
        "def other(x):\n    return x + 1\n",
        "def add(x):\n    return x + 1",
        key="solution",
    ) == ["accepted", "run_time_error", "run_time_error", "accepted"]


def test_a_program_brings_its_imports_along(judged: Callable[..., list[str]]) -> None:
    assert judged(
        "def add(x):\n    return math.floor(x + 1)\n",
        "import math\ndef add(x):\n    return math.floor(x + 1)\n",
        "def add(x: List[int]):\n    return x + 1\n",
        "from __future__ import annotations\ndef add(x: List[int]):\n    return x + 1\n",
        key="solution",
    ) == ["run_time_error", "accepted", "run_time_error", "accepted"]


def test_what_a_program_prints_or_names_does_not_matter(judged: Callable[..., list[str]]) -> None:
    assert judged(
        "print('hello')\ndef check(x):\n    return x + 1\ndef add(x):\n    print(x)\n    return check(x)\n",
        "tests = token = number = 3\ndef add(x):\n    return x + 1\n",
        key="solution",
    ) == ["accepted", "accepted"]


def test_a_program_that_ends_before_its_tests_is_not_accepted(judged: Callable[..., list[str]]) -> None:
    assert "accepted" not in judged(
        "import sys\ndef add(x):\n    sys.exit(0)\n",
        "import os\ndef add(x):\n    os._exit(0)\n",
        "raise SystemExit(0)\n",
        "def add(x):\n    raise AssertionError\n",
        key="solution",
    )


def test_each_assertion_of_mbpp_is_a_unit_test(write_samples: Write, engine: LocalEngine) -> None:
    suite = benchmark_suite("mbpp", write_samples(MBPP, name="mbpp.jsonl"))
    programs = ("def double(x):\n    return x + x\n", "def double(x):\n    return 2 * abs(x)\n", "def double(x)\n")
    path = write_samples(*({"task_id": "Mbpp/7", "completion": f"```python\n{program}```"} for program in programs))
    assert verdicts(suite, path, engine) == {"mbpp/7": [("accepted", 3), ("wrong_answer", 2), ("compile_error", 0)]}


def test_the_canonical_solutions_of_every_shape_are_accepted(
    write_samples: Write, engine: LocalEngine, tmp_path: Path
) -> None:
    sanitized = {
        "task_id": 8,
        "prompt": "Halve.",
        "code": "def half(x):\n    return x / 2\n",
        "test_imports": ["from math import isclose"],
        "test_list": ["assert isclose(half(1), 0.5)"],
    }
    (tmp_path / "list.json").write_text(json.dumps([sanitized], indent=1))
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(HUMANEVAL).encode()))
    files = [
        ("humaneval", packed),
        ("mbpp", write_samples(MBPP, MBPP_IN_THE_OTHER_SHAPE, name="mbpp.jsonl")),
        ("mbpp", tmp_path / "list.json"),
    ]
    for name, data in files:
        path = write_samples(*canonical_samples(name, data))
        found = verdicts(benchmark_suite(name, data), path, engine)
        assert {verdict for judged in found.values() for verdict, _ in judged} == {"accepted"}


def test_a_body_with_another_indentation_than_the_docstring_continues_mbpps_prompt(
    write_samples: Write, engine: LocalEngine
) -> None:
    suite = benchmark_suite("mbpp", write_samples(MBPP_IN_THE_OTHER_SHAPE, name="mbpp.jsonl"))
    bodies = ("\treturn n % 2 == 0\n", "    return n % 2 == 0\n", "  return n % 2 == 1\n")
    path = write_samples(*({"task_id": 56, "completion": body} for body in bodies))
    found = verdicts(suite, path, engine)
    assert [verdict for verdict, _ in found["MbppEval/56"]] == ["accepted", "accepted", "wrong_answer"]


def test_ids_are_known_by_their_numbers(humaneval: Suite) -> None:
    assert {humaneval.known_as(i) for i in ("HumanEval/0", "humaneval/0", "Python/0", "0", "00")} == {"HumanEval/0"}
    assert humaneval.known_as("Mbpp/0") == "Mbpp/0"
    assert humaneval.known_as("HumanEval/1") == "HumanEval/1"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["{"], ":1 is no JSON"),
        ([{"task_id": 1}], ":1 is no row of humaneval: expected task_id, prompt, canonical_solution, test"),
        (["[]"], "holds no problem"),
        ([HUMANEVAL, HUMANEVAL], ":2: HumanEval/0 is there twice"),
        ([{**MBPP, "test_list": []}], ":1 is no row"),
        ([{**HUMANEVAL, "task_id": "Mbpp/1"}], ":1: Mbpp/1 is no problem of humaneval; check --benchmark and --data"),
    ],
)
def test_another_file_is_refused(rows: list[Any], told: str, write_samples: Write) -> None:
    path = write_samples(*rows, name="data.jsonl")
    with pytest.raises(InputError) as refused:
        benchmark_suite("humaneval", path)
    assert f"{path}{'' if told.startswith(':') else ' '}{told}" in str(refused.value)


def test_a_file_that_is_not_there_or_half_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.jsonl cannot be read \(No such file or directory\); check --data"):
        benchmark_suite("mbpp", tmp_path / "none.jsonl")
    (tmp_path / "half.gz").write_bytes(gzip.compress(b"x" * 1000)[:-12])
    with pytest.raises(InputError, match=r"half.gz cannot be read"):
        benchmark_suite("mbpp", tmp_path / "half.gz")
    with pytest.raises(InputError, match="the benchmark 'apps' is not known; expected one of humaneval, mbpp"):
        benchmark_suite("apps", tmp_path / "none.jsonl")


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "file", "count"),
    [
        ("humaneval", "humaneval/HumanEval.jsonl.gz", 164),
        ("mbpp", "mbpp/mbpp_sanitized_for_code_generation.jsonl", 427),
        ("mbpp", "mbpp/mbpp.jsonl", 974),
    ],
)
def test_all_canonical_solutions_of_the_published_files_are_accepted(
    name: str, file: str, count: int, real_data: Path, write_samples: Write, engine: LocalEngine
) -> None:
    path = write_samples(*canonical_samples(name, real_data / file))
    found = verdicts(benchmark_suite(name, real_data / file), path, engine)
    assert len(found) == count
    assert {problem_id: judged for problem_id, judged in found.items() if judged[0][0] != "accepted"} == {}
