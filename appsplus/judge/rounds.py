"""One job, asked in rounds until no verdict is in doubt. Runs in the parent.

In doubt is what failed after other unit tests in the same process, what exceeded its CPU time by so little that the
machine may be to blame, and what was not done in its wall time though it had hardly used the CPU: a whole machine may
stand still for a while. All are run again, each unit test in a process of its own; the second kind alone, while no
other judge of this process runs anything, and at the speed that the machine has then. Of the third kind one that sleeps
again speaks for all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from appsplus.judge import compiling, verdicts
from appsplus.judge.gate import Gate
from appsplus.judge.handle import WorkerHandle
from appsplus.judge.job import Job
from appsplus.judge.verdicts import LENIENCY, Run

GRACE_S = 2 * compiling.WALL_S  # what a worker may take beyond a program's own limit
_KEPT_BYTES = 64 << 20  # of answers that a checker program may be asked about, a job
_SLOWER = 1.1  # a machine has slowed down when its scale is so many times what it was
Runs = tuple[list[Run], tuple[int, ...] | None]


def judged(worker: WorkerHandle, job: Job, gate: Gate) -> Runs | str:
    """(a run per unit test, executable lines), or why the program does not compile.

    Raises OSError, EOFError or ValueError where the worker fails.
    """
    found: list[Run] = []
    executable = None
    while len(found) < len(job.unit_tests) and sum(run.is_late for run in found) < job.stop_after_timeouts:
        rest = range(len(found), len(job.unit_tests))
        with gate.shared():
            answer = _asked(worker, job, rest, worker.scale)
        if isinstance(answer, str):
            return answer
        runs, executable = answer
        found += _confirmed(worker, job, runs, gate, first=rest.start)
    return found, executable


def _confirmed(worker: WorkerHandle, job: Job, runs: list[Run], gate: Gate, *, first: int) -> list[Run]:
    """Runs of the unit tests from `first` on, those in doubt replaced by a second run. Lines count, not verdicts, in a
    job with coverage: there nothing is run again for its time.
    """
    result = list(runs)
    close, scale = _close(worker, job, result, range(len(result)))
    leaked = {i for i, run in enumerate(runs) if not run.is_accepted and not run.fresh} - close
    asleep = {i for i, run in enumerate(runs) if run.slept and not job.coverage} - close - leaked
    for which, timeouts in ((leaked, job.stop_after_timeouts), (asleep, 1)):
        if which:
            with gate.shared():
                asked = replace(job, stop_after_timeouts=timeouts)
                again = _asked(worker, asked, [first + i for i in sorted(which)], worker.scale, alone=True)
            _replace(result, sorted(which), again)
    if leaked or asleep:
        now_close, scale = _close(worker, job, result, sorted(leaked | asleep), scale)
        close |= now_close
    if close:
        with gate.alone():
            again = _asked(worker, job, [first + i for i in sorted(close)], scale or worker.scale, alone=True)
        twice = _replace(result, sorted(close), again)
        for i in close:  # all were late
            near = i not in twice or result[i].report.near_limit or not result[i].is_late
            result[i] = replace(result[i], report=replace(result[i].report, near_limit=near))
    return result


def _close(
    worker: WorkerHandle, job: Job, runs: list[Run], which: Sequence[int], scale: float | None = None
) -> tuple[set[int], float | None]:
    """Those of some runs whose time-out is to be confirmed, and the machine's scale at this moment, where it was asked."""
    late = [i for i in which if runs[i].is_late]
    if job.coverage or not late:
        return set(), scale
    scale = _scale_now(worker)
    return {i for i in late if _is_close(job, runs[i], worker.scale, scale)}, scale


def _is_close(job: Job, run: Run, before: float, now: float) -> bool:
    """Whether a late run may be in time on an idle machine, or at the speed that the machine has now."""
    cpu_s = run.report.cpu_s
    return run.report.near_limit or (
        verdicts.cpu_limit_s(job, before) <= cpu_s < LENIENCY * verdicts.cpu_limit_s(job, now)
    )


def _scale_now(worker: WorkerHandle) -> float:
    """The machine's scale at this moment, if it has slowed down; else the worker's, which is the best ever seen."""
    [(_, head, _)] = worker.ask({"kind": "calibrate"}, timeout_s=GRACE_S)
    scale = float(head["scale"])
    worker.scale = min(worker.scale, scale)
    return scale if scale > _SLOWER * worker.scale else worker.scale


def _read(
    job: Job, numbers: Sequence[int], reports: list[dict[str, Any]], bodies: bytes, scale: float, *, keeps_output: bool
) -> Iterator[Run]:
    start = 0
    for number, head in zip(numbers, reports, strict=False):
        end = start + head["size"]
        yield verdicts.run_of(job, number, head, bodies[start:end], scale, keeps_output=keeps_output)
        start = end


def _replace(runs: list[Run], which: Sequence[int], again: Runs | str) -> Sequence[int]:
    """Put second runs in the places of the first; which have one. After time-outs the rest is not run again, and stands."""
    if isinstance(again, str):
        raise EOFError(f"a program compiled once and not the second time: {again}")  # noqa: TRY004
    for i, run in zip(which, again[0], strict=False):
        runs[i] = run
    return which[: len(again[0])]


def _asked(worker: WorkerHandle, job: Job, numbers: Sequence[int], scale: float, *, alone: bool = False) -> Runs | str:
    """Have these unit tests run: (runs, executable lines), or why the program does not compile."""
    limit_s, wall_s = verdicts.cpu_limit_s(job, scale), verdicts.wall_limit_s(job, scale)
    request = {
        "kind": "judge",
        "program": job.program,
        "entry_point": job.entry_point,
        "inputs": [job.unit_tests[number].input for number in numbers],
        "limits": {
            "cpu_s": limit_s,
            "kill_cpu_s": LENIENCY * limit_s,
            "wall_s": wall_s,
            "memory_mib": job.limits.memory_mib,
            "output_mib": job.limits.output_mib,
        },
        "coverage": job.coverage,
        "alone": alone,
        "stop_after_timeouts": job.stop_after_timeouts,
    }
    compiled: dict[str, Any] = {}
    runs: list[Run] = []
    kept = 0
    for kind, head, body in worker.ask(request, timeout_s=wall_s + GRACE_S):
        if kind == b"E":
            compiled = head
        elif kind == b"T":
            more = list(
                _read(job, numbers[head["first"] :], head["reports"], body, scale, keeps_output=kept <= _KEPT_BYTES)
            )
            kept += len(body) if any(run.output is not None for run in more) else 0
            runs += more
    if compiled["error"] is not None:
        return str(compiled["error"])
    executable = compiled["executable"]
    return runs, None if executable is None else tuple(executable)
