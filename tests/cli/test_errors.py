"""Whatever is wrong with what the user gave: one line that says so, the right exit status, and nothing written."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
SCRIPT = Path(sys.executable).parent / "appsplus"
ROW = '{"problem_id": 1, "question": "q", "solutions": "[]", "input_output": "", "difficulty": "", "url": ""}\n'


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with one of everything that is not what it should be, and one good file of rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text(ROW)
    (tmp_path / "broken.jsonl").write_text(ROW + '{"problem_id": 2, "question"\n')
    (tmp_path / "nothing.jsonl").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("text")
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("years of work")
    return tmp_path


def everything(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize(
    ("command", "status", "told"),
    [
        ("build missing --out new", 1, "missing does not exist"),
        ("build empty --out new", 1, "empty is no source"),
        ("build nothing.jsonl --out new", 1, "nothing.jsonl: no problem in it"),
        ("build broken.jsonl --out new", 1, "broken.jsonl line 2: broken JSON"),
        ("build file --out new", 1, "file is no source"),
        ("build rows.jsonl --out package", 1, "package is a Python package, not a dataset"),
        ("build rows.jsonl --out file", 1, "file is a file; expected a folder"),
        ("build rows.jsonl --out file/new", 1, "File exists"),
        ("build rows.jsonl --out foreign", 1, "foreign holds something else than a dataset of ours"),
        ("build rows.jsonl --out new --cache-dir file", 1, "the cache file/judged.sqlite cannot be used"),
        ("build rows.jsonl --out new --ledger missing", 1, "missing is no folder"),
        ("build rows.jsonl --out new --allow no_such_package", 1, "'no_such_package' is not installed"),
        ("build rows.jsonl --out new --columns description=text", 1, "no row has the column 'text'"),
        ("build rows.jsonl --out new --columns nonsense", 2, "--columns: got 'nonsense'; expected TARGET=COLUMN"),
        ("build rows.jsonl --out new --columns text=question", 2, "--columns: unknown target 'text'"),
        ("build rows.jsonl --out new --isolation none", 2, "--isolation none is not known; expected one of: strict"),
        ("build rows.jsonl --out new --engine steam", 2, "--engine steam is not known; expected one of: local"),
        ("stats missing", 1, "missing is not a folder"),
        ("stats foreign", 1, "foreign holds no manifest.json"),
        ("show file corpus/train/0000", 1, "file is not a folder"),
        ("explain foreign corpus/train/0000", 1, "foreign holds no manifest.json"),
        ("judge foreign corpus/train/0000 file", 1, "foreign holds no manifest.json"),
        ("show DATASET corpus/train/9999", 1, "corpus/train/9999 is not in"),
        ("show DATASET corpus/train/0924", 1, "the stage passing rejected it (nondeterministic"),
        ("explain DATASET corpus/train/9999", 1, "nor was it rejected; ids look like corpus/"),
        ("judge DATASET corpus/train/0102 missing.py", 1, "missing.py cannot be read as a program (No such file"),
        ("judge DATASET corpus/train/0102 bytes.py", 1, "bytes.py cannot be read as a program"),
        ("judge DATASET corpus/train/0102 package", 1, "package cannot be read as a program (Is a directory"),
        ("judge DATASET corpus/train/0102 file --isolation none", 2, "--isolation none is not known"),
        ("cache --cache-dir file", 1, "the cache file/judged.sqlite cannot be used"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(
    command: str, status: int, told: str, work: Path, embedded: Path, run: Run
) -> None:
    before = everything(work)
    ran = run(*command.replace("DATASET", str(embedded)).split(), *_without_cache(command))
    assert (ran.status, ran.out) == (status, "")
    assert ran.err.startswith("error: ")
    assert told in ran.err
    assert ran.err.count("\n") == 1
    assert everything(work) == before


def _without_cache(command: str) -> list[str]:
    """So that nothing is written to the home of whoever runs the tests."""
    return ["--no-cache"] if command.startswith("build") and "--cache-dir" not in command else []


@pytest.mark.parametrize(
    "command",
    [
        "build",
        "build --out",
        "build --nonsense",
        "nonsense",
        "show DATASET",
        "build --out new --workers 0",
        "--nonsense",
    ],
)
def test_wrong_usage_exits_with_2(command: str, work: Path, run: Run) -> None:
    ran = run(*command.split())
    assert (ran.status, ran.out) == (2, "")
    assert "error: " in ran.err.lower()
    assert "Traceback" not in ran.err
    assert not (work / "new").exists()


@pytest.mark.parametrize(
    ("number", "told"),
    [(errno.EROFS, "the file system is read-only"), (errno.EACCES, "you may not write there")],
    ids=["read-only", "forbidden"],
)
def test_a_target_that_cannot_be_written_says_why(
    number: int, told: str, work: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = os.mkdir

    def refuse(path: Any, *arguments: Any, **options: Any) -> None:
        if "new" in str(path):
            raise OSError(number, os.strerror(number), str(path))
        make(path, *arguments, **options)

    monkeypatch.setattr(os, "mkdir", refuse)
    before = everything(work)
    ran = run("build", "rows.jsonl", "--out", "new", "--no-cache", "--isolation", "best-effort")
    assert (ran.status, ran.out) == (1, "")
    assert told in ran.err
    assert "Traceback" not in ran.err
    assert everything(work) == before


def test_an_output_that_cannot_be_written_is_an_error(embedded: Path) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        done = subprocess.run([SCRIPT, "stats", embedded], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")
