"""Judge every submission and every solution on all unit tests of its problem, and write one line a program.

    python -m benchmarks.verdicts.run --data DATA --out RUN.jsonl [--workers N] [--load] [--limit-cpu S]

The first line of RUN.jsonl says how it was made. A run can be interrupted and started again: what is there is not judged
again. `--load` keeps every core busy with something else. `--costs EARLIER.jsonl --max-s S` leaves out the programs that
took more than S seconds in an earlier run, by CPU or wall time; each is named in RUN.jsonl as left out. Wall time counts
because what a program does before its unit tests is in none of their CPU times. `--stop-at-first-failure` spares what cannot
change a verdict: a program of the stdin format that fails is not run on all that is left, as in a build with that option.
"""

import argparse
import hashlib
import itertools
import json
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from appsplus import jsonl
from appsplus.engine import LocalEngine
from appsplus.engine.cache import Cache
from appsplus.engine.first_failures import FirstFailures, up_to_failure
from appsplus.engine.judging import Judging
from appsplus.engine.ordered import in_order, threads
from appsplus.errors import AppsplusError, InputError
from appsplus.judge import Job, Report
from appsplus.judge import version as judge_version
from appsplus.problem import Limits, Verdict
from appsplus.stages import programs as mending
from benchmarks.verdicts.load import loaded
from benchmarks.verdicts.programs import Program, Tests, counted, limits_of, read_programs, read_tests

LETTERS = {
    Verdict.ACCEPTED: "A",
    Verdict.WRONG_ANSWER: "W",
    Verdict.RUN_TIME_ERROR: "R",
    Verdict.COMPILE_ERROR: "C",
    Verdict.TIME_LIMIT_EXCEEDED: "T",
    Verdict.MEMORY_LIMIT_EXCEEDED: "M",
    Verdict.OUTPUT_LIMIT_EXCEEDED: "O",
}
NEAR = 0.5  # of the CPU limit as it was on the machine: unit tests above are listed with their time
_OFFERED = "numpy"  # to programs that import it
_WINDOW = 64  # programs in memory, per worker


def main() -> int:
    options = _arguments()
    try:
        with ExitStack() as stack:
            plain = _engine(options, stack)
            offering = _engine(options, stack, modules=(_OFFERED,))
            tests = read_tests(
                options.data, plain, options.workers, options.prepared or options.out.with_name("problems.jsonl")
            )
            stack.enter_context(loaded() if options.load else nullcontext())
            _run(options, tests, plain, offering)
    except KeyboardInterrupt:
        print(f"\ninterrupted; the same command continues {options.out}", file=sys.stderr)
        return 1
    except AppsplusError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with apps/ and submissions.jsonl")
    parser.add_argument("--out", type=Path, required=True, help="JSON Lines; continued where it is there")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--prepared", type=Path, help="the problems as read; made where it is missing [problems.jsonl beside OUT]"
    )
    parser.add_argument("--load", action="store_true", help="keep every core busy with something else")
    parser.add_argument("--limit-cpu", type=float, metavar="S", help=f"CPU seconds a unit test [{Limits().cpu_s:g}]")
    parser.add_argument("--costs", type=Path, metavar="RUN", help="an earlier run, for --max-s")
    parser.add_argument("--max-s", type=float, metavar="S", help="leave out programs that took longer, by --costs")
    parser.add_argument("--stop-at-first-failure", action="store_true", help="the verdict alone counts")
    parser.add_argument("--only", type=Path, metavar="FILE", help="judge these programs only: ids, one a line")
    return parser.parse_args()


def _engine(options: argparse.Namespace, stack: ExitStack, modules: tuple[str, ...] = ()) -> Judging:
    if not options.stop_at_first_failure:
        return stack.enter_context(LocalEngine(workers=options.workers, modules=modules))
    cache = stack.enter_context(Cache(None))  # of the unit tests of a program that were run so far
    return FirstFailures(stack.enter_context(LocalEngine(workers=options.workers, modules=modules, cache=cache)), cache)


def _run(options: argparse.Namespace, tests: dict[str, Tests], plain: Judging, offering: Judging) -> None:
    limits = limits_of(options.limit_cpu)
    dear = _dear(options.costs, options.max_s)
    programs = _chosen(read_programs(options.data), options.only)
    with options.out.open("a+", encoding="utf-8") as out:
        done = _resume(out, options, limits)
        left = [program for program in programs if program.program_id not in done]
        print(f"{len(programs):,} programs; {len(done):,} judged already", file=sys.stderr)

        def work(program: Program) -> dict[str, Any]:
            if program.program_id in dear:
                return _head(program) | {"left_out": dear[program.program_id]}
            return _judged(program, tests.get(program.problem_id), limits, plain, offering)

        with threads(options.workers) as pool:
            rows = in_order(pool, work, left, window=_WINDOW * options.workers)
            for row in _shown(rows, len(left)):
                out.write(jsonl.dumps(row) + "\n")
                out.flush()


def _chosen(programs: list[Program], only: Path | None) -> list[Program]:
    if only is None:
        return programs
    names = set(only.read_text(encoding="utf-8").split())
    return [program for program in programs if program.program_id in names]


