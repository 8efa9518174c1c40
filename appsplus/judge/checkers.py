"""Checkers that are programs: they run in the sandbox too, apart from the solution, in a job of their own.

A checker defines `check(input, expected, actual)` and returns True or False. For the stdin format all three are text; for
the call format they are the list of arguments, the expected value and the returned value (tuples and iterators as lists).
It is asked about the answers that the comparison ladder does not accept. A checker that fails says no, with the reason in
the report: an answer may be such that no checker can read it.
"""

import json
from dataclasses import replace

from appsplus import jsonl
from appsplus.errors import InputError
from appsplus.judge import verdicts
from appsplus.judge.job import Job
from appsplus.judge.verdicts import Run
from appsplus.problem import IOFormat, UnitTest, Verdict

ENTRY_POINT = "check"


def is_asked(job: Job, runs: list[Run]) -> bool:
    """Whether a program has to say what some answers are worth."""
    return verdicts.asks_a_program(job) and bool(_in_question(runs))


def _in_question(runs: list[Run]) -> list[int]:
    return [i for i, run in enumerate(runs) if run.output is not None]


def question(job: Job, runs: list[Run]) -> Job:
    """The job that asks the checker about every answer in question."""
    assert job.checker is not None
    asked = []
    for i in _in_question(runs):
        unit_test, output = job.unit_tests[i], runs[i].output
        if job.io_format is IOFormat.STDIN:
            arguments = json.dumps([unit_test.input, unit_test.output, output])
        else:
            arguments = f"[{unit_test.input},{unit_test.output},{jsonl.dumps(output)}]"
        asked.append(UnitTest(arguments, "true"))
    return Job(
        program=job.checker.program,
        io_format=IOFormat.CALL,
        unit_tests=tuple(asked),
        entry_point=ENTRY_POINT,
        limits=job.limits,
        hash_seed=job.hash_seed,
        modules=job.modules,
        stop_after_timeouts=len(asked),
    )


def answered(runs: list[Run], answers: list[Run] | str) -> list[Run]:
    """The runs with what the checker says. Raises InputError for a checker that does not compile."""
    if isinstance(answers, str):
        raise InputError(f"the checker program does not compile ({answers}); correct it in the ledger")
    result = list(runs)
    for i, answer in zip(_in_question(runs), answers, strict=True):
        if answer.is_accepted:
            result[i] = replace(runs[i], report=replace(runs[i].report, verdict=Verdict.ACCEPTED))
        elif answer.report.actual != "false":
            why = answer.report.error or f"it returned {answer.report.actual[:100]}; expected true or false"
            result[i] = replace(runs[i], report=replace(runs[i].report, error=f"the checker failed: {why}"[:600]))
    return result
