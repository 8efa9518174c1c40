"""Unit tests of the call format are asked in batches: what comes out is what asking one at a time gives."""

import pytest

from appsplus.judge import Job, Judge
from appsplus.problem import IOFormat, Limits, UnitTest, Verdict

AC, WA, RTE, TLE = (
    Verdict.ACCEPTED,
    Verdict.WRONG_ANSWER,
    Verdict.RUN_TIME_ERROR,
    Verdict.TIME_LIMIT_EXCEEDED,
)
NUMBER = 150  # more than two batches
TESTS = tuple(UnitTest(f"[{i}]", f"{2 * i}") for i in range(NUMBER))
BUSY = "import time\ndef work(s):\n    end = time.process_time() + s\n    while time.process_time() < end: pass\n"


def verdicts(judge: Judge, program: str, **changes: object) -> dict[int, Verdict]:
    """The unit tests that are not accepted."""
    fields: dict[str, object] = {"limits": Limits(cpu_s=1.0, wall_s=10.0), "stop_after_timeouts": 3} | changes
    report = judge.run(Job(program, IOFormat.CALL, TESTS, "double", **fields))  # type: ignore[arg-type]
    assert len(report.unit_tests) == NUMBER
    return {i: unit.verdict for i, unit in enumerate(report.unit_tests) if unit.verdict is not AC}


def test_every_answer_goes_to_its_unit_test(judge: Judge) -> None:
    assert verdicts(judge, "def double(n):\n    return n * 2") == {}
    wrong = "def double(n):\n    return -1 if n in (0, 63, 64, 100) else n * 2"
    assert verdicts(judge, wrong) == dict.fromkeys((0, 63, 64, 100), WA)


@pytest.mark.parametrize("end", ["os._exit(0)", "os.abort()", "raise SystemExit", "1 / 0"])
def test_an_end_in_the_middle_belongs_to_the_unit_test_that_ran(judge: Judge, end: str) -> None:
    program = f"import os\ndef double(n):\n    if n in (5, 70): {end}\n    return n * 2"
    assert verdicts(judge, program) == {5: RTE, 70: RTE}


def test_a_slow_unit_test_among_quick_ones_is_timed_by_itself(judge: Judge) -> None:
    program = BUSY + "def double(n):\n    if n == 70: work(0.5 * SCALE)\n    return n * 2"
    program = f"SCALE = {judge.scale}\n" + program
    report = judge.run(Job(program, IOFormat.CALL, TESTS, "double", limits=Limits(cpu_s=1.0, wall_s=10.0)))
    assert report.verdict is AC
    assert [i for i, unit in enumerate(report.unit_tests) if unit.cpu_s > 0.3 * judge.scale] == [70]


def test_a_unit_test_without_end_is_the_only_one_that_is_lost(judge: Judge) -> None:
    program = "def double(n):\n    while n == 70: pass\n    return n * 2"
    assert verdicts(judge, program, limits=Limits(cpu_s=0.3, wall_s=10.0)) == {70: TLE}


def test_a_sleeper_among_quick_ones_is_the_only_one_that_is_lost(judge: Judge) -> None:
    program = "import time\ndef double(n):\n    if n == 70: time.sleep(60)\n    return n * 2"
    assert verdicts(judge, program, limits=Limits(cpu_s=1.0, wall_s=1.0)) == {70: TLE}


def test_the_times_of_a_batch_add_up_to_what_was_used(judge: Judge) -> None:
    program = BUSY + "def double(n):\n    work(0.002)\n    return n * 2"
    report = judge.run(Job(program, IOFormat.CALL, TESTS, "double", limits=Limits(cpu_s=10.0, wall_s=30.0)))
    assert 0.9 * 0.002 * NUMBER < sum(unit.cpu_s for unit in report.unit_tests) < 3 * 0.002 * NUMBER


@pytest.mark.parametrize("kind", "VERKS")
def test_what_a_program_writes_where_its_answers_go_is_no_answer(judge: Judge, kind: str) -> None:
    forges = f"import os, struct\ndef forge(): os.write(3, struct.pack('<cII', b'{kind}', 9, 1) + b'0')\n"
    assert verdicts(judge, forges + "def double(n):\n    forge()\n    return n * 2") == {}
    assert verdicts(judge, forges + "forge()\ndef double(n):\n    return n * 2") == {}


def test_a_program_that_fails_to_load_fails_every_unit_test_once(judge: Judge) -> None:
    assert verdicts(judge, "1 / 0\ndef double(n):\n    return n * 2") == dict.fromkeys(range(NUMBER), RTE)
