"""Programs and the verdict each must get: honest ones, wrong ones, hostile ones."""

import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from appsplus.errors import InputError
from appsplus.judge import Job, Judge
from appsplus.problem import IOFormat, Limits, UnitTest, Verdict

QUICK = Limits(cpu_s=0.5, wall_s=1.5, memory_mib=256, output_mib=1)
AC, WA, RE = Verdict.ACCEPTED, Verdict.WRONG_ANSWER, Verdict.RUN_TIME_ERROR
CE, TLE = Verdict.COMPILE_ERROR, Verdict.TIME_LIMIT_EXCEEDED
MLE, OLE = Verdict.MEMORY_LIMIT_EXCEEDED, Verdict.OUTPUT_LIMIT_EXCEEDED

# what it is about: (program, standard input, expected standard output, verdict)
STDIN = {
    "input()": ("print(int(input()) * 2)", "2\n", "4\n", AC),
    "sys.stdin by line": ("import sys\nprint(sum(int(x) for x in sys.stdin))", "1\n2\n", "3", AC),
    "sys.stdin.buffer": ("import sys\nprint(len(sys.stdin.buffer.read()))", "é\n", "3", AC),
    "open(0)": ("print(open(0).read().strip())", "7\n", "7", AC),
    "os.read": ("import os\nprint(os.read(0, 100).decode())", "7", "7", AC),
    "fileinput": ("import fileinput\nprint([x.strip() for x in fileinput.input()])", "a\nb\n", "['a', 'b']", AC),
    "CRLF input": ("print(repr(input()))", "ab\r\ncd\r\n", "'ab'", AC),
    "input() after the end": ("try:\n    input()\nexcept EOFError:\n    print('end')", "", "end", AC),
    "exit(0)": ("print(1)\nexit(0)\nprint(2)", "", "1", AC),
    "sys.exit()": ("import sys\nprint(1)\nsys.exit()", "", "1", AC),
    "raise SystemExit": ("print(1)\nraise SystemExit", "", "1", AC),
    "os._exit after a flush": ("import os\nprint(1, flush=True)\nos._exit(0)", "", "1", AC),
    "exit with a message": ("import sys\nsys.exit('no')", "", "", RE),
    "exit status 3": ("print(1)\nexit(3)", "", "1", RE),
    "a main guard": ("def main():\n    print(__name__)\nif __name__ == '__main__':\n    main()", "", "__main__", AC),
    "unflushed output": ("import sys\nsys.stdout.write('1')", "", "1", AC),
    "stdout.buffer": ("import sys\nsys.stdout.buffer.write(b'1')", "", "1", AC),
    "a second stdout": ("import os\nwith os.fdopen(1, 'w') as f:\n    f.write('1')", "", "1", AC),
    "stdout closed by the program": ("import sys\nprint(1)\nsys.stdout.close()", "", "1", AC),
    "prints to stderr": ("import sys\nprint('debug', file=sys.stderr)\nprint(1)", "", "1", AC),
    "threads": ("import threading\nthreading.Thread(target=lambda: print('t')).start()", "", "t", AC),
    "a thread with a large stack": (
        "import threading, sys\nthreading.stack_size(1 << 26)\nsys.setrecursionlimit(10**6)\n"
        "def f(n):\n    return 0 if n == 0 else 1 + f(n - 1)\n"
        "t = threading.Thread(target=lambda: print(f(50000)))\nt.start()\nt.join()",
        "",
        "50000",
        AC,
    ),
    "atexit": ("import atexit\natexit.register(print, 'bye')\nprint('hi')", "", "hi\nbye", AC),
    "deep recursion": ("def f(n):\n    return n and 1 + f(n - 1)\nprint(f(20000))", "", "20000", AC),
    "large integers": ("print(len(str(10 ** 6000)))", "", "6001", AC),
    "argv": ("import sys\nprint(len(sys.argv))", "", "1", AC),
    "a file in /tmp": ("open('a', 'w').write('x')\nprint(open('/tmp/a').read())", "", "x", AC),
    "decimal": ("from decimal import Decimal\nprint(Decimal(1) / 8)", "", "0.125", AC),
    "a locale of UTF-8": ("print(input())", "żółw\n", "żółw", AC),
    "wrong answer": ("print(1)", "", "2", WA),
    "no output": ("pass", "", "2", WA),
    "lines in another order": ("print('b\\na')", "", "a\nb", WA),
    "another case": ("print('yes')", "", "YES", WA),
    "an integer as a float": ("print(4.0)", "", "4", WA),
    "output, then a crash": ("print(4, flush=True)\n1 / 0", "", "4", RE),
    "an exception": ("print(int(input()))", "x", "", RE),
    "infinite recursion": ("def f(): return f()\nf()", "", "", RE),
    "segmentation fault": ("import ctypes\nctypes.string_at(0)", "", "", RE),
    "abort": ("import os\nos.abort()", "", "", RE),
    "a syntax error": ("print(", "", "", CE),
    "a null byte": ("print(1)\0", "", "1", CE),
    "a lone surrogate": ("print('\ud800')", "", "1", CE),
    "too many parentheses": ("(" * 5000 + ")" * 5000, "", "", CE),
    "nesting that kills the parser": ("x = " + "-" * 200_000 + "1", "", "", CE),
    "an endless loop": ("while True: pass", "", "", TLE),
    "a loop that catches everything": ("while True:\n    try:\n        while True: pass\n    except BaseException: pass", "", "", TLE),
    "cancelled timers": (
        "import signal\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n    except OSError: pass\n"
        "signal.setitimer(signal.ITIMER_REAL, 0)\nsignal.setitimer(signal.ITIMER_PROF, 0)\nwhile True: pass",
        "",
        "",
        TLE,
    ),
    "a loop inside C": ("sum(iter(int, 1))", "", "", TLE),
    "a catastrophic regular expression": ("import re\nre.match('(a+)+$', 'a' * 40 + 'b')", "", "", TLE),
    "sleep": ("import time\ntime.sleep(60)", "", "", TLE),
    "a thread that never ends": ("import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()", "", "", TLE),
    "the right answer, too late": ("import time\nprint(1, flush=True)\ntime.sleep(60)", "", "1", TLE),
    "memory in steps": ("x = []\nwhile True: x.append(bytes(1 << 20))", "", "", MLE),
    "memory at once": ("x = bytes(1 << 40)", "", "", MLE),
    "too much output": ("while True: print('x' * 1000)", "", "", OLE),
    "too much output, errors caught": (
        "while True:\n    try: print('x' * 1000, flush=True)\n    except OSError: break", "", "", OLE),
}  # fmt: skip


