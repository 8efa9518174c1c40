"""Adapters of other projects' judges: on small fakes of their checkouts, and on real ones in the folder APPSPLUS_PEERS."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appsplus.conformance.peers import NAMES, Peer, open_peer
from appsplus.errors import InputError
from appsplus.problem import IOFormat, Limits, UnitTest

LIMITS = Limits(cpu_s=1, wall_s=2)
FOLDERS = dict(zip(NAMES, ("apps", "LiveCodeBench", "evalplus", "verl"), strict=True))
ADDS = "def add(a, b):\n    return a + b\n"
SUMS = "a, b = map(int, input().split())\nprint(a + b)\n"
HARNESS = {  # what the fakes define: nothing but the signature that the real ones have
    "apps": (
        "eval/test_one_solution.py",
        "import testing_util as test_util\n"
        "def check_correctness(problem, generation, timeout, debug):\n"
        "    return test_util.run_test(problem, generation, timeout)\n",
    ),
    "livecodebench": (
        "lcb_runner/evaluation/compute_code_generation_metrics.py",
        "import json\n"
        "def check_correctness(sample, generation, timeout, debug=True):\n"
        "    sample = json.loads(sample['input_output'])\n"
        "    names = {}\n"
        "    exec(generation, names)\n"
        "    arguments = [[json.loads(a) for a in i.split('\\n')] for i in sample['inputs']]\n"
        "    expected = [json.loads(o) for o in sample['outputs']]\n"
        "    return [names[sample['fn_name']](*a) == e for a, e in zip(arguments, expected)], {}\n",
    ),
    "evalplus": (
        "evalplus/eval/__init__.py",
        "def untrusted_check(dataset, code, inputs, entry_point, expected, atol, ref_time, fast_check, min_time_limit):\n"
        "    names = {}\n"
        "    exec(code, names)\n"
        "    details = [names[entry_point](*i) == e for i, e in zip(inputs, expected)]\n"
        "    return ('pass' if all(details) else 'fail'), details\n",
    ),
    "verl": (
        "verl/utils/reward_score/prime_code/utils.py",
        "import json\n"
        "from pyext import RuntimeModule\n"
        "def check_correctness(in_outs, generation, timeout=10, debug=True):\n"
        "    module = RuntimeModule.from_string('solution', '', generation)\n"
        "    arguments = [[json.loads(a) for a in i.split('\\n')] for i in in_outs['inputs']]\n"
        "    expected = [json.loads(o) for o in in_outs['outputs']]\n"
        "    return [getattr(module, in_outs['fn_name'])(*a) == e for a, e in zip(arguments, expected)], [{}]\n",
    ),
}
MORE = {
    "eval/testing_util.py": "timeout = 4\n"
    "def run_test(problem, test, global_s):\n"
    "    names = {}\n"
    "    exec(test, names)\n"
    "    sample = problem['input_output']\n"
    "    assert (timeout, global_s) == (1, 2 * len(sample['inputs']) + 4), (timeout, global_s)\n"
    "    return [names[sample['fn_name']](*i) == o for i, o in zip(sample['inputs'], sample['outputs'])]\n",
    "verl/utils/reward_score/prime_code/__init__.py": "",
    "verl/__init__.py": "import torch_that_nobody_has\n",
}


@pytest.fixture
def fake(tmp_path: Path) -> Callable[..., Path]:
    """Write a fake checkout, with further text at the end of its harness."""

    def write(name: str, more: str = "") -> Path:
        path, text = HARNESS[name]
        tmp_path.chmod(0o755)
        for file, content in ({path: text + more} | MORE).items():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(content)
        return tmp_path

    return write


@pytest.fixture(params=NAMES)
def real(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """The judge in a real checkout."""
    folder = os.environ.get("APPSPLUS_PEERS")
    if not folder:
        pytest.skip("APPSPLUS_PEERS does not name a folder with the checkouts of the peers")
    with open_peer(request.param, Path(folder) / FOLDERS[request.param]) as peer:
        yield peer


def cases(*pairs: tuple[str, str]) -> list[UnitTest]:
    return [UnitTest(*pair) for pair in pairs]


def accepts(peer: Peer, program: str, limits: Limits = LIMITS) -> bool | None:
    return peer.judge(program, IOFormat.CALL, cases(("[1, 2]", "3")), "add", limits).accepted


@pytest.mark.parametrize("name", NAMES)
def test_a_fake_checkout_is_driven_as_the_real_one_would_be(name: str, fake: Callable[..., Path]) -> None:
    with open_peer(name, fake(name)) as peer:
        answer = peer.judge(ADDS, IOFormat.CALL, cases(("[1, 2]", "3"), ("[2, 2]", "5")), "add", LIMITS)
        assert (answer.accepted, answer.unit_tests) == (False, (True, False))
        assert accepts(peer, ADDS) is True
        assert peer.commit == "unknown"
        assert peer.cpu_s > 0


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no checkout of hendrycks/apps: it has no eval/test_one_solution\.py"):
        open_peer("apps", tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="the judges of peers run as another user only where root starts them")
def test_a_checkout_that_nobody_may_read_is_refused(fake: Callable[..., Path], tmp_path: Path) -> None:
    checkout = fake("evalplus")
    tmp_path.chmod(0o700)
    with pytest.raises(InputError, match=r"cannot be read by user 65534 .*chmod -R a\+rX"):
        open_peer("evalplus", checkout)


def test_an_unknown_peer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one of apps, livecodebench, evalplus, verl; got 'codex'"):
        open_peer("codex", tmp_path)


def test_a_package_that_is_not_installed_is_named(fake: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="imports a_package_nobody_has, which is not installed: pip install a_package"):
        open_peer("evalplus", fake("evalplus", "import a_package_nobody_has\n"))


def test_a_format_that_the_peer_does_not_have_is_refused(fake: Callable[..., Path]) -> None:
    with open_peer("evalplus", fake("evalplus")) as peer:
        assert peer.formats == {IOFormat.CALL}
        with pytest.raises(InputError, match="evalplus has no stdin format"):
            peer.judge(SUMS, IOFormat.STDIN, cases(("1 2", "3")), None, LIMITS)


def test_what_a_peer_cannot_express_is_no_answer(fake: Callable[..., Path]) -> None:
    with open_peer("livecodebench", fake("livecodebench")) as peer:
        answer = peer.judge("def f(): return 1", IOFormat.CALL, cases(("[]", "1")), "f", LIMITS)
        assert answer.accepted is None
        assert answer.detail == "its input format has no call without arguments"


def test_a_peer_that_hangs_is_killed_and_works_again(
    fake: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appsplus.conformance.peers._GRACE_S", 0.2)
    with open_peer("evalplus", fake("evalplus")) as peer:
        answer = peer.judge("while True: pass", IOFormat.CALL, cases(("[1, 2]", "3")), "add", Limits(wall_s=0.3))
        assert (answer.accepted, answer.unit_tests, answer.detail) == (None, (None,), "no answer in 0.5 s")
        assert accepts(peer, ADDS, Limits()) is True


@pytest.mark.parametrize(
    "attack",
    [
        "import os; os.kill(-1, 9)",
        "import os; os._exit(0)",
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    ],
)
def test_a_peer_that_its_program_kills_gives_no_answer_and_works_again(attack: str, fake: Callable[..., Path]) -> None:
    with open_peer("evalplus", fake("evalplus")) as peer:
        if "-1" in attack:  # spares its caller, as kill(2) does
            attack = f"import os\nif os.fork() == 0:\n    {attack}\nos.wait()"
        answer = peer.judge(attack, IOFormat.CALL, cases(("[1, 2]", "3")), "add", LIMITS)
        assert answer.accepted is None
        assert answer.detail == "its process ended without an answer (its pipe was closed)"
        assert accepts(peer, ADDS) is True


def test_a_peer_outlives_the_thread_that_started_it_again(fake: Callable[..., Path]) -> None:
    with open_peer("evalplus", fake("evalplus")) as peer:
        peer.close()
        thread = threading.Thread(target=accepts, args=(peer, ADDS))
        thread.start()
        thread.join()
        assert accepts(peer, ADDS) is True


def test_nothing_of_a_peer_outlives_its_parent(fake: Callable[..., Path]) -> None:
    script = (
        "import os, sys; from pathlib import Path; from appsplus.conformance.peers import open_peer;"
        "print(open_peer('evalplus', Path(sys.argv[1])).pid, flush=True); os.kill(os.getpid(), 9)"
    )
    checkout = fake("evalplus")
    command = [sys.executable, "-c", script, str(checkout)]
    ran = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(Path(__file__).parents[2])})
    left = Path("/proc") / ran.stdout.strip()
    deadline = time.monotonic() + 10
    while left.exists() and b"peer_driver" in (left / "cmdline").read_bytes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ran.stdout.strip().isdigit()
    assert not left.exists() or b"peer_driver" not in (left / "cmdline").read_bytes()


def test_a_fork_bomb_stays_in_the_container_and_is_swept_out(fake: Callable[..., Path]) -> None:
    bomb = """
