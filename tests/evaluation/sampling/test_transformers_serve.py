"""Both backends on the same tiny models: loaded here, and behind a real `transformers serve` on loopback."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="transformers serve needs torch: pip install torch, then '.[sample]'")
pytest.importorskip("transformers", reason="transformers serve is part of transformers: pip install '.[sample]'")
for module in ("fastapi", "openai", "uvicorn", "pydantic"):
    pytest.importorskip(module, reason=f"transformers serve needs {module}: pip install 'transformers[serving]'")

from appsplus.errors import InputError
from appsplus.evaluation.backends import Sampling
from appsplus.evaluation.backends.local import LocalModel
from appsplus.evaluation.backends.server import Patience, Server
from appsplus.evaluation.sampling import Plan, make_samples

COLD = Sampling(temperature=0.0, top_p=1.0, max_tokens=24)
WARM = Sampling(temperature=1.0, top_p=1.0, max_tokens=24)
START_S = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `transformers serve`, which loads the model that a request names."""
    port = free_port()
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve"]
    log = tmp_path_factory.mktemp("serve") / "log"  # a pipe that nobody empties would stop the server one day
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"],
            stdout=output,
            stderr=output,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
        )
    try:
        deadline = time.monotonic() + START_S
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, "transformers serve did not start"
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(timeout=30)


def completions(path: Path) -> list[str]:
    return [json.loads(line)["completion"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize("kind", ["plain", "chat"])
def test_the_likeliest_completions_are_the_same_through_both_backends(
    kind: str, url: str, make_model: Callable[..., Path], dataset: Path, tmp_path: Path
) -> None:
    name = str(make_model(kind, chat=kind == "chat"))
    plan = Plan(dataset, COLD, "all")
    there, here = tmp_path / "there.jsonl", tmp_path / "here.jsonl"
    endpoint = {"plain": "completions", "chat": "chat"}[kind]
    done = make_samples(
        plan, Server(url, name, COLD, endpoint=endpoint, patience=Patience(timeout_s=60)), there, command="c"
    )
    assert (done.num_samples, done.refusals) == (7, ())
    make_samples(plan, LocalModel(name, COLD, open_block=False), here, command="c")
    assert len(set(completions(there))) > 3
    assert completions(there) == completions(here)


def test_the_seed_of_a_sample_decides_what_the_server_draws(
    url: str, make_model: Callable[..., Path], dataset: Path, tmp_path: Path
) -> None:
    alone = Patience(
        concurrency=1, timeout_s=60
    )  # the server has one seed for all of itself, so requests must not overlap
    found = []
    for file, seed in (("one", 1), ("two", 1), ("three", 2)):
        server = Server(url, str(make_model("plain")), WARM, endpoint="completions", patience=alone)
        make_samples(Plan(dataset, WARM, num_samples=2, seed=seed), server, tmp_path / f"{file}.jsonl", command="c")
        found.append(completions(tmp_path / f"{file}.jsonl"))
    assert found[0] == found[1]
    assert len({*found[0], *found[2]}) == 12


def test_a_model_that_the_server_does_not_have_ends_the_run(url: str, dataset: Path, tmp_path: Path) -> None:
    server = Server(url, "nobody/nothing", WARM, patience=Patience(tries=2, first_wait_s=0.01))
    with pytest.raises(InputError, match=r"gave no answer in 2 tries; the last time: 500"):
        make_samples(Plan(dataset, WARM), server, tmp_path / "x.jsonl", command="c")
    assert (tmp_path / "x.jsonl").read_bytes() == b""
