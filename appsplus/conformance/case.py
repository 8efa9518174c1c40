"""One case of the suite: a program, and the verdict that any judge must give it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from textwrap import dedent
from typing import Any

from appsplus import jsonl
from appsplus.judge import Job
from appsplus.problem import Checker, IOFormat, Limits, UnitTest, Verdict

QUICK = Limits(cpu_s=2.0, wall_s=15.0, memory_mib=256, output_mib=1)  # many times what an honest case needs
LOOPS = Limits(cpu_s=0.3, wall_s=10.0, memory_mib=256, output_mib=1)  # for programs that never stop computing
SLEEPS = Limits(cpu_s=2.0, wall_s=0.7, memory_mib=256, output_mib=1)  # for programs that never stop waiting
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")


class Group(StrEnum):
    """What a program is, and so what a judge that gets it wrong has done."""

    HONEST = "honest"  # right, and refused by some judges
    WRONG = "wrong"  # wrong, and accepted by some judges
    HOSTILE = "hostile"  # made against the judge


@dataclass(frozen=True, slots=True)
class Case:
    """A program on unit tests, the verdict it must get, and why it is here."""

    name: str  # unique: words in lower case, joined by "-"
    why: str  # a line: who gets it wrong, or what it guards
    group: Group
    io_format: IOFormat
    program: str
    unit_tests: tuple[UnitTest, ...]
    verdict: Verdict
    also: tuple[Verdict, ...] = ()  # verdicts that are as fair, where it depends on which limit is met first
    unit_verdicts: tuple[Verdict, ...] = ()  # one per unit test, where it matters; else only `verdict` is asked for
    entry_point: str | None = None
    checker: Checker | None = None
    limits: Limits = QUICK
    needs: tuple[str, ...] = ()  # rungs of `Judge.rungs` without which the case says nothing
    harmful: bool = False  # would hurt the machine outside a sandbox: never run by a judge without one
    executed_lines: tuple[int, ...] | None = None  # of the first unit test; None: coverage is not asked for

    def __post_init__(self) -> None:
        if not _SLUG.match(self.name):
            raise ValueError(f"a case's name is words in lower case joined by '-'; got {self.name!r}")
        if self.verdict in self.also or (self.unit_verdicts and len(self.unit_verdicts) != len(self.unit_tests)):
            raise ValueError(f"{self.name}: `also` repeats the verdict, or not one unit verdict per unit test")

    @property
    def fair_verdicts(self) -> tuple[Verdict, ...]:
        """All verdicts that are right."""
        return (self.verdict, *self.also)

    @property
    def job(self) -> Job:
        """What our judge is asked."""
        return Job(
            self.program,
            self.io_format,
            self.unit_tests,
            entry_point=self.entry_point,
            limits=self.limits,
            checker=self.checker,
            coverage=self.executed_lines is not None,
            stop_after_timeouts=len(self.unit_tests),
        )


def stdin_case(
    group: Group,
    name: str,
    why: str,
    program: str,
    unit_tests: Sequence[tuple[str, str]],
    verdict: Verdict = Verdict.ACCEPTED,
    **more: Any,
) -> Case:
    """A case of the stdin format: (standard input, expected standard output) per unit test."""
    tests = tuple(UnitTest(given, expected) for given, expected in unit_tests)
    return Case(name, why, group, IOFormat.STDIN, _text(program), tests, verdict, **more)


def call_case(
    group: Group,
    name: str,
    why: str,
    program: str,
    unit_tests: Sequence[tuple[list[Any], Any]],
    verdict: Verdict = Verdict.ACCEPTED,
    **more: Any,
) -> Case:
    """A case of the call format: (arguments, expected value) per unit test; the function is `f` unless told."""
    tests = tuple(UnitTest(jsonl.dumps(arguments), jsonl.dumps(expected)) for arguments, expected in unit_tests)
    more.setdefault("entry_point", "f")
    return Case(name, why, group, IOFormat.CALL, _text(program), tests, verdict, **more)


def _text(program: str) -> str:
    """A program as it is written in a table: without the table's indentation."""
    return dedent(program).removeprefix("\n")
