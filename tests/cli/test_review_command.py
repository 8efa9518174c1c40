"""`appsplus review` as it is started, and what it says where it cannot start."""

import os
import signal
import socket
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsplus.release.manifest import Manifest, file_facts, write_manifest
from appsplus.release.worklist import WorklistWriter

Run = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset whose worklist is empty."""
    path = tmp_path / "dataset"
    path.mkdir()
    with WorklistWriter(path):
        pass
    seal(path)
    return path


def seal(path: Path) -> None:
    empty: dict[str, Any] = {"inputs": [], "options": {}, "ledger": {}, "versions": {}, "counts": {}, "funnel": ()}
    write_manifest(path, Manifest(appsplus="0.1.0", files=file_facts(path), **empty))


def test_it_prints_its_address_answers_there_only_with_the_token_and_ends_quietly(
    start: Callable[..., Any], folder: Path, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    options = ("--reviewer", "ada", "--ledger", ledger, "--isolation", "best-effort", "--workers", 1)
    process = start("review", folder, *options)
    assert "0 problems need eyes" in process.stdout.readline()
    address = process.stdout.readline().split()[-1]
    assert address.startswith("http://127.0.0.1:")
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(), urllib.request.ProxyHandler({}))
    with opener.open(address) as answer:
        assert "The worklist is empty" in answer.read().decode()
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address.partition("?")[0])
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Your decisions are in" in out
    assert err == ""


def test_a_port_in_use_is_said(run: Run, folder: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        options = ("--reviewer", "ada", "--ledger", tmp_path / "ledger", "--isolation", "best-effort", "--no-cache")
        ran = run("review", folder, *options, "--port", port)
    assert ran.status == 1
    assert f"port {port} is in use" in ran.err
    assert "--port" in ran.err


def test_a_folder_without_a_worklist_is_said(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    seal(folder)
    ran = run("review", folder, "--reviewer", "ada", "--ledger", tmp_path / "ledger")
    assert ran.status == 1
    assert "has no worklist" in ran.err
    assert not (tmp_path / "ledger").exists()


@pytest.mark.parametrize(
    ("options", "words", "status"),
    [
        (("--reviewer", "../ada"), "cannot be a reviewer's name", 1),
        (("--reviewer", "ada", "--kind", "cat"), "--kind cat is not known", 2),
        (("--reviewer", "ada", "--ledger", "/proc/none"), "cannot be written", 1),
    ],
)
def test_what_cannot_be_is_said(
    options: tuple[str, ...],
    words: str,
    status: int,
    run: Run,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("review", folder, *options)
    assert (ran.status, ran.out) == (status, "")
    assert words in ran.err


def test_a_missing_extra_is_named(run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("appsplus.review")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    ran = run("review", folder, "--reviewer", "ada", "--ledger", tmp_path / "ledger")
    assert ran.status == 1
    assert "pip install 'appsplus[review]'" in ran.err


def test_the_start_of_other_commands_loads_no_web_framework(start: Callable[..., Any]) -> None:
    import subprocess

    code = (
        "import sys, appsplus.cli.commands; print(*{'starlette', 'uvicorn', 'markdown_it'}.intersection(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == ""
