"""What the judge promises beside its verdicts: these are in the conformance suite (tests/conformance)."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from appsplus.errors import InputError, SandboxError
from appsplus.judge import Job, Judge, compare, verdicts
from appsplus.problem import Checker, IOFormat, Limits, UnitTest, Verdict

QUICK = Limits(cpu_s=0.5, wall_s=1.5, memory_mib=256, output_mib=1)
AC, WA = Verdict.ACCEPTED, Verdict.WRONG_ANSWER
RTE, TLE, OLE = Verdict.RUN_TIME_ERROR, Verdict.TIME_LIMIT_EXCEEDED, Verdict.OUTPUT_LIMIT_EXCEEDED

PATCH = "import sys\nsys._getframe(1).f_globals['values'].encode"  # how the process of a program writes its answers
# what depends on how our own channel of answers works: (program, [(arguments, expected value)], verdicts)
CALL = {
    "nonsense on the answer channel": (
        "import os\ndef f():\n    os.write(3, b'garbage' * 100)\n    return 1", [("[]", "1")], [OLE]),
    "a forged answer before the question": (
        "import os, struct\nos.write(3, struct.pack('<cII', b'R', 0, 0) + struct.pack('<cII', b'V', 0, 1) + b'1')\n"
        "def f(): return 2", [("[]", "1")], [WA]),
    "an answer nested beyond reason": (
        f"{PATCH} = lambda v: '[' * 90_000 + ']' * 90_000\ndef f(): pass", [("[]", "[[1]]")], [WA]),
    "an integer that is none": (f"{PATCH} = lambda v: '{{\"$int\": 5}}'\ndef f(): pass", [("[]", "1")], [WA]),
    "a forged answer, and the end": (
        "import os, struct\ndef f():\n    os.write(3, struct.pack('<cII', b'V', 1, 1) + b'1')\n    os._exit(0)",
        [("[]", "1")], [RTE]),
    "an exception whose lines are no list": (
        "import sys\nsys._getframe(1).f_globals['_described'] = lambda e: b'[\"E\",\"m\",{\"a\":1}]'\ndef f(): 1 / 0",
        [("[]", "1")], [RTE]),
    "questions filled by name, and a forged ready": (
        "import os, struct, time\nfor n in range(4, 64):\n    try:\n        n = os.open(f'/proc/self/fd/{n}', 1 | os.O_NONBLOCK)"
        "\n        while True: os.write(n, b'x' * 4096)\n    except OSError: pass\n"
        "os.write(3, struct.pack('<cII', b'R', 0, 0))\ntime.sleep(60)\ndef f(): return 1", [("[]", "1")], [TLE]),
    "ready, again and again": (
        "import os, struct\ndef f():\n    while True: os.write(3, struct.pack('<cII', b'R', 0, 0) * 5000)", [("[]", "1")], [TLE]),
    "begun and ready, again and again": (
        "import os, struct, sys, time\ndef f():\n    mark = sys._getframe(2).f_locals['mark']\n"
        "    for kind in (b'S', b'R') * 2000:\n        os.write(3, struct.pack('<cII', kind, 0, len(mark)) + mark)\n"
        "        time.sleep(0.005)\n    return 1", [("[]", "1")], [TLE]),
    "a patched encoder, which is not used": ("import json\njson.dumps = lambda *a, **k: '1'\ndef f(): return 2", [("[]", "2")], [AC]),
}  # fmt: skip


@pytest.mark.parametrize("name", CALL)
def test_a_program_of_the_call_format_gets_its_verdicts(judge: Judge, name: str) -> None:
    program, cases, verdicts = CALL[name]
    tests = tuple(UnitTest(arguments, expected) for arguments, expected in cases)
    report = judge.run(Job(program, IOFormat.CALL, tests, entry_point="f", limits=QUICK))
    assert [t.verdict for t in report.unit_tests] == verdicts, report


@pytest.mark.parametrize("kind", ["unordered", "any_case"])
def test_an_answer_that_no_checker_can_read_is_wrong(judge: Judge, kind: str) -> None:
    program, cases, _ = CALL["an answer nested beyond reason"]
    tests = tuple(UnitTest(arguments, expected) for arguments, expected in cases)
    job = Job(program, IOFormat.CALL, tests, entry_point="f", limits=QUICK, checker=Checker(kind))
    assert judge.run(job).unit_tests[0].error == "the answer is no value that the judge can read"


def test_after_an_interruption_the_next_job_does_not_get_the_answer_to_the_last(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    right, wrong = (Job(f"print({n})", IOFormat.STDIN, (UnitTest("", "1"), UnitTest("", "1"))) for n in (1, 2))
    with monkeypatch.context() as patch:
        patch.setattr(verdicts, "run_of", interrupted)
        with pytest.raises(KeyboardInterrupt):
            judge.run(right)
    assert judge.run(wrong).verdict is WA
    assert judge.run(right).verdict is AC


def burning(seconds: float) -> str:
    return f"begun = time.process_time()\nwhile time.process_time() - begun < {seconds}: pass\n"


def test_a_module_s_own_work_counts_with_the_first_unit_test_of_its_process(judge: Judge) -> None:
    limit_s = 0.4 * judge.scale
    call = "def f():\n" + "".join(f"    {line}\n" for line in burning(0.9 * limit_s).splitlines()) + "    return 1\n"
    program = f"import time\n{burning(0.9 * limit_s)}{call}"
    tests = (UnitTest("[]", "1"),) * 2
    job = Job(program, IOFormat.CALL, tests, entry_point="f", limits=Limits(cpu_s=0.4, wall_s=20))
    found = judge.run(job)
    # near its limit, so that the confirmation decides, at the speed that the machine has then
    assert found.verdict is TLE or found.unit_tests[0].near_limit
    assert found.unit_tests[0].cpu_s >= 1.7 * limit_s


def test_answers_nobody_asked_for_share_no_time(judge: Judge) -> None:
    call = "".join(f"    {line}\n" for line in burning(0.2).splitlines())
    forged = "struct.pack('<cII', b'V', 0xFFFFFFFF, 1) + b'1'"
    program = f"import os, struct, time\ndef f():\n{call}    os.write(3, ({forged}) * 500)\n    time.sleep(9)\n"
    [found] = judge.run(Job(program, IOFormat.CALL, (UnitTest("[]", "1"),), entry_point="f", limits=QUICK)).unit_tests
    assert found.cpu_s >= 0.19


def test_no_memory_is_beyond_the_limit_whatever_a_process_says(judge: Judge) -> None:
    forged = "type('P', (), {'pack': staticmethod(lambda kind, peak, size: A.pack(kind, 0xFFFFFFFF, size))})"
    program = f"import sys\nours = sys._getframe(1).f_globals\nA = ours['ANSWER']\nours['ANSWER'] = {forged}\ndef f(): return 1"
    [found] = judge.run(Job(program, IOFormat.CALL, (UnitTest("[]", "1"),), entry_point="f", limits=QUICK)).unit_tests
    assert found.verdict is AC
    assert QUICK.memory_mib <= found.peak_mib <= 1024


def test_a_program_does_not_learn_the_name_of_the_host(strict_judge: Judge) -> None:
    program = "import os, platform, socket\nprint(os.uname().nodename, platform.node(), socket.gethostname())"
    assert strict_judge.run(Job(program, IOFormat.STDIN, (UnitTest("", "judge judge judge"),))).verdict is AC


@pytest.mark.parametrize(
    ("unit_test", "words"),
    [
        (UnitTest("2", "1"), "the input of unit test 2 is no JSON list of arguments: '2'"),
        (UnitTest("two", "1"), "the input of unit test 2 is no JSON list of arguments: 'two'"),
        (UnitTest("[2]", "one"), "the expected output of unit test 2 is no JSON value .*; correct it"),
    ],
)
def test_a_unit_test_that_is_none_is_told_in_words(judge: Judge, unit_test: UnitTest, words: str) -> None:
    job = Job("def f(n): return 1", IOFormat.CALL, (UnitTest("[1]", "1"), unit_test), entry_point="f")
    with pytest.raises(InputError, match=words):
        judge.run(job)
    assert judge.run(replace(job, unit_tests=job.unit_tests[:1])).verdict is AC


@pytest.mark.parametrize(
    "changes",
    [{"cpu_s": float("inf")}, {"output_mib": 0.5}, {"memory_mib": 1 << 60}, {"wall_s": 0}, {"cpu_s": float("nan")}],
)
def test_what_is_no_limit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"limit {next(iter(changes))} must be"):
        Limits(**changes)


def test_a_method_may_use_the_offered_name_that_it_bears(judge: Judge) -> None:
    program = "class Solution:\n    def gcd(self, a, b):\n        return gcd(a, b)"
    job = Job(program, IOFormat.CALL, (UnitTest("[4, 6]", "2"),), entry_point="gcd")
    assert judge.run(job).verdict is AC
    assert judge.run(replace(job, program="from math import gcd")).verdict is AC
    assert judge.run(replace(job, program="pass")).verdict is Verdict.RUN_TIME_ERROR


def test_a_text_that_names_numpy_without_end_is_looked_at_in_no_time(judge: Judge) -> None:
    for text in ("import " * 200_000, "numpy " * 200_000):
        job = Job(f"# {text}\nprint(1)", IOFormat.STDIN, (UnitTest("", "1"),))
        assert judge.run(job).verdict is AC
    continued = Job("import math, \\\n    numpy\nprint(1)", IOFormat.STDIN, (UnitTest("", "1"),))
    assert judge.run(continued).verdict is AC


def test_a_long_integer_is_compared_and_told_without_its_decimal_digits(judge: Judge) -> None:
    job = Job("def f(n): return 1 << n", IOFormat.CALL, (UnitTest("[3000000]", "1"),), entry_point="f")
    [found] = judge.run(job).unit_tests
    assert (found.verdict, found.actual[:14]) == (WA, '{"$int":"0x100')


@pytest.mark.parametrize(
    "program",
    [
        "import os, sys\nclass Out:\n    def __init__(self): self.text = ''\n    def write(self, text): self.text += text\n"
        "    def flush(self): os.write(1, self.text.encode()); self.text = ''\n"
        "def numbers():\n    try:\n        yield 4\n    finally:\n        pass\nsys.stdout = Out()\nprint(next(numbers()))",
        "y = 4\ndef g():\n    try:\n        yield 1\n    finally:\n        print(y)\nx = g()\nnext(x)",
        "import os\nclass A:\n    def __del__(self): os.write(1, b'4')\na = A()",
        "def g():\n    try:\n        yield\n    finally:\n        print(4)\nx = g()\nnext(x)",
    ],
    ids=["stream of its own", "generator that uses a name", "finalizer that uses a module", "generator"],
)
def test_what_comes_at_the_end_of_a_program_finds_its_names(judge: Judge, program: str) -> None:
    assert judge.run(Job(program, IOFormat.STDIN, (UnitTest("", "4"),))).verdict is AC


@pytest.mark.parametrize(
    "body",
    [
        "class A:\n    n = 0\n    def up(self): type(self).n += 1; return A.n\ndef f(): return A().up()",
        "class A:\n    n = 0\n    def up(self): self.__class__.n += 1; return A.n\ndef f(): return A().up()",
        "class A:\n    n = 0\n    @classmethod\n    def up(cls): cls.n += 1; return cls.n\ndef f(): return A.up()",
        "n = 0\ndef f():\n    globals()['n'] += 1\n    return n",
        "def f():\n    open('/tmp/a', 'a').write('x')\n    return len(open('/tmp/a').read())",
    ],
)
def test_a_call_does_not_see_what_the_one_before_has_changed(judge: Judge, body: str) -> None:
    tests = tuple(UnitTest("[]", str(n)) for n in (1, 2, 3))
    report = judge.run(Job(body, IOFormat.CALL, tests, entry_point="f"))
    assert [t.verdict for t in report.unit_tests] == [AC, WA, WA]


def test_a_failing_program_is_judged_whatever_the_size_of_its_input(judge: Judge) -> None:
    for given in ("[" + "1" * 5000 + "]", "[" * 1200 + "]" * 1200):
        job = Job("def f(x): raise KeyError(1)", IOFormat.CALL, (UnitTest(given, "1"),), entry_point="f")
        assert judge.run(job).verdict is Verdict.RUN_TIME_ERROR


def test_a_checker_program_is_asked_about_sets_and_dicts_of_tuples(judge: Judge) -> None:
    checker = Checker("program", program="def check(given, expected, actual):\n    return actual == {(1, 2): {(3, 4)}}")
    job = Job(
        "def f(): return {(1, 2): {(3, 4)}}", IOFormat.CALL, (UnitTest("[]", "1"),), entry_point="f", checker=checker
    )
    assert judge.run(job).verdict is AC
    plain = replace(
        job, checker=None, unit_tests=(UnitTest("[]", '{"$dict":[[{"$tuple":[1,2]},{"$set":[{"$tuple":[3,4]}]}]]}'),)
    )
    assert judge.run(plain).verdict is AC


def test_an_answer_of_too_many_lines_is_not_sorted(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job("print('1\\n' * (1 << 20))", IOFormat.STDIN, (UnitTest("", "4"),), checker=Checker("unordered"))
    monkeypatch.setattr(compare, "_sorted_lines", None)  # it would take gigabytes of this process
    assert judge.run(job).verdict is WA


def test_numpy_is_seen_at_the_end_of_a_long_line(judge: Judge) -> None:
    modules = ", ".join(f"os as o{i}" for i in range(40))
    for program in (f"import {modules}, numpy as np\nprint(4)", "x = '#'; import numpy\nprint(4)"):
        assert judge.run(Job(program, IOFormat.STDIN, (UnitTest("", "4"),))).verdict is AC


def test_line_ends_of_the_input_are_translated(judge: Judge) -> None:
    """A shell would leave the carriage return, the sites that these programs were written for do not."""
    job = Job("print(repr(input()))", IOFormat.STDIN, (UnitTest("ab\r\ncd\r\n", "'ab'"),))
    assert judge.run(job).verdict is AC


def test_a_program_finds_no_trace_of_this_package(strict_judge: Judge) -> None:
    program = "import sys\nprint([n for n in sys.modules if n.startswith('appsplus')])\nimport appsplus"
    report = strict_judge.run(Job(program, IOFormat.STDIN, (UnitTest("", "[]"),)))
    assert report.unit_tests[0].error == "ModuleNotFoundError: No module named 'appsplus' (line 3)"


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


def test_time_limits_that_a_process_of_its_own_pardons_leave_no_unit_test_out(judge: Judge) -> None:
    program = "import math\nmath.seen = []\ndef f(n):\n    math.seen.append(n)\n    while len(math.seen) > 1: pass\n    return n"
    tests = tuple(UnitTest(f"[{n}]", str(n)) for n in range(6))
    report = judge.run(Job(program, IOFormat.CALL, tests, entry_point="f", limits=QUICK))
    assert [t.verdict for t in report.unit_tests] == [AC] * 6


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
        tmp = "/tmp" if fresh.rungs["root"] else fresh._workers[()]._tmp
        report = fresh.run(Job(program, IOFormat.STDIN, (UnitTest("", f"C.UTF-8 UTC False {tmp} UTC"),)))
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
        with contextlib.suppress(SandboxError):
            fresh.run(job)

    running = threading.Thread(target=run)
    running.start()
    time.sleep(0.5)
    processes = descendants(fresh._workers[()].process.pid)
    assert len(processes) >= 3  # the worker, its compiler, the program
    fresh.close()
    time.sleep(0.5)
    assert [pid for pid in processes if is_running(pid)] == []
    running.join()


def test_numpy_is_offered_to_programs_that_import_it_by_a_worker_of_its_own(judge: Judge) -> None:
    program = "import numpy as np\nprint(int(np.arange(4).sum()))"
    assert judge.run(Job(program, IOFormat.STDIN, (UnitTest("", "6"),))).verdict is AC
    assert judge.inspect(program).missing_imports == ()
    hidden = "import sys\nprint('numpy' in sys.modules)"
    assert judge.run(Job(hidden, IOFormat.STDIN, (UnitTest("", "False"),))).verdict is AC


def test_numpy_s_libraries_have_one_thread_and_files_the_usual_mode(judge: Judge) -> None:
    threads = "import numpy as np, os\na = np.ones((400, 400))\na @ a\nprint(len(os.listdir('/proc/self/task')))"
    mode = (
        "import os, stat\nopen('f', 'w').close()\nos.mkdir('d')\nfor p in 'fd': print(oct(os.stat(p).st_mode & 0o777))"
    )
    for program, expected in ((threads, "1"), (mode, "0o644\n0o755")):
        report = judge.run(Job(program, IOFormat.STDIN, (UnitTest("", expected),)))
        assert report.verdict is AC, report.unit_tests[0]


def test_a_report_has_the_scale_of_the_worker_that_ran_the_program(judge: Judge) -> None:
    program = Job("import numpy\nprint(1)", IOFormat.STDIN, (UnitTest("", "1"),))
    judge.run(program)
    worker = judge._workers[("numpy",)]
    before, worker.scale = worker.scale, 7.0
    try:
        assert judge.run(program).scale == 7.0
        assert judge.run(Job("print(1)", IOFormat.STDIN, (UnitTest("", "1"),))).scale != 7.0
    finally:
        worker.scale = before


def test_a_forked_process_gets_no_answer_of_ours(judge: Judge) -> None:
    job = Job("print(1)", IOFormat.STDIN, (UnitTest("", "1"),))
    assert judge.run(job).verdict is AC
    child = os.fork()
    if not child:
        try:
            judge.run(job)
        except SandboxError as error:
            judge.close()
            os._exit(0 if "start one here" in str(error) else 1)
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert judge.run(job).verdict is AC  # its end is not the worker's


def test_an_error_is_told_in_characters_that_are_seen(judge: Judge) -> None:
    program = r"raise Exception('\ud800\x1b]0;x\x1b[2J\u202e')"
    [found] = judge.run(Job(program, IOFormat.STDIN, (UnitTest("", "1"),))).unit_tests
    assert found.error == r"Exception: \ud800\x1b]0;x\x1b[2J\u202e (line 1)"


def test_packages_beyond_numpy_are_offered_where_the_judge_was_told_to(judge: Judge) -> None:
    program = "import pyarrow\nprint(1)"
    report = judge.run(Job(program, IOFormat.STDIN, (UnitTest("", "1"),)))
    assert report.unit_tests[0].error == "ModuleNotFoundError: No module named 'pyarrow' (line 1)"


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


def test_what_is_of_another_kind_is_told_in_words() -> None:
    wrong: Any = "call"
    one = (UnitTest("", ""),)
    with pytest.raises(ValueError, match="limit cpu_s must be a number; got '5'"):
        Limits(cpu_s=cast("float", "5"))
    with pytest.raises(ValueError, match="limit wall_s must be a number; got None"):
        Limits(wall_s=cast("float", None))
    with pytest.raises(ValueError, match="input and output of a unit test must be text; got int and str"):
        UnitTest(cast("str", 1), "1")
    with pytest.raises(ValueError, match=r"io_format must be IOFormat.STDIN or .CALL; got 'call'"):
        Job("", wrong, one, "f")
    with pytest.raises(ValueError, match="a program must be text; got bytes"):
        Job(cast("str", b""), IOFormat.STDIN, one)


def test_a_program_of_50_megabytes_is_refused_without_being_sent(judge: Judge) -> None:
    report = judge.run(Job("#" * (50 << 20), IOFormat.STDIN, (UnitTest("", ""),)))
    assert report.unit_tests[0].error == (
        "the program has more than 16,777,216 characters; shorten it, or let its tables be read from the input"
    )
