"""What a program sees of the host's files: the interpreter, its shared libraries, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from appsplus.judge import Job, Judge, root
from appsplus.judge.root import interpreter_paths
from appsplus.problem import IOFormat, UnitTest

LIBRARIES = [path for path in map(Path, ("/lib", "/lib64", "/usr/lib", "/usr/lib64")) if path.is_dir()]

WITH_LIBRARIES = (
    "bz2 crypt ctypes curses dbm.gnu dbm.ndbm decimal hashlib lzma readline sqlite3 ssl tkinter uuid zlib".split()
)


def printed(judge: Judge, program: str) -> str:
    report = judge.run(Job(program, IOFormat.STDIN, (UnitTest("", "no such answer"),)))
    assert not report.unit_tests[0].error, report.unit_tests[0].error
    return report.unit_tests[0].actual


def test_of_the_library_folders_those_are_there_that_lead_to_what_the_interpreter_loads(strict_judge: Judge) -> None:
    shown = [path.resolve() for path in interpreter_paths()]
    leading = {str(place) for path in shown for place in (path, *path.parents)}
    for folder in LIBRARIES:
        if str(folder.resolve()) in map(str, shown):
            continue  # where the system has all its libraries in one folder, it is all there
        listed = json.loads(printed(strict_judge, f"import json, os; print(json.dumps(os.listdir({str(folder)!r})))"))
        assert {str(folder.resolve() / name) for name in listed} <= leading
    outside = [path for path in ("/usr/bin", "/etc", "/home", "/var", "/opt", "/usr/share/doc") if Path(path).exists()]
    assert json.loads(printed(strict_judge, f"import os; print([p for p in {outside!r} if os.path.exists(p)])")) == []


def test_what_the_host_can_import_of_the_standard_library_can_be_imported(strict_judge: Judge) -> None:
    """Also what needs shared libraries that nothing has loaded before."""
    program = f"""
import importlib
failed = []
for name in {WITH_LIBRARIES!r}:
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed.append(name)
print(failed)
"""
    here = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed(strict_judge, program).strip() == here.strip()


def test_the_locale_that_programs_are_given_can_be_set(strict_judge: Judge) -> None:
    program = "import locale\nlocale.setlocale(locale.LC_ALL, '')\nprint(locale.getpreferredencoding(False))"
    assert printed(strict_judge, program) == "UTF-8\n"


@pytest.mark.parametrize(
    ("folder", "whole"),
    [
        ("/lib", True),
        ("/usr/lib64", True),
        ("/usr/lib/x86_64-linux-gnu", True),
        ("/usr/local/lib", sys.base_prefix == "/usr/local"),
        ("/opt/agent", False),
        ("/library", False),
        ("/", False),
    ],
)
def test_only_folders_of_libraries_are_shown_whole(folder: str, whole: bool) -> None:
    assert root._holds_libraries(Path(folder)) is whole
