"""Jobs that the judge fails on: three strikes and a job is out, and only that job; a broken machine ends everything."""

import os
import pickle
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appsplus.engine import Cache, LocalEngine
from appsplus.engine.strikes import LOSSES, MOST_IN_A_ROW, STRIKES, Strikes
from appsplus.errors import JudgingEndedError, NotJudgedError, SandboxError
from appsplus.judge import BEST_EFFORT, Job
from appsplus.judge.handle import WorkerHandle
from appsplus.problem import IOFormat, UnitTest, Verdict

PRINT_1 = "d287bb7f9d15abdc5b6e98536263815744b6ef21c8f3c839fc434ca70d8efe99"  # `printf 'print(1)' | sha256sum`
GONE = SandboxError("the worker has died")


class Failing:
    """Fails so many times, then answers 7."""

    def __init__(self, times: int) -> None:
        self.times, self.asked = times, 0

    def __call__(self) -> int:
        self.asked += 1
        if self.asked <= self.times:
            raise SandboxError(f"failure {self.asked}")
        return 7


# ---- the rule


@pytest.mark.parametrize("times", range(STRIKES))
def test_a_job_is_asked_again_until_it_is_answered(times: int) -> None:
    work = Failing(times)
    assert Strikes().ask("k", "print(1)", work) == 7
    assert work.asked == times + 1


def test_a_job_is_out_after_three_strikes_and_is_not_asked_any_more() -> None:
    strikes, work = Strikes(), Failing(99)
    for _ in range(2):
        with pytest.raises(NotJudgedError, match="at last with: failure 3") as found:
            strikes.ask("k", "print(1)", work)
        assert found.value.program_sha256 == PRINT_1
    assert work.asked == 3
    assert len(strikes) == 1
    assert strikes.ask("other", "print(2)", Failing(2)) == 7


def test_an_answer_wipes_out_the_strikes_before_it() -> None:
    strikes = Strikes()
    for _ in range(4):
        assert strikes.ask("k", "print(1)", Failing(2)) == 7


def test_what_is_no_failure_of_the_judge_is_raised_at_once() -> None:
    for error in (JudgingEndedError("closed"), ValueError("a bug of ours"), NotJudgedError("0" * 64, "elsewhere")):
        asked = []

        def work(error: Exception = error, asked: list[int] = asked) -> int:
            asked.append(1)
            raise error

        with pytest.raises(type(error)):
            Strikes().ask("k", "print(1)", work)
        assert asked == [1]


def struck_out(strikes: Strikes, number: int) -> None:
    strikes.ask(f"key {number}", f"print({number})", Failing(99))


def test_many_jobs_that_are_out_with_no_answer_in_between_are_the_machines_fault() -> None:
    strikes = Strikes()
    for number in range(MOST_IN_A_ROW - 1):
        with pytest.raises(NotJudgedError):
            struck_out(strikes, number)
        with pytest.raises(NotJudgedError):  # the same one again does not count
            struck_out(strikes, number)
    with pytest.raises(
        JudgingEndedError, match=f"failed on {MOST_IN_A_ROW} programs in a row, at last with: failure 3"
    ):
        struck_out(strikes, 999)


def test_an_answer_in_between_shows_that_the_machine_is_sound() -> None:
    strikes = Strikes()
    for number in range(3 * MOST_IN_A_ROW):
        with pytest.raises(NotJudgedError):
            struck_out(strikes, number)
        if number % (MOST_IN_A_ROW - 1) == 0:
            strikes.answered("fine")
    assert len(strikes) == 3 * MOST_IN_A_ROW


def test_a_job_whose_machine_goes_away_has_more_patience_but_not_for_ever() -> None:
    strikes = Strikes()
    for _ in range(LOSSES - 1):
        strikes.lost("k", "print(1)", GONE)
        strikes.check("k")
    strikes.strike("k", "print(1)", GONE)  # counted apart
    with pytest.raises(NotJudgedError):
        strikes.lost("k", "print(1)", GONE)


def test_the_error_comes_whole_through_a_pickle() -> None:
    error = pickle.loads(pickle.dumps(NotJudgedError("ab" * 32, "EOFError")))
    assert (error.program_sha256, error.last) == ("ab" * 32, "EOFError")
    assert str(error) == "the judge fails on the program abababababab every time, at last with: EOFError"


# ---- with a real judge


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Kills the judge's worker with -9 whenever a program with `# poison` is to be judged; the ids of those killed."""
    killed: list[int] = []
    ask = WorkerHandle.ask

    def asked(self: WorkerHandle, request: dict[str, Any], *, timeout_s: float) -> Iterator[Any]:
        if request["kind"] == "judge" and "# poison" in request["program"]:
            killed.append(self.process.pid)
            os.killpg(self.process.pid, signal.SIGKILL)  # the worker leads a session of its own
        return ask(self, request, timeout_s=timeout_s)

    monkeypatch.setattr(WorkerHandle, "ask", asked)
    return killed


def job(program: str) -> Job:
    return Job(program, IOFormat.STDIN, (UnitTest("", "1"),))


def test_a_poison_job_is_out_and_the_others_are_judged(poison: list[int], tmp_path: Path) -> None:
    with Cache(tmp_path) as cache, LocalEngine(workers=1, isolation=BEST_EFFORT, cache=cache) as engine:
        with pytest.raises(NotJudgedError):
            engine.judge([job("print(1)  # poison"), job("print(1)")])
        assert len(set(poison)) == 2 * STRIKES  # the judge itself tries twice
        with pytest.raises(NotJudgedError):
            engine.judge([job("print(1)  # poison")])
        assert len(poison) == 2 * STRIKES
        [fine, wrong] = engine.judge([job("print(1)"), job("print(2)")])
        assert (fine.verdict, wrong.verdict) == (Verdict.ACCEPTED, Verdict.WRONG_ANSWER)
        assert len(cache) == 2


def test_a_poison_job_is_asked_anew_by_the_next_engine(
    poison: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Cache(tmp_path) as cache:
        with LocalEngine(workers=1, isolation=BEST_EFFORT, cache=cache) as engine, pytest.raises(NotJudgedError):
            engine.judge([job("print(1)  # poison")])
        assert poison
        monkeypatch.undo()
        with LocalEngine(workers=1, isolation=BEST_EFFORT, cache=cache) as engine:
            [report] = engine.judge([job("print(1)  # poison")])
    assert report.verdict is Verdict.ACCEPTED
