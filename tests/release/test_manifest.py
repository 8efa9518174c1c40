"""The manifest: balanced books, and a folder hash that knows which facts belong to the run."""

import json

import pytest

from appsplus.release import FunnelStage, data_hash, folder_hash, read_manifest


def test_the_books_of_a_stage_must_balance():
    FunnelStage("complete", 10, 7, {"missing_tests": 2, "missing_solution": 1})
    with pytest.raises(ValueError, match="stage complete: given 10 is not kept 7"):
        FunnelStage("complete", 10, 7, {"missing_tests": 2})


def test_a_manifest_comes_back_equal_and_lists_every_other_file(tmp_path, make_problem, make_dataset):
    folder = make_dataset(tmp_path / "appsplus", [(make_problem(), "train")], run={"wall_s": 1.5})
    manifest = read_manifest(folder)
    assert type(manifest).from_json(json.loads((folder / "manifest.json").read_text())) == manifest
    assert manifest.run == {"wall_s": 1.5}
    assert manifest.funnel == (FunnelStage("passing", 1, 1, {}),)
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(manifest.files) == found - {"manifest.json"}
    assert manifest.files["README.md"].bytes == (folder / "README.md").stat().st_size


def test_the_file_starts_with_format_and_version(tmp_path, make_problem, make_dataset):
    folder = make_dataset(tmp_path / "appsplus", [(make_problem(), "train")])
    assert list(json.loads((folder / "manifest.json").read_text())) == [
        "format", "appsplus", "inputs", "options", "ledger", "versions", "counts", "funnel", "files", "run",
    ]  # fmt: skip


def test_facts_of_the_run_do_not_change_the_folder_hash(tmp_path, make_problem, make_dataset):
    first = make_dataset(tmp_path / "a", [(make_problem(), "train")], run={"host": "one", "wall_s": 1.0})
    second = make_dataset(tmp_path / "b", [(make_problem(), "train")], run={"host": "two", "workers": 8})
    assert folder_hash(first) == folder_hash(second)


def test_anything_else_changes_the_folder_hash(tmp_path, make_problem, make_dataset):
    problems = [(make_problem(), "train")]
    folder = make_dataset(tmp_path / "a", problems)
    hashes = {
        folder_hash(folder),
        folder_hash(make_dataset(tmp_path / "b", problems, options={"isolation": "best-effort"})),
        folder_hash(make_dataset(tmp_path / "c", [(make_problem(description="other"), "train")])),
    }
    with (folder / "README.md").open("a") as file:
        file.write("edited by hand")
    hashes.add(folder_hash(folder))
    (folder / "notes.txt").write_text("")
    hashes.add(folder_hash(folder))
    assert len(hashes) == 5


def test_what_is_beside_the_problems_does_not_change_their_hash(tmp_path, make_problem, make_dataset):
    folder = make_dataset(tmp_path / "a", [(make_problem(), "train")])
    before = data_hash(folder), folder_hash(folder)
    (folder / "README.md").write_text("another card")
    (folder / "worklist").mkdir(exist_ok=True)
    (folder / "worklist" / "more.parquet").write_bytes(b"more")
    assert data_hash(folder) == before[0]
    assert folder_hash(folder) != before[1]
    other = make_dataset(tmp_path / "b", [(make_problem(description="other"), "train")])
    assert data_hash(other) != before[0]
