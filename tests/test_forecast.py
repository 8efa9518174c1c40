"""What a build will cost: counted, drawn, judged and scaled up; and the truth beside it."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appsplus.engine import Cache
from appsplus.engine.bulk import BulkEngine, Question
from appsplus.engine.first_failures import FirstFailures
from appsplus.engine.judging import Judging
from appsplus.forecast import Costs, Forecast, forecast, scaled
from appsplus.judge import Inspection, Job, Report, UnitTestReport
from appsplus.ledger import Ledger
from appsplus.pipeline import BuildOptions, build, text_bytes, whole_way
from appsplus.problem import RawProblem, Reason, Rejection, Verdict
from appsplus.release import read_manifest
from appsplus.sources import Rejected, Source
from appsplus.survey import _rank, is_worth_an_estimate, survey

PROGRAM_S, JUDGE_S = 0.5, 0.125  # CPU seconds of each execution: the program's, and the judge's beyond it


def made(number: int, solutions: int = 1, unit_tests: int = 1) -> RawProblem:
    return RawProblem(
        problem_id=f"made/{number}",
        source="made",
        split="train",
        description=f"Print the number {number}, which is what {number * 7919} divided by 7919 gives, on a line.",
        solutions=tuple(f"print({number})  # {n}\n" for n in range(solutions)),
        inputs=tuple(f"{n}\n" for n in range(unit_tests)),
        outputs=(f"{number}\n",) * unit_tests,
    )


class Made:
    """A reader of these records, which counts how many were taken."""

    def __init__(self, records: Sequence[RawProblem | Rejected]) -> None:
        self.records, self.taken = records, 0

    def read(self) -> Iterator[RawProblem | Rejected]:
        for record in self.records:
            self.taken += 1
            yield record

    def inputs(self) -> Iterator[Any]:
        return iter(())


def source(records: Sequence[RawProblem | Rejected]) -> Source:
    return Source("made", "made", Made(records))


class Priced(BulkEngine):
    """An engine for which every program is right, and every execution costs the same."""

    def __init__(self, cache: Cache | None = None) -> None:
        super().__init__(workers=2, isolation="none", cache=cache, modules=())
        self.used_s = 100.0  # before the build began

    def cpu_s(self) -> float:
        return self.used_s

    def _submit(self, key: str, question: Question) -> Future[Any]:
        future: Future[Any] = Future()
        answer = self._report(question) if isinstance(question, Job) else Inspection()
        self._keep(key, answer)
        future.set_result(answer)
        return future

    def _report(self, job: Job) -> Report:
        with self._counting:
            self.used_s += (PROGRAM_S + JUDGE_S) * len(job.unit_tests)
        lines = (1,) if job.coverage else None
        one = UnitTestReport(Verdict.ACCEPTED, PROGRAM_S, 2 * PROGRAM_S, 40.0, executed_lines=lines)
        return Report(Verdict.ACCEPTED, (one,) * len(job.unit_tests), lines)


def way(record: RawProblem | Rejected, judging: Judging) -> str:
    return whole_way(record, judging, Ledger.read([]), BuildOptions())


# ---- counting and drawing


def test_a_survey_counts_every_solution_and_every_unit_test() -> None:
    rejected = Rejected("made/x", "made", "train", Rejection(Reason.MALFORMED_RECORD, "no object"))
    unbalanced = replace(made(3, 2, 3), outputs=("3\n",))
    found = survey([made(1, 2, 5), rejected, made(2, 1, 4), unbalanced], 0)
    assert (found.problems, found.solutions, found.unit_tests) == (4, 5, 10)
    assert found.executions == 2 * 5 + 1 * 4 + 2 * 1
    assert len(found.sample) == 4


@pytest.mark.parametrize(("problems", "drawn"), [(20, 20), (100, 30), (3000, 60), (12_000, 200)])
def test_a_sample_is_two_per_cent_within_bounds(problems: int, drawn: int) -> None:
    assert len(survey((made(n) for n in range(problems)), 0).sample) == drawn


def test_the_draw_depends_on_the_seed_and_not_on_the_order() -> None:
    records = [made(n) for n in range(200)]
    ids = [
        {r.problem_id for r in survey(some, seed).sample}
        for some, seed in [(records, 0), (records[::-1], 0), (records, 1)]
    ]
    assert ids[0] == ids[1] != ids[2]
    drawn = survey(records, 0).sample
    assert list(drawn) == sorted(drawn, key=records.index)  # type: ignore[arg-type]


def test_a_sample_of_large_problems_is_as_large_as_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [replace(made(n), description="a" * (10_000 if n % 7 else 90_000)) for n in range(200)]
    whole = [r.problem_id for r in sorted(survey(records, 0).sample, key=lambda r: _rank(r, 0))]
    monkeypatch.setattr("appsplus.survey._MOST_BYTES", 300_000)
    small = survey(records, 0).sample
    assert 1 < len(small) < len(whole)
    assert sum(map(text_bytes, small)) <= 300_000
    assert {r.problem_id for r in small} == set(whole[: len(small)])  # the first of the same draw
    assert {r.problem_id for r in survey(records[::-1], 0).sample} == {r.problem_id for r in small}
    monkeypatch.setattr("appsplus.survey._MOST_BYTES", 1)
    assert len(survey(records, 0).sample) == 1


def test_only_many_problems_that_are_mostly_new_are_worth_an_estimate() -> None:
    many, few = [made(n) for n in range(1000)], [made(n) for n in range(300)]
    assert is_worth_an_estimate(many, lambda _: False)
    assert not is_worth_an_estimate(few, lambda _: False)
    assert not is_worth_an_estimate(many, lambda _: True)
    reader = Made(many)
    assert is_worth_an_estimate(reader.read(), lambda _: False)
    assert reader.taken == 301


# ---- scaling up


def test_equal_shares_scale_up_without_an_error() -> None:
    assert scaled([3.0, 6.0], [1.0, 2.0], 100.0, 50) == (300.0, 0.0)


def test_the_interval_is_that_of_a_ratio_estimate() -> None:
    # ratio (1 + 5) / (1 + 1) = 3, residuals -2 and 2, variance (1 - 2/10) / 2 * 8 / 1 = 3.2; 1.96 * 10 * sqrt(3.2) = 35.06
    total, error = scaled([1.0, 5.0], [1.0, 1.0], 10.0, 10)
    assert total == 30.0
    assert error == pytest.approx(35.06, abs=0.01)


def test_a_sample_of_everything_is_certain_and_one_of_nothing_says_nothing() -> None:
    assert scaled([1.0, 5.0], [1.0, 1.0], 2.0, 2) == (6.0, 0.0)
    assert scaled([], [], 10.0, 10) == (0.0, 0.0)
    assert scaled([0.0], [0.0], 10.0, 10) == (0.0, 0.0)


def forecast_of(records: Sequence[RawProblem], engine: Priced, **options: Any) -> Forecast:
    return forecast(survey(records, 0), engine, way, **options)


def test_what_all_problems_cost_alike_is_forecast_exactly() -> None:
    found = forecast_of([made(n, solutions=3, unit_tests=4) for n in range(100)], Priced())
    # a problem: 3 solutions, a second run and a traced one of the first that passes, 4 unit tests each
    assert (found.sample, found.problems, found.executions, found.runs) == (30, 100, 1200, 2000)
    assert found.overhead_s == pytest.approx(JUDGE_S)
    assert found.core_s == pytest.approx(2000 * (PROGRAM_S + JUDGE_S), rel=0.01)
    assert found.core_s_interval == (pytest.approx(found.core_s), pytest.approx(found.core_s))
    assert found.wall_s == pytest.approx(
        2000 * (2 * PROGRAM_S + JUDGE_S) / 2, rel=0.01
    )  # programs that wait, two at a time
    assert found.program_mib == 40.0


def test_the_estimate_is_of_a_build_that_knows_nothing_whatever_the_cache_knows(tmp_path: Path) -> None:
    records = [made(n, 3, 4) for n in range(60)]
    with Cache(tmp_path) as cache:
        first, second = (forecast_of(records, Priced(cache)) for _ in range(2))
    assert second.core_s == pytest.approx(first.core_s)
    assert second.runs == first.runs


def test_what_the_sample_has_judged_is_not_judged_again_by_the_build(tmp_path: Path) -> None:
    records = [made(n, 3, 4) for n in range(40)]
    with Cache(tmp_path / "cache") as cache:
        engine = Priced(cache)
        costs = Costs(engine)
        costs.forecast = forecast_of(records, engine)
        probes = 2 * 40 + 2 * 2  # 40 unit tests of either format; both workers started for two hash seeds
        assert engine.spent.judged.executions == 30 * 20 + probes
        build([source(records)], tmp_path / "out", engine, Ledger.read([]), facts=costs.facts)
        assert engine.spent.judged.executions == 40 * 20 + probes
        assert engine.spent.known.executions == 0
    cost = read_manifest(tmp_path / "out").run["cost"]
    assert cost["estimate"] == costs.forecast.to_json()
    assert cost["truth"]["core_s"] == pytest.approx((40 * 20 + probes) * (PROGRAM_S + JUDGE_S))
    assert cost["ratio"] == pytest.approx((40 * 20 + probes) / (40 * 20), rel=0.01)


def test_what_the_cache_saves_stands_beside_what_was_used(tmp_path: Path) -> None:
    records = [made(n, 3, 4) for n in range(40)]
    with Cache(tmp_path / "cache") as cache:
        build([source(records)], tmp_path / "out", Priced(cache), Ledger.read([]))
        engine = Priced(cache)
        costs = Costs(engine)
        costs.forecast = forecast_of(records, engine)
        build([source(records)], tmp_path / "out", engine, Ledger.read([]), facts=costs.facts)
    truth = read_manifest(tmp_path / "out").run["cost"]["truth"]
    assert truth["known_core_s"] == pytest.approx(40 * 20 * (PROGRAM_S + JUDGE_S), rel=0.01)
    assert truth["core_s"] == pytest.approx(84 * (PROGRAM_S + JUDGE_S))  # the probes


def test_without_an_estimate_the_truth_stands_alone(tmp_path: Path) -> None:
    engine = Priced()
    build([source([made(1)])], tmp_path / "out", engine, Ledger.read([]), facts=Costs(engine).facts)
    cost = read_manifest(tmp_path / "out").run["cost"]
    assert (cost["estimate"], cost["ratio"]) == (None, None)
    assert cost["truth"]["spent"]["judged"]["executions"] >= 3


def test_the_policies_of_the_build_are_those_of_its_estimate(tmp_path: Path) -> None:
    class Wrong(Priced):
        """Every program but the first fails at once."""

        def _report(self, job: Job) -> Report:
            report = super()._report(job)
            if job.program.endswith("# 0\n"):
                return report
            failed = replace(report.unit_tests[0], verdict=Verdict.RUN_TIME_ERROR)
            return Report(Verdict.RUN_TIME_ERROR, (failed,) * len(report.unit_tests))

    records = [made(n, 3, 10) for n in range(40)]
    with Cache(tmp_path) as cache:
        saving = forecast_of(records, Wrong(cache), wrapped=lambda meter: FirstFailures(meter, cache))
    assert forecast_of(records, Wrong()).runs == 40 * (3 + 2) * 10
    assert saving.runs == 40 * (10 + 1 + 1 + 2 * 10)  # the two that fail: one unit test each
