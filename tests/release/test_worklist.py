"""The worklist goes to disk and comes back: the same items, in order of value, one at a time in milliseconds."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from appsplus.errors import DatasetError, InputError
from appsplus.problem import Change, Checker, RawProblem
from appsplus.release import (
    IndexRow,
    WorkItem,
    WorklistWriter,
    WorkReason,
    folder_hash,
    load_work_item,
    load_worklist_index,
    read_manifest,
    title_of,
)


def make_item(**changes: Any) -> WorkItem:
    problem_id = changes.get("problem_id", "apps/1")
    record = RawProblem(
        problem_id=problem_id,
        source="APPS",
        split="train",
        description="# Doubling\n\nPrint twice n.",
        solutions=("print(2 * int(input()))\n",),
        inputs=("1\n",),
        outputs=("3\n",),
    )
    reason = WorkReason(
        "output_mismatch",
        "two solutions give another output",
        {"unit_test": 0, "expected": "3\n", "actual": "2\n"},
        ({"op": "replace", "path": "/outputs/0", "value": "2\n"},),
        "replace the expected output",
    )
    fields: dict[str, Any] = {
        "problem_id": problem_id,
        "source": "APPS",
        "license": "MIT",
        "url": "",
        "split": "train",
        "difficulty": "interview",
        "title": "Doubling",
        "outcome": "rejected",
        "stage": "passing",
        "value": 0.5,
        "reasons": (reason,),
        "source_hash": record.source_hash,
        "record": record,
    }
    return WorkItem(**fields | changes)


@pytest.fixture
def written(tmp_path: Path, make_dataset: Callable[..., Path]) -> Callable[..., Path]:
    """A dataset folder with these items on its worklist."""

    def write(*items: WorkItem, name: str = "appsplus") -> Path:
        return make_dataset(tmp_path / name, worklist=items)

    return write


def test_an_item_comes_back_as_it_was(written: Callable[..., Path]) -> None:
    record = replace(
        make_item().record,
        inputs=([1, {"b": 1, "a": 10**5000}], [float("inf")]),
        outputs=(None, "\ud800 \0"),
        entry_point="f",
        checker=Checker("any_of", (("2", "3"), ())),
        changes=(Change("what", "why"),),
    )
    item = make_item(record=record, source_hash=record.source_hash)
    found = load_work_item(written(item), "apps/1")
    assert found == item
    assert found.record.source_hash == record.source_hash
    assert list(found.record.inputs[0][1]) == ["b", "a"]  # type: ignore[index]


def test_the_index_is_in_descending_order_of_value_and_then_by_id(written: Callable[..., Path]) -> None:
    values = {"apps/1": 0.25, "apps/2": 0.75, "apps/3": 0.25, "apps/0": 0.25}
    folder = written(*(make_item(problem_id=problem_id, value=value) for problem_id, value in values.items()))
    assert [row.problem_id for row in load_worklist_index(folder)] == ["apps/2", "apps/0", "apps/1", "apps/3"]


def test_an_index_row_names_every_kind_of_doubt_once(written: Callable[..., Path]) -> None:
    [reason] = make_item().reasons
    other = replace(reason, slug="weak_tests")
    folder = written(make_item(reasons=(reason, other, reason)))
    slugs, source_hash = ("output_mismatch", "weak_tests"), make_item().source_hash
    assert load_worklist_index(folder) == [
        IndexRow("apps/1", 0.5, slugs, "train", "interview", "APPS", "rejected", "Doubling", source_hash)
    ]


def test_the_bytes_do_not_depend_on_the_order_in_which_items_are_added(written: Callable[..., Path]) -> None:
    items = [make_item(problem_id=f"apps/{n}", value=n % 7 / 7) for n in range(50)]
    assert folder_hash(written(*items, name="one")) == folder_hash(written(*reversed(items), name="two"))


def test_the_manifest_lists_the_files_of_the_worklist(written: Callable[..., Path]) -> None:
    listed = read_manifest(written(make_item())).files
    assert {name for name in listed if name.startswith("worklist/")} == {
        "worklist/index.parquet",
        "worklist/items-00000.parquet",
    }


def test_row_groups_are_small_and_every_item_is_found_in_its_own(written: Callable[..., Path], tmp_path: Path) -> None:
    big = make_item(problem_id="apps/big", value=0.9)
    big = replace(big, record=replace(big.record, inputs=("7" * 2_000_000,)))
    items = [make_item(problem_id=f"apps/{n}", value=n / 100) for n in range(30)]
    folder = written(*items, big)
    with pq.ParquetFile(folder / "worklist/items-00000.parquet") as file:
        rows = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    assert rows == [1, 8, 8, 8, 6]
    for item in (*items, big):
        assert load_work_item(folder, item.problem_id) == item


def test_items_go_on_in_a_second_file(written: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appsplus.release.worklist._FILE_BYTES", 10_000)
    items = [make_item(problem_id=f"apps/{n:02}", value=0.5) for n in range(40)]
    folder = written(*items)
    assert len(list(folder.glob("worklist/items-*.parquet"))) > 1
    assert [load_work_item(folder, item.problem_id) for item in items] == items


def test_one_of_ten_thousand_items_is_read_in_well_under_a_tenth_of_a_second(written: Callable[..., Path]) -> None:
    folder = written(*(make_item(problem_id=f"apps/{n}", value=n / 10_000) for n in range(10_000)))
    started = time.perf_counter()
    assert load_work_item(folder, "apps/5000").value == 0.5
    assert time.perf_counter() - started < 0.1


def test_an_empty_worklist_is_a_worklist(written: Callable[..., Path]) -> None:
    assert load_worklist_index(written()) == []


def test_an_id_that_is_not_on_the_worklist_is_an_error_that_says_what_to_do(written: Callable[..., Path]) -> None:
    with pytest.raises(DatasetError, match=r"apps/2 is not on the worklist of .*; `appsplus worklist"):
        load_work_item(written(make_item()), "apps/2")


def test_a_dataset_without_a_worklist_is_an_error_that_says_what_to_do(written: Callable[..., Path]) -> None:
    folder = written(make_item())
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["worklist/index.parquet"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DatasetError, match=r"has no worklist .*; build the dataset again"):
        load_worklist_index(folder)


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"PAR1"), lambda path: path.unlink()])
def test_a_damaged_worklist_is_an_error_that_names_the_file(
    written: Callable[..., Path], damage: Callable[[Path], object]
) -> None:
    folder = written(make_item())
    damage(folder / "worklist/items-00000.parquet")
    with pytest.raises(DatasetError, match=r"items-00000\.parquet is damaged or gone"):
        load_work_item(folder, "apps/1")


def test_a_build_that_fails_leaves_no_worklist(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), WorklistWriter(tmp_path) as writer:
        writer.add(make_item())
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_error_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: full)
        with pytest.raises(InputError, match="the disk is full"), WorklistWriter(tmp_path) as writer:
            writer.add(make_item())


@pytest.mark.parametrize(
    ("description", "title"),
    [
        ("\n\n# Two  Sums #\ntext", "Two Sums"),
        ("-----\nYou are given n.", "You are given n."),
        ("", ""),
        ("x" * 100, "x" * 79 + "…"),
    ],
)
def test_a_title_is_the_first_line_that_says_something(description: str, title: str) -> None:
    assert title_of(description) == title
