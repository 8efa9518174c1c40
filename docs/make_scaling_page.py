"""Write the measured part of docs/scaling.md from benchmarks/results: python docs/make_scaling_page.py."""

import json
import statistics
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tables import Aim, aims, table, text

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "scaling.md"
BEGIN, END = "<!-- from here on written by make_scaling_page.py -->", "<!-- up to here -->"
SETS = (
    ("APPS", 10_000, 10_000 * 23 * 21),
    ("TACO", 26_443, 10 * 10_000 * 23 * 21),
    ("CodeContests", 13_610, 10 * 10_000 * 23 * 21),
)
"""Name, problems, solutions x unit tests over all problems."""
CORES = (2, 16, 256)


def section() -> str:
    """The figures and what follows from them, as Markdown."""
    builds, memory = _read("scaling.json"), _read("scaling_memory.json")
    ray, faults, policies = (_read(f"{name}.json") for name in ("ray_overhead", "ray_faults", "policies"))
    aimed = [*_aimed_builds(builds), *_aimed_ray(ray, faults)]
    told = ["### What was aimed at\n", aims(aimed)] if aimed else []
    lines = [
        *_measured(builds),
        *_memory(memory),
        *_policies(policies),
        *_ray(ray),
        *_faults(faults),
        *told,
        *_extrapolated(builds),
    ]
    return "\n".join(lines) or "Nothing has been measured yet: `benchmarks/scaling/README.md` says how.\n"


def page() -> str:
    """The page with the figures of now."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{section()}\n{END}{after}"


def _read(name: str) -> dict[str, Any]:
    path = ROOT / "benchmarks" / "results" / name
    return json.loads(path.read_text()) if path.exists() else {}


def _made(machine: dict[str, Any]) -> str:
    return f"measured at `{machine['commit'][:10]}`, load {machine['load_before']} before"


def _sizes(found: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted((row for name, row in found.items() if name.startswith("size ")), key=lambda row: row["problems"])


def _measured(found: dict[str, Any]) -> Iterator[str]:
    sizes = _sizes(found)
    if not sizes:
        return
    options, machine = found["options"], found["machine"]
    yield text(
        f"{machine['cpu']}, {machine['cpus']} CPUs, {_made(machine)}; {options['workers']} workers,",
        f"isolation {options['isolation']}; copies of {options['originals']} small problems",
        "(`benchmarks/scaling/corpus.py`).",
    )
    heads = "problems, wall, core seconds, of the driver, its peak memory, programs judged, source, dataset, cache"
    yield table(
        heads.split(", "),
        (
            [
                f"{row['problems']:,}",
                f"{row['wall_s']:,.0f} s",
                f"{row['core_s']:,.0f}",
                f"{row['driver_core_s']:,.0f}",
                f"{row['driver_peak_mib']:,.0f} MiB",
                f"{row['judged']:,}",
                *(f"{row[name] / 1e6:,.1f} MB" for name in ("source_bytes", "dataset_bytes", "cache_bytes")),
            ]
            for row in sizes
        ),
    )
    yield text("The same after one decision more in the ledger, a correction of one problem, from the cache:")
    again = [(row["problems"], row["after_one_decision"]) for row in sizes]
    yield table(
        ["problems", "wall", "core seconds", "share of the full build's", "programs judged"],
        (
            [
                f"{problems:,}",
                f"{row['wall_s']:,.0f} s",
                f"{row['core_s']:,.1f}",
                f"{row['share_of_core_time']:.1%}",
                f"{row['judged']:,}",
            ]
            for problems, row in again
        ),
    )
    if summary := found.get("summary"):
        yield text(
            f"From {sizes[0]['problems']:,} to {sizes[-1]['problems']:,} problems, core seconds grow with the exponent",
            f"{summary['exponent_core_s_as_measured']:.2f} (least squares on logarithms), or",
            f"{summary['exponent_core_s']:.2f} where each is divided by what a loop of fixed length took beside it, as the",
            f"machine is not equally fast at all times; wall time grows with {summary['exponent_wall_s']:.2f}.",
        )
        yield "![core seconds, memory and size](../benchmarks/results/scaling_sizes.svg)\n"
    yield from _workers(found.get("workers"))
    yield from _shards(found.get("shards"))


def _workers(found: dict[str, Any] | None) -> Iterator[str]:
    if found is None:
        return
    rows = [f"{row['efficiency']:.2f} with {count}" for count, row in found["workers"].items() if count != "1"]
    yield text(
        f"N workers on N CPUs of one machine, driver included, {found['problems']:,} problems, medians of",
        f"{len(found['workers']['1']['wall_s'])} passes in turns: efficiency {', '.join(rows)}, against one worker on one",
        f"CPU. {_idle(found['workers'])}",
    )
    yield "![efficiency](../benchmarks/results/scaling_workers.svg)\n"


def _idle(rows: dict[str, Any]) -> str:
    """What of the CPUs' time nobody uses, with the most workers."""
    most = max(rows, key=int)
    passes = zip(rows[most]["wall_s"], rows[most]["core_s"], strict=True)
    idle = statistics.median(1 - core_s / (int(most) * wall_s) for wall_s, core_s in passes)
    return (
        f"With {most}, {idle:.0%} of the CPUs' time is idle: at the start, at the end, where one process writes the dataset,"
        " and in between at the end of a pass, until the last program is judged."
    )


