"""Does the driver's memory grow with the number of problems, with their size, or with the size of a source?

    python benchmarks/scaling/memory.py --folder /big/disk/scaling

    problems  builds of 2,000 to 50,000 tiny problems that a generator makes, through an engine that says yes to everything:
              peak resident memory of the driver, and the bytes a problem that it grows by (ids, hashes, signatures)
    tests     100 problems with unit tests of 4 MB each: the window is bounded by bytes, so the peak is that of a few of them
    sources   reading 1 GB of rows (JSON Lines, a JSON array, Parquet in one row group), record by record
    whole     a build from a file of 20 GB (JSON Lines), from the first row to the manifest

Each build is a process of its own; nothing is judged, so it takes minutes. Results: benchmarks/results/scaling_memory.json.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parents[1] / "results" / "scaling_memory.json"
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks" / "speed")]

import machine  # noqa: E402

from appsplus.judge import Inspection, Job, Report, UnitTestReport  # noqa: E402
from appsplus.ledger import Ledger  # noqa: E402
from appsplus.pipeline import build  # noqa: E402
from appsplus.problem import RawProblem, Verdict  # noqa: E402
from appsplus.sources import Source, open_sources  # noqa: E402

COUNTS = (2_000, 10_000, 50_000)
WORDS, LINES = 150, 20  # of a description, of a program
BIG_TESTS, BIG_CHARS = 100, 4_000_000
SOURCE_ROWS, SOURCE_CHARS = 5_000, 200_000
WHOLE_ROWS = 1_250  # of four unit tests of BIG_CHARS each


class Yes:
    """An engine for which every program is right."""

    def __init__(self) -> None:
        self.workers, self.isolation, self.modules = 2, "none", ()
        self.rungs: dict[str, Any] = {}
        self.counts: Counter[str] = Counter()

    def judge(self, jobs: Sequence[Job]) -> list[Report]:
        """All accepted."""
        return [self._report(job) for job in jobs]

    def inspect(self, programs: Sequence[str]) -> list[Inspection]:
        """Nothing to find."""
        return [Inspection() for _ in programs]

    def _report(self, job: Job) -> Report:
        lines = (1,) if job.coverage else None
        one = UnitTestReport(Verdict.ACCEPTED, 0.0, 0.0, 1.0, executed_lines=lines)
        return Report(Verdict.ACCEPTED, (one,) * len(job.unit_tests), lines)


class Generated:
    """Problems that nobody has met before, one at a time."""

    def __init__(self, count: int, chars: int = 0) -> None:
        self.count, self.chars = count, chars

    def read(self) -> Iterator[RawProblem]:
        """One after another."""
        for number in range(self.count):
            rng = random.Random(number)
            words = " ".join(f"{rng.getrandbits(24):x}" for _ in range(WORDS))
            lines = "".join(f"x{rng.getrandbits(24)} = {rng.getrandbits(24)}\n" for _ in range(LINES))
            filling = hashlib.sha256(str(number).encode()).hexdigest() * (self.chars // 64)
            yield RawProblem(
                problem_id=f"made/{number}",
                source="made",
                split="test" if number % 4 == 0 else "train",
                description=f"Print {words} on a line.",
                solutions=(lines, f"{lines}print()\n"),
                inputs=tuple(f"{n} {filling}\n" for n in range(4)),
                outputs=tuple(f"{rng.getrandbits(30)}\n" for _ in range(4)),
            )

    def inputs(self) -> Iterator[Any]:
        """No files."""
        return iter(())


def one(kind: str, argument: str, folder: Path) -> dict[str, Any]:
    """What is measured, in this process."""
    before = _peak_mib()
    started = time.monotonic()
    if kind == "source":
        [source] = open_sources([f"made={argument}"])
        records = sum(1 for _ in source.read())
    elif kind == "whole":
        manifest = build(open_sources([f"made={argument}"]), folder / "out", Yes(), Ledger())
        records = manifest.funnel[0].given
    else:
        records = int(argument)
        reader = Generated(records, BIG_CHARS if kind == "tests" else 0)
        build([Source("made", "made", reader)], folder / "out", Yes(), Ledger())
    return {
        "records": records,
        "wall_s": round(time.monotonic() - started, 1),
        "peak_mib": round(_peak_mib(), 1),
        "before_mib": round(before, 1),
    }


def _peak_mib() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def apart(kind: str, argument: str, folder: Path) -> dict[str, Any]:
    """The same, in a process of its own."""
    command = [sys.executable, __file__, "--folder", str(folder), "--one", kind, argument]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    print(kind, argument, done.stdout.strip(), file=sys.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def write_sources(folder: Path) -> list[Path]:
    """1 GB of rows in three formats; one row in a hundred takes half of it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    paths = [folder / name for name in ("rows.jsonl", "rows.json", "rows.parquet")]
    table = {"problem_id": pa.string(), "question": pa.large_string(), "input_output": pa.large_string()}
    rows = list[dict[str, str]]()
    with paths[0].open("w") as lines, paths[1].open("w") as array:
        array.write("[")
        for number in range(SOURCE_ROWS):
            rng = random.Random(number)
            size = SOURCE_CHARS * (51 if number % 100 == 0 else 1) // 2
            text = f"{rng.getrandbits(4 * size):x}"  # compresses to half of it at best
            tests = json.dumps({"inputs": [text], "outputs": ["1\n"]})
            rows.append({"problem_id": str(number), "question": f"Print {number}.", "input_output": tests})
            lines.write(json.dumps(rows[-1]) + "\n")
            array.write(",\n" * bool(number) + json.dumps(rows[-1]))
        array.write("]\n")
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(table)), paths[2], row_group_size=len(rows))
    return paths


