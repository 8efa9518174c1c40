"""`appsplus ledger`: what it prints, its exit status, and the ledger untouched by whatever is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsplus.ledger import Ledger, LedgerWriter

Run = Callable[..., Any]
HASH = "a" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two people on four problems: three agreements, one disagreement."""
    for name, kind, actions in (
        ("ada", "human", ["accept", "accept", "reject", "accept"]),
        ("ben", "human", ["accept", "accept", "reject", "reject"]),
    ):
        writer = LedgerWriter(tmp_path / "ledger", name, kind)
        for number, action in enumerate(actions):
            writer.append(problem_id=f"a/{number}", source_hash=HASH, seen_hash="", action=action, reason="weak_tests")
    return tmp_path / "ledger"


def test_check_says_that_all_is_whole_or_what_is_broken(folder: Path, run: Run) -> None:
    ran = run("ledger", "check", folder)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == f"{folder}: 2 files, 8 human, 0 model decisions; lines and chains are whole\n"
    path = folder / "ben.jsonl"
    broken = path.read_bytes().replace(b"reject", b"accept", 1)
    path.write_bytes(broken)
    ran = run("ledger", "check", folder)
    assert ran.status == 1
    assert ran.out.startswith(f"{path}:4: the chain is broken")
    answer = json.loads(run("ledger", "check", folder, "--json").out)
    assert (answer["decisions"], answer["findings"][0]["line"]) == ({"human": 8, "model": 0}, 4)
    assert path.read_bytes() == broken


def test_agreement_prints_the_measure_the_table_and_what_waits(folder: Path, run: Run) -> None:
    ran = run("ledger", "agreement", folder)
    assert (ran.status, ran.err) == (0, "")
    told = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert told[0] == "ada (human), ben (human): 4 problems that at least two of them decided"
    # observed 3/4; expected 3/4 * 2/4 + 1/4 * 2/4 = 1/2; (3/4 - 1/2) / (1 - 1/2)
    assert told[1].startswith("Cohen's kappa: 0.500, 95 % interval ")
    assert "accept 2 0 1" in told
    assert "reject 0 0 1" in told
    assert told[-4:] == [
        "1 disagreements wait for adjudication:",
        "a/3",
        "accept by ada (human) — weak_tests",
        "reject by ben (human) — weak_tests",
    ]
    answer = json.loads(run("ledger", "agreement", folder, "--json").out)
    assert (answer["statistic"], answer["value"], answer["units"]) == ("cohen_kappa", 0.5, 4)
    assert [event["reviewer_kind"] for event in answer["disagreements"][0]] == ["human", "human"]


def test_an_export_comes_back_by_import(folder: Path, run: Run, tmp_path: Path) -> None:
    for form in ("csv", "jsonl", "argilla"):
        ran = run("ledger", "export", folder, "--format", form, "--out", tmp_path / form, "--user", "ada=id-1")
        assert (ran.status, ran.err) == (0, "")
        ran = run("ledger", "import", tmp_path / f"new-{form}", tmp_path / form, "--format", form, "--user", "ada=id-1")
        assert ran.out == f"Added 8 human, 0 model decisions to {tmp_path}/new-{form}; 0 were there already.\n"
        assert Ledger.read([tmp_path / f"new-{form}"]).history("a/3") == Ledger.read([folder]).history("a/3")
    assert b'"user_id":"id-1"' in (tmp_path / "argilla").read_bytes()


@pytest.mark.parametrize(
    ("command", "status", "told"),
    [
        ("check nowhere", 1, "nowhere is no folder"),
        (
            "agreement LEDGER --reviewer cleo",
            1,
            "cleo decided nothing in this ledger; expected reviewers among ada, ben",
        ),
        ("export LEDGER --out taken", 1, "taken cannot be written: File exists"),
        ("export LEDGER --out no/such/folder", 1, "no/such/folder cannot be written: No such file"),
        ("export LEDGER --format xml --out new", 2, "--format xml is not known; expected one of: csv, jsonl, argilla"),
        ("export LEDGER --user ada --out new", 2, "--user: got 'ada'; expected NAME=ID"),
        ("import LEDGER missing", 1, "missing cannot be read: No such file"),
        ("import LEDGER taken", 1, "line 1: the header lacks action, problem_id, source_hash"),
        ("import LEDGER taken --reviewer-kind robot", 2, "--reviewer-kind robot is not known"),
    ],
)
def test_what_cannot_be_used_is_named_and_the_ledger_stays_as_it_was(
    command: str, status: int, told: str, folder: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("text")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    ran = run("ledger", *command.replace("LEDGER", str(folder)).split())
    assert (ran.status, ran.out) == (status, "")
    assert told in ran.err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not Path("new").exists()
