"""The embedded corpus keeps its promises, checked without the judge: by plain subprocesses and coverage.py.

One subprocess per problem runs every solution on every unit test (`DRIVER`); expected outputs stay in this process.
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from appsplus.ledger import Ledger
from appsplus.problem import RawProblem, Reason
from appsplus.sources import CORPUS_DIR, Rejected, open_sources

DRIVER = """
import contextlib, io, json, os, sys, tempfile, threading
import coverage

job = json.load(sys.stdin)
answer = os.fdopen(os.dup(1), "w")
folder = sys.argv[1]


def run_on_standard_input(code, text):
    with tempfile.TemporaryFile(dir=folder) as given, tempfile.TemporaryFile(dir=folder) as printed:
        given.write(text.encode())
        given.seek(0)
        os.dup2(given.fileno(), 0)
        os.dup2(printed.fileno(), 1)
        sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)
        with contextlib.suppress(SystemExit):
            exec(code, {"__name__": "__main__"})
        for thread in threading.enumerate():
            if thread is not threading.current_thread():
                thread.join()
        sys.stdout.flush()
        printed.seek(0)
        return printed.read().decode()


def run_calls(code, entry_point, inputs):
    from appsplus.judge import prelude
    names = {**prelude.names(), "__name__": "solution"}
    exec(code, names)
    owner = names.get("Solution")
    for arguments in inputs:
        if owner is not None and hasattr(owner, entry_point):
            yield getattr(owner(), entry_point)(*arguments)
        else:
            yield names[entry_point](*arguments)


def run(path, program):
    with open(path, "w") as file:
        file.write(program)
    code = compile(program, path, "exec")
    if job["entry_point"] is None:
        return [run_on_standard_input(code, text) for text in job["inputs"]]
    return list(run_calls(code, job["entry_point"], job["inputs"]))


