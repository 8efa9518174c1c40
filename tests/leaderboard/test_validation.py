"""What may not stand in the table says every reason why."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appsplus.evaluation.leaderboard.submission import read_submission
from appsplus.evaluation.leaderboard.terms import Terms, terms_of
from appsplus.evaluation.leaderboard.validation import reasons_against
from appsplus.evaluation.results import read_results

from .conftest import IDS, RIGHT, WRONG, BelievingJudge, make_suite, rewrite, submit, tamper


@pytest.fixture(scope="module")
def terms() -> Terms:
    return terms_of(make_suite())


def reasons(path: Path, terms: Terms) -> list[str]:
    return reasons_against(read_submission(path), terms)


def rewrite_verdicts(path: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the verdicts by hand, and tell the results their new hash, as a cheat would."""
    import hashlib

    verdicts = path.with_name("results.verdicts.jsonl")
    rows = [json.loads(line) for line in verdicts.read_text().splitlines()]
    change(rows)
    verdicts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    sha256 = hashlib.sha256(verdicts.read_bytes()).hexdigest()
    tamper(path, lambda value: value["verdicts_file"].update(sha256=sha256))


def test_an_honest_submission_has_nothing_against_it(tmp_path: Path, terms: Terms) -> None:
    some = {problem_id: [RIGHT] * i + [WRONG] * (6 - i) for i, problem_id in enumerate(IDS)}
    assert reasons(submit(tmp_path / "a", some, ks=(1, 5)), terms) == []


def test_results_on_another_dataset_split_or_judge_are_refused_with_all_three_reasons(
    tmp_path: Path, terms: Terms
) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    found = read_results(path)
    rewrite(
        path,
        dataset=replace(found.dataset, sha256="e" * 64, split="train"),
        judge=replace(found.judge, version="another-3.12"),
    )
    dataset, split, judge = reasons(path, terms)
    assert "e" * 64 in dataset
    assert "d" * 64 in dataset
    assert "split 'train'; this leaderboard is of 'test': evaluate with --split test" in split
    assert f"version 'another-3.12' of the judge; this leaderboard's is {terms.judge_version!r}" in judge


def test_a_problem_without_a_sample_is_named(tmp_path: Path, terms: Terms) -> None:
    path = submit(tmp_path / "a", {problem_id: [RIGHT] for problem_id in IDS[:4]})
    [reason] = reasons(path, terms)
    assert reason.startswith(
        "2 of the 6 problems have no sample ('small/test/4', 'small/test/5'); a row needs them all"
    )


def test_a_problem_of_nowhere_is_named(tmp_path: Path, terms: Terms) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    problems = read_results(path).problems
    rewrite(path, problems=problems | {"<b>": problems[IDS[0]]})
    first, second = reasons(path, terms)
    assert "1 of its problems are not in the split test ('<b>')" in first
    assert "the counts of 1 problems" in second


def test_samples_without_a_score_are_to_be_judged_first(tmp_path: Path, terms: Terms) -> None:
    path = submit(tmp_path / "a", {problem_id: [RIGHT, "# fails\n"] for problem_id in IDS})
    [reason] = reasons(path, terms)
    assert reason.startswith("the judge failed on 6 samples, which have no score")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("difficulty", "competition"),
        ("io_format", "call"),
        ("num_unit_tests", 1),
        ("conditional_statements", 9),
    ],
)
def test_facts_of_problems_are_those_of_the_dataset(field: str, value: object, tmp_path: Path, terms: Terms) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    problems = read_results(path).problems
    rewrite(path, problems=problems | {IDS[0]: replace(problems[IDS[0]], **{field: value})})
    [reason] = [reason for reason in reasons(path, terms) if field in reason]
    assert reason.startswith(
        f"1 problems have another {field} than in the dataset ('{IDS[0]}'; the first {str(value)!r}"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"num_correct": 1},
        {"num_correct": 1, "verdicts": {"accepted": 1}},
        {"num_samples": 0, "verdicts": {}, "test_case_average": None},
        {"num_samples": 2},
        {"test_case_average": 1.0},
        {"test_case_average": None},
        {"num_samples": -1, "num_correct": -1},
    ],
)
def test_counts_that_the_verdicts_do_not_give_are_refused(
    changes: dict[str, Any], tmp_path: Path, terms: Terms
) -> None:
    path = submit(tmp_path / "a", [WRONG])
    problems = read_results(path).problems
    rewrite(path, problems=problems | {IDS[2]: replace(problems[IDS[2]], **changes)})
    [reason] = reasons(path, terms)
    assert reason.startswith(f"the counts of 1 problems in the results are not those of its verdicts ('{IDS[2]}')")


