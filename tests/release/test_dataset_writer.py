"""The Parquet files: sizes, shards, splits, bytes."""

import hashlib
import os
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from appsplus.errors import InputError
from appsplus.problem import UnitTest
from appsplus.release import DatasetWriter, validation_split, writer
from appsplus.release.schema import PROBLEMS, REJECTED, SUBTASKS


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def big_tests(megabytes: int) -> tuple[UnitTest, ...]:
    return (UnitTest(os.urandom(megabytes * 500_000).hex(), "1"), UnitTest("2", "0"))


def test_every_config_has_its_columns_and_rows(tmp_path, make_problem, make_rejected):
    with DatasetWriter(tmp_path) as out:
        out.add(make_problem(), "train")
        out.add(make_problem(problem_id="apps/2", split="test"), "test")
        out.reject(make_rejected())
    assert list(files(tmp_path)) == [
        "data/default/test-00000.parquet",
        "data/default/train-00000.parquet",
        "data/rejected/rejected-00000.parquet",
        "data/subtasks/test-00000.parquet",
        "data/subtasks/train-00000.parquet",
    ]
    for name, schema, rows in (
        ("default/train", PROBLEMS, 1),
        ("subtasks/train", SUBTASKS, 2),
        ("rejected/rejected", REJECTED, 1),
    ):
        table = pq.read_table(tmp_path / f"data/{name}-00000.parquet")
        assert table.schema.equals(schema)
        assert table.num_rows == rows
    assert out.statistics.counts()["rows"] == {
        "default": {"train": 1, "validation": 0, "test": 1},
        "subtasks": {"train": 2, "validation": 0, "test": 2},
        "rejected": {"rejected": 1},
    }


def test_text_columns_are_large_strings_and_nothing_of_pandas_is_stored(tmp_path, make_problem):
    with DatasetWriter(tmp_path) as out:
        out.add(make_problem(), "train")
    schema = pq.read_schema(tmp_path / "data/default/train-00000.parquet")
    assert schema.field("description").type == pa.large_string()
    assert schema.field("unit_tests").type.value_type.field("input").type == pa.large_string()
    assert schema.metadata is None
    column = pq.ParquetFile(tmp_path / "data/default/train-00000.parquet").metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"


def test_row_groups_of_big_problems_stay_below_32_megabytes(tmp_path, make_problem):
    with DatasetWriter(tmp_path) as out:
        for i in range(7):
            out.add(make_problem(problem_id=f"apps/{i}", unit_tests=big_tests(10)), "train")
    metadata = pq.read_metadata(tmp_path / "data/default/train-00000.parquet")
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [2, 2, 2, 1]
    assert max(group.total_byte_size for group in groups) < 32_000_000


def test_a_row_larger_than_a_row_group_gets_one_of_its_own(tmp_path, make_problem):
    with DatasetWriter(tmp_path) as out:
        for i, megabytes in enumerate((1, 40, 1)):
            out.add(make_problem(problem_id=f"apps/{i}", unit_tests=big_tests(megabytes)), "train")
    metadata = pq.read_metadata(tmp_path / "data/default/train-00000.parquet")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [1, 1, 1]


def test_a_long_split_is_spread_over_several_files_in_order(tmp_path, make_problem, monkeypatch):
    monkeypatch.setattr(writer, "ROW_GROUP_BYTES", 2_000)
    monkeypatch.setattr(writer, "FILE_BYTES", 8_000)
    with DatasetWriter(tmp_path) as out:
        for i in range(40):
            out.add(make_problem(problem_id=f"apps/{i}"), "train")
    paths = sorted((tmp_path / "data/default").iterdir())
    assert [path.name for path in paths[:2]] == ["train-00000.parquet", "train-00001.parquet"]
    ids = [name for path in paths for name in pq.read_table(path)["problem_id"].to_pylist()]
    assert ids == [f"apps/{i}" for i in range(40)]


def test_memory_holds_a_row_group_not_the_dataset(tmp_path, make_problem):
    tracemalloc.start()
    try:
        with DatasetWriter(tmp_path) as out:
            for i in range(40):
                out.add(make_problem(problem_id=f"apps/{i}", unit_tests=big_tests(4)), "train")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert out.statistics.counts()["bytes"]["default"]["train"] > 160_000_000
    assert peak < 60_000_000


def test_the_same_rows_give_the_same_bytes(tmp_path, make_problem, make_rejected):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with DatasetWriter(tmp_path / name) as out:
            for i in range(50):
                out.add(make_problem(problem_id=f"apps/{i}"), "train")
            out.reject(make_rejected())
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_a_lone_surrogate_is_refused_before_anything_is_written(tmp_path, make_problem):
    with DatasetWriter(tmp_path) as out:
        with pytest.raises(ValueError, match="apps/1: a lone surrogate reached the writer"):
            out.add(make_problem(unit_tests=(UnitTest("\ud800", "1"),)), "train")
        out.add(make_problem(problem_id="apps/2"), "train")
    assert pq.read_table(tmp_path / "data/default/train-00000.parquet")["problem_id"].to_pylist() == ["apps/2"]
    assert out.statistics.counts()["problems"] == 1


def test_a_test_problem_cannot_go_to_train(tmp_path, make_problem):
    with DatasetWriter(tmp_path) as out, pytest.raises(ValueError, match="a problem of test cannot go to validation"):
        out.add(make_problem(split="test"), "validation")


def test_a_full_disk_is_reported_with_what_to_do(tmp_path, make_problem, monkeypatch):
    (tmp_path / "data/default").mkdir(parents=True)
    (tmp_path / "data/default/train-00000.parquet").symlink_to("/dev/full")
    monkeypatch.setattr(writer, "ROW_GROUP_BYTES", 1_000)
    with (
        pytest.raises(InputError, match=r"cannot write .*No space left.*free some space"),
        DatasetWriter(tmp_path) as out,
    ):
        for i in range(100):
            out.add(make_problem(problem_id=f"apps/{i}"), "train")


def test_about_the_share_of_the_hashes_goes_to_validation_and_another_seed_takes_others():
    hashes = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(10_000)]
    chosen = {h for h in hashes if validation_split(h)}
    assert 400 < len(chosen) < 600  # 500 expected, standard deviation 22
    assert chosen == {h for h in hashes if validation_split(h)}
    assert len(chosen & {h for h in hashes if validation_split(h, seed=1)}) < 60  # 25 expected
    assert not any(validation_split(h, share=0) for h in hashes)
    assert all(validation_split(h, share=1) for h in hashes)