paths = [os.path.join(folder, f"solution_{i}.py") for i in range(len(job["solutions"]))]
measured = coverage.Coverage(data_file=None, config_file=False, include=[paths[0]])
measured.exclude("a pattern that no line has")
measured.start()
outputs = [run(paths[0], job["solutions"][0])]
measured.stop()
outputs += [run(path, program) for path, program in zip(paths[1:], job["solutions"][1:])]
_, executable, excluded, missing, _ = measured.analysis2(paths[0])
json.dump({"outputs": outputs, "executable": len(executable), "missing": missing + excluded}, answer)
"""


@dataclass(frozen=True)
class Entry:
    """One folder of the corpus, with its flaws repaired where it says that a build must repair them."""

    problem_id: str
    description: str
    metadata: dict[str, Any]
    solutions: list[str]
    entry_point: str | None
    inputs: list[Any]
    outputs: list[Any]


def metadata_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "metadata.json").read_text())
    return found


FOLDERS = {
    f"{split}/{path.name}": path for split in ("train", "test") for path in sorted((CORPUS_DIR / split).iterdir())
}
PLANTED = {name: metadata_of(path)["planted"] for name, path in FOLDERS.items() if "planted" in metadata_of(path)}
UNFLAWED = [name for name in FOLDERS if name not in PLANTED]


def load(name: str) -> Entry:
    folder = FOLDERS[name]
    tests = json.loads((folder / "input_output.json").read_text())
    solutions = json.loads((folder / "solutions.json").read_text())
    entry_point, inputs, outputs = tests.get("fn_name"), tests["inputs"], tests["outputs"]
    match metadata_of(folder).get("repaired"):
        case "output_unwrapped":
            assert all(len(output) == 1 for output in outputs)
            outputs = [output[0] for output in outputs]
        case "arguments_parsed":
            inputs = [[json.loads(line) for line in text.splitlines()] for text in inputs]
        case "entry_point_respelled":
            entry_point = respelled(entry_point, solutions[0])
        case "tabs_expanded":
            solutions = [re.sub(r"(?m)^[ \t]+", lambda indent: indent[0].expandtabs(8), code) for code in solutions]
        case "lines_joined":
            inputs, outputs = (["\n".join(lines) + "\n" for lines in side] for side in (inputs, outputs))
        case "line_ends_normalized":
            assert all("\r\n" in code for code in solutions)
    description = (folder / "question.txt").read_bytes().decode()
    return Entry(name, description, metadata_of(folder), solutions, entry_point, inputs, outputs)


def respelled(entry_point: str, program: str) -> str:
    """The function of the program that has this name but for case and underscores."""
    found: str
    (found,) = {
        name
        for name in re.findall(r"def (\w+)", program)
        if name.replace("_", "").lower() == entry_point.replace("_", "").lower()
    }
    assert found != entry_point
    return found


def run_all(entry: Entry, folder: Path, hash_seed: str = "0") -> dict[str, Any]:
    """What every solution answers to every unit test, and the lines of the first that were never executed."""
    job = {"solutions": entry.solutions, "inputs": entry.inputs, "entry_point": entry.entry_point}
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-W", "error::SyntaxWarning", "-c", DRIVER, str(folder)],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(CORPUS_DIR.parent.parent)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def examples(description: str) -> list[tuple[str, str]]:
    """The (input, output) of every example in a description of the stdin format."""
    section = re.search(r"-----Examples?-----\n(.*?)(?=\n-----|\Z)", description.replace("\r\n", "\n"), re.DOTALL)
    assert section, "no section of examples"
    return re.findall(r"Input\n(.*?)\n\nOutput\n(.*?)(?=\n\nInput\n|\s*\Z)", section[1], re.DOTALL)


def test_at_least_48_problems_have_no_flaw() -> None:
    assert len(UNFLAWED) >= 48


def test_every_reason_for_rejection_has_a_planted_instance() -> None:
    assert set(PLANTED.values()) == {reason.value for reason in Reason} - {"not_selected", "not_judged"}  # no flaws
    assert len(PLANTED) >= 22


def test_difficulties_formats_and_splits_are_all_there() -> None:
    entries = [load(name) for name in UNFLAWED]
    difficulties = Counter(entry.metadata["difficulty"] for entry in entries)
    assert difficulties.keys() == {"introductory", "interview", "competition"}
    assert min(difficulties.values()) >= 10
    formats = Counter(entry.entry_point is not None for entry in entries)
    assert min(formats[True], formats[False]) >= 20
    assert sum(name.startswith("test/") for name in UNFLAWED) >= 8


def test_every_quirk_that_a_build_repairs_has_an_instance() -> None:
    assert {metadata_of(FOLDERS[name]).get("repaired") for name in UNFLAWED} - {None} == {
        "arguments_parsed",
        "entry_point_respelled",
        "integer_keys_restored",
        "line_ends_normalized",
        "lines_joined",
        "output_unwrapped",
        "tabs_expanded",
        "tuples_as_lists",
    }


def test_every_problem_says_where_it_comes_from_and_has_a_name_of_its_own() -> None:
    names: Counter[str] = Counter()
    for folder in FOLDERS.values():
        metadata = metadata_of(folder)
        assert (metadata["source"], metadata["license"], metadata["url"]) == ("appsplus corpus", "MIT", ""), folder
        names[metadata["name"]] += 1
    assert [name for name, count in names.items() if count > 1] == []
    assert len({folder.name for folder in FOLDERS.values()}) == len(FOLDERS)


@pytest.mark.parametrize("name", UNFLAWED)
def test_a_problem_without_flaw_has_two_solutions_and_eight_unit_tests(name: str) -> None:
    entry = load(name)
    assert len({"".join(program.split()) for program in entry.solutions}) >= 2
    assert len(entry.inputs) == len(entry.outputs) >= 8
    assert len({json.dumps(given) for given in entry.inputs}) == len(entry.inputs)
    assert len(entry.description) >= 200


@pytest.mark.parametrize("name", UNFLAWED)
def test_every_solution_passes_and_the_unit_tests_reach_every_line(name: str, tmp_path: Path) -> None:
    entry = load(name)
    answer = run_all(entry, tmp_path)
    for outputs in answer["outputs"]:
        wrong = [
            i for i, (expected, actual) in enumerate(zip(entry.outputs, outputs, strict=True)) if expected != actual
        ]
        assert wrong == []
    assert answer["executable"] > 0
    assert answer["missing"] == []


@pytest.mark.parametrize("name", UNFLAWED)
def test_the_examples_are_among_the_unit_tests_and_starter_code_names_the_entry_point(name: str) -> None:
    entry = load(name)
    if entry.entry_point is None:
        cases = {(given.strip(), expected.strip()) for given, expected in zip(entry.inputs, entry.outputs, strict=True)}
        found = examples(entry.description)
        assert found
        assert [case for case in found if (case[0].strip(), case[1].strip()) not in cases] == []
    else:
        entry_point = json.loads((FOLDERS[name] / "input_output.json").read_text())["fn_name"]
        starter = (FOLDERS[name] / "starter_code.py").read_text()
        assert starter.endswith("\n")
        assert re.findall(r"def (\w+)\(", starter) == [entry_point]


def test_only_records_that_are_malformed_on_purpose_cannot_be_read() -> None:
    (source,) = open_sources([])
    records = list(source.read())
    assert [record.problem_id for record in records] == [f"corpus/{name}" for name in FOLDERS]
    unreadable = {r.problem_id: r.rejection.reason.value for r in records if isinstance(r, Rejected)}
    malformed = {f"corpus/{name}": slug for name, slug in PLANTED.items() if slug.startswith("malformed")}
    assert unreadable.items() <= malformed.items()
    assert set(unreadable.values()) == {"malformed_record", "malformed_tests"}


def test_the_ledger_of_the_corpus_rules_out_what_it_should_and_nothing_is_stale() -> None:
    (source,) = open_sources([])
    raws = [record for record in source.read() if isinstance(record, RawProblem)]
    ledger = Ledger.read([CORPUS_DIR / "ledger"])
    rulings = {raw.problem_id: ledger.ruling(raw.problem_id, raw.source_hash) for raw in raws}
    assert {i for i, ruling in rulings.items() if ruling is not None and ruling.action == "reject"} == {
        f"corpus/{name}" for name, slug in PLANTED.items() if slug == "ruled_out"
    }
    assert [event for raw in raws for event in ledger.stale(raw.problem_id, raw.source_hash)] == []
    assert ledger.decisions.keys() <= rulings.keys()


def planted(slug: str) -> list[str]:
    return [name for name, value in PLANTED.items() if value == slug]


@pytest.mark.parametrize("name", planted("nondeterministic"))
def test_a_nondeterministic_problem_passes_under_hash_seed_0_alone(name: str, tmp_path: Path) -> None:
    entry = load(name)
    assert run_all(entry, tmp_path)["outputs"] == [entry.outputs] * len(entry.solutions)
    for seed in ("1", "2"):
        assert all(outputs != entry.outputs for outputs in run_all(entry, tmp_path, seed)["outputs"])


@pytest.mark.parametrize("name", planted("wrong_answer"))
def test_where_an_expected_output_is_wrong_two_solutions_agree_on_another(name: str, tmp_path: Path) -> None:
    entry = load(name)
    outputs = run_all(entry, tmp_path)["outputs"]
    assert len(outputs) >= 2
    assert all(first == second for first, second in pairwise(outputs))
    assert sum(expected != actual for expected, actual in zip(entry.outputs, outputs[0], strict=True)) == 1


@pytest.mark.parametrize("name", planted("duplicate") + planted("ruled_out"))
def test_nothing_else_is_wrong_with_a_duplicate_or_a_problem_that_was_ruled_out(name: str, tmp_path: Path) -> None:
    entry = load(name)
    assert run_all(entry, tmp_path)["outputs"] == [entry.outputs] * len(entry.solutions)


def test_a_duplicate_has_the_words_of_a_problem_with_more_unit_tests() -> None:
    words = {name: load(name).description.lower().split() for name in UNFLAWED}
    for name in planted("duplicate"):
        copy = load(name)
        (original,) = [other for other in UNFLAWED if words[other] == copy.description.lower().split()]
        assert len(load(original).inputs) > len(copy.inputs)
