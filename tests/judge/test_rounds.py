"""Verdicts in doubt: what is run again, how, and which answer counts. The worker is a stand-in with a script."""

from collections.abc import Iterator
from typing import Any, cast

from appsplus.judge.gate import Gate
from appsplus.judge.handle import WorkerHandle
from appsplus.judge.job import Job
from appsplus.judge.rounds import judged
from appsplus.problem import IOFormat, Limits, UnitTest, Verdict

AC, WA, TLE = Verdict.ACCEPTED, Verdict.WRONG_ANSWER, Verdict.TIME_LIMIT_EXCEEDED


class Worker:
    """Answers requests with the given runs, each (ended, cpu seconds, what came out), and remembers the requests.

    `fresh`: whether the runs of the first round had processes of their own.
    """

    def __init__(
        self, *rounds: list[tuple[str, float, str]], scale: float = 1.0, scale_now: float = 1.0, fresh: bool = True
    ) -> None:
        self.rounds, self.scale, self.scale_now, self.fresh = list(rounds), scale, scale_now, fresh
        self.requests: list[dict[str, Any]] = []

    def ask(self, request: dict[str, Any], *, timeout_s: float) -> Iterator[tuple[bytes, dict[str, Any], bytes]]:
        assert timeout_s > 0
        if request["kind"] == "calibrate":
            yield b"E", {"scale": self.scale_now}, b""
            return
        self.requests.append(request)
        for i, (ended, cpu_s, text) in enumerate(self.rounds.pop(0)):
            head = {"ended": ended, "cpu_s": cpu_s, "wall_s": cpu_s, "peak_mib": 1.0, "status": 0}
            head["fresh"] = self.fresh or len(self.requests) > 1
            yield b"T", {"first": i, "reports": [head | {"size": len(text)}]}, text.encode()
        yield b"E", {"error": None, "executable": None}, b""


def run(worker: Worker, unit_tests: int = 1) -> list[tuple[Verdict, bool]]:
    job = Job("", IOFormat.STDIN, (UnitTest("", "1"),) * unit_tests, limits=Limits(cpu_s=10, wall_s=100))
    answer = judged(cast("WorkerHandle", worker), job, Gate())
    assert not isinstance(answer, str)
    return [(r.report.verdict, r.report.near_limit) for r in answer[0]]


def test_well_below_the_limit_nothing_is_run_again() -> None:
    worker = Worker([("exit", 6.9, "1")])
    assert run(worker) == [(AC, False)]


def test_a_program_in_time_is_accepted_and_named_as_near_the_limit() -> None:
    assert run(Worker([("exit", 7.0, "1")])) == [(AC, True)]


def test_a_little_too_late_is_run_again_alone_and_the_second_run_counts() -> None:
    worker = Worker([("exit", 10.1, "1")], [("exit", 9.0, "1")])
    assert run(worker) == [(AC, True)]
    assert worker.requests[1]["alone"]
    assert run(Worker([("exit", 14.9, "1")], [("exit", 10.5, "1")])) == [(TLE, True)]
    assert run(Worker([("exit", 14.9, "2")], [("exit", 9.0, "2")])) == [(WA, True)]


def test_what_a_second_run_alone_says_clearly_is_not_near() -> None:
    """An endless loop: killed the first time near the limit that a slower machine has, the second time far beyond its own."""
    assert run(Worker([("cpu", 14.0, "")], [("cpu", 15.0, "")])) == [(TLE, False)]
    assert run(Worker([("exit", 10.1, "1")], [("exit", 2.0, "1")])) == [(AC, True)]  # late once, and not any more


def test_what_is_not_run_a_second_time_stays_near() -> None:
    worker = Worker([("cpu", 14.0, "")] * 3, [("cpu", 15.0, "")])
    assert run(worker, 3) == [(TLE, False), (TLE, True), (TLE, True)]


def test_far_beyond_the_limit_is_not_run_again() -> None:
    worker = Worker([("cpu", 15.0, "")])
    assert run(worker) == [(TLE, False)]
    assert [r["limits"]["cpu_s"] for r in worker.requests] == [10.0]
    assert [r["limits"]["kill_cpu_s"] for r in worker.requests] == [15.0]


def test_a_machine_that_has_slowed_down_meanwhile_gives_more_time() -> None:
    worker = Worker([("cpu", 15.0, "")], [("exit", 16.0, "1")], scale_now=2.0)
    assert run(worker) == [(AC, True)]
    assert [r["limits"]["cpu_s"] for r in worker.requests] == [10.0, 20.0]


def test_a_slow_machine_gives_more_time_from_the_start() -> None:
    assert run(Worker([("exit", 19.0, "1")], scale=2.0, scale_now=2.0)) == [(AC, True)]


def test_a_sleeper_is_run_once_more_and_a_starved_program_alone() -> None:
    slept, right = ("wall", 0.1, ""), ("exit", 1.0, "1")
    worker = Worker([slept], [slept])
    assert run(worker) == [(TLE, False)]
    assert [request["alone"] for request in worker.requests] == [False, True]
    assert run(Worker([slept], [right])) == [(AC, False)]  # it was the machine that had stood still
    assert run(Worker([slept], [("exit", 12.0, "1")], [("exit", 9.0, "1")])) == [(AC, True)]
    assert run(Worker([("wall", 5.0, "")], [("exit", 6.0, "1")])) == [(AC, True)]


def test_of_several_sleepers_one_that_sleeps_again_speaks_for_all() -> None:
    slept, right = ("wall", 0.1, ""), ("exit", 1.0, "1")
    worker = Worker([slept, right, slept], [slept])
    assert run(worker, unit_tests=3) == [(TLE, False), (AC, False), (TLE, False)]
    assert [len(request["inputs"]) for request in worker.requests] == [3, 2]
    assert [request["stop_after_timeouts"] for request in worker.requests] == [2, 1]


def test_what_is_late_when_it_is_run_again_for_another_reason_is_confirmed_too() -> None:
    worker = Worker([("exit", 1.0, "2")], [("exit", 12.0, "1")], [("exit", 9.0, "1")], fresh=False)
    assert run(worker) == [(AC, True)]
    assert [request["alone"] for request in worker.requests] == [False, True, True]
    far = Worker([("cpu", 16.0, "")], [("exit", 11.0, "1")], [("exit", 10.5, "1")], fresh=False)
    assert run(far) == [(TLE, True)]
    assert run(Worker([("exit", 1.0, "2")], [("exit", 1.0, "2")], fresh=False)) == [(WA, False)]


def test_after_a_pardon_the_remaining_unit_tests_are_run() -> None:
    late, right = ("exit", 11.0, "1"), ("exit", 1.0, "1")
    worker = Worker([late, late], [("exit", 9.0, "1")] * 2, [right])
    assert run(worker, unit_tests=3) == [(AC, True), (AC, True), (AC, False)]
    assert len(worker.requests[2]["inputs"]) == 1
