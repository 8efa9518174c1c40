"""The target of a build: nothing of others is replaced, and a dataset is always whole."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appsplus.errors import InputError
from appsplus.release import check_target, commit, disk_errors, folder, load_problems, prepare_target


def names(path):
    return sorted(entry.name for entry in path.iterdir())


@pytest.fixture
def dataset(tmp_path, make_problem, make_dataset):
    return make_dataset(tmp_path / "appsplus", [(make_problem(), "train")])


def write_dataset(building, make_problem, make_dataset, problem_id):
    made = make_dataset(building.parent / "made", [(make_problem(problem_id=problem_id), "train")])
    for path in made.iterdir():
        shutil.move(path, building)
    made.rmdir()


def test_a_new_target_appears_when_committed_and_nothing_else_stays(tmp_path, make_problem, make_dataset):
    target = tmp_path / "some/where/appsplus"
    with prepare_target(target) as building:
        write_dataset(building, make_problem, make_dataset, "apps/2")
        assert not target.exists()
        commit(building, target)
    assert names(target.parent) == ["appsplus"]
    assert [p.problem_id for p in load_problems(target)] == ["apps/2"]


def test_an_old_dataset_is_whole_until_it_is_replaced(dataset, make_problem, make_dataset):
    with prepare_target(dataset) as building:
        write_dataset(building, make_problem, make_dataset, "apps/2")
        assert [p.problem_id for p in load_problems(dataset)] == ["apps/1"]
        commit(building, dataset)
    assert [p.problem_id for p in load_problems(dataset)] == ["apps/2"]
    assert names(dataset.parent) == ["appsplus"]


def test_a_build_that_fails_leaves_the_old_dataset_and_no_rest(dataset):
    with pytest.raises(KeyboardInterrupt), prepare_target(dataset) as building:
        (building / "half").write_text("written")
        raise KeyboardInterrupt
    assert [p.problem_id for p in load_problems(dataset)] == ["apps/1"]
    assert names(dataset.parent) == ["appsplus"]


def test_what_a_killed_build_has_left_is_cleared_away(tmp_path):
    (tmp_path / ".appsplus.building/data").mkdir(parents=True)
    (tmp_path / ".appsplus.building/half").write_text("written")
    with prepare_target(tmp_path / "appsplus") as building:
        assert building == tmp_path / ".appsplus.building"
        assert names(building) == []
    assert names(tmp_path) == []


def test_a_swap_that_was_killed_half_way_is_undone(dataset):
    dataset.rename(dataset.with_name(".appsplus.old"))
    with prepare_target(dataset):
        assert [p.problem_id for p in load_problems(dataset)] == ["apps/1"]
    assert names(dataset.parent) == ["appsplus"]


def test_a_swap_that_was_killed_before_the_end_is_finished(dataset):
    shutil.copytree(dataset, dataset.with_name(".appsplus.old"))
    with prepare_target(dataset):
        pass
    assert names(dataset.parent) == ["appsplus"]


def test_a_swap_that_fails_puts_the_old_dataset_back(dataset, monkeypatch):
    with prepare_target(dataset) as building:
        rename = type(building).rename

        def fail(path, target):
            if path == building:
                raise KeyboardInterrupt
            return rename(path, target)

        monkeypatch.setattr(type(building), "rename", fail)
        with pytest.raises(KeyboardInterrupt):
            commit(building, dataset)
    assert names(dataset.parent) == ["appsplus"]
    assert [p.problem_id for p in load_problems(dataset)] == ["apps/1"]


def test_two_builds_into_one_target_are_refused(tmp_path):
    target = tmp_path / "appsplus"
    with prepare_target(target) as building:
        with pytest.raises(InputError, match=r"another build is writing .*appsplus"), prepare_target(target):
            pass
        assert building.is_dir()
    with prepare_target(target):
        pass


def test_a_killed_process_holds_no_lock(tmp_path):
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom appsplus.release import prepare_target\n"
        "with prepare_target(Path(sys.argv[1])) as building:\n"
        "    (building / 'half').write_text('x')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    target = tmp_path / "appsplus"
    done = subprocess.run([sys.executable, "-c", program, str(target)], check=False)
    assert done.returncode == -9
    assert names(tmp_path) == [".appsplus.building"]
    with prepare_target(target) as building:
        assert names(building) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("__init__.py", "is a Python package, not a dataset"),
        (".git/HEAD", "is a git checkout"),
        ("thesis.tex", "holds something else than a dataset of ours .*holds no manifest.json"),
        ("sub/thesis.tex", "holds something else"),
    ],
)
def test_a_folder_with_something_else_is_refused_and_kept(tmp_path, name, message):
    target = tmp_path / "appsplus"
    (target / name).parent.mkdir(parents=True)
    (target / name).write_text("precious")
    with pytest.raises(InputError, match=f"{message}.*choose another --out"), prepare_target(target):
        pass
    assert (target / name).read_text() == "precious"
    assert names(tmp_path) == ["appsplus"]


def test_a_dataset_with_a_file_of_someone_else_is_refused(dataset):
    (dataset / "notes.txt").write_text("precious")
    with pytest.raises(InputError, match=r"a file that no build wrote, notes\.txt: move it"), prepare_target(dataset):
        pass
    assert (dataset / "notes.txt").read_text() == "precious"


def test_a_file_written_into_the_target_during_the_build_is_not_lost(dataset):
    with prepare_target(dataset) as building:
        (dataset / "notes.txt").write_text("precious")
        with pytest.raises(InputError, match=r"notes\.txt"):
            commit(building, dataset)
    assert (dataset / "notes.txt").read_text() == "precious"


def test_a_file_is_refused_and_an_empty_folder_is_not(tmp_path):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match="is a file; expected a folder"), prepare_target(tmp_path / "file"):
        pass
    (tmp_path / "empty").mkdir()
    check_target(tmp_path / "empty")
    check_target(tmp_path / "new")


def test_a_link_to_a_dataset_stays_a_link(tmp_path, dataset, make_problem, make_dataset):
    link = tmp_path / "link"
    link.symlink_to(dataset)
    with prepare_target(link) as building:
        write_dataset(building, make_problem, make_dataset, "apps/2")
        commit(building, link)
    assert link.is_symlink()
    assert [p.problem_id for p in load_problems(dataset)] == ["apps/2"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_parent_is_explained_for_a_user(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="you may not write there"), prepare_target(tmp_path / "appsplus"):
            pass
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(("error", "advice"), [("EROFS", "read-only: choose another"), ("EACCES", "you may not write")])
def test_a_read_only_target_is_explained(tmp_path, monkeypatch, error, advice):
    def refuse(path, **_):
        number = getattr(folder.errno, error)
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(type(tmp_path), "mkdir", refuse)
    with pytest.raises(InputError, match=f"cannot write {tmp_path}.*{advice}"), prepare_target(tmp_path / "appsplus"):
        pass


def test_a_full_disk_names_the_folder_and_other_errors_pass(tmp_path):
    with pytest.raises(InputError, match=f"cannot write {tmp_path} .*free some space"), disk_errors(tmp_path):
        Path("/dev/full").write_text("x")
    with pytest.raises(FileNotFoundError), disk_errors(tmp_path):
        (tmp_path / "missing").read_text()
