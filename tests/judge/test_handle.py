"""What a worker leaves behind, and what holds it."""

import os
import socket
from pathlib import Path

import pytest

from appsplus.judge import BEST_EFFORT, Job, Judge, cgroup
from appsplus.judge.frames import Channel
from appsplus.judge.handle import WorkerHandle
from appsplus.problem import IOFormat, UnitTest, Verdict


def folders() -> set[Path]:
    return {path for parent in cgroup._own_groups() for path in parent.glob(f"appsplus-{os.getpid()}-*")}


def test_a_judge_leaves_no_group_no_folder_and_no_process() -> None:
    groups = folders()
    judge = Judge(isolation=BEST_EFFORT)
    process, folder = judge._workers[()].process, Path(judge._workers[()]._tmp)
    assert (
        folder.is_dir() is not judge.rungs["root"]
    )  # where it has a root of its own, nothing is left even if we are killed
    assert judge.run(Job("print(1)", IOFormat.STDIN, (UnitTest("", "1"),))).verdict is Verdict.ACCEPTED
    judge.close()
    assert process.poll() is not None
    assert not folder.exists()
    assert folders() <= groups


def test_the_control_group_bounds_what_rlimits_cannot_count(judge: Judge) -> None:
    if not judge.rungs["cgroup"]:
        pytest.skip(f"no control group here: {judge.rungs['missing']['cgroup']}")
    group = judge._workers[()]._group
    assert group is not None
    group.fit(2048)
    limits = [int(path.read_text()) for f in group._folders for name in cgroup._MEMORY if (path := f / name).exists()]
    assert limits == [(2048 + 1024) << 20]


def test_one_worker_takes_jobs_of_every_kind_in_any_order(judge: Judge) -> None:
    process = judge._workers[()].process
    call = Job("def f(a): return a", IOFormat.CALL, (UnitTest("[1]", "1"),), entry_point="f")
    stdin = Job("print(1)", IOFormat.STDIN, (UnitTest("", "1"),))
    for job in (call, stdin, call, call, stdin, stdin, call):
        assert judge.run(job).verdict is Verdict.ACCEPTED
        assert judge.inspect("def f(a): return a").functions == ("f",)
    assert judge._workers[()].process is process


def test_a_traceback_is_cut_to_the_program_s_own_lines(judge: Judge) -> None:
    program = "import json\ndef f(x):\n    return json.loads(x)\nf('{')"
    [report] = judge.run(Job(program, IOFormat.STDIN, (UnitTest("", ""),))).unit_tests
    assert report.traceback == ((4, "<module>"), (3, "f"))
    assert report.error.endswith("(line 3)")


def test_a_long_traceback_keeps_its_ends(judge: Judge) -> None:
    program = "def f(n):\n    return f(n - 1) if n else 1 / 0\nf(100)"
    [report] = judge.run(Job(program, IOFormat.STDIN, (UnitTest("", ""),))).unit_tests
    assert len(report.traceback) == 20
    assert report.traceback[0] == (3, "<module>")


def test_a_worker_that_waits_for_a_cpu_is_waited_for() -> None:
    ours, theirs = socket.socketpair()
    handle, worker = object.__new__(WorkerHandle), Channel(theirs)
    handle._group, handle._channel = None, Channel(ours)
    for kind in (b"T", b"W", b"W", b"T", b"E"):
        worker.send(kind, {})
    assert [kind for kind, _, _ in handle.ask({}, timeout_s=60)] == [b"T", b"T", b"E"]
    worker.close()
    handle._channel.close()


def test_in_version_2_the_nearest_group_that_may_hold_groups_with_limits_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "system.slice" / "ssh.service" / "leaf"
    own.mkdir(parents=True)
    for path in (tmp_path, *own.parents, own):
        if path.is_relative_to(tmp_path):
            (path / "cgroup.subtree_control").write_text("")
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    (tmp_path / "own").write_text("0::/system.slice/ssh.service/leaf\n")
    monkeypatch.setattr(cgroup, "_ROOT", tmp_path)
    monkeypatch.setattr(cgroup, "_OWN", tmp_path / "own")
    assert list(cgroup._own_groups()) == []
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids")
    assert list(cgroup._own_groups()) == [tmp_path]
    (tmp_path / "system.slice" / "cgroup.subtree_control").write_text("memory pids\n")
    assert list(cgroup._own_groups()) == [tmp_path / "system.slice"]
