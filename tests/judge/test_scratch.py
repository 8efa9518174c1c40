"""What a program leaves where it may write, and what it does to the place."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from appsplus.judge import BEST_EFFORT, Job, Judge, scratch
from appsplus.problem import IOFormat, Limits, UnitTest, Verdict

LIMITS = Limits(cpu_s=2, wall_s=15, memory_mib=256, output_mib=1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the host that serves as /tmp, as where no root of our own is to be had."""
    place, back = tmp_path / "place", Path.cwd()
    place.mkdir(mode=0o700)
    monkeypatch.setattr(scratch, "_untouched", ())
    monkeypatch.setattr(scratch, "_folder", place)
    scratch.clear(mounted=False)
    yield place
    os.chdir(back)
    scratch.empty(place)  # pytest cannot remove what is as deep as this


def nested(folder: Path, depth: int) -> None:
    back = Path.cwd()
    os.chdir(folder)
    for _ in range(depth):
        Path("d" * 100).mkdir()
        os.chdir("d" * 100)
    Path("file").touch()
    os.chmod(".", 0)  # noqa: PTH101 - its whole path is longer than a path may be
    os.chdir(back)


def test_a_folder_is_emptied_however_deep_locked_or_oddly_named_what_it_holds_is(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").touch()
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "a\nb").touch()
    nested(folder, 3000)
    (folder / "locked" / "inner").mkdir(parents=True)
    (folder / "locked" / "inner" / "link").symlink_to(tmp_path / "outside")
    (folder / "locked" / "inner").chmod(0)
    (folder / "locked").chmod(0)
    os.mkfifo(folder / "fifo")
    folder.chmod(0)
    scratch.clear(mounted=False)
    assert (list(folder.iterdir()), folder.stat().st_mode & 0o777) == ([], 0o700)
    assert (tmp_path / "outside" / "file").exists()


@pytest.mark.parametrize("done", ["chmod", "utime", "write"])
def test_what_was_done_to_the_folder_itself_is_seen(folder: Path, done: str) -> None:
    before = scratch._looks()
    scratch.clear(mounted=False)
    assert scratch._looks() == before  # nothing was done
    if done == "chmod":
        folder.chmod(0o500)
    elif done == "utime":
        os.utime(folder, (1, 1))
    else:
        (folder / "file").touch()
        (folder / "file").unlink()
    assert scratch._looks() != before
    scratch.clear(mounted=False)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_worker_judges_on_after_a_program_that_locks_the_folder(judge: Judge) -> None:
    locks = "import os\nprint(1)\nos.chmod(os.getcwd(), 0)"
    writes = "open('notes', 'w').write('1')\nprint(open('notes').read())"
    process = judge._workers[()].process
    for program in (locks, writes, locks, locks, writes):
        job = Job(program, IOFormat.STDIN, (UnitTest("", "1"),) * 2, limits=LIMITS)
        assert judge.run(job).verdict is Verdict.ACCEPTED
    assert judge._workers[()].process is process


def test_no_package_of_the_host_can_be_imported(judge: Judge) -> None:
    if not judge.rungs["root"]:
        pytest.skip("no root of our own here")
    program = (
        "import glob, os\nplaces = ['/usr/lib*/python*', '/lib*/python*', os.path.dirname(os.__file__)]"
        "\nprint([found for place in places for found in glob.glob(place + '/*-packages/*')])"
    )
    with Judge(isolation=BEST_EFFORT) as fresh:
        job = Job(program, IOFormat.STDIN, (UnitTest("", "[]"),), limits=LIMITS)
        report = fresh.run(job)
    assert report.verdict is Verdict.ACCEPTED, report.unit_tests[0]
