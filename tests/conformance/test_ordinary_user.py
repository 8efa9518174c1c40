"""The judge as an ordinary user starts it, where the kernel gives such a user no namespaces, and as the root of a container.

Tests mostly run as root. So a part of the suite is put to a judge in a process of another user, or of a root without some of
its powers, with an interpreter that any user may run; nothing but the standard library is needed for that.
"""

import contextlib
import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from appsplus.judge import STRICT_RUNGS

ROOT = Path(__file__).resolve().parents[2]
EVERY = 9  # case of the suite
NOBODY = 65534
PR_CAPBSET_DROP, EVERY_CAPABILITY = 24, tuple(range(41))
DOCKERS = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)  # the capabilities of root in one of its containers
NOT_DOCKERS = tuple(c for c in EVERY_CAPABILITY if c not in DOCKERS)
START = """
import json, os, resource, sys
from unittest.mock import patch
from appsplus.errors import SandboxError
from appsplus.judge import BEST_EFFORT, STRICT, Job, Judge, handle
from appsplus.problem import IOFormat, UnitTest

CHANGES = {"plain": "", "refused": '''
from appsplus.judge import isolation
granted = isolation.call
def refused(name, *arguments):
    if name == "unshare":
        raise PermissionError(1, "Operation not permitted")
    return granted(name, *arguments)
isolation.call = refused
''', "half": '''
from appsplus.judge import isolation
granted = isolation._unshare
def half(kinds):
    if kinds & isolation.NEWUSER:
        isolation.call("unshare", kinds)
        raise PermissionError(1, "Operation not permitted")
    granted(kinds)
isolation._unshare = half
'''}
main = "worker.main(sys.argv[1])"
patch.object(handle, "_START_WORKER", handle._START_WORKER.replace(main, CHANGES[sys.argv[1]] + main)).start()
found = {"uid": os.getuid(), "refusal": ""}

def strict_or_not():
    try:
        with Judge(isolation=STRICT) as judge:
            judge.inspect("1")
        return STRICT
    except SandboxError as error:
        found["refusal"] = str(error)
        return BEST_EFFORT
"""
SUITE = """
from appsplus.conformance.cases import CASES
from appsplus.conformance.run import judge_case

with Judge(isolation=strict_or_not()) as judge:
    outcomes = {case.name: judge_case(judge, case) for case in CASES[:: int(sys.argv[2])]}
    found |= {"rungs": judge.rungs, "run": sum(o.right is not None for o in outcomes.values())}
found["wrong"] = {name: [o.answer, o.detail] for name, o in outcomes.items() if o.right is False}
print(json.dumps(found))
"""
POWERS = """
ASKS = '''
import csv, hashlib, os
def becomes(how):
    try:
        how(1)
    except OSError:
        return "no"
    return "yes"
try:
    powers = [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")]
    powers = "no" if powers == ["0" * 16] else powers
except OSError:  # without namespaces, or in Docker, /proc is out of reach; what is asked of the kernel is not
    powers = becomes(os.setgid) + becomes(os.setuid)
print(os.getuid(), powers)
'''
try:
    judge = Judge(isolation=BEST_EFFORT)
except SandboxError as error:
    print(json.dumps(found | {"refusal": str(error)}))
    sys.exit()
with judge:
    [test] = judge.run(Job(ASKS, IOFormat.STDIN, (UnitTest("", ""),))).unit_tests
    print(json.dumps(found | {"rungs": judge.rungs, "printed": test.actual, "error": test.error}))
"""
LIMITED = """
kind, most = getattr(resource, sys.argv[2]), int(sys.argv[3])
resource.setrlimit(kind, (most, most))
with Judge(isolation=strict_or_not()) as judge:
    programs = ["print(1)", "print(1)" + "#" * 100_000]
    found["verdicts"] = [judge.run(Job(p, IOFormat.STDIN, (UnitTest("", "1"),))).verdict for p in programs]
print(json.dumps(found))
"""
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be a root without its powers")


def others_may(path: Path) -> bool:
    """Whether users who do not own a path may read it and all folders above it."""
    return all(place.stat().st_mode & 0o005 == 0o005 for place in (path, *path.parents))


@pytest.fixture(scope="module")
def interpreter() -> str:
    """A Python that another user may run, as this user: itself where that is no root."""
    if os.geteuid() != 0:
        return sys.executable
    if not others_may(ROOT / "appsplus"):
        pytest.skip(f"an ordinary user may not read {ROOT}")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    known = (getattr(sys, "_base_executable", ""), shutil.which(version, path="/usr/local/bin:/usr/bin"))
    for path in known:
        if path and others_may(Path(path).resolve()):
            return path
    pytest.skip(f"no {version} here that an ordinary user may run")


def found_by(python: str, script: str, *arguments: str, without: Sequence[int] | None = None) -> dict[str, Any]:
    """What a script found as an ordinary user, or as root without some capabilities."""
    other: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    if without is not None:
        libc = ctypes.CDLL(None)
        other = {"preexec_fn": lambda: [libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) for capability in without]}
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [python, "-c", START + script, *arguments]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=300, **other)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found["uid"] == 0) == (without is not None)
    return found


