"""What judging costs: guesses that learn, books that count a question once, and CPU seconds of all processes."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from appsplus.engine import Cache, LocalEngine
from appsplus.engine.costs import Expectation, Spent, expected_s, peak_mib, tree_cpu_s
from appsplus.judge import BEST_EFFORT, Inspection, Job, Report, UnitTestReport
from appsplus.problem import IOFormat, UnitTest, Verdict

ONE = Job("print(1)", IOFormat.STDIN, (UnitTest("1", "1"), UnitTest("2", "1")))


def report(*wall_s: float, verdict: Verdict = Verdict.ACCEPTED) -> Report:
    return Report(verdict, tuple(UnitTestReport(verdict, s / 2, s, 10 * s) for s in wall_s))


# ---- what a question may take


def test_more_and_larger_unit_tests_are_expected_to_take_longer() -> None:
    more = replace(ONE, unit_tests=ONE.unit_tests * 3)
    larger = replace(ONE, unit_tests=(UnitTest("1" * 10**7, "1"), UnitTest("2", "1")))
    call = Job("def f(x): return x", IOFormat.CALL, (UnitTest("[1]", "1"),) * 2, "f")
    assert expected_s(more) == pytest.approx(3 * expected_s(ONE))
    assert expected_s(larger) > 10 * expected_s(ONE)
    assert expected_s(call) < expected_s(ONE)
    assert expected_s(replace(ONE, coverage=True)) > expected_s(ONE)
    assert expected_s(("print(1)", ())) < expected_s(ONE)


def test_the_answer_to_one_program_tells_what_another_takes_on_the_same_unit_tests() -> None:
    expectation = Expectation()
    before = expectation.of(ONE)
    expectation.learn(ONE, report(3.0, 5.0))
    other = replace(ONE, program="print(2)", hash_seed=1)
    assert before < 0.1
    assert 8.0 < expectation.of(other) < 8.1  # two unit tests of 4 s, and what starts them
    assert expectation.of(replace(ONE, unit_tests=ONE.unit_tests[:1])) < 1.0


def test_what_never_ran_teaches_nothing() -> None:
    expectation = Expectation()
    expectation.learn(ONE, report(0.0, 0.0, verdict=Verdict.COMPILE_ERROR))
    expectation.learn(("print(1)", ()), Inspection())
    assert expectation.of(ONE) == expected_s(ONE)


def test_old_unit_tests_are_forgotten() -> None:
    expectation = Expectation()
    expectation.learn(ONE, report(30.0, 50.0))
    for number in range(600):
        expectation.learn(replace(ONE, unit_tests=(UnitTest(str(number), "x"),)), report(0.01))
    assert expectation.of(ONE) < 1.0


# ---- what was spent


def test_the_books_tell_what_was_judged_from_what_was_known() -> None:
    spent = Spent()
    spent.enter("a" * 64, report(1.0, 3.0), known=False)
    spent.enter("b" * 64, Inspection(), known=False)
    spent.enter("c" * 64, report(0.5), known=True)
    assert spent.to_json() == {
        "judged": {"programs": 1, "executions": 2, "inspections": 1, "cpu_s": 2.0, "wall_s": 4.0, "peak_mib": 30.0},
        "known": {"programs": 1, "executions": 1, "inspections": 0, "cpu_s": 0.2, "wall_s": 0.5, "peak_mib": 5.0},
    }


def test_a_question_is_counted_once_however_often_it_is_asked() -> None:
    spent = Spent()
    spent.enter("a" * 64, report(1.0), known=False)
    for _ in range(3):
        spent.enter("a" * 64, report(1.0), known=True)  # by another stage
        spent.enter("c" * 64, report(1.0), known=True)
    assert (spent.judged.executions, spent.known.executions) == (1, 1)


def test_a_program_that_does_not_compile_is_no_execution() -> None:
    spent = Spent()
    spent.enter("a" * 64, report(0.0, 0.0, verdict=Verdict.COMPILE_ERROR), known=False)
    assert (spent.judged.programs, spent.judged.executions) == (0, 0)


def test_an_engine_keeps_the_books(tmp_path: Path) -> None:
    job = replace(ONE, program="print(sum(range(10**6)) // 10**12 + 1)")
    for judged in (2, 0):
        with Cache(tmp_path) as cache, LocalEngine(workers=1, isolation=BEST_EFFORT, cache=cache) as engine:
            before = engine.cpu_s()
            engine.judge([job, job])
            engine.judge([job])
            assert engine.spent.judged.executions == judged
            assert engine.spent.known.executions == 2 - judged
            if judged:
                assert 0 < engine.spent.judged.cpu_s <= engine.cpu_s() - before + 0.05  # the clock of /proc is coarse


# ---- what the machine says


def test_the_cpu_seconds_of_children_count_while_they_run_and_after() -> None:
    code = "import time, sys\nwhile time.process_time() < 0.4: pass\nprint('done', flush=True)\nsys.stdin.read()"
    before = tree_cpu_s()
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        running = tree_cpu_s()
        process.communicate()
    assert running - before >= 0.35
    assert tree_cpu_s() >= running - 0.02
    assert tree_cpu_s(2**22 + 1) == 0  # no such process


def test_the_peak_of_memory_never_shrinks() -> None:
    before = peak_mib()
    block = bytearray(64 << 20)
    block[::4096] = b"x" * len(block[::4096])
    high = peak_mib()
    del block
    assert high >= max(before, 64)
    assert peak_mib() >= high
