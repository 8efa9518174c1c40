"""Builds of 1,000, 3,000 and 10,000 problems: wall time, core hours, memory, size, and what a rebuild costs.

    python benchmarks/scaling/build.py --data ../shared/data --folder /big/disk/scaling

Parts, each of which can be asked for by --parts:

    sizes    a full build of each size, from an empty cache; then the same with one decision more in the ledger (a correction
             of one problem), from the cache that the build has left
    workers  1,000 problems with 1, 2, 4, ... workers on as many CPUs, driver included, in turns, each from an empty cache
    shards   1,000 problems in 4 shards, one after another, and their merge; the bytes must be those of one build

A part that is done is in the results and is not measured again; one that was ended in the middle begins anew. The folder
holds corpus, dataset and cache of the build that runs. `corpus.py` says what the problems are.
"""

import argparse
import json
import math
import shutil
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus import originals, write
from figures import draw
from measured import Cost, Results, folder_bytes, machine, run

from appsplus.ledger import LedgerWriter
from appsplus.release import folder_hash, load_problems
from appsplus.sources import open_sources

RESULTS = Path(__file__).resolve().parents[1] / "results" / "scaling.json"
WORKERS_PROBLEMS, WORKERS_PASSES = 1000, 3
SHARDS, SHARDS_PROBLEMS = 4, 1000


class Bench:
    """A folder to build in, and where results go."""

    def __init__(self, asked: argparse.Namespace, results: Results) -> None:
        self.data, self.folder, self.results = asked.data, asked.folder, results
        self.isolation, self.workers = asked.isolation, asked.workers

    def corpus(self, problems: int) -> Path:
        """The file with so many problems."""
        path = self.folder / f"problems-{problems}.jsonl"
        if not path.exists():
            write(self.data, problems, self.folder / "unfinished.jsonl")
            (self.folder / "unfinished.jsonl").rename(path)
        return path

    def build(self, corpus: Path, out: Path, cache: Path, *more: str, cpus: int | None = None) -> tuple[Cost, Any]:
        """Build, and what the manifest (or the shard's) says; `cpus`: on so many alone, with as many workers."""
        arguments = ["build", f"scale={corpus}", "--out", str(out), "--cache-dir", str(cache), "--json", *more]
        arguments += ["--isolation", self.isolation, "--workers", str(cpus or self.workers)]
        cost = run(arguments, self.folder / "log.txt", cpus)
        return cost, json.loads(cost.output)

    def size(self, problems: int) -> None:
        """A full build, and one after a decision."""
        corpus, out, cache = self.corpus(problems), self.folder / "out", self.folder / "cache"
        ledger = self.folder / "ledger"
        for path in (out, cache, ledger):
            shutil.rmtree(path, ignore_errors=True)
        full, told = self.build(corpus, out, cache)
        manifest = told["manifest"]
        found = _figures(full, manifest["run"]) | {
            "problems": problems,
            "kept": manifest["counts"]["problems"],
            "rejected": manifest["counts"]["rejected"],
            "solutions_x_tests": solutions_x_tests(corpus),
            "source_bytes": corpus.stat().st_size,
            "dataset_bytes": folder_bytes(out),
            "cache_bytes": folder_bytes(cache),
            "hash": told["hash"],
        }
        self._decide(corpus, out, ledger)
        again, told = self.build(corpus, out, cache, "--ledger", str(ledger))
        found["after_one_decision"] = _figures(again, told["manifest"]["run"]) | {
            "share_of_core_time": round(again.core_s / full.core_s, 4),
            "corrections": sum(told["manifest"]["ledger"]["corrections"].values()),
        }
        self.results.keep(f"size {problems}", found)
        shutil.rmtree(cache)

    def _decide(self, corpus: Path, out: Path, ledger: Path) -> None:
        """Correct one problem: without its last unit test."""
        chosen = next(problem.problem_id for problem in load_problems(out) if len(problem.unit_tests) > 1)
        [source] = open_sources([f"scale={corpus}"])
        raw = next(record for record in source.read() if record.problem_id == chosen)
        last = len(raw.inputs) - 1  # type: ignore[union-attr]
        patch = [{"op": "remove", "path": f"/{name}/{last}"} for name in ("inputs", "outputs")]
        LedgerWriter(ledger, "benchmark", "model").append(
            problem_id=chosen,
            action="correct",
            reason="other",
            comment="a decision to measure the rebuild after it",
            source_hash=raw.source_hash,  # type: ignore[union-attr]
            seen_hash=raw.seen_hash,  # type: ignore[union-attr]
            patch=patch,
        )

    def scaling(self) -> None:
        """The same build with more and more workers, each with a CPU, and none for the driver alone; in turns."""
        counts = [n for n in (1, 2, 4, 8, 16, 32) if n <= machine.available_cpus()]
        corpus = self.corpus(WORKERS_PROBLEMS)
        walls: dict[int, list[Cost]] = {n: [] for n in counts}
        for _ in range(WORKERS_PASSES):
            for n in counts:
                cache = self.folder / "cache-workers"
                shutil.rmtree(cache, ignore_errors=True)
                walls[n].append(self.build(corpus, self.folder / "out-workers", cache, cpus=n)[0])
        one = statistics.median(cost.wall_s for cost in walls[1])
        rows = {
            str(n): {
                "wall_s": [cost.wall_s for cost in costs],
                "core_s": [cost.core_s for cost in costs],
                "efficiency": round(one / n / statistics.median(cost.wall_s for cost in costs), 3),
            }
            for n, costs in walls.items()
        }
        self.results.keep("workers", {"problems": WORKERS_PROBLEMS, "workers": rows})

    def shards(self) -> None:
        """One build, and the same in shards."""
        corpus, cache = self.corpus(SHARDS_PROBLEMS), self.folder / "cache-shards"
        shutil.rmtree(cache, ignore_errors=True)
        whole, told = self.build(corpus, self.folder / "whole", cache)
        folders, costs, judged = [], list[Cost](), 0
        for number in range(1, SHARDS + 1):
            shutil.rmtree(cache)
            folders.append(self.folder / f"shard-{number}")
            cost, shard = self.build(corpus, folders[-1], cache, "--shard", f"{number}/{SHARDS}")
            costs.append(cost)
            judged += shard["shard"]["run"]["judged"]
        merged = run(
            ["merge", *map(str, folders), "--out", str(self.folder / "merged"), "--json"], self.folder / "log.txt"
        )
        same = folder_hash(self.folder / "merged") == told["hash"]
        self.results.keep(
            "shards",
            {
                "problems": SHARDS_PROBLEMS,
                "shards": SHARDS,
                "one_build": _figures(whole, told["manifest"]["run"]),
                "shard_builds": {
                    "wall_s": [cost.wall_s for cost in costs],
                    "core_s": round(sum(cost.core_s for cost in costs), 2),
                    "judged": judged,
                },
                "merge": _figures(merged, {"judged": 0, "cached": 0}),
                "shard_bytes": sum(map(folder_bytes, folders)),
                "same_bytes": same,
            },
        )
        if not same:
            sys.exit("the merged shards are not the bytes of one build: see the folders whole and merged")


