"""What the policies of a build save, and how near its estimate is: the same real problems, built anew with each.

    python benchmarks/scaling/policies.py --data ../shared/data/apps/train --problems 40

Problems are drawn by a seed from those with at least `--solutions` solutions, as APPS has them. Every build has a cache of
its own, so that each judges everything. CPU seconds are those of all its processes; the hash is that of the dataset folder.
"""

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "speed"))
import machine

from appsplus.engine import Cache, LocalEngine
from appsplus.engine.first_failures import FirstFailures
from appsplus.forecast import Costs, forecast
from appsplus.ledger import Ledger
from appsplus.pipeline import BuildOptions, build, whole_way
from appsplus.release import folder_hash
from appsplus.sources import Source, open_sources
from appsplus.survey import survey

POLICIES: dict[str, dict[str, Any]] = {
    "none": {},
    "stop_at_first_failure": {"stop": True},
    "longest_first": {"longest_first": True},
    "max_solutions_5": {"max_solutions": 5},
}
RESULT = Path(__file__).resolve().parents[1] / "results" / "policies.json"


def drawn(data: Path, count: int, fewest: int, seed: int, folder: Path) -> list[str]:
    """Link some problems into a folder in the layout of APPS; returns their names."""
    able = []
    for problem in sorted(data.iterdir()):
        solutions = problem / "solutions.json"
        if solutions.is_file() and len(json.loads(solutions.read_text())) >= fewest:
            able.append(problem)
    chosen = sorted(random.Random(seed).sample(able, min(count, len(able))))
    for problem in chosen:
        (folder / problem.name).symlink_to(problem.resolve())
    return [problem.name for problem in chosen]


def measured(sources: tuple[Source, ...], policy: dict[str, Any], folder: Path, workers: int) -> dict[str, Any]:
    """One build with a cache of its own, after its estimate."""
    ledger, options = Ledger.read([]), BuildOptions(max_solutions=policy.get("max_solutions", 0))
    longest_first = policy.get("longest_first", False)
    with Cache(folder / "cache") as cache, LocalEngine(
        workers=workers, cache=cache, longest_first=longest_first
    ) as engine:  # fmt: skip
        costs = Costs(engine)

        def thrifty(inner: Any) -> Any:
            return FirstFailures(inner, cache) if policy.get("stop") else inner

        records = (record for source in sources for record in source.read())
        costs.forecast = forecast(
            survey(records, 0), engine, lambda record, judging: whole_way(record, judging, ledger, options), thrifty
        )
        manifest = build(sources, folder / "out", thrifty(engine), ledger, options, facts=costs.facts)
    cost = manifest.run["cost"]
    return {
        "kept": manifest.funnel[-1].kept,
        "executions": cost["truth"]["spent"]["judged"]["executions"],
        "core_s": cost["truth"]["core_s"],
        "wall_s": cost["truth"]["wall_s"],
        "estimate": cost["estimate"],
        "ratio": cost["ratio"],
        "hash": folder_hash(folder / "out"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of problems in the layout of APPS")
    parser.add_argument("--problems", type=int, default=40)
    parser.add_argument("--solutions", type=int, default=5, help="that a problem must have")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--policies", default=",".join(POLICIES), help="which builds to make")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    facts = machine.facts()
    with tempfile.TemporaryDirectory() as name:
        problems = Path(name) / "train"
        problems.mkdir()
        names = drawn(arguments.data, arguments.problems, arguments.solutions, arguments.seed, problems)
        sources = open_sources([f"real={problems.parent}"])
        found = {}
        for policy in arguments.policies.split(","):
            folder = Path(name) / policy
            folder.mkdir()
            found[policy] = measured(sources, POLICIES[policy], folder, arguments.workers)
            print(policy, json.dumps(found[policy]), flush=True)
    result = {"machine": facts, "problems": names, "builds": found}
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