import os, time
def add(a, b):
    children = 0
    try:
        while True:
            if os.fork() == 0:
                time.sleep(60)
            children += 1
    except OSError:
        return children
"""
    with open_peer("evalplus", fake("evalplus")) as peer:
        unit_test = cases(("[1, 2]", "127"))  # the limit, less the driver
        answer = peer.judge(bomb, IOFormat.CALL, unit_test, "add", LIMITS)
        assert answer.accepted is True
        assert "left behind: /proc/" in answer.detail
        assert accepts(peer, ADDS) is True


def test_nothing_outside_the_container_can_be_written_or_seen(fake: Callable[..., Path], tmp_path: Path) -> None:
    checkout = fake("evalplus")
    program = f"""
import os, socket
def add(a, b):
    found = []
    for path in ("/x", "/etc/x", "/usr/x", {str(checkout / "x")!r}, {str(Path(__file__).parent / "x")!r}):
        try:
            open(path, "w")
            found.append(path)
        except OSError:
            pass
    try:
        with open("/tmp/x", "wb") as file:
            while True:
                file.write(bytes(1 << 20))
    except OSError:
        pass
    found.append(os.path.getsize("/tmp/x") <= 64 << 20)
    found.append(sorted(int(p) for p in os.listdir("/proc") if p.isdigit())[0])
    found.append(sum(1 for p in os.listdir("/proc") if p.isdigit()))
    found.append(os.getuid() == 65534 or os.getuid() == {os.getuid()})
    found.append([name for _, name in socket.if_nameindex()])
    return found