def tasks_of(user: int) -> int:
    """Threads that belong to a user."""
    found = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found += len(list((folder / "task").iterdir())) if folder.stat().st_uid == user else 0
    return found


def suite(python: str, kind: str, without: Sequence[int] | None = None) -> dict[str, Any]:
    """What a part of the suite says."""
    return found_by(python, SUITE, kind, str(EVERY), without=without)


def test_an_ordinary_user_has_strict_isolation_and_the_same_verdicts(interpreter: str) -> None:
    found = suite(interpreter, "plain")
    if found["refusal"]:
        pytest.skip(f"this machine gives it to nobody but root: {found['refusal']}")
    assert all(found["rungs"][name] for name in STRICT_RUNGS)
    assert found["wrong"] == {}
    assert found["run"] > 50


def test_where_the_kernel_refuses_namespaces_strict_says_so_and_best_effort_has_the_same_verdicts(
    interpreter: str,
) -> None:
    found = suite(interpreter, "refused")
    assert "strict isolation is not available here (namespaces: the kernel refused them" in found["refusal"]
    assert "sysctl kernel.unprivileged_userns_clone=1" in found["refusal"]
    assert not found["rungs"]["namespaces"]
    assert not found["rungs"]["root"]
    assert found["rungs"]["seccomp"]
    assert found["wrong"] == {}
    assert found["run"] > 45


@only_root
def test_the_root_of_a_container_has_strict_isolation_and_the_same_verdicts(interpreter: str) -> None:
    """Root without CAP_SYS_ADMIN, as in Docker: what a user may have, it may have."""
    if refusal := suite(interpreter, "plain")["refusal"]:
        pytest.skip(f"this machine gives strict isolation to nobody but root: {refusal}")
    found = suite(interpreter, "plain", without=NOT_DOCKERS)
    assert found["refusal"] == ""
    assert found["wrong"] == {}
    assert found["run"] > 50


@only_root
def test_a_root_without_any_power_is_told_to_start_as_a_user_and_best_effort_has_the_same_verdicts(
    interpreter: str,
) -> None:
    found = suite(interpreter, "plain", without=EVERY_CAPABILITY)
    assert "user: root may not become another user here; start as one (docker run --user 1000)" in found["refusal"]
    assert not found["rungs"]["user"]
    assert found["wrong"] == {}
    assert found["run"] > 45


@only_root
@pytest.mark.parametrize("kind", ["plain", "refused"])
@pytest.mark.parametrize("without", [(), NOT_DOCKERS, EVERY_CAPABILITY], ids=["root", "docker", "powerless"])
@pytest.mark.parametrize("readable", [True, False])
def test_no_program_has_a_capability_or_is_root_where_root_may_become_nobody(
    kind: str, without: Sequence[int], *, readable: bool, interpreter: str
) -> None:
    """Also where only root may read the interpreter, and where the kernel refuses namespaces."""
    if not readable and others_may(Path(sys.executable).resolve()):
        pytest.skip("every user may read this interpreter")
    found = found_by(interpreter if readable else sys.executable, POWERS, kind, without=without)
    if found["refusal"]:  # programs would not find what they import, and root is not what they are run as
        assert not readable
        assert without != EVERY_CAPABILITY
        assert "only root may read" in found["refusal"]
        return
    assert found["printed"].split()[1:] in (["no"], ["nono"]), found["error"]
    if not found["rungs"]["namespaces"]:
        assert found["rungs"]["user"] == (without != EVERY_CAPABILITY)
        assert found["printed"].split()[0] == ("0" if without == EVERY_CAPABILITY else str(NOBODY))


@pytest.mark.parametrize("without", [pytest.param((), marks=only_root), None], ids=["root", "user"])
def test_a_user_namespace_that_is_granted_by_half_is_none(without: Sequence[int] | None, interpreter: str) -> None:
    """As AppArmor does on Ubuntu: it is made, and nobody may be named in it."""
    if found_by(interpreter, POWERS, "plain", without=without)["rungs"]["missing"].keys() & {
        "namespaces",
        "nested_pid_namespace",
        "user",
    }:
        pytest.skip("this machine grants none at all")
    found = found_by(interpreter, POWERS, "half", without=without)
    assert found["printed"].split()[1:] in (["no"], ["nono"]), found["error"]
    told = [found["rungs"]["missing"].get(name, "") for name in ("namespaces", "nested_pid_namespace")]
    assert any("Operation not permitted" in why for why in told)


@pytest.mark.parametrize(
    ("kind", "most"),
    [("AS", 4 << 30), ("NPROC", 60), ("NOFILE", 100), ("STACK", 8 << 20), ("CPU", 3600)],
)
def test_limits_that_are_lower_than_the_judge_s_are_named_and_make_no_verdict_of_their_own(
    kind: str, most: int, interpreter: str
) -> None:
    if kind == "NPROC" and tasks_of(NOBODY if os.geteuid() == 0 else os.getuid()) > 30:
        pytest.skip("this user has so many processes that the test could not start its own")
    found = found_by(interpreter, LIMITED, "plain", f"RLIMIT_{kind}", str(most))
    assert f"RLIMIT_{kind}" in found["refusal"]
    assert found["verdicts"] == ["accepted", "accepted"]
