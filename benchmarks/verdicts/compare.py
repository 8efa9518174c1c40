"""Compare runs: every program whose verdict, or whose verdict on a unit test, is not the same in all of them.

    python -m benchmarks.verdicts.compare RUN.jsonl RUN.jsonl ... [--out COMPARISON.json]

Each difference comes with the program's times on the unit tests concerned, as shares of the CPU limit at the scale of the
judge that ran it (runs from before that was recorded: of the nominal limit). It is near the limit where each of these unit
tests is over the limit in some runs, and took at least 0.7 of it in all others; what was not run, because of earlier
time-limit verdicts, decides nothing. The exit status is 1 where a difference is not near.
"""

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from appsplus import jsonl
from appsplus.errors import AppsplusError, InputError
from benchmarks.verdicts.run import read_run

NEAR_FROM = 0.7  # times the limit
_GROUP = re.compile(r"([0-9]+)([A-Z])")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, help="write the comparison there, as JSON")
    parser.add_argument("--note", default="", help="what else is to be known of the runs; stands in OUT")
    options = parser.parse_args()
    try:
        found = {"note": options.note} | compared(options.runs)
    except AppsplusError as error:
        print(error, file=sys.stderr)
        return 1
    if options.out is not None:
        jsonl.write_atomically(options.out, (json.dumps(found, indent=1) + "\n").encode())
    _print(found)
    return 1 if found["counts"]["differing"] > found["counts"]["near_the_limit"] else 0


def compared(paths: list[Path]) -> dict[str, Any]:
    """How the runs were made, the counts, and the differences. Raises InputError for runs that cannot be compared."""
    if len(paths) < 2:
        raise InputError(f"a comparison needs at least two runs; got {len(paths)}")
    runs = [read_run(path) for path in paths]
    for (head, _), path in zip(runs, paths, strict=True):
        for name in ("judge", "limits"):
            if head[name] != runs[0][0][name]:
                raise InputError(
                    f"{path} has {name} {head[name]}, {paths[0]} has {runs[0][0][name]}; compare like runs"
                )
    rows = [{row["id"]: row for row in found} for _, found in runs]
    everywhere = [name for name in rows[0] if all(name in run for run in rows)]
    judged = [name for name in everywhere if all("left_out" not in run[name] for run in rows)]
    differences = [d for name in judged if (d := _difference([run[name] for run in rows])) is not None]
    return {
        "runs": [
            head | {"file": path.name, "programs": len(found)} for (head, found), path in zip(runs, paths, strict=True)
        ],
        "counts": {
            "judged_in_all": len(judged),
            "unit_tests_judged_in_all": sum(_executions(rows[0][name]) for name in judged),
            "left_out": len(everywhere) - len(judged),
            "not_in_all": len({name for run in rows for name in run} - set(everywhere)),
            "verdict_differs": sum(len(set(d["verdicts"])) > 1 for d in differences),
            "differing": len(differences),
            "near_the_limit": sum(d["near_the_limit"] for d in differences),
        },
        "verdicts": dict(sorted(Counter(rows[0][name]["verdict"] for name in judged).items())),
        "differences": differences,
        "left_out": sorted(set(everywhere) - set(judged)),
    }


def _difference(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What differs among the rows of one program, or None."""
    if len({row["sha256"] for row in rows}) > 1:
        raise InputError(f"{rows[0]['id']} is not the same program in all runs; compare runs of the same data")
    tests = [expanded(row.get("unit_tests", "")) for row in rows]
    if len({row["verdict"] for row in rows}) == 1 and len(set(tests)) == 1:
        return None
    longest = max(map(len, tests))
    padded = [text.ljust(longest, "-") for text in tests]
    numbers = [i for i in range(longest) if len({text[i] for text in padded}) > 1]
    ratios = [[row["near"].get(str(i), 0.0) for row in rows] for i in numbers]
    decided = [(i, times) for i, times in zip(numbers, ratios, strict=True) if "-" not in {text[i] for text in padded}]
    near = bool(decided) and all(_near([text[i] for text in padded], times) for i, times in decided)
    return {
        "id": rows[0]["id"],
        "expected": rows[0]["expected"],
        "verdicts": [row["verdict"] for row in rows],
        "near_the_limit": near,
        "unit_tests": [
            {"unit_test": i, "verdicts": "".join(text[i] for text in padded), "cpu_of_limit": times}
            for i, times in zip(numbers, ratios, strict=True)
        ],
        "errors": [(row.get("first_failure") or {}).get("error", "") for row in rows],
    }


def _near(verdicts: list[str], ratios: list[float]) -> bool:
    """Whether only time can have decided a unit test: it was over the limit, or it ended at 0.7 of it and above."""
    ended = [ratio for verdict, ratio in zip(verdicts, ratios, strict=True) if verdict != "T"]
    return "T" in verdicts and all(ratio >= NEAR_FROM for ratio in ended)


def expanded(text: str) -> str:
    """E.g. "3A1W" -> "AAAW"."""
    return "".join(int(count) * letter for count, letter in _GROUP.findall(text))


def _executions(row: dict[str, Any]) -> int:
    return len(expanded(row.get("unit_tests", "")))


def _print(found: dict[str, Any]) -> None:
    for run in found["runs"]:
        print(f"{run['file']}: {run['programs']:,} programs, workers {run['workers']}, load {run['load']}")
    print(", ".join(f"{name} {count:,}" for name, count in found["counts"].items()))
    for difference in found["differences"]:
        word = "near the limit" if difference["near_the_limit"] else "NOT NEAR THE LIMIT"
        print(f"{difference['id']} ({difference['expected']}): {' / '.join(difference['verdicts'])}: {word}")
        for unit_test in difference["unit_tests"][:5]:
            print(f"    unit test {unit_test['unit_test']}: {unit_test['verdicts']} {unit_test['cpu_of_limit']}")
        if not difference["near_the_limit"]:
            print(f"    {difference['errors']}")


if __name__ == "__main__":
    sys.exit(main())
