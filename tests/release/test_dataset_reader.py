"""Problems come back from a dataset folder as they were written; what is not one of ours is refused."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appsplus.errors import DatasetError
from appsplus.problem import Change, Checker, IOFormat, Limits, Solution, UnitTest, Verdict
from appsplus.release import DatasetWriter, find_problem, load_problems, load_rejected
from appsplus.release.rows import problem_from_row, problem_row


def test_a_rich_problem_comes_back_equal(tmp_path, make_problem, make_dataset):
    problem = make_problem(
        io_format=IOFormat.CALL,
        entry_point="f",
        starter_code="def f(n):\n",
        description="Ünïcode 🎲\r\n\x00\u2028",
        unit_tests=(UnitTest(f"[{'9' * 5000}]", "[NaN,1e400]"), UnitTest("[]", "null")),
        solutions=(Solution("", Verdict.COMPILE_ERROR), Solution("def f(n): ...", Verdict.ACCEPTED)),
        canonical=1,
        url="https://example.org/1",
        limits=Limits(cpu_s=2.5, wall_s=7.0, memory_mib=256, output_mib=1),
        checker=Checker("any_of", (("1", "2"), ())),
        changes=(Change("output_unwrapped", "was [1]", "build"), Change("fixed", "x", "ana")),
    )
    bare = make_problem(problem_id="apps/2", split="test", license="")
    folder = make_dataset(tmp_path / "appsplus", [(problem, "validation"), (bare, "test")])
    assert list(load_problems(folder)) == [problem, bare]
    assert list(load_problems(str(folder), "test")) == [bare]
    assert list(load_problems(folder, "train")) == []


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), min_size=4, max_size=4))
def test_any_text_survives_a_row(make_problem, texts):
    description, code, test_input, output = texts
    problem = make_problem(
        description=description,
        solutions=(Solution(code, Verdict.ACCEPTED),),
        unit_tests=(UnitTest(test_input, output),),
    )
    assert problem_from_row(problem_row(problem), "train") == problem


def test_problems_come_in_order_of_split_and_file(tmp_path, make_problem, make_dataset):
    problems = [(make_problem(problem_id=f"apps/{i}"), "validation" if i % 2 else "train") for i in range(6)]
    folder = make_dataset(tmp_path / "appsplus", problems)
    assert [p.problem_id for p in load_problems(folder)] == ["apps/0", "apps/2", "apps/4", "apps/1", "apps/3", "apps/5"]


def test_rejected_problems_come_back(tmp_path, make_rejected, make_dataset):
    rejected = [make_rejected(), make_rejected(problem_id="apps/10", stage="unique")]
    folder = make_dataset(tmp_path / "appsplus", rejected=rejected)
    assert list(load_rejected(folder)) == rejected


def test_one_problem_is_found_by_its_id(tmp_path, make_problem, make_dataset):
    problems = [(make_problem(problem_id=f"apps/{i}", description=f"number {i}"), "train") for i in range(9)]
    folder = make_dataset(tmp_path / "appsplus", problems)
    assert find_problem(folder, "apps/7").description == "number 7"


def test_an_id_that_is_not_there_is_explained(tmp_path, make_problem, make_rejected, make_dataset):
    folder = make_dataset(tmp_path / "appsplus", [(make_problem(), "train")], [make_rejected()])
    with pytest.raises(
        DatasetError, match=r"apps/9 is not in .*the stage passing rejected it \(wrong_answer: no solution"
    ):
        find_problem(folder, "apps/9")
    with pytest.raises(DatasetError, match=r"apps/77 is not in .*ids look like apps/1"):
        find_problem(folder, "apps/77")


def test_an_unknown_split_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(DatasetError, match="no split 'dev'; expected one of train, validation, test"):
        load_problems(tmp_path, "dev")


def test_a_folder_that_is_not_ours_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="is not a folder; expected a dataset"):
        load_problems(tmp_path / "missing")
    with pytest.raises(DatasetError, match=r"holds no manifest\.json"):
        load_problems(tmp_path)
    manifest = tmp_path / "manifest.json"
    for text, message in (
        ("{", "cannot be read"),
        ("[]", "not a manifest of appsplus"),
        ('{"manifest_version": 3}', "not a manifest of appsplus"),
        ('{"format": 2, "appsplus": "9.0"}', r"has format 2; this version reads 1: use .*\(9\.0\)"),
        ('{"format": 1, "appsplus": "0.1"}', "is damaged"),
    ):
        manifest.write_text(text)
        with pytest.raises(DatasetError, match=message):
            load_problems(tmp_path)


def test_a_data_file_that_is_gone_or_broken_is_named(tmp_path, make_problem, make_dataset):
    folder = make_dataset(tmp_path / "appsplus", [(make_problem(), "train")])
    data = folder / "data/default/train-00000.parquet"
    data.write_bytes(data.read_bytes()[:-20])
    with pytest.raises(DatasetError, match=r"train-00000\.parquet is damaged"):
        list(load_problems(folder))
    data.unlink()
    with pytest.raises(DatasetError, match=r"train-00000\.parquet is missing, but the manifest lists it"):
        load_problems(folder)


def test_files_without_a_manifest_are_no_dataset(tmp_path, make_problem):
    with DatasetWriter(tmp_path) as out:
        out.add(make_problem(), "train")
    with pytest.raises(DatasetError, match="holds no"):
        load_problems(tmp_path)


def test_a_manifest_with_unbalanced_books_is_damaged(tmp_path, make_problem, make_dataset):
    folder = make_dataset(tmp_path / "appsplus", [(make_problem(), "train")])
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["funnel"][0]["given"] += 1
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DatasetError, match="is damaged"):
        load_problems(folder)