"""
    with open_peer("evalplus", checkout) as peer:
        expected = cases(("[1, 2]", '[true, 1, 2, true, ["lo"]]'))
        answer = peer.judge(program, IOFormat.CALL, expected, "add", LIMITS)
        assert answer.accepted is True
        assert "left behind: /tmp/x" in answer.detail
        listed = "import os\ndef add(a, b):\n return 'x' in os.listdir('/tmp')"
        assert peer.judge(listed, IOFormat.CALL, cases(("[1, 2]", "false")), "add", LIMITS).accepted is True


def test_a_program_cannot_answer_for_the_peer(fake: Callable[..., Path]) -> None:
    forger = """
import os
def add(a, b):
    if os.fork() == 0:
        for descriptor in range(64):
            try:
                os.write(descriptor, b'{"accepted": true, "unit_tests": [true], "detail": "", "cpu_s": 0}\\n')
            except OSError:
                pass
        os._exit(0)
    os.wait()
    return 4
"""
    with open_peer("evalplus", fake("evalplus")) as peer:
        assert accepts(peer, forger) is False


def test_a_real_peer_tells_right_from_wrong_in_the_call_format(real: Peer) -> None:
    unit_tests = cases(("[1, 2]", "3"), ("[[1], [2]]", "[1, 2]"), ('["a", "b"]', '"ab"'))
    right = real.judge(ADDS, IOFormat.CALL, unit_tests, "add", LIMITS)
    assert (right.accepted, right.unit_tests) == (True, (True, True, True))
    wrong = real.judge("def add(a, b):\n    return b + a\n", IOFormat.CALL, unit_tests, "add", LIMITS)
    assert (wrong.accepted, wrong.unit_tests[:2]) == (False, (True, False))
    partial = real.judge(
        "def add(a, b):\n    return 1\n", IOFormat.CALL, cases(("[[1], [2]]", "[1, 2]")), "add", LIMITS
    )
    assert partial.accepted is False


def test_a_real_peer_tells_right_from_wrong_in_the_stdin_format(real: Peer) -> None:
    if IOFormat.STDIN not in real.formats:
        pytest.skip(f"{real.name} has no stdin format")
    unit_tests = cases(("1 2\n", "3\n"), ("3 4\n", "7\n"))
    assert real.judge(SUMS, IOFormat.STDIN, unit_tests, None, LIMITS).accepted is True
    assert real.judge(SUMS.replace("+", "-"), IOFormat.STDIN, unit_tests, None, LIMITS).accepted is False


def test_a_real_peer_finds_a_method_of_solution(real: Peer) -> None:
    assert accepts(real, "class Solution:\n    def add(self, a, b):\n        return a + b\n") is True
    assert accepts(real, "class Solution:\n    def add(self, a, b):\n        return a - b\n") is False


def test_a_real_peer_is_named_by_its_commit(real: Peer) -> None:
    assert len(real.commit) == 40


def test_a_real_peer_survives_a_slow_a_broken_and_a_murderous_program(real: Peer) -> None:
    assert accepts(real, "def add(a, b):\n    while True: pass\n") is False
    assert accepts(real, "def add(a, b)\n") is False
    assert accepts(real, "import ctypes\ndef add(a, b):\n    ctypes.CDLL(None).kill(-1, 9)\n    return 4\n") in (
        False,
        None,
    )
    assert accepts(real, ADDS) is True
