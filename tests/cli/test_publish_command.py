"""`appsplus publish` and `appsplus diff` as their users run them, against a Hub on this machine."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_stand_in import Answer, Drop, Hub

from appsplus.release import folder_hash, load_problems, read_manifest

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # huggingface_hub's own

Run = Callable[..., Any]
LOAD = """
import json
from datasets import load_dataset
{line}
rejected = load_dataset("ada/appsplus", "rejected", revision="v1.0", split="rejected")
print(json.dumps([{{split: list(rows["problem_id"]) for split, rows in problems.items()}}, list(rejected["reason"]),
                  problems["train"][0]["unit_tests"]]))
"""


@pytest.fixture
def own_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hub:
    """The Hub of everything in this process, with a user who is logged in."""
    address = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.endpoint)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", address)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setenv("HF_TOKEN", hub.token)
    hub.part_bytes = 50_000
    return hub


def in_a_process(hub: Hub, tmp_path: Path, *command: object) -> subprocess.CompletedProcess[str]:
    settings = {
        "HF_ENDPOINT": hub.endpoint,
        "HF_TOKEN": hub.token,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    return subprocess.run(
        list(map(str, command)), env=os.environ | settings, capture_output=True, text=True, check=False, cwd=tmp_path
    )


def test_what_was_published_is_loaded_back_by_the_line_that_was_printed(
    own_hub: Hub, embedded: Path, run: Run, tmp_path: Path
) -> None:
    own_hub.fail("PUT", "/storage/", Drop(after_bytes=10_000))
    own_hub.fail("POST", "/commit/", Answer(429, {"Retry-After": "1"}))
    ran = run("publish", embedded, "ada/appsplus", "--tag", "v1.0")
    assert ran.status == 0, ran.err
    line = ran.out.splitlines()[-1].strip()
    assert line == 'problems = load_dataset("ada/appsplus", revision="v1.0")'
    assert "trying again in 1 s" in ran.err
    published = own_hub.files("ada/appsplus", "v1.0")
    assert published.pop(".gitattributes")
    assert published == {
        path.relative_to(embedded).as_posix(): path.read_bytes() for path in embedded.rglob("*") if path.is_file()
    }
    loaded = in_a_process(own_hub, tmp_path, sys.executable, "-c", LOAD.format(line=line))
    assert loaded.returncode == 0, loaded.stderr
    ids, reasons, unit_tests = json.loads(loaded.stdout)
    counts = read_manifest(embedded).counts
    assert {split: len(found) for split, found in ids.items()} == counts["splits"]
    assert ids["test"] == [problem.problem_id for problem in load_problems(embedded, "test")]
    assert len(reasons) == counts["rejected"]
    first = next(load_problems(embedded, "train"))
    assert unit_tests == [{"input": t.input, "output": t.output} for t in first.unit_tests]


def test_the_console_script_finds_hub_and_token_as_huggingface_hub_does(
    own_hub: Hub, embedded: Path, tmp_path: Path
) -> None:
    script = Path(sys.executable).parent / "appsplus"
    done = in_a_process(own_hub, tmp_path, script, "publish", embedded, "ada/appsplus", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    commit = own_hub.repositories["dataset", "ada/appsplus"].refs["main"]
    assert told["published"]["commit"] == commit
    assert told["load"].splitlines()[-1] == f'problems = load_dataset("ada/appsplus", revision="{commit}")'
    assert [file["name"] for file in told["files"]] == sorted([*read_manifest(embedded).files, "manifest.json"])
    assert "Upload" not in done.stderr  # no progress bar where nobody sees one
    assert "publishing: README.md, 1 of" in done.stderr


def test_a_push_that_was_interrupted_goes_on_where_it_was(
    own_hub: Hub, embedded: Path, start: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", own_hub.endpoint)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    own_hub.fail("POST", "/commit/", Answer(429, {"Retry-After": "300"}))
    process = start("publish", embedded, "ada/appsplus")
    assert process.stderr is not None
    while "trying again in 300 s" not in (line := process.stderr.readline()):
        assert line, "it ended before it waited"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.startswith("interrupted; ")
    assert list(own_hub.files("ada/appsplus")) == [".gitattributes"]
    own_hub.stored_bytes = 0
    ran = run("publish", embedded, "ada/appsplus")
    assert ran.status == 0
    assert own_hub.stored_bytes == 0
    assert len(own_hub.files("ada/appsplus")) == len(read_manifest(embedded).files) + 2


def test_every_reason_is_printed_and_nothing_is_sent(own_hub: Hub, embedded: Path, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(embedded, folder)
    (folder / "README.md").write_text((folder / "README.md").read_text() + "\nSee /home/ada/notes.\n")
    (folder / "notes.txt").write_text("x")
    ran = run("publish", folder, "ada/appsplus")
    assert (ran.status, ran.err) == (1, "")
    assert ran.out.splitlines() == [
        "README.md: was changed after the build: its SHA-256 is not that of the manifest; build the dataset again",
        "notes.txt: no build wrote it: the manifest does not list it; move it elsewhere",
        'README.md: a path of a machine ("/home/ada")',
        f"{folder} is not published: 3 findings stand against it.",
    ]
    told = json.loads(run("publish", folder, "ada/appsplus", "--json", "--not-secret", "/home/ada").out)
    assert [finding["file"] for finding in told["findings"]] == ["README.md", "notes.txt"]
    assert (told["published"], told["load"]) == (None, None)
    assert own_hub.requests == []


def test_a_dry_run_asks_nobody(own_hub: Hub, embedded: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    ran = run("publish", embedded, "ada/appsplus", "--dry-run")
    assert (ran.status, ran.err, own_hub.requests) == (0, "", [])
    assert ran.out.splitlines()[0] == f"Nothing stands against {embedded}."
    size = (embedded / "manifest.json").stat().st_size
    assert f"{size:>16,}  manifest.json" in ran.out.splitlines()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["appsplus"],
            "error: REPO_ID 'appsplus' names no owner; expected OWNER/NAME, with your user name or a team's\n",
        ),
        (["ada/appsplus", "--tag", "main"], "error: --tag 'main' cannot be a tag; expected letters, digits"),
    ],
)
def test_a_wrong_argument_is_wrong_usage(run: Run, embedded: Path, arguments: list[str], message: str) -> None:
    ran = run("publish", embedded, *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(message)


def test_a_folder_that_is_none_is_an_error(run: Run, tmp_path: Path) -> None:
    ran = run("publish", tmp_path / "nothing", "ada/appsplus")
    assert (ran.status, ran.out) == (1, "")
    assert "is not a folder; expected a dataset that `appsplus build` wrote" in ran.err


def test_a_wrong_token_gets_one_line_that_says_what_to_do(
    own_hub: Hub, embedded: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    ran = run("publish", embedded, "ada/appsplus")
    assert (ran.status, ran.out) == (1, "")
    (line,) = ran.err.splitlines()
    assert line.startswith(
        "error: ada/appsplus: the Hub does not know the token (Invalid user token. The token from HF_TOKEN"
    )
    assert own_hub.repositories == {}


@pytest.fixture
def other_version(
    run: Run, some_of_the_corpus: Callable[..., Path], tmp_path: Path, embedded_cache: Path
) -> Callable[..., Path]:
    """Build three problems of the corpus, changed by a function of the corpus's folder."""

    def build(name: str, change: Callable[[Path], None] = lambda _: None) -> Path:
        corpus = tmp_path / "corpus"
        shutil.rmtree(corpus, ignore_errors=True)
        some_of_the_corpus(["train/0000", "train/0001", "train/0911"])
        change(corpus)
        options = ["--isolation", "best-effort", "--cache-dir", embedded_cache, "--workers", 2]
        assert run("build", corpus, "--out", tmp_path / name, *options).status == 0
        return tmp_path / name

    return build


