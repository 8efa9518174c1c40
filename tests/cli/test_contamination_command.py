"""`appsplus contamination`: figures, pairs, the report, and the splits of a dataset against each other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsplus.release import load_problems, read_manifest

Run = Callable[..., Any]


@pytest.fixture
def copies(embedded: Path, tmp_path: Path) -> Path:
    """A file with three problems of the embedded corpus, one of them reworded, and one of its own."""
    first, second, third = list(load_problems(embedded, "test"))[:3]
    rows = [
        {"id": "a", "description": first.description, "solution": first.canonical_solution},
        {"id": "b", "description": second.description, "solution": "print(1)"},
        {"id": "c", "description": "other words", "solution": third.canonical_solution},
        {"id": "d", "description": "Say nothing.", "solution": "pass"},
    ]
    path = tmp_path / "set.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_copies_are_found_and_shown(run: Run, embedded: Path, copies: Path, tmp_path: Path) -> None:
    out = tmp_path / "pairs.md"
    ran = run("contamination", embedded, "--against", f"mine={copies}", copies, "--split", "test", "--report", out)
    assert (ran.status, ran.err) == (0, "")
    first = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert f"The pairs with their texts are in {out}." in first
    answer = json.loads(run("contamination", embedded, "--against", f"mine={copies}", "--split", "test", "--json").out)
    [found] = answer
    problems = list(load_problems(embedded, "test"))
    assert (found["name"], found["against"]) == (embedded.name, "mine")
    assert (found["num_problems"], found["num_others"]) == (len(problems), 4)
    assert found["figures"]["near_text"] == 2
    assert found["of_others"]["near_text"] == 2
    assert found["of_others"]["half_lines"] >= 2
    pairs = {(m["problem_id"], m["other_id"]): m for m in found["matches"]}
    whole = pairs[problems[0].problem_id, "a"]
    assert (whole["similarity"], whole["shared_lines"]) == (1.0, whole["num_lines"])
    assert "half_lines" in pairs[problems[2].problem_id, "c"]["kinds"]
    text = out.read_text()
    assert text.count("# appsplus against") == 2
    assert f"## {problems[0].problem_id} and a" in text


def test_without_a_set_the_splits_are_compared_as_the_build_has_done(run: Run, embedded: Path) -> None:
    answer = json.loads(run("contamination", embedded, "--json").out)
    rows = read_manifest(embedded).counts["splits_overlap"]
    assert [
        {"split": one["name"], "against": one["against"], "num_problems": one["num_problems"]}
        | {"num_others": one["num_others"], **one["figures"]}
        for one in answer
    ] == rows
    counts = read_manifest(embedded).counts["splits"]
    assert rows[0]["num_problems"] == counts["test"]
    assert rows[0]["num_others"] == counts["train"] + counts["validation"]
    assert "What the splits have in common" in (embedded / "README.md").read_text()
    assert (
        f"| test | {rows[0]['against']} | {counts['test']} with {rows[0]['num_others']} |"
        in (embedded / "README.md").read_text()
    )


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (["--against", "missing.jsonl"], 1, "--against missing.jsonl: it does not exist; expected humaneval, mbpp"),
        (["--against", "x=missing"], 1, "--against missing: it does not exist"),
        (["mbpp"], 2, "got mbpp without --against; write --against mbpp"),
        (["--split", "dev"], 2, "--split dev is not known"),
        (["--report", "no/such/folder/x.md"], 1, "no/such/folder"),
    ],
)
def test_what_cannot_be_is_said(
    run: Run,
    embedded: Path,
    options: list[str],
    status: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("contamination", embedded, *options)
    assert ran.status == status
    assert told in ran.err


@pytest.mark.real_data
def test_a_dataset_is_compared_with_real_benchmarks(run: Run, embedded: Path, real_data: Path) -> None:
    humaneval, mbpp = real_data / "humaneval" / "HumanEval.jsonl.gz", real_data / "mbpp" / "mbpp.jsonl"
    ran = run("contamination", embedded, "--against", f"humaneval={humaneval}", f"mbpp={mbpp}", "--json")
    one, two = json.loads(ran.out)
    assert [(c["against"], c["num_others"]) for c in (one, two)] == [("humaneval", 164), ("mbpp", 974)]
    assert one["figures"]["near_text"] == two["figures"]["near_text"] == 0