def write_whole(path: Path) -> None:
    """A file of 20 GB."""
    columns = ("problem_id", "question", "solutions", "input_output")
    with path.open("w") as lines:
        for record in Generated(WHOLE_ROWS, BIG_CHARS).read():
            tests = json.dumps({"inputs": record.inputs, "outputs": record.outputs})
            row = (record.problem_id, record.description, json.dumps(record.solutions), tests)
            lines.write(json.dumps(dict(zip(columns, row, strict=True))) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="The driver's memory over many problems, big ones, and big sources.")
    parser.add_argument("--folder", type=Path, required=True, help="a folder on a disk with room for 50 GB")
    parser.add_argument("--parts", default="problems,tests,sources,whole", help="what to measure [%(default)s]")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the JSON file of results")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    if asked.one:
        print(json.dumps(one(*asked.one, asked.folder)))
        return
    found: dict[str, Any] = json.loads(asked.results.read_text()) if asked.results.exists() else {}
    found["machine"] = machine.facts()
    parts = asked.parts.split(",")
    if "problems" in parts:
        rows = [apart("problems", str(count), asked.folder) for count in COUNTS]
        less, more = rows[-2:]  # in smaller ones, buffers of a fixed size are not full yet
        grown = (more["peak_mib"] - less["peak_mib"]) * 2**20 / (more["records"] - less["records"])
        found["problems"] = {"builds": rows, "bytes_per_problem": round(grown)}
    if "tests" in parts:
        size = {"unit_tests": 4, "chars_of_each": BIG_CHARS}
        found["tests"] = size | apart("tests", str(BIG_TESTS), asked.folder)
    if "sources" in parts:
        paths = write_sources(asked.folder)
        found["sources"] = {
            path.suffix.lstrip("."): {"bytes": path.stat().st_size} | apart("source", str(path), asked.folder)
            for path in paths
        }
        for path in paths:
            path.unlink()
    if "whole" in parts:
        path = asked.folder / "whole.jsonl"
        write_whole(path)
        found["whole"] = {"bytes": path.stat().st_size} | apart("whole", str(path), asked.folder)
        path.unlink()
    asked.results.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
