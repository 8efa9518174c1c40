"""The guide has every reason code, each with an example that exists."""

import re
from pathlib import Path

import pytest

from appsplus.ledger import ACTIONS, Ledger
from appsplus.ledger.reasons import DOUBTS, REASONS, RULED

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "verification" / "GUIDE.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(\w+)` \|[^|]*\|(.*)\|$", GUIDE, re.MULTILINE))
EXAMPLE = re.compile(r"`apps/(train|test)/(\d{4})`")


def test_the_guide_has_every_reason_code_and_no_other() -> None:
    assert list(ROWS) == [*DOUBTS, *RULED]
    assert not DOUBTS.keys() & RULED.keys()
    assert all(EXAMPLE.search(example) for example in ROWS.values())


def test_the_guide_has_every_action() -> None:
    [table] = re.findall(r"\| decision \|.*?\n\n", GUIDE, re.DOTALL)
    assert tuple(re.findall(r"^\| (\w+) \|", table, re.MULTILINE))[1:] == ACTIONS


@pytest.mark.real_data
def test_the_examples_of_the_guide_exist(real_data: Path) -> None:
    names = {match for example in ROWS.values() for match in EXAMPLE.findall(example)}
    assert len(names) >= 18
    for split, number in names:
        assert (real_data / "apps" / split / number / "question.txt").is_file(), f"{split}/{number}"


@pytest.mark.parametrize("folder", ["verification/ledger", "appsplus/corpus/ledger"])
def test_the_ledgers_of_the_project_give_reasons_of_the_guide(folder: str) -> None:
    decisions = [d for own in Ledger.read([ROOT / folder]).decisions.values() for d in own]
    assert {d.reason for d in decisions if d.action in ("correct", "reject")} <= REASONS.keys()