@pytest.mark.parametrize("name", STDIN)
def test_a_program_of_the_stdin_format_gets_its_verdict(judge: Judge, name: str) -> None:
    program, given, expected, verdict = STDIN[name]
    report = judge.run(Job(program, IOFormat.STDIN, (UnitTest(given, expected),), limits=QUICK))
    assert (report.verdict, report.unit_tests[0].verdict) == (verdict, verdict), report


# what it is about: (program, [(arguments, expected value)], verdicts)
CALL = {
    "a function": ("def f(a, b): return a + b", [("[1,2]", "3"), ('["a","b"]', '"ab"')], [AC, AC]),
    "a method": ("class Solution:\n    def f(self, a): return a", [("[1]", "1")], [AC]),
    "names that graders offer": ("def f(a: List[int]): return Counter(a)[1] + gcd(4, 6)", [("[[1,1]]", "4")], [AC]),
    "builtins are not shadowed": ("def f(a): return pow(a, 2, 5)", [("[3]", "4")], [AC]),
    "a generator": ("def f(n):\n    yield from range(n)", [("[3]", "[0,1,2]")], [AC]),
    "mutated arguments": ("def f(a):\n    a.append(1)\n    return a", [("[[0]]", "[0,1]")] * 2, [AC, AC]),
    "module state does not leak": (
        "seen = []\ndef f(a):\n    seen.append(a)\n    return len(seen)", [("[1]", "1")] * 3, [AC, AC, AC]),
    "state in a default argument": ("def f(a, s=[]):\n    s.append(a)\n    return len(s)", [("[1]", "1")] * 2, [AC, AC]),
    "state in a class": (
        "class Solution:\n    n = 0\n    def f(self):\n        Solution.n += 1\n        return Solution.n",
        [("[]", "1")] * 2, [AC, AC]),
    "state that hides in a function": (
        "def f():\n    f.__dict__.setdefault('n', 0)\n    f.__dict__['n'] += 1\n    return f.__dict__['n']",
        [("[]", "1")] * 2, [AC, AC]),
    "an error in one unit test only": ("def f(a): return 1 // a", [("[0]", "0"), ("[1]", "1")], [RE, AC]),
    "an endless loop in one unit test only": (
        "def f(a):\n    while a: pass\n    return 1", [("[1]", "1"), ("[0]", "1")], [TLE, AC]),
    "os._exit in one unit test only": (
        "import os\ndef f(a):\n    if a: os._exit(0)\n    return 1", [("[1]", "1"), ("[0]", "1")], [RE, AC]),
    "sys.exit in a function": ("import sys\ndef f(): sys.exit(0)", [("[]", "null")], [RE]),
    "no such function": ("def g(): return 1", [("[]", "1")] * 2, [RE, RE]),
    "a crash on import": ("1 / 0\ndef f(): return 1", [("[]", "1")] * 2, [RE, RE]),
    "an endless loop on import": ("while True: pass\ndef f(): return 1", [("[]", "1")], [TLE]),
    "a syntax error": ("def f(:", [("[]", "1")] * 2, [CE, CE]),
    "True is not 1": ("def f(): return True", [("[]", "1")], [WA]),
    "1.0 is not 1": ("def f(): return 1.0", [("[]", "1")], [WA]),
    "an object that equals everything": (
        "class Answer:\n    def __eq__(self, other): return True\ndef f(): return Answer()", [("[]", "1")], [WA]),
    "an int that equals everything": (
        "class Answer(int):\n    def __eq__(self, other): return True\ndef f(): return Answer(2)", [("[]", "1")], [WA]),
    "large integers": ("def f(n): return 10 ** n", [("[5000]", "1" + "0" * 5000)], [AC]),
    "an endless generator": ("def f():\n    n = 10**6\n    while True:\n        n += 1\n        yield 'x' * n", [("[]", "[0]")], [MLE]),
    "too much in one answer": ("def f(): return 'x' * (2 << 20)", [("[]", '"x"')], [OLE]),
    "nonsense on the answer channel": (
        "import os\ndef f():\n    os.write(3, b'garbage' * 100)\n    return 1", [("[]", "1")], [OLE]),
    "a forged answer before the question": (
        "import os, struct\nos.write(3, struct.pack('<cII', b'R', 0, 0) + struct.pack('<cII', b'V', 0, 1) + b'1')\n"
        "def f(): return 2", [("[]", "1")], [WA]),
    "ready, again and again": (
        "import os, struct\ndef f():\n    while True: os.write(3, struct.pack('<cII', b'R', 0, 0) * 5000)", [("[]", "1")], [TLE]),
    "a patched encoder": ("import json\njson.dumps = lambda *a, **k: '1'\ndef f(): return 2", [("[]", "2")], [WA]),
    "expected values in the stack": (
        "import sys, gc\nn = 31336 + 1\ndef f():\n    frame = sys._getframe()\n    while frame:\n"
        "        if any(str(n) in repr(v) for v in list(frame.f_locals.values())): return n\n        frame = frame.f_back\n"
        "    return n if any(str(n) in repr(o) for o in gc.get_objects() if type(o) is dict and o is not globals()) else 0",
        [("[]", "31337")], [WA]),
}  # fmt: skip


