"""README's first runs of the trainer: which commands they are, and how one that was ended goes on."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")

from tests.benchmarks.scripts import ROOT, script


@pytest.fixture
def first_runs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script; it imports the one beside it."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "learning"))
    return script("benchmarks/learning/first_runs.py")


def test_the_commands_are_readme_s_without_comments(first_runs: ModuleType) -> None:
    found = first_runs.commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found[:2] == list(first_runs.FIRST)
    assert [" ".join(command.split()[1:3]) for command in found[2:4]] == ["prm label", "prm train"]
    assert len(found) == 7
    assert not any("#" in command or command != command.strip() for command in found)


def test_without_its_commands_readme_is_named(first_runs: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"README.md has no command 'appsplus build --out out/appsplus'"):
        first_runs.commands("```bash\nstepcoder train x\n```\n")


def test_a_run_that_was_ended_goes_on_and_costs_what_all_attempts_did(
    first_runs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    ends = [130, 0]

    def timed(command: list[Any], folder: Path) -> tuple[int, dict[str, float]]:
        asked.append([str(word) for word in command[1:]])
        (folder / "runs" / "tiny" / "sft").mkdir(parents=True, exist_ok=True)  # a policy, and no checkpoint
        return ends.pop(0), {"wall_s": 10.0, "cpu_s": 15.0}

    monkeypatch.setattr(first_runs, "timed", timed)
    command = first_runs.FIRST[1]
    with pytest.raises(SystemExit, match="ended with 130; the same command goes on"):
        first_runs.run(command, tmp_path)
    for _ in range(2):  # what is done stays
        costs = first_runs.run(command, tmp_path)
    assert asked == [
        ["train", "out/appsplus", "--preset", "tiny", "--out", "runs/tiny"],
        ["train", "out/appsplus", "--out", "runs/tiny", "--resume"],
    ]
    assert costs == json.loads((tmp_path / "costs.json").read_text(encoding="utf-8"))
    assert {name: costs[command][name] for name in ("wall_s", "cpu_s", "done")} == {
        "wall_s": 20.0,
        "cpu_s": 30.0,
        "done": True,
    }


def test_what_is_recorded_is_whole_learns_and_takes_no_longer_than_was_asked_for(first_runs: ModuleType) -> None:
    found = json.loads(first_runs.RESULT.read_text(encoding="utf-8"))
    asked = first_runs.commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert list(found["commands"]) == asked, "measure again"
    assert all(cost["done"] for cost in found["commands"].values())
    minutes = [cost["wall_s"] / 60 for cost in found["commands"].values()]
    assert minutes[1] <= 10  # `--preset tiny`
    assert sum(minutes[2:]) <= 20  # label, train, use
    assert found["plain_pass_rate"]["last"] > found["plain_pass_rate"]["first"]
