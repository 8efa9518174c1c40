"""Write docs/speed.md from benchmarks/results, judge.json, coverage.json, judge_soak.json: python docs/make_speed_page.py."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tables import Aim, aims, table, text

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "speed.md"
RESULTS = ROOT / "benchmarks" / "results"
PEERS = ("apps", "livecodebench", "evalplus", "verl")
CONTESTANTS = ("ours", *PEERS, "python -I", "bubblewrap")
GROUPS = {
    "call-tiny": "call format, tiny programs",
    "call-many": "call format, many unit tests",
    "call-heavy": "call format, 50 ms and more",
    "stdin-tiny": "standard input, tiny programs",
    "stdin-many": "standard input, many unit tests",
    "stdin-usual": "the same behind the usual imports",
    "stdin-imports": "standard input, programs with imports",
    "stdin-heavy": "standard input, 50 ms and more",
}
LINES = {
    "written": "written for this: loops, recursion, classes",
    "real, slow": "real ones that take long",
    "real, tiny": "real ones that take next to nothing",
}


def page() -> str:
    """The whole page."""
    found = json.loads((RESULTS / "judge.json").read_text())
    soak = json.loads((RESULTS / "judge_soak.json").read_text())
    lines = json.loads((RESULTS / "coverage.json").read_text())
    groups = found["groups"]
    parts = (
        _head(found["machine"], groups),
        _speeds(groups),
        _aims(groups, lines),
        _costs(groups["breakdown"], groups["memory"]),
        _lines(lines),
        _soak(soak),
    )
    return "\n".join(line for part in parts for line in part)


def _head(machine: dict[str, Any], groups: dict[str, Any]) -> Iterator[str]:
    commits = dict.fromkeys(group.get("commit", machine["commit"])[:10] for group in groups.values())
    yield "# The judge's speed\n"
    yield "<!-- Generated from benchmarks/results; do not edit: python docs/make_speed_page.py -->\n"
    yield text(
        "Programs a second of this judge, in full isolation, and of the judges of other projects, which have none; beside",
        "them one process a unit test, as in a shell (`python -I`), and the same in bubblewrap.",
        "[benchmarks/](../benchmarks/README.md) says how it is measured, and how to repeat it.",
    )
    yield text(
        f"Measured at {', '.join(f'`{commit}`' for commit in commits)},",
        f"the judge `{machine['judge'][:8]}`, on {machine['cpu']},",
        f"{machine['cpus']} CPUs, Linux {machine['kernel']}, Python {machine['python']}; medians of {machine['repeat']}",
        "passes, in which all take turns.",
        "The machine is shared, and its speed varies: in two recordings some figures, and some ratios, differed by 40 %.",
    )


def _speeds(groups: dict[str, Any]) -> Iterator[str]:
    yield "## Beside others\n"
    yield text(
        "Ours in programs a second; the others by how many times ours is faster. In brackets: of how many programs, all of",
        "them right, a judge accepted fewer than all; it has done less work for them. A dash: it does not know the format.",
    )
    rows = []
    for group, words in GROUPS.items():
        for workers, contestants in groups[group]["workers"].items():
            cells = [_cell(contestants.get(name)) for name in CONTESTANTS[1:]]
            ours = contestants["ours"]["programs_per_s"]["median"]
            rows.append([words, workers, f"{ours:,.1f}", *cells])
    yield table(["programs", "workers", *CONTESTANTS], rows)
    yield "![Call format](../benchmarks/results/judge_call.svg)\n"
    yield "![Standard input](../benchmarks/results/judge_stdin.svg)\n"
    yield "![Cost of an execution](../benchmarks/results/judge_cost.svg)\n"


def _cell(found: dict[str, Any] | None) -> str:
    if found is None:
        return "–"
    accepted = min(found["accepted"])
    few = f" ({accepted} of {found['programs']})" if accepted < found["programs"] else ""
    return f"{found['times_slower_than_ours']['median']:.2f}×{few}"


def _aims(groups: dict[str, Any], lines: dict[str, Any]) -> Iterator[str]:
    yield "## What was aimed at\n"
    yield aims([*_aimed_speeds(groups), *_aimed_costs(groups, lines)])
    yield text(
        "Where programs need 50 ms and more, all judges take what the programs take, so that none can be twice as fast as",
        "another. With many unit tests a program the other judges pay for one process, as ours does, and what is left is to",
        "decode, call, encode and compare: hence the smaller lead there. Real programs with imports also import what is not",
        "loaded beforehand, and spend part of their time in what they import, which is theirs. Within one process, a program",
        "that takes next to nothing is mostly its compilation, which is what probes make longer; the judge's own work",
        "around it is larger than both.",
    )


def _aimed_speeds(groups: dict[str, Any]) -> Iterator[Aim]:
    for group in ("call-tiny", "call-many", "call-heavy"):
        for workers, found in groups[group]["workers"].items():
            slower = {name: found[name]["times_slower_than_ours"]["median"] for name in PEERS if name in found}
            of = _of(group, workers)
            yield f"{of}: times faster than the fastest peer", min(slower.values()), 2.0, False
            yield f"{of}: times faster than APPS's own judge", slower["apps"], 5.0, False
    for group, aim in (("stdin-tiny", 4.0), ("stdin-many", 4.0), ("stdin-usual", 6.0), ("stdin-imports", 6.0)):
        for workers, found in groups[group]["workers"].items():
            faster = found["python -I"]["times_slower_than_ours"]["median"]
            yield f"{_of(group, workers)}: times faster than `python -I`", faster, aim, False


def _of(group: str, workers: str) -> str:
    return f"{GROUPS[group]}, {workers} worker{'s' if workers != '1' else ''}"


def _aimed_costs(groups: dict[str, Any], lines: dict[str, Any]) -> Iterator[Aim]:
    isolation = groups["breakdown"]["isolation_ms_per_execution"]["stdin, 20 tests"]["cpu"]["median"]
    yield "full isolation, ms of CPU time an execution", isolation, 1.5, True
    for group in ("call-heavy", "stdin-heavy"):
        for kind, words in (
            ("over_reported_cpu", "as the kernel counts it"),
            ("over_bare_cpu", "in a plain interpreter"),
        ):
            if (share := groups["overhead"][group][kind]) is not None:
                of = f"{GROUPS[group]}: CPU time beyond the programs' own, {words}, %"
                yield of, 100 * share["median"], 10.0, True
    for group, found in groups["coverage"].items():
        if isinstance(found, dict):
            cost = found["ours, coverage"]["times_cpu_of_ours"]["median"]
            yield f"{GROUPS[group]}: CPU time with executed lines over without", cost, 1.3, True
    for kind, found in lines["summary"].items():
        yield f"within one process, {LINES[kind]}: the same", found["probes"]["median"], 1.3, True
    for group, found in groups["scaling"].items():
        if isinstance(found, dict):
            one, two = (found[workers]["programs_per_s"]["median"] for workers in ("1", "2"))
            yield (
                f"{GROUPS[group]}: programs a second with 2 workers over twice those with 1",
                two / (2 * one),
                0.9,
                False,
            )


def _costs(found: dict[str, Any], memory: dict[str, Any]) -> Iterator[str]:
    yield "## What an execution costs\n"
    yield text(
        "Milliseconds of CPU time, all processes together: medians, in brackets the range over passes. The same judge with",
        "every rung of the isolation, and with each taken away. The program reads a number and prints one.",
    )
    kinds = ("stdin, 1 test", "stdin, 20 tests", "call, 1 test", "call, 20 tests", "compile error")
    rows = [[name, *(_spread(of[kind]["cpu"]) for kind in kinds)] for name, of in found["ms_per_job"].items()]
    yield table(["isolation", *kinds], rows)
    yield "Memory of a worker and all its processes, MiB (proportional set size):\n"
    workers = list(memory["pss_mib_per_worker"]["ours"])
    rows = [[name, *map(str, of.values())] for name, of in memory["pss_mib_per_worker"].items()]
    yield table(["judge", *(f"{count} worker{'s' if count != '1' else ''}" for count in workers)], rows)


def _spread(found: dict[str, float]) -> str:
    return f"{found['median']:.1f} ({found['min']:.1f} to {found['max']:.1f})"


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield "## Executed lines\n"
    yield text(
        "CPU time of a program whose executed lines are recorded, unit test by unit test, over that of the program alone:",
        f"medians over programs of {found['repeats']} runs each, in brackets the largest. Within one process, from compiling",
        "to the last unit test, so that nothing of a judge hides the cost. `probes` is what the judge does on CPython 3.11;",
        "kept probes do not take themselves out.",
    )
    methods = list(next(iter(found["summary"].values())))
    rows = [
        [LINES[group], *(f"{of[name]['median']:.2f} ({of[name]['largest']:.1f})" for name in methods)]
        for group, of in found["summary"].items()
    ]
    yield table(["programs", *methods], rows)
    tiny, written = (found["judge"][name]["ratio"] for name in ("tiny", "written"))
    yield text(
        f"Through the judge, processes and isolation included: {tiny:.2f} on the tiny ones, {written:.2f} on those written",
        f"for this. coverage.py {found['coverage']}, commit `{found['commit']}`, load {found['load_average']:.1f}.",
    )
    yield "![What executed lines cost](../benchmarks/results/coverage.svg)\n"


def _soak(found: dict[str, Any]) -> Iterator[str]:
    yield "## A million in a row\n"
    wrong, growth, judge = found["wrong_verdicts"], found["growth"], found["machine"].get("judge", "")
    grew = f"growth of {', '.join(map(str, growth))}" if growth else "no growth"
    yield text(
        f"{found['executions']:,} executions with the judge `{judge[:8]}` in {found['seconds'] / 60:,.0f} minutes: {grew} of",
        "memory, descriptors, processes, entries of /dev/shm or CPU time;",
        f"{len(wrong) or 'no'} wrong verdict{'' if len(wrong) == 1 else 's'}.",
        *_parts([part["began_at"] for part in found["parts"]], found["executions"]),
    )
    for one in wrong:
        yield f"- {one if isinstance(one, str) else json.dumps(one)}\n"
    yield "![A million executions](../benchmarks/results/judge_soak.svg)\n"


def _parts(began_at: list[int], executions: int) -> Iterator[str]:
    if len(began_at) > 1:
        lengths = (end - begin for begin, end in zip(began_at, [*began_at[1:], executions], strict=True))
        yield f"The run was interrupted and continued: in a row were {', then '.join(f'{n:,}' for n in lengths)}."


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