@pytest.mark.parametrize("name", CALL)
def test_a_program_of_the_call_format_gets_its_verdicts(judge: Judge, name: str) -> None:
    program, cases, verdicts = CALL[name]
    tests = tuple(UnitTest(arguments, expected) for arguments, expected in cases)
    report = judge.run(Job(program, IOFormat.CALL, tests, entry_point="f", limits=QUICK))
    assert [t.verdict for t in report.unit_tests] == verdicts, report


# what it is about: a program that prints "refused" when the sandbox holds
HOSTILE = {
    "fork": "os.fork()",
    "a shell": "print(os.system('true') == 0 or 1 / 0)",
    "subprocess": "__import__('subprocess').run(['/bin/true'])",
    "exec": "os.execv('/bin/true', ['true'])",
    "a socket": "__import__('socket').socket()",
    "the host's files": "open('/etc/passwd')",
    "the host's processes": "print(len([p for p in os.listdir('/proc') if p.isdigit()]) > 1 or 1 / 0)",
    "the interpreter's library": "open(os.__file__, 'w')",
    "a file outside /tmp": "open('/x', 'w')",
    "a full disk": "open('/tmp/a', 'wb').write(bytes(64 << 20))",
    "killing everything": "os.kill(-1, 9)",
    "killing the supervisor": "os.kill(os.getppid(), 9) if os.getppid() else 1 / 0",
    "ptrace": "print(ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0 or 1 / 0)",
    "mount": "print(ctypes.CDLL(None).mount(b'x', b'/tmp', b'tmpfs', 0, None) == 0 or 1 / 0)",
    "unshare": "print(ctypes.CDLL(None).unshare(0x10000000) == 0 or 1 / 0)",
    "shared memory": "print(ctypes.CDLL(None).shmget(1, 4096, 0o1600) >= 0 or 1 / 0)",
    "a higher limit": "__import__('resource').setrlimit(__import__('resource').RLIMIT_AS, (-1, -1))",
    "a thread bomb": "[__import__('threading').Thread(target=__import__('time').sleep, args=(9,), daemon=True).start() for _ in range(999)]",
    "this package": "import appsplus",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_the_sandbox_refuses(strict_judge: Judge, name: str) -> None:
    program = f"import os, ctypes\ntry:\n    {HOSTILE[name]}\nexcept BaseException:\n    print('refused')\nos._exit(0) if print(end='', flush=True) else os._exit(0)"
    report = strict_judge.run(Job(program, IOFormat.STDIN, (UnitTest("", "refused"),), limits=QUICK))
    assert report.verdict is AC, report


def test_nothing_that_a_program_wrote_or_started_is_left_for_the_next(strict_judge: Judge) -> None:
    write = "import os\nos.makedirs('/tmp/a/b')\nopen('/tmp/a/b/c', 'w').write('x')\nos.chmod('/tmp/a', 0)"
    look = "import os\nprint(os.listdir('/tmp'))"
    for program, expected in ((write, ""), (look, "[]")):
        assert strict_judge.run(Job(program, IOFormat.STDIN, (UnitTest("", expected),))).verdict is AC


def test_an_error_names_type_message_and_line_of_the_program(judge: Judge) -> None:
    program = "def g(x):\n    return 1 // x\nprint(g(int(input())))"
    report = judge.run(Job(program, IOFormat.STDIN, (UnitTest("0", "1"),)))
    assert report.unit_tests[0].error == "ZeroDivisionError: integer division or modulo by zero (line 2)"


def test_after_two_timeouts_the_remaining_unit_tests_are_not_run(judge: Judge) -> None:
    job = Job("while True: pass", IOFormat.STDIN, (UnitTest("", ""),) * 5, limits=QUICK)
    assert [t.verdict for t in judge.run(job).unit_tests] == [TLE, TLE]


def test_cpu_time_is_that_of_the_program_and_sleep_costs_none(judge: Judge) -> None:
    program = "import time\nif input() == 'sleep': time.sleep(0.3)\nelse:\n    end = time.process_time() + 0.3\n    while time.process_time() < end: pass"
    report = judge.run(Job(program, IOFormat.STDIN, (UnitTest("sleep", ""), UnitTest("work", "")), limits=QUICK))
    slept, worked = report.unit_tests
    assert slept.cpu_s < 0.15
    assert slept.wall_s >= 0.3
    assert 0.25 <= worked.cpu_s < 0.5


def test_programs_see_the_same_environment_everywhere(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "de_DE.ISO-8859-1")
    monkeypatch.setenv("SECRET", "1")
    program = "import os, time\nprint(os.environ['LANG'], os.environ['TZ'], 'SECRET' in os.environ, os.getcwd(), time.tzname[0])"
    with Judge(isolation=judge.isolation) as fresh:
        report = fresh.run(Job(program, IOFormat.STDIN, (UnitTest("", "C.UTF-8 UTC False /tmp UTC"),)))
    assert report.verdict is AC, report


@pytest.mark.parametrize("seed", [0, 1])
def test_the_hash_seed_decides_the_order_of_a_set(judge: Judge, seed: int) -> None:
    program = "print(*set('abcdefghijklmnop'))"
    with Judge(isolation=judge.isolation, hash_seed=seed) as seeded:
        runs = [
            seeded.run(Job(program, IOFormat.STDIN, (UnitTest("", ""),), hash_seed=seed)).unit_tests[0].actual
            for _ in range(2)
        ]
    shell = {"PYTHONHASHSEED": str(seed)}
    expected = subprocess.run([sys.executable, "-c", program], env=shell, capture_output=True, text=True).stdout
    assert runs == [expected, expected]


def test_executed_lines_survive_exits_exceptions_and_kills(judge: Judge) -> None:
    program = "import os\nx = input()\nif x == 'exit':\n    os._exit(0)\nif x == 'loop':\n    while True: x\nif x == 'raise':\n    1 / 0\nprint(x)"
    tests = tuple(UnitTest(word, "end") for word in ("exit", "loop", "raise", "end"))
    report = judge.run(Job(program, IOFormat.STDIN, tests, limits=Limits(cpu_s=0.02, wall_s=5), coverage=True))
    assert report.executable_lines == (1, 2, 3, 4, 5, 6, 7, 8, 9)
    assert [t.executed_lines for t in report.unit_tests] == [
        (1, 2, 3, 4),
        (1, 2, 3, 5, 6),
        (1, 2, 3, 5, 7, 8),
        (1, 2, 3, 5, 7, 9),
    ]


def test_in_the_call_format_lines_of_the_import_belong_to_every_unit_test(judge: Judge) -> None:
    program = "import math\n\ndef f(a):\n    if a:\n        return 1\n    return 2"
    job = Job(program, IOFormat.CALL, (UnitTest("[1]", "1"), UnitTest("[0]", "2")), entry_point="f", coverage=True)
    assert [t.executed_lines for t in judge.run(job).unit_tests] == [(1, 3, 4, 5), (1, 3, 4, 6)]


def test_a_killed_worker_is_replaced_and_the_job_is_done(judge: Judge) -> None:
    with Judge(isolation=judge.isolation) as fresh:
        assert fresh._workers[()].process is not None
        fresh._workers[()].process.kill()
        assert fresh.run(Job("print(1)", IOFormat.STDIN, (UnitTest("", "1"),))).verdict is AC


def descendants(pid: int) -> set[int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = {pid}
    while new := {child for child, parent in parents.items() if parent in found} - found:
        found |= new
    return found


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_closing_a_judge_ends_a_program_that_is_running(judge: Judge) -> None:
    fresh = Judge(isolation=judge.isolation)
    assert fresh._workers[()].process is not None
    job = Job("while True: pass", IOFormat.STDIN, (UnitTest("", ""),), limits=Limits(cpu_s=60, wall_s=60))

    def run() -> None:
        with contextlib.suppress(EOFError, OSError):
            fresh.run(job)

    running = threading.Thread(target=run)
    running.start()
    time.sleep(0.5)
    processes = descendants(fresh._workers[()].process.pid)
    assert len(processes) >= 3  # worker, supervisor, program
    fresh._workers[()].process.kill()
    fresh._workers[()].process.wait()
    time.sleep(0.5)
    assert [pid for pid in processes if is_running(pid)] == []
    running.join()
    fresh.close()


def test_offered_packages_can_be_imported_and_others_cannot(judge: Judge) -> None:
    pytest.importorskip("numpy")
    program = "import numpy as np\nprint(int(np.arange(4).sum()))"
    tests = (UnitTest("", "6"),)
    with Judge(isolation=judge.isolation, modules=("numpy",)) as offering:
        assert offering.run(Job(program, IOFormat.STDIN, tests, modules=("numpy",))).verdict is AC
    report = judge.run(Job(program, IOFormat.STDIN, tests))
    assert report.unit_tests[0].error == "ModuleNotFoundError: No module named 'numpy' (line 1)"


def test_bad_options_say_what_was_expected(judge: Judge) -> None:
    with pytest.raises(InputError, match="isolation must be one of strict, best-effort; got 'none'"):
        Judge(isolation="none")
    with pytest.raises(InputError, match="'no_such_package' is not installed"):
        Judge(modules=("no_such_package",))
    with pytest.raises(ValueError, match="at least one unit test"):
        Job("", IOFormat.STDIN, ())
    with pytest.raises(ValueError, match="hash seed 0 and modules \\(\\); the job wants 1"):
        judge.run(Job("", IOFormat.STDIN, (UnitTest("", ""),), hash_seed=1))
    with pytest.raises(ValueError, match="limit cpu_s must be above zero; got 0"):
        Limits(cpu_s=0)


def test_a_program_of_50_megabytes_is_refused_without_being_sent(judge: Judge) -> None:
    report = judge.run(Job("#" * (50 << 20), IOFormat.STDIN, (UnitTest("", ""),)))
    assert report.unit_tests[0].error == "the program has more than 16,777,216 characters"
