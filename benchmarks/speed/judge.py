"""The judge's speed, side by side with the judges of other projects and with plain processes, in one run.

    python benchmarks/speed/judge.py --data ../shared/data \\
        --peer apps=PATH --peer livecodebench=PATH --peer evalplus=PATH --peer verl=PATH

Contestants take turns pass by pass; figures are medians and ranges over the passes. Groups that the result file holds
already, for the same commit, are not run again. Groups: those of `work`, and
    scaling    programs per second with 1, 2, ... workers, one a CPU and one more
    coverage   executed lines asked for, over the plain run
    overhead   CPU time of the judge and all its processes, over that of the programs, where those need 50 ms or more
    breakdown  what an execution is made of (see `breakdown`)
    memory     proportional set size of a worker and all its processes
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import breakdown
import contestants
import machine
import plots
import work
from breakdown import spread
from contestants import Contestant, Pass
from work import Task, load

from appsplus.errors import AppsplusError, SandboxError
from appsplus.judge import ISOLATIONS, STRICT, Judge, available_cpus, version
from appsplus.problem import IOFormat

RESULTS = Path(__file__).resolve().parents[1] / "results" / "judge.json"
GROUPS = (*work.GROUPS, "scaling", "coverage", "overhead", "breakdown", "memory")
_FEW = 100  # tasks with one worker


def main() -> None:
    options = _options()
    results = _continued(options)
    tasks = load(options.data, list(work.GROUPS))
    if options.quick:
        tasks = {group: some[: 3 if "heavy" in group else 10] for group, some in tasks.items()}
    for group in options.groups:
        if group in results["groups"]:
            say(f"{group}: is in {options.out} already")
            continue
        began = time.monotonic()
        measured = _measure(group, tasks, options)
        took_s, commit = round(time.monotonic() - began, 1), machine.facts()["commit"]
        results["groups"][group] = {"took_s": took_s, "commit": commit, **measured}
        if options.out is not None:
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(json.dumps(results, indent=1) + "\n")
    if options.out is None:
        print(json.dumps(results, indent=1))
    else:
        for path in plots.draw_judge(results, options.out.parent):
            say(f"drew {path}")


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with apps/train and apps/test")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PATH", help="a checkout of a peer")
    parser.add_argument("--groups", default=",".join(GROUPS), help="separated by commas (default: all)")
    parser.add_argument("--repeat", type=int, default=3, help="passes of each contestant (default: 3)")
    parser.add_argument("--isolation", choices=ISOLATIONS, default=STRICT, help="of our judge (default: strict)")
    parser.add_argument("--quick", action="store_true", help="few tasks, one pass, to standard output")
    parser.add_argument("--fresh", action="store_true", help="measure again what the result file holds")
    parser.add_argument("--out", type=Path, help=f"result file (default: {RESULTS.name} beside its like)")
    options = parser.parse_args()
    options.groups = options.groups.split(",")
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"--groups: unknown {', '.join(sorted(unknown))}; known are {', '.join(GROUPS)}")
    if bad := [pair for pair in options.peer if "=" not in pair]:
        parser.error(f"--peer: expected NAME=PATH; got {bad[0]}")
    options.peers = {name: Path(path) for name, _, path in (pair.partition("=") for pair in options.peer)}
    if options.quick:
        options.repeat = 1
    elif options.out is None:
        options.out = RESULTS
    return options


def _continued(options: argparse.Namespace) -> dict[str, Any]:
    """The results so far, or a new record where there are none, or they are another judge's."""
    facts = machine.facts() | {"judge": version(), "isolation": options.isolation, "repeat": options.repeat}
    if options.out is not None and options.out.exists() and not options.fresh:
        old: dict[str, Any] = json.loads(options.out.read_text())
        if old["machine"]["judge"] == facts["judge"]:
            return old
        say(f"{options.out} holds another judge's figures; everything is measured anew")
    return {"machine": facts, "groups": {}}


