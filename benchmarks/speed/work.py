"""The work that the contestants are given: fixed groups of real problems, by name in `selection.json`.

    call-tiny      300 small problems of the call format
    call-many      problems with about 100 unit tests each
    call-heavy     problems whose programs need 100 to 800 ms of CPU time
    stdin-tiny     small problems on standard input that import nothing but sys and math
    stdin-imports  small problems on standard input that import what people usually do (collections, heapq, re, ...)
    stdin-usual    those of stdin-tiny, preceded by the modules that hendrycks/apps imports before every program (not numpy)
    stdin-many     small problems on standard input with 30 unit tests and more, all of them; the other groups have five
    stdin-heavy    problems on standard input whose programs need 50 ms or more a unit test, 800 ms at most

Every program is the first solution that the data gives; every problem of the selection is one that our judge accepts.
`python benchmarks/speed/work.py --data ../shared/data` makes the selection anew, `--groups` that of some.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from appsplus.judge import BEST_EFFORT, Job, Judge, Report
from appsplus.problem import IOFormat, Limits, UnitTest, Verdict

SELECTION = Path(__file__).parent / "selection.json"
LIMITS = Limits(cpu_s=10.0, wall_s=30.0)
SIZES = {
    "call-tiny": 300,
    "call-many": 30,
    "call-heavy": 15,
    "stdin-tiny": 60,
    "stdin-imports": 60,
    "stdin-many": 20,
    "stdin-heavy": 10,
}
GROUPS = (*SIZES, "stdin-usual")
_USUAL = re.compile(
    r"^\s*(?:from|import)\s.*\b(?:collections|heapq|bisect|itertools|functools|re|random|string|fractions|decimal)\b",
    re.M,
)
_ANY = re.compile(r"^\s*(?:from\s+(\w+)|import\s+(.+))", re.M)
_USUAL_IMPORTS = "import sys, time, itertools, collections, functools, math, fractions, typing, random, heapq\n"
_UNITS_OF_STDIN = 5  # unit tests of a stdin problem that are used, except in stdin-many


@dataclass(frozen=True, slots=True)
class Task:
    """One program to judge."""

    problem_id: str
    program: str
    io_format: IOFormat
    unit_tests: tuple[UnitTest, ...]
    entry_point: str | None

    def job(self, *, coverage: bool = False, times: int = 1) -> Job:
        """The same for our judge, its unit tests `times` over."""
        return Job(self.program, self.io_format, self.unit_tests * times, self.entry_point, LIMITS, coverage=coverage)


def load(data: Path, groups: list[str]) -> dict[str, list[Task]]:
    """The tasks of each group. Exits with a message where the data is not there."""
    if not (data / "apps").is_dir():
        sys.exit(f"{data} has no folder apps: give the data's folder with --data")
    selection = json.loads(SELECTION.read_text())
    selection["stdin-usual"] = selection["stdin-tiny"]
    found = {
        group: [_cut(read(data / "apps", problem_id), group) for problem_id in selection[group]] for group in groups
    }
    if "stdin-usual" in found:
        found["stdin-usual"] = [replace(t, program=_USUAL_IMPORTS + t.program) for t in found["stdin-usual"]]
    return found


def read(apps: Path, problem_id: str) -> Task:
    """A problem of the APPS layout, as it stands there."""
    folder = apps / problem_id
    tests = json.loads((folder / "input_output.json").read_text())
    program = json.loads((folder / "solutions.json").read_text())[0]
    entry_point = tests.get("fn_name")
    pairs = list(zip(tests["inputs"], tests["outputs"], strict=True))
    if entry_point is None:
        texts = [tuple("\n".join(t) if isinstance(t, list) else str(t) for t in pair) for pair in pairs]
        return Task(problem_id, program, IOFormat.STDIN, tuple(UnitTest(i, o) for i, o in texts), None)
    unit_tests = tuple(UnitTest(json.dumps(i), json.dumps(o)) for i, o in pairs)
    return Task(problem_id, program, IOFormat.CALL, unit_tests, entry_point)


def _cut(task: Task, group: str) -> Task:
    """A problem with the unit tests that are used of it in a group."""
    most = _UNITS_OF_STDIN if task.io_format is IOFormat.STDIN and group != "stdin-many" else None
    return replace(task, unit_tests=task.unit_tests[:most])


def _candidates(apps: Path) -> Iterator[Task]:
    for folder in sorted(chain((apps / "train").iterdir(), (apps / "test").iterdir())):
        try:
            task = read(apps, f"{folder.parent.name}/{folder.name}")
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            continue
        arguments = [] if task.entry_point is None else [json.loads(t.input) for t in task.unit_tests]
        if task.unit_tests and all(isinstance(a, list) and a for a in arguments):
            yield task


def _by_shape(task: Task) -> set[str]:
    """The groups that a problem may belong to, before it is run."""
    number = len(task.unit_tests)
    if task.io_format is IOFormat.CALL:
        tiny = {"call-tiny"} if number <= 20 else set()
        return tiny | {"call-heavy"} | ({"call-many"} if 80 <= number <= 130 else set())
    modules = {name for match in _ANY.findall(task.program) for name in re.findall(r"\w+", " ".join(match))}
    usual = {"stdin-imports"} if _USUAL.search(task.program) else set()
    plain = {"stdin-tiny"} if modules <= {"sys", "math"} else set()
    many = {"stdin-many"} if 30 <= number <= 130 else set()
    return usual | plain | many | {"stdin-heavy"} if number >= 3 else set()


def _by_cost(report: Report) -> set[str]:
    """The groups that a problem may belong to, by what its program needs."""
    spent = [t.cpu_s for t in report.unit_tests]
    total_s, mean_s = sum(spent), sum(spent) / len(spent)
    found = {"call-tiny"} if total_s < 0.02 else set()
    found |= {"call-many"} if total_s < 0.2 else set()
    found |= {"call-heavy"} if 0.1 <= total_s <= 0.8 and mean_s >= 0.002 else set()
    found |= {"stdin-tiny", "stdin-imports", "stdin-many"} if max(spent) < 0.02 else set()
    return found | ({"stdin-heavy"} if mean_s >= 0.05 and total_s <= 0.8 else set())


def _trial(task: Task) -> Job:
    return replace(task.job(), limits=Limits(cpu_s=2.0, wall_s=6.0), stop_after_timeouts=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--groups", default=",".join(SIZES), help="separated by commas; the others stay (default: all)")
    options = parser.parse_args()
    chosen: dict[str, list[str]] = {group: [] for group in options.groups.split(",")}
    if unknown := set(chosen) - set(SIZES):
        parser.error(f"--groups: unknown {', '.join(sorted(unknown))}; known are {', '.join(SIZES)}")
    with Judge(isolation=BEST_EFFORT) as judge:
        for number, task in enumerate(_candidates(options.data / "apps")):
            if number % 100 == 0:
                print(number, {g: len(c) for g, c in chosen.items()}, file=sys.stderr)
            wanted = {group for group in _by_shape(task) & set(chosen) if len(chosen[group]) < SIZES[group]}
            for part, groups in ((_cut(task, ""), wanted - {"stdin-many"}), (task, wanted & {"stdin-many"})):
                if groups and (report := judge.run(_trial(part))).verdict is Verdict.ACCEPTED:
                    for group in sorted(groups & _by_cost(report)):
                        chosen[group].append(task.problem_id)
            if all(len(some) == SIZES[group] for group, some in chosen.items()):
                break
    others = json.loads(SELECTION.read_text()) if SELECTION.exists() else {}
    SELECTION.write_text(json.dumps(others | chosen, indent=1) + "\n")


if __name__ == "__main__":
    main()
