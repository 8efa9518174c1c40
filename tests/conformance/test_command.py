"""`appsplus judge-conformance` as its users run it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsplus.cli import conformance
from appsplus.conformance import CASES, Case, read_results
from appsplus.conformance.page import make_page

Run = Callable[..., Any]
ONE = ("--isolation", "best-effort", "--case", "leaves-by-exit-0")


def test_cases_that_are_right_exit_with_0_and_are_counted_by_group(run: Run) -> None:
    ran = run(*ONE, "--case", "returns-true-for-1")
    assert (ran.status, ran.err) == (0, "")
    lines = [line.rstrip() for line in ran.out.splitlines()]
    assert lines == ["group     ours", "honest  1 of 1", "wrong   1 of 1"]


def test_a_case_that_ours_gets_wrong_is_shown_and_exits_with_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    [case] = [case for case in CASES if case.name == "leaves-by-exit-0"]
    fields = {name: getattr(case, name) for name in Case.__slots__} | {"program": "print(2)"}
    monkeypatch.setattr(conformance, "CASES", (Case(**fields),))
    ran = run(*ONE)
    assert ran.status == 1
    assert ran.out.splitlines()[0] == "✗ leaves-by-exit-0: must be accepted, is wrong_answer: got '2'"


def test_results_go_to_a_file_a_page_and_one_json_document(run: Run, tmp_path: Path) -> None:
    out, docs = tmp_path / "a.json", tmp_path / "a.md"
    ran = run(*ONE, "--out", out, "--docs", docs, "--json")
    assert json.loads(ran.out) == json.loads(out.read_text())
    assert json.loads(ran.out)["cases"][0]["outcomes"]["ours"]["right"] is True
    assert docs.read_text() == make_page(read_results(out), CASES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--group", "nice"], "--group nice is not known; expected one of: honest, wrong, hostile"),
        (["--case", "leaves-by-exit-00"], "--case leaves-by-exit-00 is not known; do you mean leaves-by-exit-0"),
        (["--case", "0"], "--case 0 is not known; the names are in appsplus/conformance/cases/"),
        (["--group", "wrong", *ONE[2:]], "no case is named leaves-by-exit-0 and in the group wrong: leave one out"),
        (["--isolation", "none"], "--isolation none is not known"),
        (["--peer", "apps"], "--peer apps: expected NAME=PATH with a name of apps, "),
        (["--peer", "other=x"], "--peer other=x: expected NAME=PATH with a name of apps, "),
    ],
)
def test_wrong_usage_says_what_was_expected(run: Run, arguments: list[str], message: str) -> None:
    ran = run(*arguments)
    assert ran.status == 2
    assert message in ran.err


def test_a_peer_that_is_no_checkout_ends_the_command_before_any_case(run: Run, tmp_path: Path) -> None:
    ran = run(*ONE, "--peer", f"apps={tmp_path}")
    assert (ran.status, ran.out) == (1, "")
    assert str(tmp_path) in ran.err