def _measure(group: str, tasks: dict[str, list[Task]], options: argparse.Namespace) -> dict[str, Any]:
    special: dict[str, Callable[[dict[str, list[Task]], argparse.Namespace], dict[str, Any]]] = {
        "scaling": _scaling,
        "coverage": _coverage,
        "overhead": _overhead,
        "breakdown": _breakdown,
        "memory": _memory,
    }
    if group in special:
        say(group)
        return special[group](tasks, options)
    found: dict[str, Any] = {"problems": len(tasks[group]), "workers": {}}
    counts = sorted({1, min(2, available_cpus())})
    for workers in counts:
        some = tasks[group] if workers == counts[-1] else tasks[group][:_FEW]
        with ExitStack() as stack:
            running = [stack.enter_context(c) for c in _contestants(group, workers, options)]
            passes = _side_by_side(running, some, options.repeat, f"{group}, {workers} workers")
        found["workers"][str(workers)] = _table(passes, some)
    return found


def _contestants(group: str, workers: int, options: argparse.Namespace) -> list[Contestant]:
    io_format = IOFormat.STDIN if group.startswith("stdin") else IOFormat.CALL
    made = [contestants.ours(workers, isolation=options.isolation)]
    for name, path in options.peers.items():
        if name != "evalplus" or io_format is IOFormat.CALL:
            made.append(contestants.peer(name, path, workers))
    if io_format is IOFormat.STDIN:
        python = contestants.PYTHON
        made.append(contestants.processes("python -I -S", [python, "-I", "-S"], workers))
        made.append(contestants.processes("python -I", [sys.executable, "-I"], workers))
        bubblewrap = contestants.bubblewrap()
        if bubblewrap is None:
            say("bubblewrap is not installed, or refused here: left out")
        else:
            made.append(contestants.processes("bubblewrap", [*bubblewrap, python, "-I", "-S"], workers))
    return made


def _side_by_side(
    running: Sequence[Contestant], tasks: Sequence[Task], repeat: int, what: str
) -> dict[str, list[Pass]]:
    for contestant in running:
        contestant.run(tasks[:2])  # warm
    passes: dict[str, list[Pass]] = {contestant.name: [] for contestant in running}
    for number in range(repeat):
        for contestant in running:
            one = contestant.run(tasks)
            passes[contestant.name].append(one)
            rate = f"{len(tasks) / one.wall_s:.1f} programs/s, {one.accepted}/{len(tasks)} accepted"
            say(f"{what}: pass {number + 1}/{repeat}, {contestant.name}: {rate}")
    return passes


def _table(passes: dict[str, list[Pass]], tasks: Sequence[Task]) -> dict[str, Any]:
    programs, tests = len(tasks), sum(len(task.unit_tests) for task in tasks)
    first = next(iter(passes.values()))
    return {name: _row(own, first, programs, tests, cpu=name != "bubblewrap") for name, own in passes.items()}


def _row(own: list[Pass], first: list[Pass], programs: int, tests: int, *, cpu: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "programs": programs,
        "tests": tests,
        "accepted": [p.accepted for p in own],
        "programs_per_s": spread([programs / p.wall_s for p in own]),
        "tests_per_s": spread([tests / p.wall_s for p in own]),
        "times_slower_than_ours": spread([p.wall_s / q.wall_s for p, q in zip(own, first, strict=True)]),
    }
    if cpu:
        row["cpu_ms_per_program"] = spread([p.cpu_s * 1000 / programs for p in own])
        row["cpu_ms_per_test"] = spread([p.cpu_s * 1000 / tests for p in own])
        row["times_cpu_of_ours"] = spread([p.cpu_s / q.cpu_s for p, q in zip(own, first, strict=True)])
    return row