def _shards(found: dict[str, Any] | None) -> Iterator[str]:
    if found is None:
        return
    one, shards, merged = found["one_build"], found["shard_builds"], found["merge"]
    yield text(
        f"Shards: {found['problems']:,} problems in {found['shards']} shards, each with a cache of its own, cost",
        f"{shards['core_s']:,.0f} core seconds and judge {shards['judged']:,} programs; one build",
        f"{one['core_s']:,.0f} and {one['judged']:,}. The merge takes {merged['wall_s']:,.0f} s of wall time and",
        f"{merged['core_s']:,.0f} core seconds, judges nothing, and has",
        f"{'the bytes of the one build' if found['same_bytes'] else '**other bytes than the one build**'}; the shards",
        f"take {found['shard_bytes'] / 1e6:,.1f} MB.",
    )


def _memory(found: dict[str, Any]) -> Iterator[str]:
    if problems := found.get("problems"):
        peaks = ", ".join(f"{row['peak_mib']:,.0f} MiB at {row['records']:,}" for row in problems["builds"])
        yield text(
            f"The driver's peak memory over many problems (an engine that judges nothing): {peaks}; that is",
            f"{problems['bytes_per_problem']:,} bytes a problem at the end: ids, hashes and fingerprints",
            f"({_made(found['machine'])}).",
        )
    if tests := found.get("tests"):
        size = tests["unit_tests"] * tests["chars_of_each"] * tests["records"]
        yield text(
            f"{tests['records']:,} problems with {tests['unit_tests']} unit tests of {tests['chars_of_each'] / 1e6:.0f} MB",
            f"each ({size / 1e9:.1f} GB in all) take {tests['peak_mib']:,.0f} MiB.",
        )
    if sources := found.get("sources"):
        told = [f"{row['bytes'] / 1e9:.1f} GB of {name} {row['peak_mib']:,.0f} MiB" for name, row in sources.items()]
        yield text(f"Reading a source, Python and its libraries included: {', '.join(told)}.")
    if whole := found.get("whole"):
        yield text(
            f"A whole build from a file of {whole['bytes'] / 1e9:.1f} GB (JSON Lines, {whole['records']:,} problems, the",
            f"same engine) takes {whole['peak_mib']:,.0f} MiB at its peak.",
        )


def _ray(found: dict[str, Any]) -> Iterator[str]:
    if not found:
        return
    yield "### Ray and the local engine\n"
    yield text(
        f"The same jobs on {found['workers']} workers of the same machine, in turns; medians of {found['passes']} passes,",
        f"ratios within a pass, {_made(found['machine'])}:",
    )
    yield table(
        ["length of a job", "programs a second, local", "Ray", "Ray's time over local's", "from", "to"],
        (
            [
                f"{max(float(length), found['least_ms']):.3g} ms",
                f"{row['local']['programs_per_s']:,.1f}",
                f"{row['ray']['programs_per_s']:,.1f}",
                f"{row['ratio']:.2f}",
                f"{min(row['ratios']):.2f}",
                f"{max(row['ratios']):.2f}",
            ]
            for length, row in found["lengths"].items()
        ),
    )
    yield "![Ray's time over local's](../benchmarks/results/ray_overhead.svg)\n"


def _policies(found: dict[str, Any]) -> Iterator[str]:
    if not found:
        return
    builds = found["builds"]
    yield "### Policies\n"
    yield text(
        f"{len(found['problems'])} real problems with five solutions and more, each build with an empty cache. The estimate",
        f"is the one from before the build; {_made(found['machine'])}.",
    )
    yield table(
        ["policy", "kept", "executions", "core seconds", "wall", "truth over estimate", "dataset"],
        (
            [
                name.replace("_", " "),
                str(row["kept"]),
                f"{row['executions']:,}",
                f"{row['core_s']:,.1f}",
                f"{row['wall_s']:,.0f} s",
                f"{row['ratio']:.2f}",
                "the same" if row["hash"] == builds["none"]["hash"] else "another, as it says",
            ]
            for name, row in builds.items()
        ),
    )


