"""What README shows is what there is."""

import json
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from appsplus.pipeline import STAGES
from appsplus.release import read_manifest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_figure_shows_the_build_of_the_embedded_problems(embedded: Path) -> None:
    shown = json.loads((ROOT / "docs" / "funnel.json").read_text())
    built = [asdict(stage) for stage in read_manifest(embedded).funnel]
    assert shown == built, (
        "draw it again: appsplus build --out out/appsplus && python docs/make_figures.py out/appsplus"
    )
    assert (ROOT / "docs" / "funnel.svg").is_file()


def test_the_stages_are_listed_in_their_order() -> None:
    [table] = re.findall(r"\| stage \|.*?\n\n", README, re.DOTALL)
    assert re.findall(r"^\| ([a-z]+) \|", table, re.MULTILINE)[1:] == [stage.name for stage in STAGES]


@pytest.mark.parametrize("which", ["build", "test"])
def test_each_of_the_two_commands_is_one_line_that_installs_and_runs(which: str) -> None:
    command = [sys.executable, ROOT / ".ci" / "readme_command.py", which]
    line = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert line.startswith("python3 -m venv .venv && . .venv/bin/activate && pip install")
    assert line.count("\n") == 0


def test_every_file_and_folder_in_the_tree_exists() -> None:
    [tree] = re.findall(r"```\n(appsplus/ .*?)```", README, re.DOTALL)
    for line in tree.splitlines():
        name = line.split()[0]
        inside = ROOT / "appsplus" / name if line.startswith("  ") else ROOT / name
        assert inside.exists(), line


@pytest.mark.parametrize("name", ["make_prm_page", "make_scaling_page", "make_speed_page"])
def test_a_page_of_figures_shows_what_was_measured(name: str) -> None:
    code = f"import {name} as m; assert m.page() == m.PAGE.read_text(encoding='utf-8')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "docs", capture_output=True, text=True)
    assert done.returncode == 0, f"write it again: python docs/{name}.py"
