"""The table itself: complete, quick, and true of a plain interpreter where that can be tried."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from appsplus.conformance import CASES, Case, Group
from appsplus.judge import Judge, compare
from appsplus.problem import IOFormat, Limits, Verdict

SHELL = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "USER": "someone",
    "HOME": os.path.expanduser("~"),  # noqa: PTH111
}
HONEST = [case for case in CASES if case.group is Group.HONEST and case.io_format is IOFormat.STDIN]
ESCAPES = (  # that need neither root nor luck
    "reads-files-of-the-host reads-the-host-through-proc reads-the-host-through-links fills-the-disk"
    " fills-the-disk-with-names writes-one-large-file listens-on-a-port resolves-a-name starts-a-shell"
    " starts-a-program-by-subprocess replaces-itself-by-another-program runs-a-program-from-memory"
    " sees-other-processes signals-other-processes finds-the-user-in-the-environment"
).split()


def run_in_a_shell(case: Case, folder: Path, given: str) -> tuple[int, str]:
    """Exit status and output of a case's program, run by a plain interpreter."""
    (folder / "main.py").write_text(case.program, encoding="utf-8", newline="")
    python = [sys.executable, "-X", "int_max_str_digits=0", "-W", "ignore", "main.py"]
    done = subprocess.run(python, input=given.encode(), capture_output=True, env=SHELL, cwd=folder, timeout=60)
    return done.returncode, done.stdout.decode()


def test_there_are_enough_cases_in_every_group_and_format() -> None:
    assert len(CASES) >= 150
    counts = Counter((case.group, case.io_format) for case in CASES)
    assert len(counts) == 6
    assert min(counts.values()) >= 25


def test_names_are_unique_and_no_program_is_there_twice() -> None:
    assert [name for name, times in Counter(case.name for case in CASES).items() if times > 1] == []
    programs = Counter((case.program, case.unit_tests, case.checker) for case in CASES)
    assert [key[0] for key, times in programs.items() if times > 1] == []


def test_every_reason_is_one_line_of_text() -> None:
    assert [case.name for case in CASES if not 5 <= len(case.why) <= 120 or "\n" in case.why] == []


def test_limits_are_small_so_that_the_suite_is_quick() -> None:
    largest = Limits(cpu_s=10, wall_s=60, memory_mib=512, output_mib=2)
    for case in CASES:
        for name in ("cpu_s", "wall_s", "memory_mib", "output_mib"):
            assert getattr(case.limits, name) <= getattr(largest, name), case.name


def test_honest_programs_are_accepted_and_wrong_ones_are_not() -> None:
    for case in CASES:
        if case.group is Group.HONEST:
            assert case.fair_verdicts == (Verdict.ACCEPTED,), case.name
        elif case.group is Group.WRONG:
            assert Verdict.ACCEPTED not in case.fair_verdicts, case.name


def test_hostile_programs_that_may_be_accepted_answer_what_an_honest_one_would() -> None:
    for case in CASES:
        if case.group is Group.HOSTILE and Verdict.ACCEPTED in case.fair_verdicts:
            assert case.verdict is Verdict.ACCEPTED, case.name


def test_the_verdict_is_that_of_the_first_unit_test_that_is_not_accepted() -> None:
    for case in CASES:
        if case.unit_verdicts:
            first = next((v for v in case.unit_verdicts if v is not Verdict.ACCEPTED), Verdict.ACCEPTED)
            assert case.verdict is first, case.name


def test_needed_rungs_are_rungs_of_the_judge(judge: Judge) -> None:
    assert {rung for case in CASES for rung in case.needs} <= judge.rungs.keys() - {"missing"}


@pytest.mark.parametrize("case", HONEST, ids=lambda case: case.name)
def test_an_honest_program_does_in_a_shell_what_is_expected(case: Case, tmp_path: Path) -> None:
    for number, unit_test in enumerate(case.unit_tests):
        (folder := tmp_path / str(number)).mkdir()
        status, printed = run_in_a_shell(case, folder, unit_test.input)
        assert status == 0
        if case.checker is None or case.checker.kind != "program":  # that one speaks in the judge only
            assert compare.text_is_right(unit_test.output, printed, case.checker, number)


@pytest.mark.parametrize("name", ESCAPES)
def test_an_attempt_to_escape_succeeds_without_a_sandbox(name: str, tmp_path: Path) -> None:
    """Else "contained" would mean nothing."""
    [case] = [case for case in CASES if case.name == name]
    assert run_in_a_shell(case, tmp_path, "")[1].split()[0] == "escaped"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Not a slug"}, "words in lower case joined by '-'; got 'Not a slug'"),
        ({"also": (Verdict.ACCEPTED,)}, "`also` repeats the verdict"),
        ({"unit_verdicts": (Verdict.ACCEPTED,) * 9}, "not one unit verdict per unit test"),
    ],
)
def test_a_case_is_checked_at_birth(changes: dict[str, object], message: str) -> None:
    fields = {name: getattr(CASES[0], name) for name in Case.__slots__} | changes
    with pytest.raises(ValueError, match=message):
        Case(**fields)