def _faults(found: dict[str, Any]) -> Iterator[str]:
    if not found:
        return
    schedules = found["schedules"].values()
    kills = Counter(event["kind"] for schedule in schedules for event in schedule["events"])
    whole = found["undisturbed"]["folder_hash"]
    yield "### Kills\n"
    yield text(
        f"Builds of the embedded problems on two nodes of one machine, {_made(found['machine'])}: {len(schedules)} random",
        "schedules, with",
        f"{kills['driver']} kills of the driver, {kills['node']} of a node and {kills['process']} of single processes:",
        f"{sum(schedule['holds'] for schedule in schedules)} ended with the data of the undisturbed build, and judged",
        f"nothing again that was known; {sum(schedule['folder_hash'] == whole for schedule in schedules)} of them also with",
        "its worklist and card, byte by byte. (On the worklist is what a machine found nearly too slow: on one that is busy",
        "starting nodes again there may be more of it.)",
    )
    yield "![What was killed when](../benchmarks/results/ray_faults.svg)\n"


def _aimed_builds(found: dict[str, Any]) -> Iterator[Aim]:
    if summary := found.get("summary"):
        yield "core seconds over problems: exponent, as measured", summary["exponent_core_s_as_measured"], 1.05, True
        yield "the same, each divided by the machine's speed beside it", summary["exponent_core_s"], 1.05, True
    if sizes := _sizes(found):
        share = 100 * sizes[-1]["after_one_decision"]["share_of_core_time"]
        yield (
            f"{sizes[-1]['problems']:,} problems after one decision: core seconds, % of the full build's",
            share,
            5.0,
            True,
        )
    for count, row in found.get("workers", {}).get("workers", {}).items():
        if count != "1":
            yield f"efficiency with {count} workers", row["efficiency"], 0.9, False


def _aimed_ray(found: dict[str, Any], faults: dict[str, Any]) -> Iterator[Aim]:
    for length, row in found.get("lengths", {}).items():
        if float(length) >= 20:
            yield f"Ray's time over local's, jobs of {length} ms", row["ratio"], 1.1, True
    if faults:
        schedules = faults["schedules"].values()
        yield "schedules of kills with the undisturbed build's data", sum(s["holds"] for s in schedules), 20, False


def _extrapolated(found: dict[str, Any]) -> Iterator[str]:
    sizes = _sizes(found)
    if not sizes or not sizes[-1].get("executions"):
        return
    row = sizes[-1]
    again = row["after_one_decision"]  # the driver's work for problems whose executions are all known
    driver_s = again["driver_core_s"] * row["loop_ms"] / again["loop_ms"] / row["problems"]
    compared_s = (row["driver_core_s"] - row["problems"] * driver_s) / row["executions"]
    execution_s = (row["core_s"] - row["driver_core_s"]) / row["executions"]
    more = row["executions"] / row["solutions_x_tests"]
    yield "### On paper: APPS, TACO, CodeContests\n"
    yield text(
        f"From the build of {row['problems']:,} problems: the driver takes {1000 * driver_s:.1f} ms a problem (the build",
        f"after a decision, at the machine's speed during the first) and {1000 * compared_s:.2f} ms an execution, the judge",
        f"{1000 * execution_s:.1f} ms an execution (core time, with what starts it), and a build makes {more:.2f}",
        "executions for each solution and unit test (second runs, traced ones, the worklist).",
    )
    rows = []
    for name, problems, executions in SETS:
        driver = (problems * driver_s + executions * more * compared_s) / 3600
        hours = driver + executions * more * execution_s / 3600
        on_cores = [f"{max(hours / n, driver):,.1f} h" for n in CORES]
        rows.append([name, f"{problems:,}", f"{executions:,}", f"{hours:,.1f}", f"{driver:,.1f}", *on_cores])
    cores = [f"on {n} cores" for n in CORES]
    yield table(["data set", "problems", "solutions x unit tests", "core hours", "of the driver", *cores], rows)
    yield text(
        "Assumed, and not measured: APPS as 10,000 problems with 23 solutions and 21 unit tests each; TACO and CodeContests",
        "with the numbers of problems that their cards state and ten times the executions of APPS; executions as short as",
        "those of the small problems above, half of which are calls, which share a process: programs that run for a second",
        "or meet their time limit cost what they take on top (`appsplus build --estimate` measures a sample of the real",
        "ones); efficiency 1 on all cores; one driver, so that no number of cores makes a build shorter than its share:",
        "where that is the most, use shards, of which each has a driver of its own.",
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
