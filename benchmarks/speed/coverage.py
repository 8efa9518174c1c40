"""What executed lines cost: CPU time of a program with and without them, side by side in one run.

    python benchmarks/speed/coverage.py --data ../shared/data/apps

Per program and method, one fork does everything: compile, instrument, run all unit tests, say the executable lines and
those of each unit test; tiny programs so many times over that a clock can tell. Compared are

    plain         nothing recorded
    probes        the way of the judge (`probes.prepared` and what follows)
    probes kept   the same, never taken out: what 3.11 gets where its code objects cannot be patched
    coverage.py   its C tracer, a context per unit test
    slipcover     if installed; instrumented and loaded afresh per unit test, for it cannot tell tests apart

on three groups: programs written for this (loops, recursion, dictionaries, classes ...), real ones that take long, and
real ones of the call format that take next to nothing, on all their unit tests. The last two need `--data`. A fourth group
runs those through `Judge.run` with `coverage` off and on: CPU time of the judge's processes, isolation and all.
Ratios are medians of repeated runs over the median of plain. Writes coverage.json and coverage.svg to the results.
"""

import argparse
import contextlib
import importlib.util
import io
import json
import os
import platform
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import CodeType
from typing import Any

from appsplus.judge import BEST_EFFORT, Job, Judge, prelude, probes
from appsplus.judge.line_map import LineMap
from appsplus.problem import IOFormat, Limits, UnitTest

HERE = Path(__file__).resolve().parent
SYNTHETIC = HERE / "coverage_programs"
LIMIT_S = 60  # CPU seconds of one fork
ROUNDS = 40  # of a tiny program in one fork: alone it is shorter than some kernels' clocks can tell
Lines = list[tuple[int, ...]]  # executed lines of each unit test


@dataclass(frozen=True, slots=True)
class Program:
    """A program and what it is run on."""

    name: str
    source: str
    entry_point: str | None = None
    inputs: tuple[str, ...] = ("",)  # standard input, or arguments as a JSON list
    outputs: tuple[str, ...] = ("",)  # what is expected, for the judge


def run(code: CodeType, program: Program, before: Callable[[], Any], after: Callable[[], Any]) -> None:
    """Load a program and run its unit tests."""
    names: dict[str, Any] = {"__name__": "__main__" if program.entry_point is None else "solution"}
    if program.entry_point is None:
        before()
        with contextlib.suppress(BaseException):
            exec(code, names)
        after()
        return
    names.update(prelude.names())
    exec(code, names)
    for text in program.inputs:
        arguments = json.loads(text)
        before()
        with contextlib.suppress(BaseException):
            owner = names.get("Solution")
            name = program.entry_point
            function = getattr(owner(), name) if isinstance(owner, type) and hasattr(owner, name) else names[name]
            function(*arguments)
        after()


def nothing() -> None:
    """For `run`, where nothing is recorded."""


def plain(program: Program) -> Lines:
    """Run without recording."""
    run(compile(program.source, "<program>", "exec", dont_inherit=True), program, nothing, nothing)
    return []


def probed(program: Program, *, kept: bool = False) -> Lines:
    """Run with our probes."""
    if kept:
        probes._PATCHES = False
    code = compile(program.source, "<program>", "exec", dont_inherit=True)
    line_map = LineMap(program.source, code)
    hit, executed = bytearray(line_map.size), []
    code, recorded = probes.recorder(*probes.prepared(code, line_map), hit)
    recorded.start()
    run(code, program, recorded.clear, lambda: executed.append(line_map.executed(hit)))
    return executed


def with_coverage(program: Program) -> Lines:
    """Run under coverage.py."""
    import coverage

    code = compile(program.source, os.path.abspath("program.py"), "exec", dont_inherit=True)  # noqa: PTH100
    recorded = coverage.Coverage(data_file=None, config_file=False, include=["program.py"], messages=False)
    recorded.clear_exclude()
    recorded.start()
    number = iter(range(len(program.inputs)))
    run(code, program, lambda: recorded.switch_context(f"{next(number)}"), nothing)
    recorded.stop()
    _, executable, _, _, _ = recorded.analysis2("program.py")
    executed: list[set[int]] = [set() for _ in program.inputs]
    for line, contexts in recorded.get_data().contexts_by_lineno(code.co_filename).items():
        for context in contexts:
            if context:
                executed[int(context)].add(line)
    return [tuple(sorted(lines.intersection(executable))) for lines in executed]


def with_slipcover(program: Program) -> Lines:
    """Run under slipcover, instrumented and loaded anew for each unit test."""
    import slipcover

    plain_code = compile(program.source, "<program>", "exec", dont_inherit=True)
    executed = []
    for text in program.inputs:
        recorded = slipcover.Slipcover(immediate=True)
        one = Program(program.name, program.source, program.entry_point, (text,))
        run(recorded.instrument(plain_code), one, nothing, nothing)
        seen = {**recorded.all_seen, **recorded.newly_seen}
        executed.append(tuple(sorted(line for lines in seen.values() for line in lines)))
    return executed