def _dear(costs: Path | None, most: float | None) -> dict[str, float]:
    """Programs to be left out, and what they cost."""
    if (costs is None) != (most is None):
        raise InputError("--costs RUN and --max-s S belong together; give both, or neither")
    if costs is None or most is None:
        return {}
    _, rows = read_run(costs)
    took = {row["id"]: max(row["cpu_s_all"], row["wall_s"]) for row in rows if "wall_s" in row}
    left_out = {row["id"]: row["left_out"] for row in rows if "left_out" in row}
    return {name: seconds for name, seconds in took.items() if seconds > most} | left_out


def read_run(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How a run was made, and its programs. A last line that is cut off, from an interruption, is not counted."""
    with path.open(encoding="utf-8") as file:
        lines = [line for line in file if line.endswith("\n")]
    if not lines or "run" not in (first := json.loads(lines[0])):
        raise InputError(f"{path} is no run; expected a first line with 'run', as benchmarks.verdicts.run writes it")
    return first["run"], [json.loads(line) for line in lines[1:]]


def _resume(out: TextIO, options: argparse.Namespace, limits: Limits) -> set[str]:
    """Ids that are there. Raises InputError where the file was made in another way."""
    path = options.out
    made = {
        "judge": judge_version(),
        "limits": asdict(limits),
        "workers": options.workers,
        "load": options.load,
        "max_s": options.max_s,
        "stop_at_first_failure": options.stop_at_first_failure,
    }
    if path.stat().st_size == 0:
        out.write(jsonl.dumps({"run": made | {"host": platform.platform()}}) + "\n")
        out.flush()
        return set()
    found, rows = read_run(path)
    differing = [name for name, value in made.items() if found.get(name, False) != value]
    if differing:
        name = differing[0]
        message = f"{path} was made with {name} {found.get(name, False)}, this run has {made[name]}; give another --out"
        raise InputError(message)
    whole = path.read_bytes()
    out.truncate(whole.rfind(b"\n") + 1)
    return {row["id"] for row in rows}


def _judged(program: Program, tests: Tests | None, limits: Limits, plain: Judging, offering: Judging) -> dict[str, Any]:
    head = _head(program)
    if tests is None:
        return head | {"verdict": "no_unit_tests"}
    mended = mending.repaired([program.code], plain)
    [inspection] = mended.inspections
    engine = offering if inspection.missing_imports == (_OFFERED,) else plain
    job = Job(
        program=mended.codes[0],
        io_format=tests.io_format,
        unit_tests=tests.unit_tests,
        entry_point=tests.entry_point,
        limits=limits,
        modules=engine.modules,
    )
    started = time.monotonic()
    [report] = up_to_failure(engine, [job])
    row = head | _told(report, limits, len(tests.unit_tests))
    row["wall_s"] = round(time.monotonic() - started, 3)
    if mended.changes:
        row["mended"] = [change.what for change in mended.changes]
    if inspection.missing_imports and engine is plain:
        row["missing_imports"] = list(inspection.missing_imports)
    return row


def _head(program: Program) -> dict[str, Any]:
    return {
        "id": program.program_id,
        "problem": program.problem_id,
        "expected": program.expected,
        "is_solution": program.is_solution,
        "sha256": hashlib.sha256(program.code.encode("utf-8", "surrogatepass")).hexdigest()[:16],
    }


def _told(report: Report, limits: Limits, count: int) -> dict[str, Any]:
    failed = report.first_failure
    first = None
    if failed is not None:
        unit_test = report.unit_tests[failed]
        first = {"unit_test": failed, "error": unit_test.error[:300], "actual": unit_test.actual[:300]}
    times = [unit_test.cpu_s for unit_test in report.unit_tests]
    limit_s = limits.cpu_s * report.scale
    return {
        "verdict": report.verdict.value,
        "unit_tests": compressed([LETTERS[t.verdict] for t in report.unit_tests]),
        "not_run": count - len(report.unit_tests),
        "first_failure": first,
        "cpu_s": round(max(times), 4),
        "scale": round(report.scale, 3),
        "ratio": round(max(times) / limit_s, 4),
        "cpu_s_all": round(sum(times), 4),
        "near": {str(i): round(t / limit_s, 3) for i, t in enumerate(times) if t > NEAR * limit_s},
    }


def compressed(letters: list[str]) -> str:
    """E.g. A A A W -> "3A1W"."""
    return "".join(f"{len(list(group))}{letter}" for letter, group in itertools.groupby(letters))


def _shown(rows: Iterator[dict[str, Any]], total: int) -> Iterator[dict[str, Any]]:
    """The rows themselves; a line on stderr every ten seconds, and in the end."""
    counts: Counter[str] = Counter()
    started = last = time.monotonic()
    for number, row in enumerate(rows, 1):
        yield row
        counts[row.get("verdict", "left_out")] += 1
        now = time.monotonic()
        if now - last > 10 or number == total:
            last = now
            print(f"{number:,} of {total:,} in {now - started:.0f} s: {counted(counts)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