def _scaling(tasks: dict[str, list[Task]], options: argparse.Namespace) -> dict[str, Any]:
    counts = sorted({1, 2, available_cpus(), available_cpus() + 1})
    found: dict[str, Any] = {}
    for group in ("call-tiny", "stdin-tiny"):
        with ExitStack() as stack:
            running = [contestants.ours(workers, isolation=options.isolation) for workers in counts]
            for workers, contestant in zip(counts, running, strict=True):
                contestant.name = str(workers)
                stack.enter_context(contestant)
            passes = _side_by_side(running, tasks[group], options.repeat, f"scaling, {group}, workers")
        found[group] = {
            workers: {key: row[key] for key in ("programs_per_s", "tests_per_s", "cpu_ms_per_program")}
            for workers, row in _table(passes, tasks[group]).items()
        }
    return found


def _coverage(tasks: dict[str, list[Task]], options: argparse.Namespace) -> dict[str, Any]:
    found = {}
    for group in ("call-tiny", "call-heavy", "stdin-tiny", "stdin-heavy"):
        with ExitStack() as stack:
            running = [
                stack.enter_context(contestants.ours(1, isolation=options.isolation, coverage=coverage))
                for coverage in (False, True)
            ]
            passes = _side_by_side(running, tasks[group][:_FEW], options.repeat, f"coverage, {group}")
        found[group] = _table(passes, tasks[group][:_FEW])
    return found


def _overhead(tasks: dict[str, list[Task]], options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with Judge(isolation=options.isolation) as judge:
        judge.run(tasks["call-tiny"][0].job())
        for group in ("call-heavy", "stdin-heavy"):
            over_reported, over_bare = [], []
            for _ in range(options.repeat):
                spent, reported, bare = [], [], []
                for task in tasks[group]:
                    before = machine.cpu_s(os.getpid())
                    report = judge.run(task.job())
                    spent.append(machine.cpu_s(os.getpid()) - before)
                    reported.append(sum(t.cpu_s for t in report.unit_tests))
                    if task.io_format is IOFormat.CALL:
                        bare.append(contestants.bare_cpu_s(task))
                over_reported.append(sum(spent) / sum(reported) - 1)
                if bare:
                    over_bare.append(sum(spent) / sum(bare) - 1)
            found[group] = {
                "programs_cpu_s": round(sum(reported), 3),
                "over_reported_cpu": spread(over_reported),  # of the programs' processes, as the judge reports it
                "over_bare_cpu": spread(over_bare) if over_bare else None,  # of the same calls in a plain interpreter
            }
            say(f"overhead, {group}: {found[group]}")
    return found


def _breakdown(tasks: dict[str, list[Task]], options: argparse.Namespace) -> dict[str, Any]:
    repeat = 1 if options.quick else max(5, options.repeat)
    try:
        return breakdown.measure(tasks, isolation=options.isolation, repeat=repeat, jobs=20 if options.quick else 100)
    except (AttributeError, RuntimeError, SandboxError) as error:  # the judge has no such rung any more, or not here
        say(f"breakdown: not measured: {error}")
        return {"not_measured": str(error)}


def _memory(tasks: dict[str, list[Task]], options: argparse.Namespace) -> dict[str, Any]:
    """PSS after ten programs, at rest."""
    found: dict[str, Any] = {}
    makers: dict[str, Callable[[int], Contestant]] = {
        "ours": lambda workers: contestants.ours(workers, isolation=options.isolation)
    }
    for name, path in options.peers.items():
        makers[name] = lambda workers, name=name, path=path: contestants.peer(name, path, workers)
    for name, make in makers.items():
        for workers in (1, 2):
            before = machine.pss_mib(os.getpid())
            with make(workers) as contestant:
                contestant.run(tasks["call-tiny"][:10])
                after = machine.pss_mib(os.getpid())
            readable = before is not None and after is not None
            found.setdefault(name, {})[str(workers)] = round((after - before) / workers, 2) if readable else None
    say(f"memory, MiB a worker: {found}")
    return {"pss_mib_per_worker": found}


if __name__ == "__main__":
    try:
        main()
    except AppsplusError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted; what was measured is in the result file, the same command continues")
