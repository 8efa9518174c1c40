"""`--engine ray` on the command line: the local build's bytes after any interruption, and errors that say what to do."""

import importlib.util
import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from running import answers, assert_all_end, command_of, descendants, wait_for_answers

from appsplus.cli.engines import nodes_told
from appsplus.engine.ray_cluster import Node
from appsplus.engine.ray_doctor import NodeReport
from appsplus.engine.ray_node import NodeFacts
from appsplus.evaluation.results import read_verdicts, verdicts_path
from appsplus.release import data_hash, load_problems, read_manifest

Run = Callable[..., Any]
Start = Callable[..., subprocess.Popen[str]]
NAMES = "train/0000 train/0001 train/0004 train/0009 train/0102 train/0904 train/0914 train/0941 test/0500".split()
AGENTS = re.compile(
    "DashboardAgent|RuntimeEnvAgent|dashboard/agent|runtime_env/agent"
)  # Ray's own: they end a minute later
RUNGS = dict.fromkeys(
    ("namespaces", "root", "proc", "user", "no_new_privs", "seccomp", "landlock", "rlimits", "cgroup"), True
)


@pytest.fixture
def no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray is not installed."""
    really = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "ray" else really(name, *rest))


def test_a_build_on_ray_that_was_killed_and_interrupted_gives_the_local_builds_bytes_and_judges_only_the_rest(
    start: Start, some_of_the_corpus: Callable[[Iterable[str]], Path], tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (the extra `ray`)")
    corpus, cache = some_of_the_corpus(NAMES), tmp_path / "cache"

    def build(name: str, *options: object) -> subprocess.Popen[str]:
        command = ["build", corpus, "--out", tmp_path / name / "out", "--workers", 2, "--isolation", "best-effort"]
        return start(*command, *options)

    local = build("local", "--cache-dir", tmp_path / "local-cache")
    assert local.wait(timeout=120) == 0
    total = answers(tmp_path / "local-cache")

    killed = build("ray", "--engine", "ray", "--cache-dir", cache)
    seen = wait_for_answers(killed, cache, 3, within_s=180)
    agents = {process for process in seen if AGENTS.search(command_of(process[0]))}
    killed.kill()
    killed.communicate()
    assert_all_end(seen - agents, within_s=20)
    assert 3 <= answers(cache) < total

    interrupted = build("ray", "--engine", "ray", "--cache-dir", cache)
    seen = wait_for_answers(interrupted, cache, answers(cache) + 3, within_s=180)
    seen |= descendants(interrupted.pid)
    asked = time.monotonic()
    interrupted.send_signal(signal.SIGINT)
    _, told = interrupted.communicate(timeout=60)
    assert time.monotonic() - asked < 20
    assert interrupted.returncode == 130
    assert told.endswith("interrupted; started again, the command goes on from where it was\n")
    assert_all_end(seen, within_s=20)

    already = answers(cache)
    assert already < total
    last = build("ray", "--engine", "ray", "--cache-dir", cache, "--json")
    printed, told = last.communicate(timeout=240)
    assert last.returncode == 0, told
    assert json.loads(printed)["path"] == str(tmp_path / "ray" / "out")
    assert data_hash(tmp_path / "ray" / "out") == data_hash(tmp_path / "local" / "out")
    assert read_manifest(tmp_path / "ray" / "out").run["judged"] == total - already
    assert "judged by " in told

    samples = tmp_path / "samples.jsonl"
    programs = [
        (p.problem_id, code) for p in load_problems(tmp_path / "ray" / "out") for code in (p.canonical_solution, "1/0")
    ]
    samples.write_text("".join(json.dumps({"problem_id": p, "solution": code}) + "\n" for p, code in programs))
    found = []
    for engine in ("local", "ray"):
        out = tmp_path / f"{engine}.json"
        command = [
            "evaluate",
            tmp_path / "ray" / "out",
            "--split",
            "all",
            "--samples",
            samples,
            "--out",
            out,
            "--no-cache",
        ]
        evaluation = start(*command, "--engine", engine, "--workers", 2, "--isolation", "best-effort")
        _, told = evaluation.communicate(timeout=240)
        assert evaluation.returncode == 0, told
        found.append([(v.problem_id, v.sample_index, v.verdict) for v in read_verdicts(verdicts_path(out))])
    assert found[0] == found[1]
    assert {verdict for *_, verdict in found[0]} == {"accepted", "run_time_error"}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:1", "no cluster answers at 127.0.0.1:1 (Connection refused); see on its head node"),
        ("somewhere", "--address somewhere is no address of a cluster; give the address that `ray start --head`"),
        ("ray://127.0.0.1:10001", "is one of Ray Client, which cannot pass on answers as they come; run this command"),
    ],
)
def test_an_address_without_a_cluster_is_an_error_that_says_what_to_do(
    address: str, expected: str, run: Run, tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (the extra `ray`)")
    ran = run("build", "--out", tmp_path / "out", "--engine", "ray", "--address", address)
    assert (ran.status, ran.out) == (1, "")
    assert expected in ran.err
    assert "Traceback" not in ran.err


def test_without_the_extra_the_error_names_it(no_extra: None, run: Run, tmp_path: Path) -> None:
    for command in (["build", "--out", tmp_path / "out"], ["doctor"]):
        ran = run(*command, "--engine", "ray")
        assert ran.status == 1
        assert ran.err == "error: --engine ray needs the extra `ray`: pip install 'appsplus[ray]'\n"


def test_an_address_for_the_local_engine_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    ran = run("build", "--out", tmp_path / "out", "--address", "127.0.0.1:6379")
    assert ran.status == 2
    assert "--address 127.0.0.1:6379 goes with --engine ray" in ran.err


def test_progress_names_the_busiest_nodes_and_sums_up_the_others() -> None:
    assert nodes_told({}) == ""
    assert nodes_told({"a": 1, "b": 20}) == "judged by b 20, a 1"
    many = {f"n{number}": 1000 * number for number in range(7)}
    assert nodes_told(many) == "judged by n6 6,000, n5 5,000, n4 4,000, n3 3,000, 3 more nodes 3,000"


def facts(**changes: Any) -> NodeFacts:
    given: dict[str, Any] = {
        "appsplus": "0.1.0",
        "judge": "abc-3.11.7",
        "python": "3.11.7",
        "kernel": "6.1",
        "cpus": 1,
        "memory_mib": 2048,
        "pid": 7,
        "rungs": {**RUNGS, "missing": {}},
        "calibration": 1.25,
    }
    return NodeFacts(**given | changes)


LACKING = {**RUNGS, "seccomp": False, "missing": {"seccomp": "the kernel has none"}}
REPORTS = [
    NodeReport(Node("1a", "good", 16), facts(), ""),
    NodeReport(Node("2b", "weak", 8), facts(rungs=LACKING), ""),
    NodeReport(Node("3c", "silent", 4), None, "node silent did not start a judge: it is gone"),
]


@pytest.mark.parametrize("count", [1, 3])
def test_the_doctor_says_what_every_node_is(count: int, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        "appsplus.engine.ray_doctor.look_at_nodes", lambda address: asked.append(address) or REPORTS[:count]
    )
    ran = run("doctor", "--engine", "ray", "--address", "10.0.0.1:6379", "--json")
    found = json.loads(ran.out)
    assert asked == ["10.0.0.1:6379"]
    assert (ran.status, found["strict"]) == ((0, True) if count == 1 else (1, False))
    assert [(n["name"], n["strict"], n["cpus"], n["problem"]) for n in found["nodes"]] == [
        ("good", True, 16, ""),
        ("weak", False, 8, ""),
        ("silent", False, 4, "node silent did not start a judge: it is gone"),
    ][:count]
    assert found["nodes"][0]["isolation"] == RUNGS
    assert (found["nodes"][0]["calibration"], found["nodes"][0]["judge"]) == (1.25, "abc-3.11.7")

    shown = run("doctor", "--engine", "ray").out
    assert re.search(r"good +✓ +16 +1.25 +2,048 +3.11.7 +abc-3.11.7 +6.1", shown)
    assert ("weak: ✗ seccomp: the kernel has none" in shown) is (count == 3)
    assert ("silent: node silent did not start a judge" in shown) is (count == 3)
