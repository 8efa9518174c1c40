"""The process that programs are forked from: it can be lost, and it holds nothing of what programs left."""

import os
from pathlib import Path

import pytest

from appsplus.judge import Job, Judge
from appsplus.problem import IOFormat, UnitTest, Verdict

HARMLESS = Job("print(1)", IOFormat.STDIN, (UnitTest("", "1"),))


def below_the_worker(judge: Judge) -> list[int]:
    """What the worker has started, between jobs: the template first."""
    process, started = judge._workers[()].process.pid, [0]
    while children := Path(f"/proc/{process}/task/{process}/children").read_text().split():
        process, started = int(children[0]), [int(child) for child in children]
    return started


def test_a_template_that_was_killed_costs_no_verdict(judge: Judge) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may kill it from outside")
    assert judge.run(HARMLESS).verdict is Verdict.ACCEPTED
    template = below_the_worker(judge)[0]
    os.kill(template, 9)
    assert judge.run(HARMLESS).verdict is Verdict.ACCEPTED
    assert below_the_worker(judge)[0] != template


def test_nothing_but_template_and_compiler_is_there_between_jobs(judge: Judge) -> None:
    program = (
        "import os, threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nprint(1)"
    )
    assert judge.run(Job(program, IOFormat.STDIN, (UnitTest("", "1"),) * 5)).verdict is Verdict.ACCEPTED
    assert len(below_the_worker(judge)) <= 2


def test_a_program_finds_four_descriptors_at_most(judge: Judge) -> None:
    program = "import os\nfound = []\nfor d in range(1024):\n    try:\n        os.fstat(d)\n        found.append(d)\n    except OSError: pass\nprint(found)"  # noqa: E501
    report = judge.run(Job(program, IOFormat.STDIN, (UnitTest("", "[0, 1, 2, 3]"),)))
    assert report.verdict is Verdict.ACCEPTED
    report = judge.run(Job(program, IOFormat.STDIN, (UnitTest("", "[0, 1, 2, 3]"),), coverage=True))
    assert report.verdict is Verdict.ACCEPTED


def test_what_a_program_wrote_is_held_by_nobody(judge: Judge) -> None:
    """Each leaves 12 of the 16 MiB that /tmp has, and the next finds all of them free."""
    program = "with open('large', 'wb') as file:\n    for _ in range(12): file.write(bytes(1 << 20))\nprint(1)"
    report = judge.run(Job(program, IOFormat.STDIN, (UnitTest("", "1"),) * 6))
    assert [test.verdict for test in report.unit_tests] == [Verdict.ACCEPTED] * 6


@pytest.mark.parametrize("size", [10, 70_000, 3_000_000])
def test_inputs_of_every_size_arrive(judge: Judge, size: int) -> None:
    tests = tuple(UnitTest(f'["{letter * size}"]', str(size)) for letter in "ab")
    report = judge.run(Job("def f(text):\n    return text.count(text[0])", IOFormat.CALL, tests, "f"))
    assert report.verdict is Verdict.ACCEPTED


SEARCH = """
import ctypes

kept = "".join(reversed("swor" "raps-nworb"))

def places(reversed_mark):
    mark, found = reversed_mark[::-1].encode(), 0
    for line in open("/proc/self/maps"):
        area, allows, *_ = line.split()
        if allows.startswith("rw"):
            start, end = (int(part, 16) for part in area.split("-"))
            found += ctypes.string_at(start, end - start).count(mark)
    return found
"""


def test_no_program_finds_another_in_its_memory(judge: Judge) -> None:
    def places(mark: str) -> int:
        job = Job(SEARCH, IOFormat.CALL, (UnitTest(f'["{mark[::-1]}"]', "0"),), "places")
        return int(judge.run(job).unit_tests[0].actual)

    on_stdin = Job(
        "print(input()) # grey-herons\n'grey-herons'", IOFormat.STDIN, (UnitTest("grey-herons", "grey-herons"),)
    )
    called = Job("def f(x): return 'red-kites'", IOFormat.CALL, (UnitTest('["red-kites"]', '"red-kites"'),), "f")
    for earlier in (on_stdin, called):
        assert judge.run(earlier).verdict is Verdict.ACCEPTED
    of_nobody = places("blue-tits")  # the search itself leaves some
    assert places("brown-sparrows") > of_nobody  # its own are found
    assert places("grey-herons") == places("red-kites") == of_nobody
