"""The judge as an ordinary user starts it, where the kernel gives such a user no namespaces, and as the root of a container.

Tests mostly run as root. So a part of the suite is put to a judge in a process of another user, or of a root without some of
its powers, with an interpreter that any user may run; nothing but the standard library is needed for that.
"""

import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from appsplus.judge import STRICT_RUNGS

ROOT = Path(__file__).resolve().parents[2]
EVERY = 9  # case of the suite
NOBODY = 65534
PR_CAPBSET_DROP, CAP_SYS_ADMIN, EVERY_CAPABILITY = 24, 21, range(41)
SCRIPT = """
import json, os, sys
from unittest.mock import patch
from appsplus.conformance.cases import CASES
from appsplus.conformance.run import judge_case
from appsplus.errors import SandboxError
from appsplus.judge import BEST_EFFORT, STRICT, Judge, handle

REFUSED = '''
from appsplus.judge import isolation
granted = isolation.call
def refused(name, *arguments):
    if name == "unshare":
        raise PermissionError(1, "Operation not permitted")
    return granted(name, *arguments)
isolation.call = refused
'''
isolation, start, main = STRICT, handle._START_WORKER, "worker.main(sys.argv[1])"
found = {"uid": os.getuid(), "refusal": ""}
if sys.argv[1] == "refused":
    start = start.replace(main, REFUSED + main)
with patch.object(handle, "_START_WORKER", start):
    try:
        with Judge(isolation=STRICT) as judge:
            judge.inspect("1")
    except SandboxError as error:
        found["refusal"], isolation = str(error), BEST_EFFORT
    with Judge(isolation=isolation) as judge:
        outcomes = {case.name: judge_case(judge, case) for case in CASES[:: int(sys.argv[2])]}
        found |= {"rungs": judge.rungs, "run": sum(o.right is not None for o in outcomes.values())}
found["wrong"] = {name: [o.answer, o.detail] for name, o in outcomes.items() if o.right is False}
print(json.dumps(found))
"""


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


def judged(interpreter: str, kind: str, without: Iterable[int] | None = None) -> dict[str, Any]:
    """What the script found as an ordinary user, or as root without some capabilities."""
    other: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    if without is not None:
        libc = ctypes.CDLL(None)
        other = {"preexec_fn": lambda: [libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) for capability in without]}
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [interpreter, "-c", SCRIPT, kind, str(EVERY)]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=300, **other)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found["uid"] == 0) == (without is not None)
    return found


def test_an_ordinary_user_has_strict_isolation_and_the_same_verdicts(interpreter: str) -> None:
    found = judged(interpreter, "plain")
    if found["refusal"]:
        pytest.skip(f"this machine gives it to nobody but root: {found['refusal']}")
    assert all(found["rungs"][name] for name in STRICT_RUNGS)
    assert found["wrong"] == {}
    assert found["run"] > 50


def test_where_the_kernel_refuses_namespaces_strict_says_so_and_best_effort_has_the_same_verdicts(
    interpreter: str,
) -> None:
    found = judged(interpreter, "refused")
    assert "strict isolation is not available here (namespaces: the kernel refused them" in found["refusal"]
    assert "sysctl kernel.unprivileged_userns_clone=1" in found["refusal"]
    assert not found["rungs"]["namespaces"]
    assert not found["rungs"]["root"]
    assert found["rungs"]["seccomp"]
    assert found["wrong"] == {}
    assert found["run"] > 45


only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be a root without its powers")


@only_root
def test_the_root_of_a_container_has_strict_isolation_and_the_same_verdicts(interpreter: str) -> None:
    """Root without CAP_SYS_ADMIN: what a user may have, it may have."""
    if judged(interpreter, "plain")["refusal"]:
        pytest.skip("this machine gives namespaces to nobody but root")
    found = judged(interpreter, "plain", without=[CAP_SYS_ADMIN])
    assert found["refusal"] == ""
    assert found["wrong"] == {}
    assert found["run"] > 50


@only_root
def test_a_root_without_any_power_is_told_to_start_as_a_user_and_best_effort_has_the_same_verdicts(
    interpreter: str,
) -> None:
    found = judged(interpreter, "plain", without=EVERY_CAPABILITY)
    assert "user: root may not become another user here; start as one (docker run --user 1000)" in found["refusal"]
    assert not found["rungs"]["user"]
    assert found["wrong"] == {}
    assert found["run"] > 45
