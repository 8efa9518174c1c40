"""The rows in benchmarks/leaderboard are what their script writes, and hold together."""

from pathlib import Path
from types import ModuleType

import pytest

from appsplus.evaluation.leaderboard.submission import read_submission
from appsplus.evaluation.results import read_verdicts
from tests.benchmarks.scripts import ROOT, script

ROWS = ROOT / "benchmarks" / "leaderboard"
RESULTS = sorted(ROWS.glob("*/results.json"))


@pytest.fixture(scope="module")
def baselines() -> ModuleType:
    return script("benchmarks/leaderboard/baselines.py")


def test_the_samples_are_those_that_the_script_writes(baselines: ModuleType, embedded: Path, tmp_path: Path) -> None:
    baselines.main(embedded, tmp_path)
    for name in baselines.BASELINES:
        written = (tmp_path / name / "samples.jsonl").read_bytes()
        assert written == (ROWS / name / "samples.jsonl").read_bytes(), f"{name}: run benchmarks/leaderboard/make.sh"


def test_there_is_a_row_for_every_baseline(baselines: ModuleType) -> None:
    assert {path.parent.name for path in RESULTS} >= baselines.BASELINES.keys()


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.parent.name)
def test_a_row_holds_together_and_tells_no_folder_of_its_machine(path: Path) -> None:
    submission = read_submission(path)
    assert submission.results.dataset.split == "test"
    assert submission.results.unscored == ()
    for file in path.parent.iterdir():
        text = file.read_text()
        assert "/home/" not in text
        assert "/root/" not in text
        assert "/tmp/" not in text


def test_canonical_solutions_are_all_accepted_and_a_program_that_does_nothing_never_is() -> None:
    verdicts = {
        path.parent.name: {v.verdict for v in read_verdicts(read_submission(path).verdicts_path)} for path in RESULTS
    }
    assert verdicts["canonical"] == verdicts["second"] == {"accepted"}
    assert "accepted" not in verdicts["empty"]
    assert len(verdicts["one_fault"]) > 1
