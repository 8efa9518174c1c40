"""`appsplus worklist`, and what other commands tell of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appsplus.release import load_worklist_index

Run = Callable[..., Any]


def test_the_list_shows_the_most_valuable_decision_first_and_names_the_next_command(run: Run, embedded: Path) -> None:
    done = run("worklist", embedded, "--limit", 3)
    first, second, third, fourth = load_worklist_index(embedded)[:4]
    places = [done.out.index(row.problem_id) for row in (first, second, third)]
    assert places == sorted(places)
    assert fourth.problem_id not in done.out
    assert f"3 of {len(load_worklist_index(embedded))} problems: " in done.out
    assert f"appsplus review {embedded} --reviewer NAME" in done.out


def test_a_reason_selects(run: Run, embedded: Path) -> None:
    rows = json.loads(run("worklist", embedded, "--reason", "output_mismatch", "--json").out)
    expected = [row.problem_id for row in load_worklist_index(embedded) if "output_mismatch" in row.slugs]
    assert [row["problem_id"] for row in rows] == expected
    assert rows[0].keys() >= {"value", "slugs", "split", "difficulty", "source", "outcome", "title"}


def test_a_reason_that_no_problem_has_is_told(run: Run, embedded: Path) -> None:
    done = run("worklist", embedded, "--reason", "flaky")
    assert (done.status, done.out) == (0, "No problem on the worklist has the doubt flaky.\n")


def test_an_unknown_reason_is_wrong_usage_and_names_those_there_are(run: Run, embedded: Path) -> None:
    done = run("worklist", embedded, "--reason", "bad")
    assert done.status == 2
    assert done.err.startswith("error: --reason bad is not known; expected one of: output_mismatch, ambiguous_output,")


def test_a_folder_that_is_no_dataset_is_an_error(run: Run, tmp_path: Path) -> None:
    done = run("worklist", tmp_path)
    assert done.status == 1
    assert "holds no manifest.json" in done.err


def test_stats_say_that_nobody_has_audited_yet(run: Run, embedded: Path) -> None:
    assert "Not audited yet: nobody has decided about any of them" in run("stats", embedded).out


def test_a_build_with_bad_submissions_names_the_line_before_it_judges_anything(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"id": "train/0000", "expected": "accepted", "code": ""}\n{"id": 1}\n')
    done = run(
        "build", "--out", tmp_path / "out", "--submissions", tmp_path / "bad.jsonl", "--isolation", "best-effort"
    )
    assert done.status == 1
    assert "line 2: id must be text; got int" in done.err
    assert not (tmp_path / "out").exists()
