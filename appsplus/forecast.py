"""What a build will cost, from a sample of its problems that is really judged, and what it has cost in the end.

The sample goes the whole way of a build, so its answers are in the cache when the build comes to them: nothing is lost. The
estimate is of a build that knows nothing yet; what the cache knows is told beside the truth, and makes it smaller.

With N problems and X executions in all (solutions x unit tests, problem by problem), n and x_i in the sample:

    c_i   CPU seconds of the programs of sampled problem i, as the judge reports them
    e_i   executions that its way through the build has really taken
    o     CPU seconds of the judge for each execution beyond the program's, measured on programs that do nothing
    d     CPU seconds of this process for each problem: reading, stages, comparing, the worklist
    s     CPU seconds that it takes to start the judges, once
    core  = X * sum(c_i + o e_i) / sum(x_i) + N d + s                          a ratio estimate
    ± 1.96 N sqrt((1 - n/N) / n * sum(r_i²) / (n - 1)),  r_i = (c_i + o e_i) - x_i sum(c + o e) / sum(x)
    wall  = the larger of core, and of X * sum(w_i + o e_i) / sum(x_i) with w_i the wall seconds of what c_i are the CPU
            seconds of, over the number of workers; at least N d
    memory = this process so far + 25 KiB a problem, and for each worker the largest program of the sample

The interval is about the draw of the sample alone. A sample without a rare, huge problem knows nothing of it.
"""

import math
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from appsplus.engine.bulk import BulkEngine
from appsplus.engine.costs import Sum, peak_mib
from appsplus.engine.judging import Judging
from appsplus.engine.ordered import in_order, threads
from appsplus.judge import Inspection, Job, Report
from appsplus.pipeline import THREADS, Progress
from appsplus.problem import IOFormat, UnitTest
from appsplus.stages.passing import SECOND_HASH_SEED
from appsplus.survey import Record, Survey, sizes

_PROBE_TESTS = 40
_PROBLEM_MIB = 25 / 1024  # what a build of 10,000 has taken (benchmarks/results/scaling.json), rounded up
_Z = 1.96  # a 95 % interval


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a build will cost, if it knows nothing yet."""

    sample: int  # problems that were judged
    problems: int
    solutions: int
    unit_tests: int
    executions: int  # of every solution on every unit test
    runs: int  # that the build will make of them, with second runs, traced ones and those for the worklist
    core_s: float
    core_s_interval: tuple[float, float]
    wall_s: float
    workers: int
    overhead_s: float  # of the judge, for each run: CPU seconds
    driver_mib: float
    program_mib: float  # the largest of the sample

    def to_json(self) -> dict[str, Any]:
        """For the manifest's section `run`."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


class Meter:
    """An engine that notes what the answers to one problem's questions cost, known ones included, each question once."""

    def __init__(self, engine: BulkEngine) -> None:
        self._engine = engine
        self.modules, self.workers, self.isolation = engine.modules, engine.workers, engine.isolation
        self.rungs, self.counts = engine.rungs, engine.counts
        self.sum = Sum()
        self.runs: Counter[IOFormat] = Counter()
        self._met: set[Job] = set()

    def judge(self, jobs: Sequence[Job]) -> list[Report]:
        """As the engine does."""
        reports = self._engine.judge(jobs)
        for job, report in zip(jobs, reports, strict=True):
            if job not in self._met:
                self._met.add(job)
                before = self.sum.executions
                self.sum.add(report)
                self.runs[job.io_format] += self.sum.executions - before
        return reports

    def inspect(self, programs: Sequence[str]) -> list[Inspection]:
        """As the engine does."""
        return self._engine.inspect(programs)


Way = Callable[[Record, Judging], str]
"""Takes a record through a build as far as it gets, and says what it counts as there: see `pipeline.OUTCOMES`."""