@pytest.mark.parametrize(
    "changes", [{"verdict": "accepted"}, {"passed_tests": 4}, {"passed_tests": -1}, {"num_tests": 3, "passed_tests": 2}]
)
def test_a_verdict_that_contradicts_itself_is_refused(changes: dict[str, Any], tmp_path: Path, terms: Terms) -> None:
    """Also where the counts in the results follow it."""
    path = submit(tmp_path / "a", [WRONG])
    rewrite_verdicts(path, lambda rows: rows[0].update(changes))
    verdict = changes.get("verdict", "wrong_answer")
    passed, total = changes.get("passed_tests", 3), changes.get("num_tests", 4)
    problems = read_results(path).problems
    followed = replace(
        problems[IDS[0]],
        verdicts={verdict: 1},
        num_correct=int(verdict == "accepted"),
        test_case_average=passed / total,
    )
    rewrite(path, problems=problems | {IDS[0]: followed})
    [reason] = reasons(path, terms)
    assert reason.startswith("the counts of 1 problems")


def test_two_verdicts_on_one_sample_are_refused(tmp_path: Path, terms: Terms) -> None:
    path = submit(tmp_path / "a", [WRONG])
    rewrite_verdicts(path, lambda rows: rows.append(rows[0] | {"verdict": "accepted", "passed_tests": 4}))
    [reason] = reasons(path, terms)
    assert f"has two verdicts on sample 0 of '{IDS[0]}'" in reason


def test_a_verdict_that_there_is_not_is_refused(tmp_path: Path, terms: Terms) -> None:
    path = submit(tmp_path / "a", [WRONG])
    rewrite_verdicts(path, lambda rows: rows[0].update(verdict="brilliant"))
    [reason] = reasons(path, terms)
    assert "calls sample 0 of 'small/test/0' 'brilliant'; expected one of accepted, compile_error" in reason


@pytest.mark.parametrize("field", ["sample_index", "passed_tests", "num_tests"])
def test_a_verdict_with_a_number_beyond_all_measure_is_refused(field: str, tmp_path: Path, terms: Terms) -> None:
    path = submit(tmp_path / "a", [WRONG])
    rewrite_verdicts(path, lambda rows: rows[0].update({field: 10**4000}))
    [reason] = reasons(path, terms)
    assert "has a number above 9,007,199,254,740,992" in reason


def test_figures_that_the_counts_do_not_give_are_refused(tmp_path: Path, terms: Terms) -> None:
    path = submit(tmp_path / "a", {problem_id: [RIGHT, WRONG] for problem_id in IDS}, ks=(1, 2))
    metrics = read_results(path).metrics
    better = replace(metrics["pass@1"], value=0.9)
    rewrite(path, metrics=metrics | {"pass@1": better, "pass@3": better})
    assert reasons(path, terms) == [
        "its 'pass@1', 'pass@3' cannot be computed from its verdicts; expected the figures they give: evaluate again"
    ]


def test_a_k_beyond_the_samples_is_refused(tmp_path: Path, terms: Terms) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    rewrite(path, k=(1, 10))
    [reason] = reasons(path, terms)
    assert "for which some problem has too few samples" in reason


@pytest.mark.parametrize("ks", [tuple(range(1, 12)), (1, 1001)])
def test_more_of_pass_at_k_than_a_table_can_bear_is_refused(ks: tuple[int, ...], tmp_path: Path, terms: Terms) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    rewrite(path, k=ks)
    [reason] = reasons(path, terms)
    assert f"for {len(ks)} values of k, up to {max(ks):,}; expected at most 10, none above 1,000" in reason


def test_a_number_of_samples_that_is_none_is_refused(tmp_path: Path, terms: Terms) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    rewrite(path, num_samples=100)
    assert reasons(path, terms) == ["it claims 100 samples per problem, and its counts say otherwise: evaluate again"]


def test_without_pass_at_1_there_is_nothing_to_rank_by(tmp_path: Path, terms: Terms) -> None:
    path = submit(tmp_path / "a", [RIGHT, WRONG], ks=(2,))
    [reason] = reasons(path, terms)
    assert "it has no pass@1, by which rows are ranked" in reason


def test_an_uneven_number_of_samples_is_allowed(tmp_path: Path, terms: Terms) -> None:
    path = submit(tmp_path / "a", {problem_id: [RIGHT] * (i + 1) for i, problem_id in enumerate(IDS)})
    assert read_results(path).num_samples is None
    assert reasons(path, terms) == []


def test_a_lie_that_is_consistent_is_not_for_validation_to_find(tmp_path: Path, terms: Terms) -> None:
    liar = BelievingJudge(lies={WRONG: RIGHT})
    assert reasons(submit(tmp_path / "a", [WRONG], judge=liar), terms) == []
