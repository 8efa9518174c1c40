"""What Ray costs: the same jobs on the local engine and on a Ray of our own, on the same cores, side by side.

    python benchmarks/scaling/ray_overhead.py

A job is one program on one unit test. Its length is what the local engine needs for it with nothing else to do: the program
burns as much CPU time as is missing to it. Both engines are warm before anything is measured, and take turns, job length by
job length, pass by pass. As in a build, there are twice as many threads as workers, each asking for the programs of one
problem (23) at a time. Figures are medians over the passes; ratios are taken within a pass. Lengths that the result file
holds already, for the same commit, are not measured again.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "speed"))
import machine
from figures import draw_ray

from appsplus import jsonl
from appsplus.engine import LocalEngine
from appsplus.engine.bulk import BulkEngine
from appsplus.engine.ray_engine import RayEngine
from appsplus.judge import Job, available_cpus
from appsplus.problem import IOFormat, UnitTest, Verdict

RESULTS = Path(__file__).resolve().parents[1] / "results" / "ray_overhead.json"
LENGTHS_MS = (2, 5, 20, 50, 200)
PER_PROBLEM = 23  # solutions of a problem of APPS
_BURN = """
import time
until = {cpu_s!r}
while time.thread_time() < until:
    pass
print({number})
"""
_numbers = count()


def main() -> None:
    options = _options()
    results = _continued(options)
    with (
        LocalEngine(workers=options.workers, isolation=options.isolation) as local,
        RayEngine(workers=options.workers, isolation=options.isolation) as ray,
    ):
        engines: dict[str, BulkEngine] = {"local": local, "ray": ray}
        for engine in engines.values():
            engine.judge(jobs(options.workers * 20, 0.0))
        least_ms = 1000 * _alone_s(local, 0.0)
        for length_ms in LENGTHS_MS:
            if str(length_ms) in results["lengths"]:
                continue
            results["lengths"][str(length_ms)] = _measured(engines, length_ms, least_ms, options)
            results["least_ms"] = round(least_ms, 2)
            options.out.parent.mkdir(parents=True, exist_ok=True)
            jsonl.write_atomically(options.out, (json.dumps(results, indent=1) + "\n").encode())
    for length_ms, found in results["lengths"].items():
        print(
            f"{length_ms:>4} ms: local {found['local']['programs_per_s']:.1f}, ray {found['ray']['programs_per_s']:.1f}"
            f" programs a second; ray takes {found['ratio']:.3f} of local's time"
            f" ({min(found['ratios']):.3f} to {max(found['ratios']):.3f})"
        )
    print(draw_ray(results, options.out.with_suffix(".svg")))


def jobs(number: int, cpu_s: float) -> list[Job]:
    """Programs that burn so much CPU time, no two alike."""
    numbers = [next(_numbers) for _ in range(number)]
    return [Job(_BURN.format(cpu_s=cpu_s, number=n), IOFormat.STDIN, (UnitTest("", str(n)),)) for n in numbers]


def _measured(
    engines: dict[str, BulkEngine], length_ms: int, least_ms: float, options: argparse.Namespace
) -> dict[str, Any]:
    cpu_s = max(0.0, length_ms - least_ms) / 1000
    number = max(2 * PER_PROBLEM, round(options.seconds * options.workers * 1000 / max(length_ms, least_ms)))
    took_s: dict[str, list[float]] = {name: [] for name in engines}
    for turn in range(options.passes):
        for name in sorted(engines, reverse=bool(turn % 2)):  # each goes first as often as the other
            took_s[name].append(_took_s(engines[name], jobs(number, cpu_s), options.workers))
            say(
                f"{length_ms} ms, pass {turn + 1} of {options.passes}, {name}: {number / took_s[name][-1]:.1f} a second"
            )
    ratios = [ray_s / local_s for ray_s, local_s in zip(took_s["ray"], took_s["local"], strict=True)]
    found: dict[str, Any] = {
        name: {"took_s": some, "programs_per_s": round(number / statistics.median(some), 2)}
        for name, some in took_s.items()
    }
    return {"programs": number, **found, "ratios": ratios, "ratio": statistics.median(ratios)}


def _took_s(engine: BulkEngine, given: Sequence[Job], workers: int) -> float:
    problems = [given[at : at + PER_PROBLEM] for at in range(0, len(given), PER_PROBLEM)]
    started = time.monotonic()
    with ThreadPoolExecutor(2 * workers) as pool:
        reports = [report for some in pool.map(engine.judge, problems) for report in some]
    took_s = time.monotonic() - started
    assert [report.verdict for report in reports] == [Verdict.ACCEPTED] * len(given)
    return took_s


def _alone_s(engine: BulkEngine, cpu_s: float) -> float:
    """Seconds for one job, with nothing else to do."""
    times = []
    for job in jobs(50, cpu_s):
        started = time.monotonic()
        engine.judge([job])
        times.append(time.monotonic() - started)
    return statistics.median(times)


def _continued(options: argparse.Namespace) -> dict[str, Any]:
    facts = machine.facts()
    if options.out.exists():
        found: dict[str, Any] = json.loads(options.out.read_text())
        if found["machine"]["commit"] == facts["commit"] and not options.fresh:
            return found
    return {"machine": facts, "workers": options.workers, "passes": options.passes, "lengths": {}}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=available_cpus())
    parser.add_argument("--passes", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4.0, help="of work in a pass, about")
    parser.add_argument("--isolation", default="strict")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--fresh", action="store_true", help="begin anew")
    return parser.parse_args()


if __name__ == "__main__":
    main()
