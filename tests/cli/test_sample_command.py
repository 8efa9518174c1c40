"""`appsplus sample`: from the command to the file, and what it says on the way."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.evaluation.sampling.conftest import StandIn, completion, error
from tests.evaluation.sampling.conftest import dataset as dataset

Run = Callable[..., Any]


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.close()


def test_samples_come_from_a_server_into_a_file_and_the_command_says_what_to_do_next(
    run: Run, dataset: Path, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", " sk-secret\n")
    out = tmp_path / "samples.jsonl"
    command = ["sample", dataset, "--model", "openai:tiny", "--base-url", stand_in.url + "/", "--out", out]
    options = ["--num-samples", 2, "--temperature", 0.8, "--api-key-env", "MY_KEY", "--request-fields", '{"top_k": 7}']
    ran = run(*command, *options)
    assert (ran.status, ran.err) == (0, "sampling: 6 of 6 samples: 6 stop; 0 s\n")
    assert ran.out.splitlines() == [
        f"6 samples of the split test are in {out}, 6 of them new.",
        f"How they were made is in {tmp_path / 'samples.meta.json'}. Judge them:",
        f"    appsplus evaluate {dataset} --samples {out} --split test --out results.json",
    ]
    assert stand_in.headers[0]["Authorization"] == "Bearer sk-secret"
    assert stand_in.bodies[0]["top_k"] == 7
    meta = json.loads((tmp_path / "samples.meta.json").read_text())
    assert meta["command"].startswith(f"appsplus sample {dataset} --model openai:tiny --base-url")
    assert "sk-secret" not in json.dumps(meta)
    assert meta["sampling"] == {"num_samples": 2, "temperature": 0.8, "top_p": 1.0, "max_tokens": 2048, "seed": 0}
    assert meta["model"]["request_fields"] == {"top_k": 7}
    again = json.loads(run(*command, *options, "--json").out)
    assert again == {
        "path": str(out),
        "meta": str(tmp_path / "samples.meta.json"),
        "samples": 6,
        "new": 0,
        "refused": [],
    }
    assert len(stand_in.bodies) == 6


def test_what_was_not_made_is_named_and_the_exit_status_says_so(
    run: Run, dataset: Path, stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.answer = lambda _, body: error(400, "too long") if "double" in str(body) else completion("x")
    ran = run("sample", dataset, "--model", "openai:t", "--base-url", stand_in.url, "--out", tmp_path / "s.jsonl")
    assert ran.status == 1
    assert ran.err.splitlines()[-1] == "not made: made/2, sample 0: 400: too long"
    assert "2 samples of the split test are in" in ran.out


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (["--model", "tiny"], 2, "--model tiny is not known; expected hf:ID_OR_PATH or openai:NAME"),
        (["--model", "hf:"], 2, "--model hf: is not known; expected hf:ID_OR_PATH or openai:NAME"),
        (["--model", "openai:t"], 2, "--model openai:t needs --base-url, such as http://127.0.0.1:8000/v1"),
        (["--model", "openai:t", "--base-url", "nowhere"], 1, "--base-url 'nowhere' is no address"),
        (["--split", "dev"], 2, "--split dev is not known; expected one of: train, validation, test, all"),
        (["--split", "validation"], 1, "the split validation of"),
        (["--endpoint", "talk"], 2, "--endpoint talk is not known; expected one of: chat, completions"),
        (["--top-p", "0"], 2, "--top-p 0 leaves no token to choose"),
        (["--num-samples", "3"], 1, "3 samples of the likeliest tokens would all be the same; give --temperature"),
        (["--request-fields", "{"], 2, "--request-fields is no JSON"),
        (["--request-fields", "[1]"], 2, "--request-fields [1] is no object"),
        (["--shots", "3"], 1, "--shots 3: the split train has only 1 problems of the format call"),
        (["--out", "missing/s.jsonl"], 1, "missing/s.jsonl cannot be written: No such file or directory"),
        (["--out", "."], 1, ". cannot be written: Is a directory"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_asked(
    run: Run,
    dataset: Path,
    stand_in: StandIn,
    tmp_path: Path,
    options: list[str],
    status: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"--model": "openai:t", "--base-url": stand_in.url, "--out": "s.jsonl"}
    if "--model" in options:
        del given["--base-url"]
    given |= dict(zip(options[::2], options[1::2], strict=True))
    ran = run("sample", dataset, *[word for pair in given.items() for word in pair])
    assert ran.status == status
    assert ran.err.startswith(f"error: {told}")
    assert stand_in.bodies == []
    assert not (tmp_path / "s.jsonl").exists()


def test_a_token_that_no_header_can_hold_is_refused(
    run: Run, dataset: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a\nb")
    ran = run("sample", dataset, "--model", "openai:t", "--base-url", stand_in.url, "--out", "x")
    assert ran.err == (
        "error: the variable OPENAI_API_KEY holds no token: expected printable ASCII characters. Set it anew\n"
    )


def test_an_interrupted_run_keeps_what_is_under_way_and_goes_on_later(
    start: Callable[..., subprocess.Popen[str]], dataset: Path, stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.answer = lambda number, _: (time.sleep(1.5), completion(f"answer {number}"))[1]
    out = tmp_path / "samples.jsonl"
    command = ["sample", dataset, "--model", "openai:t", "--base-url", stand_in.url, "--out", out, "--concurrency", 2]
    command += ["--num-samples", 4, "--temperature", 1]
    process = start(*command)
    deadline = time.monotonic() + 60
    while len(stand_in.bodies) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    printed, told = process.communicate(timeout=30)
    assert (process.returncode, printed) == (130, "")
    assert re.search(r"^waiting for 2 requests that are under way; what they bring is kept$", told, re.MULTILINE)
    assert told.endswith("interrupted; started again, the command goes on from where it was\n")
    kept = [json.loads(line)["completion"] for line in out.read_text().splitlines()]
    assert sorted(kept) == ["answer 0", "answer 1"]
    stand_in.answer = lambda *_: completion("later")
    process = start(*command)
    printed, _ = process.communicate(timeout=60)
    assert printed.startswith(f"12 samples of the split test are in {out}, 10 of them new.")
    assert len(stand_in.bodies) == 12


def test_without_torch_a_local_model_is_said_to_need_the_extra(
    run: Run, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("appsplus.evaluation.backends.local")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    ran = run("sample", dataset, "--model", "hf:x", "--out", tmp_path / "s.jsonl")
    assert ran.status == 1
    assert ran.err.startswith("error: --model hf:x needs torch, which is not installed: pip install 'appsplus[sample]'")