def forecast(
    found: Survey,
    engine: BulkEngine,
    way: Way,
    wrapped: Callable[[Meter], Judging] = lambda meter: meter,
    progress: Progress | None = None,
) -> Forecast:
    """Judge the sample, and scale up. `wrapped`: with the policies of the build around the engine. Raises as a build does."""
    progress = progress or Progress()
    start_s = _start_s(engine)
    overhead_s = {io_format: _overhead_s(engine, io_format) for io_format in IOFormat}
    progress.start("estimating", len(found.sample))
    before_s, spent_before = engine.cpu_s(), engine.spent.judged.copy()

    def measured(record: Record) -> tuple[Meter, str]:
        meter = Meter(engine)
        return meter, way(record, wrapped(meter))

    meters = []
    with threads(THREADS * engine.workers) as pool:
        for meter, word in in_order(pool, measured, found.sample, window=max(1, len(found.sample))):
            meters.append(meter)
            progress.advance(word)
    used_s = engine.cpu_s() - before_s
    judged = engine.spent.judged.minus(spent_before)
    runs = sum((meter.runs for meter in meters), Counter[IOFormat]())
    mean_overhead_s = sum(overhead_s[f] * n for f, n in runs.items()) / max(1, runs.total())
    driver_s = max(0.0, used_s - judged.cpu_s - judged.executions * mean_overhead_s) / max(1, len(meters))

    sampled = [float(math.prod(sizes(record))) for record in found.sample]
    beside = [sum(overhead_s[f] * n for f, n in meter.runs.items()) for meter in meters]
    cpu = [meter.sum.cpu_s + more for meter, more in zip(meters, beside, strict=True)]
    busy = [meter.sum.wall_s + more for meter, more in zip(meters, beside, strict=True)]
    core_s, error_s = scaled(cpu, sampled, found.executions, found.problems)
    busy_s, _ = scaled(busy, sampled, found.executions, found.problems)
    total_runs, _ = scaled([meter.sum.executions for meter in meters], sampled, found.executions, found.problems)
    rest_s = found.problems * driver_s + start_s
    return Forecast(
        sample=len(meters),
        problems=found.problems,
        solutions=found.solutions,
        unit_tests=found.unit_tests,
        executions=found.executions,
        runs=round(total_runs),
        core_s=core_s + rest_s,
        core_s_interval=(max(0.0, core_s - error_s) + rest_s, core_s + error_s + rest_s),
        wall_s=max((core_s + rest_s) / engine.workers, busy_s / engine.workers, found.problems * driver_s),
        workers=engine.workers,
        overhead_s=mean_overhead_s,
        driver_mib=peak_mib() + found.problems * _PROBLEM_MIB,
        program_mib=max((meter.sum.peak_mib for meter in meters), default=0.0),
    )


def scaled(costs: Sequence[float], sizes: Sequence[float], total: float, problems: int) -> tuple[float, float]:
    """The ratio estimate of a total from a sample, and half the width of its 95 % interval; formulas above."""
    n = len(costs)
    if not n or not sum(sizes):
        return 0.0, 0.0
    ratio = sum(costs) / sum(sizes)
    residuals = sum((cost - ratio * size) ** 2 for cost, size in zip(costs, sizes, strict=True))
    variance = (1 - n / problems) / n * residuals / max(1, n - 1)
    return total * ratio, _Z * problems * math.sqrt(max(0.0, variance))


def _start_s(engine: BulkEngine) -> float:
    """CPU seconds that it takes to start a judge for each worker and each hash seed of a build, where none runs yet."""
    before_s = engine.cpu_s()
    for hash_seed in (0, SECOND_HASH_SEED):
        programs = [f"# {secrets.token_hex(8)}\n" for _ in range(engine.workers)]
        engine.judge([Job(program, IOFormat.STDIN, (UnitTest("", ""),), hash_seed=hash_seed) for program in programs])
    return engine.cpu_s() - before_s


def _overhead_s(engine: BulkEngine, io_format: IOFormat) -> float:
    """CPU seconds of the judge for each execution of a program that does nothing, its own left out.

    The program has a comment that no other has, so that it is always run; the clock of /proc is coarse, hence so many runs.
    """
    stdin = io_format is IOFormat.STDIN
    tests = (UnitTest("", "") if stdin else UnitTest("[]", "null"),) * _PROBE_TESTS
    program = f"# {secrets.token_hex(8)}\n" + ("pass\n" if stdin else "def f():\n    pass\n")
    before_s = engine.cpu_s()
    [report] = engine.judge([Job(program, io_format, tests, None if stdin else "f")])
    used_s = engine.cpu_s() - before_s - sum(test.cpu_s for test in report.unit_tests)
    return max(0.0, used_s) / _PROBE_TESTS


class Costs:
    """What a build costs, counted from here on; `forecast` is set where there was one."""

    def __init__(self, engine: BulkEngine) -> None:
        self._engine = engine
        self._cpu_s, self._started = engine.cpu_s(), time.monotonic()
        self.forecast: Forecast | None = None

    def facts(self) -> dict[str, Any]:
        """For the manifest's section `run`: `cost`, the estimate and the truth beside it."""
        spent, forecast = self._engine.spent, self.forecast
        overhead_s = forecast.overhead_s if forecast else 0.0
        known_s = spent.known.cpu_s + overhead_s * spent.known.executions
        core_s = self._engine.cpu_s() - self._cpu_s
        truth = {
            "core_s": core_s,
            "known_core_s": known_s,  # that the cache has saved
            "wall_s": time.monotonic() - self._started,
            "workers": self._engine.workers,
            "driver_mib": peak_mib(),
            "program_mib": max(spent.judged.peak_mib, spent.known.peak_mib),
            "spent": spent.to_json(),
        }
        ratio = (core_s + known_s) / forecast.core_s if forecast and forecast.core_s else None
        return {
            "cost": {
                "estimate": forecast and forecast.to_json(),
                "truth": {name: _rounded(value) for name, value in truth.items()},
                "ratio": ratio and round(ratio, 3),  # of CPU seconds: used and saved, per estimated
            }
        }


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