METHODS: dict[str, Callable[[Program], Lines]] = {
    "plain": plain,
    "probes": probed,
    "probes kept": lambda program: probed(program, kept=True),
    "coverage.py": with_coverage,
}
if importlib.util.find_spec("slipcover"):
    METHODS["slipcover"] = with_slipcover


def measured(method: str, program: Program, rounds: int = 1, limit_s: int = LIMIT_S) -> tuple[float, Lines]:
    """CPU seconds of doing everything by this method, in one fork, and the lines; infinite where it failed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            _confine(program, limit_s)
            start = time.process_time()
            for _ in range(rounds):
                lines = METHODS[method](program)
            spent = (time.process_time() - start) / rounds
            with os.fdopen(writing, "w") as file:
                json.dump([spent, lines], file)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        answer = file.read()
    os.waitpid(child, 0)
    spent, lines = json.loads(answer) if answer else (float("inf"), [])
    return spent, [tuple(executed) for executed in lines]


def _confine(program: Program, limit_s: int) -> None:
    os.chdir(tempfile.mkdtemp(dir="."))
    Path("program.py").write_text(program.source, encoding="utf-8", newline="")
    given = os.memfd_create("stdin")
    os.write(given, program.inputs[0].encode() if program.entry_point is None else b"")
    os.lseek(given, 0, os.SEEK_SET)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor, target in ((given, 0), (null, 1), (null, 2)):
        os.dup2(descriptor, target)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    signal.alarm(10 * limit_s)
    sys.setrecursionlimit(50_000)
    random.seed(0)


def compare(programs: list[Program], repeats: int, rounds: int) -> dict[str, Any]:
    """Each program by each method in turn, `repeats` times: medians, ratios, and whether the lines agree."""
    results: dict[str, Any] = {}
    for program in programs:
        seconds: dict[str, list[float]] = {method: [] for method in METHODS}
        lines: dict[str, Lines] = {}
        for _ in range(repeats):
            for method in METHODS:
                spent, lines[method] = measured(method, program, rounds)
                seconds[method].append(spent)
        cpu_s = {method: median(spent) for method, spent in seconds.items()}
        ratios = {method: round(cpu_s[method] / cpu_s["plain"], 3) for method in METHODS if method != "plain"}
        results[program.name] = {
            "cpu_ms": {method: round(1000 * spent, 3) for method, spent in cpu_s.items()},
            "ratio": ratios,
            "unit_tests": len(program.inputs),
            "lines_as_coverage": lines["probes"] == lines["coverage.py"],
        }
        print(f"{program.name:28} plain {1000 * cpu_s['plain']:9.2f} ms  {ratios}", file=sys.stderr, flush=True)
    return results


def through_the_judge(programs: list[Program], repeats: int) -> dict[str, Any]:
    """CPU time of the judge's processes for all programs together, with `coverage` off and on."""
    spent: dict[bool, list[float]] = {False: [], True: []}
    with Judge(isolation=BEST_EFFORT) as judge:
        for repeat in range(repeats + 1):
            for coverage in (False, True):
                before = _cpu_s_of_descendants()
                for program in programs:
                    judge.run(_job(program, coverage))
                if repeat:  # the first is for warming up
                    spent[coverage].append(_cpu_s_of_descendants() - before)
    off, on = median(spent[False]), median(spent[True])
    return {
        "programs": len(programs),
        "off_ms_per_program": round(1000 * off / len(programs), 3),
        "on_ms_per_program": round(1000 * on / len(programs), 3),
        "ratio": round(on / off, 3),
    }


def _job(program: Program, coverage: bool) -> Job:
    return Job(
        program=program.source,
        io_format=IOFormat.STDIN if program.entry_point is None else IOFormat.CALL,
        unit_tests=tuple(map(UnitTest, program.inputs, program.outputs)),
        entry_point=program.entry_point,
        limits=Limits(cpu_s=LIMIT_S, wall_s=10 * LIMIT_S),
        coverage=coverage,
    )