def _figures(cost: Cost, told: dict[str, Any]) -> dict[str, Any]:
    """What was measured from outside, and what the run says of itself."""
    return {
        "wall_s": cost.wall_s,
        "core_s": cost.core_s,
        "driver_core_s": cost.driver_core_s,
        "driver_peak_mib": cost.driver_peak_mib,
        "loop_ms": cost.loop_ms,
        "judged": told["judged"],
        "cached": told["cached"],
        "executions": told.get("cost", {}).get("truth", {}).get("spent", {}).get("judged", {}).get("executions", 0),
    }


def solutions_x_tests(corpus: Path) -> int:
    """Executions of every solution on every unit test once."""
    rows = map(json.loads, corpus.open(encoding="utf-8"))
    return sum(len(json.loads(r["solutions"])) * len(json.loads(r["input_output"])["inputs"]) for r in rows)


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """The slope of a straight line through the logarithms, by least squares: 1 where y grows in proportion to x."""
    xs, ys = ([math.log(value) for value in column] for column in zip(*points, strict=True))
    mean_x, mean_y = statistics.fmean(xs), statistics.fmean(ys)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / sum((x - mean_x) ** 2 for x in xs)


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """What the sizes come to."""
    sizes = sorted((row for name, row in found.items() if name.startswith("size ")), key=lambda row: row["problems"])
    if len(sizes) < 2:
        return {}
    first, last = sizes[0], sizes[-1]
    more = last["problems"] - first["problems"]
    return {
        "exponent_core_s": round(exponent([(r["problems"], r["core_s"] / r["loop_ms"]) for r in sizes]), 3),
        "exponent_core_s_as_measured": round(exponent([(r["problems"], r["core_s"]) for r in sizes]), 3),
        "exponent_wall_s": round(exponent([(r["problems"], r["wall_s"]) for r in sizes]), 3),
        "core_s_per_problem": round(last["core_s"] / last["problems"], 4),
        "driver_core_ms_per_problem": round(1000 * last["driver_core_s"] / last["problems"], 2),
        "driver_bytes_per_problem": round(2**20 * (last["driver_peak_mib"] - first["driver_peak_mib"]) / more),
        "programs_judged_per_problem": round(last["judged"] / last["problems"], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Builds of 1,000 to 10,000 problems: time, memory, size, rebuild.")
    parser.add_argument("--data", type=Path, required=True, help="a folder with apps/train and apps/test")
    parser.add_argument(
        "--folder", type=Path, required=True, help="a folder on a disk with room, for corpora and builds"
    )
    parser.add_argument("--sizes", default="1000,3000,10000", help="problems of each build [%(default)s]")
    parser.add_argument("--parts", default="sizes,workers,shards", help="what to measure [%(default)s]")
    parser.add_argument("--workers", type=int, default=machine.available_cpus(), help="of the judge [the CPUs]")
    parser.add_argument("--isolation", default="strict", help="of the judge [%(default)s]")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the JSON file of results")
    parser.add_argument("--fresh", action="store_true", help="measure everything anew")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    results = Results(asked.results, fresh=asked.fresh)
    bench = Bench(asked, results)
    parts = set(asked.parts.split(","))
    results.keep("machine", machine.facts())
    results.keep(
        "options", {"workers": asked.workers, "isolation": asked.isolation, "originals": len(originals(asked.data))}
    )
    for size in map(int, asked.sizes.split(",")):
        if "sizes" in parts and f"size {size}" not in results.found:
            bench.size(size)
            results.keep("summary", summary(results.found))
    if "workers" in parts and "workers" not in results.found:
        bench.scaling()
    if "shards" in parts and "shards" not in results.found:
        bench.shards()
    for path in draw(results.found, asked.results.parent):
        print(path)


if __name__ == "__main__":
    main()
