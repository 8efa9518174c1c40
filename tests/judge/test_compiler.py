"""The process that compiles: a text may end it, and no other text notices."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from appsplus.judge import Job, Judge
from appsplus.judge.compiler import Compiler
from appsplus.judge.frames import Channel
from appsplus.problem import IOFormat, Limits, UnitTest, Verdict

AC, CE = Verdict.ACCEPTED, Verdict.COMPILE_ERROR


def job(program: str, input: str = "", output: str = "", **changes: object) -> Job:
    return Job(program, IOFormat.STDIN, (UnitTest(input, output),), **changes)  # type: ignore[arg-type]


def compiler_of(judge: Judge) -> list[int]:
    """What the worker has started, between jobs, beside the template of all programs: the compiler or nothing."""
    process, started = judge._workers[()].process.pid, [0]
    while children := Path(f"/proc/{process}/task/{process}/children").read_text().split():
        process, started = int(children[0]), [int(child) for child in children]
    return started[1:]


HARMLESS = job("print(1)", output="1")
KILLERS = {
    "nests too deeply": "-" * 200_000 + "1",
    "wants all memory": "x = 1 << 10 ** 9 " + "+ 1" * 5,
    "has a constant of gigabytes": "x = "
    + "(" * 3
    + "'a' * 10 ** 9"
    + ")" * 3
    + "\n"
    + "y = ('ab' * 4000,) * 256\n" * 2000,
    "has many names": "\n".join(f"a{i} = {i}" for i in range(200_000)),
}


@pytest.mark.parametrize("text", KILLERS.values(), ids=KILLERS)
def test_a_text_that_is_too_much_for_the_compiler_harms_no_other(judge: Judge, text: str) -> None:
    judge.run(job(text, limits=Limits(cpu_s=1.0, wall_s=5.0)))
    assert judge.run(HARMLESS).verdict is AC


def test_a_text_that_does_not_compile_says_why_and_where(judge: Judge) -> None:
    report = judge.run(job("x = 1\nx = = 2\n"))
    assert (report.verdict, report.unit_tests[0].error) == (CE, "SyntaxError: invalid syntax (line 2)")


def test_one_process_compiles_many_programs(judge: Judge) -> None:
    judge.run(HARMLESS)
    before = compiler_of(judge)
    for number in range(3):
        assert judge.run(job(f"print({number})", output=f"{number}")).verdict is AC
    assert compiler_of(judge) == before


def test_a_large_text_has_a_compiler_of_its_own(judge: Judge) -> None:
    judge.run(HARMLESS)
    before = compiler_of(judge)
    assert judge.run(job(f"# {'a' * 300_000}\nprint(2)", output="2")).verdict is AC
    assert judge.run(HARMLESS).verdict is AC
    assert compiler_of(judge) != before


def test_a_text_that_an_old_compiler_has_no_memory_for_is_given_to_a_new_one(judge: Judge) -> None:
    large = "\n".join(f"a{i} = {i}" for i in range(15_000))
    judge.run(job(large))  # leaves its process larger than it began
    text = job("x = 1\n" * 2_000 + "print(1)", output="1", limits=Limits(memory_mib=64))
    with Judge() as another:
        expected = another.run(text).verdict
    assert judge.run(text).verdict is expected


def test_a_compiler_that_was_killed_is_replaced(judge: Judge) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may kill it from outside")
    judge.run(HARMLESS)
    [compiler] = compiler_of(judge)
    os.kill(compiler, 9)
    assert judge.run(HARMLESS).verdict is AC
    assert compiler_of(judge) != [compiler]


def test_large_inputs_are_no_part_of_a_program_s_memory(judge: Judge) -> None:
    text = "7" * (60 << 20)
    program = "import sys\ndata = bytearray(40 << 20)\nprint(len(data))"
    tests = (UnitTest(text, "41943040"), UnitTest("", "41943040"))
    report = judge.run(Job(program, IOFormat.STDIN, tests, limits=Limits(cpu_s=5, wall_s=20, memory_mib=64)))
    assert report.verdict is AC


class Worn(Compiler):
    """One whose first process is worn out; answers are given by a script, and `begun` counts the processes."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        nothing: Any = None
        super().__init__(nothing)
        self.begun, channel = 0, SimpleNamespace(send=lambda *_: None)
        channel.connection = SimpleNamespace(fileno=lambda: 0)
        script = iter(answers)
        channel.receive = lambda: (b"P", dict(next(script)), b"")
        self._channel = cast("Channel", channel)

    def _started(self) -> Any:
        if self._forked is None:
            self.begun += 1
            self._forked = cast("Any", SimpleNamespace(restart_clock=lambda *_: None, settle=lambda: None))
        return self._forked

    def stop(self) -> int:
        self._forked = None
        return 0


def test_only_a_new_process_has_the_last_word_on_what_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appsplus.judge.compiler.watch", lambda *_: "answer")
    text: Any = SimpleNamespace(source="print(1)", memory_bytes=1 << 30, coverage=False)
    right, too_much = {"spent": False}, {"spent": True, "error": "MemoryError"}
    worn = Worn(right, too_much, right)
    assert worn.compile(text).error is None
    assert worn.compile(text).error is None  # the second process says so, not the first one
    assert worn.begun == 2
    new = Worn(too_much)
    assert (new.compile(text).error, new.begun) == ("MemoryError", 1)