def _cpu_s_of_descendants() -> float:
    """User and system time of all processes below this one, and of those that they have reaped."""
    parent, ticks = {}, {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = file.read_text().rpartition(")")[2].split()
            parent[int(file.parent.name)] = int(fields[1])
            ticks[int(file.parent.name)] = sum(map(int, fields[11:15]))
    ours, new = set(), {os.getpid()}
    while new:
        ours |= new
        new = {process for process, above in parent.items() if above in ours} - ours
    return sum(ticks[process] for process in ours - {os.getpid()}) / os.sysconf("SC_CLK_TCK")


def synthetic_programs() -> list[Program]:
    """The programs written for this benchmark."""
    return [Program(path.stem, path.read_text()) for path in sorted(SYNTHETIC.glob("*.py"))]


def real_programs(folder: Path, count: int, *, slow: bool) -> list[Program]:
    """Real solutions: slow ones of the stdin format, or tiny ones of the call format; the same at every run."""
    chosen: list[Program] = []
    folders = sorted(folder.glob("*/*"))
    random.Random(0).shuffle(folders)
    for problem in folders:
        if len(chosen) == count:
            break
        try:
            solutions = json.loads((problem / "solutions.json").read_bytes())
            tests = json.loads((problem / "input_output.json").read_bytes())
        except (OSError, ValueError):
            continue
        entry_point, inputs = tests.get("fn_name"), tests["inputs"]
        if (entry_point is None) != slow or not solutions or not inputs:
            continue
        pairs = list(zip(inputs, tests["outputs"], strict=True))
        if slow:
            pairs = [
                max((pair for pair in pairs if isinstance(pair[0], str)), key=lambda p: len(p[0]), default=("", ""))
            ]
        else:
            pairs = [(json.dumps(given), json.dumps(expected)) for given, expected in pairs]
        inputs, outputs = zip(*pairs, strict=True)
        program = Program("/".join(problem.parts[-2:]), solutions[0], entry_point, inputs, outputs)
        if _is_wanted(program, slow):
            chosen.append(program)
    return chosen


def _is_wanted(program: Program, slow: bool) -> bool:
    """Whether it runs as it is, in 0.1 to 2 s where it is to be slow, else in 50 ms; without threads of its own."""
    with contextlib.suppress(Exception):
        compile(program.source, "<program>", "exec", dont_inherit=True)
        if "thread" in program.source or (program.entry_point is None and "setrecursionlimit" in program.source):
            return False
        spent, lines = measured("probes", program, limit_s=3)
        return bool(lines) and (0.1 <= spent <= 2 if slow else spent <= 0.05)
    return False


def summary(results: dict[str, Any]) -> dict[str, Any]:
    """Per method the median and the largest ratio of a group."""
    found: dict[str, Any] = {}
    for method in METHODS:
        ratios = sorted(r["ratio"][method] for r in results.values() if r["ratio"].get(method, float("inf")) < 1e9)
        if method != "plain" and ratios:
            found[method] = {"median": round(median(ratios), 3), "largest": ratios[-1]}
    return found


def plot(groups: dict[str, dict[str, Any]], path: Path) -> None:
    """One panel per group, one row per method, one dot per program, a bar at the median."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "coverage"
    from matplotlib import pyplot as plt

    methods = [method for method in METHODS if method != "plain"]
    figure, panels = plt.subplots(1, len(groups), figsize=(4.2 * len(groups), 2.8), sharey=True, squeeze=False)
    for panel, (title, results) in zip(panels[0], groups.items(), strict=True):
        for row, method in enumerate(reversed(methods)):
            ratios = [r["ratio"][method] for r in results.values() if r["ratio"][method] < 1e9]
            if not ratios:
                continue
            panel.plot(ratios, [row] * len(ratios), "o", alpha=0.35, markersize=5, color="C0")
            panel.plot([median(ratios)] * 2, [row - 0.3, row + 0.3], "-", linewidth=2, color="C3")
        panel.set_xscale("log")
        panel.axvline(1, color="black", linewidth=0.8)
        panel.axvline(1.3, color="grey", linewidth=0.8, linestyle="--")
        panel.set_yticks(range(len(methods)), list(reversed(methods)))
        panel.set_xlabel("CPU time over the plain run")
        panel.set_title(f"{title} ({len(results)})", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Run everything and record it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of real problems in the format of APPS")
    parser.add_argument("--repeats", type=int, default=7, help="runs of each program by each method")
    parser.add_argument("--slow", type=int, default=12, help="real programs that take long")
    parser.add_argument("--tiny", type=int, default=60, help="real programs that take next to nothing")
    parser.add_argument("--results", type=Path, default=HERE.parent / "results", help="where to write")
    options = parser.parse_args()
    sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != HERE]  # where `coverage` is this file
    options.results, options.data = options.results.resolve(), options.data and options.data.resolve()
    import coverage

    groups, tiny = {"written": synthetic_programs()}, []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        if options.data:
            groups["real, slow"] = real_programs(options.data, options.slow, slow=True)
            groups["real, tiny"] = tiny = real_programs(options.data, options.tiny, slow=False)
        results = {
            name: compare(programs, options.repeats, ROUNDS if programs is tiny else 1)
            for name, programs in groups.items()
        }
        judged = {"tiny": through_the_judge(tiny, options.repeats)} if tiny else {}
        judged["written"] = through_the_judge(groups["written"], 1)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=True
    )
    record = {
        "command": " ".join(["python", "benchmarks/speed/coverage.py", *sys.argv[1:]]),
        "commit": commit.stdout.strip(),
        "machine": f"{os.cpu_count()} CPUs, {platform.machine()}, {platform.system()}",
        "python": platform.python_version(),
        "coverage": coverage.__version__,
        "repeats": options.repeats,
        "load_average": round(os.getloadavg()[0], 1),
        "summary": {name: summary(result) for name, result in results.items()},
        "judge": judged,
        "programs": results,
    }
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "coverage.json").write_text(json.dumps(record, indent=1) + "\n")
    plot(results, options.results / "coverage.svg")
    print(json.dumps({"summary": record["summary"], "judge": judged}, indent=1))


if __name__ == "__main__":
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, line_buffering=True)
    main()
