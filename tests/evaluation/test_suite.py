"""What samples are judged on: a split of a dataset, what it is called, and what of it is elsewhere."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from appsplus.errors import DatasetError
from appsplus.evaluation.extraction import NoProgram, Program
from appsplus.evaluation.samples import Sample
from appsplus.evaluation.suite import conditional_statements, dataset_suite, job_of, program_of
from appsplus.judge import version
from appsplus.problem import Problem
from appsplus.release import data_hash, load_problems, problem_ids, read_manifest
from appsplus.release.schema import REJECTED_SPLIT


def test_a_split_has_its_problems_and_knows_the_others(embedded: Path) -> None:
    suite = dataset_suite(embedded)
    problems = list(suite.problems())
    assert [problem.problem_id for problem in problems] == list(suite.problem_ids)
    assert {problem.problem_id.split("/")[1] for problem in problems} == {"test"}
    assert (suite.facts.name, suite.facts.revision, suite.facts.split) == ("appsplus", "", "test")
    assert (suite.facts.sha256, suite.facts.num_problems) == (data_hash(embedded), len(problems))
    assert suite.judge_version == version()
    places = {suite.elsewhere(i) for i in ("corpus/train/0102", "corpus/test/0500", "corpus/train/0911", "x")}
    assert places == {"train", "test", "rejected", ""}


def test_all_splits_together_are_the_dataset(embedded: Path) -> None:
    suite = dataset_suite(embedded, "all")
    assert len(suite.problem_ids) == read_manifest(embedded).counts["problems"]
    assert [problem.problem_id for problem in suite.problems()] == list(suite.problem_ids)


def test_ids_are_read_without_the_problems(embedded: Path) -> None:
    for split in ("train", "validation", "test"):
        assert problem_ids(embedded, split) == [problem.problem_id for problem in load_problems(embedded, split)]
    assert len(problem_ids(embedded, REJECTED_SPLIT)) == read_manifest(embedded).counts["rejected"]


def test_a_snapshot_of_the_hub_goes_by_its_name_and_commit(embedded: Path, tmp_path: Path) -> None:
    snapshot = tmp_path / "datasets--lab--apps-plus" / "snapshots" / "0a1b2c"
    snapshot.parent.mkdir(parents=True)
    shutil.copytree(embedded, snapshot)
    facts = dataset_suite(snapshot).facts
    assert (facts.name, facts.revision, facts.sha256) == ("lab/apps-plus", "0a1b2c", data_hash(embedded))


def test_a_split_that_is_not_there_or_empty_is_refused(embedded: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has no split 'dev'; expected one of train, validation, test, all"):
        dataset_suite(embedded, "dev")
    with pytest.raises(DatasetError, match="is not a folder"):
        dataset_suite(tmp_path / "none")


def test_a_program_that_is_given_runs_as_it_is(made_problem: Callable[..., Problem]) -> None:
    problem = made_problem(1)
    given = "```python\nprint(1)\n```"
    assert program_of(problem, Sample("a", 0, given, is_program=True)) == Program(given, 0, ((0, len(given)),))
    assert program_of(problem, Sample("a", 0, " \n", is_program=True)) == NoProgram("the program is blank")
    extracted = program_of(problem, Sample("a", 0, given, is_program=False))
    assert isinstance(extracted, Program)
    assert extracted.text == "print(1)\n"


def test_a_job_has_every_unit_test_and_fair_limits(embedded: Path) -> None:
    problem = next(load_problems(embedded, "test"))
    job = job_of(problem, "print(1)\n", ())
    assert (job.program, job.unit_tests, job.checker) == ("print(1)\n", problem.unit_tests, problem.checker)
    assert job.limits.cpu_s >= problem.limits.cpu_s
    assert (job.coverage, job.hash_seed) == (False, 0)


def test_conditional_statements_are_if_for_and_while(embedded: Path) -> None:
    problem = next(p for p in load_problems(embedded, "test") if p.problem_id == "corpus/test/0500")
    # its canonical solution has 5 loops and 4 branches
    assert conditional_statements(problem) == 9
