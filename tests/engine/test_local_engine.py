"""Jobs in bulk: answers in order, nothing judged twice, the same with any number of workers."""

import errno
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from appsplus.engine import Cache, LocalEngine
from appsplus.errors import NotJudgedError, SandboxError
from appsplus.judge import BEST_EFFORT, Job, Judge
from appsplus.problem import IOFormat, UnitTest, Verdict


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    found = Cache(tmp_path)
    yield found
    found.close()


def squares(numbers: range) -> list[Job]:
    """Programs that are right for even numbers."""
    return [
        Job(f"print({n} * {n} + {n % 2})", IOFormat.STDIN, (UnitTest("", str(n * n)),), hash_seed=n % 2)
        for n in numbers
    ]


@pytest.mark.parametrize("workers", [1, 3])
def test_reports_come_in_the_order_of_the_jobs(workers: int) -> None:
    with LocalEngine(workers=workers, isolation=BEST_EFFORT) as engine:
        reports = engine.judge(squares(range(8)))
    assert [r.verdict for r in reports] == [Verdict.ACCEPTED, Verdict.WRONG_ANSWER] * 4
    assert [r.unit_tests[0].actual for r in reports] == ["0\n", "2\n", "4\n", "10\n", "16\n", "26\n", "36\n", "50\n"]


def test_what_is_known_is_not_judged_again(cache: Cache) -> None:
    jobs = squares(range(4))
    with LocalEngine(workers=2, isolation=BEST_EFFORT, cache=cache) as engine:
        first = engine.judge([*jobs, jobs[0]])
        assert engine.counts == {"judged": 4}
        assert engine.judge(jobs) == first[:4]
        engine.inspect(["x = 1", "x = 1", "y = 1"])
        engine.inspect(["x = 1"])
        assert engine.counts == {"judged": 6, "cached": 5}


def test_several_threads_may_ask_at_once() -> None:
    with LocalEngine(workers=2, isolation=BEST_EFFORT) as engine, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: engine.judge(squares(range(n, n + 2))), range(0, 12, 2)))
    assert [r.verdict for pair in answers for r in pair] == [Verdict.ACCEPTED, Verdict.WRONG_ANSWER] * 6


def test_inspections_come_in_the_order_of_the_programs() -> None:
    with LocalEngine(workers=2, isolation=BEST_EFFORT) as engine:
        found = engine.inspect(["import os", "def f(): pass", "x ="])
    assert [i.imports for i in found] == [("os",), (), ()]
    assert found[1].functions == ("f",)
    assert found[2].syntax_error == "invalid syntax (line 1)"


@pytest.mark.parametrize("failures", [2, 99])
def test_a_worker_that_cannot_be_started_is_a_failure_of_the_judge(
    failures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of processes for a moment: it is asked again. For good: the job is out, and the machine is told of."""
    left = [failures]

    class Hungry(Judge):
        def __init__(self, **options: Any) -> None:
            left[0] -= 1
            if left[0] >= 0:
                raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
            super().__init__(**options)

    with LocalEngine(workers=1, isolation=BEST_EFFORT) as engine:
        monkeypatch.setattr("appsplus.engine.warm.Judge", Hungry)
        job = Job("print(1)", IOFormat.STDIN, (UnitTest("", "1"),), hash_seed=1)
        if failures == 2:
            assert engine.judge([job])[0].verdict is Verdict.ACCEPTED
        else:
            with pytest.raises(
                NotJudgedError, match=r"could not be started .Resource temporarily unavailable.: this machine"
            ):
                engine.judge([job])


def test_no_worker_is_left_when_the_engine_is_closed() -> None:
    engine = LocalEngine(workers=2, isolation=BEST_EFFORT)
    engine.judge(squares(range(4)))
    processes = [worker.process for judge in engine._judges._all for worker in judge._workers.values()]
    engine.close()
    assert processes
    assert all(process is not None and process.poll() is not None for process in processes)


ENDLESS = Job("while True:\n    pass\n", IOFormat.STDIN, (UnitTest("", "1"),) * 9)


def test_closing_ends_what_is_being_judged_at_once() -> None:
    engine = LocalEngine(workers=2, isolation=BEST_EFFORT)
    told: list[BaseException] = []

    def ask() -> None:
        try:
            engine.judge([ENDLESS, *squares(range(3))])
        except (SandboxError, CancelledError) as error:
            told.append(error)

    asking = [threading.Thread(target=ask) for _ in range(3)]
    for thread in asking:
        thread.start()
    time.sleep(0.5)
    started = time.monotonic()
    engine.close()
    for thread in asking:
        thread.join(timeout=20)
    assert time.monotonic() - started < 3
    assert len(told) == 3


def test_a_closed_engine_judges_nothing() -> None:
    engine = LocalEngine(workers=1, isolation=BEST_EFFORT)
    engine.close()
    engine.close()
    with pytest.raises(SandboxError, match="closed"):
        engine.judge(squares(range(1)))


def test_where_one_answer_fails_the_others_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalEngine(workers=1, isolation=BEST_EFFORT) as engine:
        asked = []

        def fail(key: str, job: Job) -> None:
            asked.append(key)
            time.sleep(0.05)
            raise SandboxError(job.program)

        monkeypatch.setattr(engine, "_ask_and_store", fail)
        with pytest.raises(SandboxError, match=r"print\(0 \* 0"):
            engine.judge(squares(range(50)))
        time.sleep(0.4)
        assert len(asked) <= 2


def test_every_answer_is_counted_also_from_several_threads(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalEngine(workers=2, isolation=BEST_EFFORT, cache=cache) as engine, ThreadPoolExecutor(8) as pool:
        engine.inspect(["x = 1"])

        class Slow(Counter[str]):
            """A count that another thread may come between."""

            def __getitem__(self, key: str) -> int:
                found = super().__getitem__(key)
                time.sleep(0.0001)
                return found

        monkeypatch.setattr(engine, "counts", Slow(engine.counts))
        list(pool.map(lambda _: engine.inspect(["x = 1"]), range(400)))
        assert engine.counts == {"judged": 1, "cached": 400}