def _next_version(corpus: Path) -> None:
    (corpus / "train" / "0000" / "question.txt").write_text("Another text.\n")
    (corpus / "train" / "0001" / "solutions.json").write_text('["this is no Python"]')


def test_diff_tells_what_became_of_every_problem_and_why(other_version: Callable[..., Path], run: Run) -> None:
    old, new = other_version("old"), other_version("new", _next_version)
    ran = run("diff", old, new)
    assert (ran.status, ran.err) == (0, "")
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[0] == f"old {old}: 2 problems (train 2, validation 0, test 0), 1 rejected, appsplus 0.1.0"
    assert "1 repaired: kept in both, with another content" in lines
    assert "1 newly_rejected: kept before, rejected now" in lines
    assert "1 rejected in both, for the same reason" in lines
    start = lines.index("repaired")
    assert lines[start + 1 : start + 3] == ["corpus/train/0000 description", "its source says something else now"]
    start = lines.index("newly_rejected")
    assert lines[start + 1] == "corpus/train/0001 train -> rejected"
    assert lines[start + 2].startswith("runnable: syntax_error: ")
    told = json.loads(run("diff", old, new, "--json").out)
    assert told["summary"] == dict.fromkeys(told["summary"], 0) | {
        "repaired": 1,
        "newly_rejected": 1,
        "rejected_alike": 1,
    }
    assert told["problems"][0]["fields"] == ["description"]
    assert (told["old"]["problems"], told["new"]["problems"]) == (2, 1)


def test_diff_takes_versions_from_the_hub(own_hub: Hub, other_version: Callable[..., Path], run: Run) -> None:
    old, new = other_version("old"), other_version("new", _next_version)
    for folder, tag in ((old, "v1"), (new, "v2")):
        ran = run("publish", folder, "ada/appsplus", "--tag", tag)
        assert ran.status == 0, ran.out + ran.err
    here = json.loads(run("diff", old, new, "--json").out)
    there = json.loads(run("diff", "ada/appsplus@v1", "hub:ada/appsplus@v2", "--json").out)
    assert there["problems"] == here["problems"]
    assert (there["summary"], there["old"]["name"]) == (here["summary"], "ada/appsplus@v1")
    assert json.loads(run("diff", new, "ada/appsplus", "--json").out)["summary"]["unchanged"] == 1
    assert folder_hash(new) != folder_hash(old)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("nothing", "nothing is no folder; expected one that `appsplus build` wrote, or OWNER/NAME[@REVISION]"),
        ("./a/b", "./a/b is no folder; expected one"),
        ("ada/nothing", "hub:ada/nothing: no such dataset, or a private one."),
        ("ada/set@v9", "hub:ada/set@v9: the dataset exists, but not this revision."),
        ("ada/set", "hub:ada/set holds no manifest.json; expected a dataset that `appsplus publish` pushed"),
    ],
)
def test_a_version_that_is_not_there_is_told(
    own_hub: Hub, embedded: Path, run: Run, version: str, message: str
) -> None:
    own_hub.put("ada/set", {"README.md": b"", "data/x.txt": b""})
    ran = run("diff", embedded, version)
    assert (ran.status, ran.out) == (1, "")
    assert f"error: {message}" in ran.err
