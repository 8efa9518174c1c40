"""A corpus of any size from a few real problems: copies with other ids, descriptions, programs and orders of unit tests.

    python benchmarks/scaling/corpus.py --data ../shared/data --problems 10000 --out corpus.jsonl

A copy is as much work as its original, and no cache knows it: every program says in a comment which copy it is, and the unit
tests are in another order. It is no duplicate either: every word of five letters or more is another one in each copy, which
leaves a Jaccard similarity of word triples far below that at which the build compares closer; URLs differ, too. All follows
from the number of the copy, so that the same command gives the same bytes, and a corpus of 1,000 is the first tenth of one of
10,000.

The originals are in `base.json`, chosen by `--choose`: of candidates spread over the data (1 to 5 solutions, 3 to 12 unit
tests, at most 12 kB of them, half of them on standard input, half of them calls) those whose programs took at most
MOST_CPU_S of CPU time in a whole build, so that 10,000 copies can be built within the hour on two cores.
"""

import argparse
import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

BASE = Path(__file__).parent / "base.json"
CANDIDATES = 150  # of each I/O format
MOST_CPU_S = 0.8  # of all programs of a problem, in all runs of a build without cache
TEST_SHARE = 4  # every fourth copy is in test
_WORD = re.compile(r"\b[a-z]{5,}\b")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def corpus(data: Path, count: int) -> Iterator[dict[str, Any]]:
    """The rows of so many problems, with the columns of APPS."""
    originals = [(name, read(data / "apps" / name)) for name in json.loads(BASE.read_text())["problems"]]
    for number in range(count):
        copy, which = divmod(number, len(originals))
        name, original = originals[which]
        yield copied(name, original, copy)


def write(data: Path, count: int, path: Path) -> int:
    """Write so many problems as JSON Lines; returns the bytes."""
    with path.open("w", encoding="utf-8") as file:
        for row in corpus(data, count):
            file.write(json.dumps(row) + "\n")
    return path.stat().st_size


def read(folder: Path) -> dict[str, Any]:
    """A problem of the APPS layout."""
    return {
        "question": (folder / "question.txt").read_text(encoding="utf-8"),
        "solutions": json.loads((folder / "solutions.json").read_text(encoding="utf-8")),
        "input_output": json.loads((folder / "input_output.json").read_text(encoding="utf-8")),
        "starter_code": starter.read_text() if (starter := folder / "starter_code.py").is_file() else "",
        "metadata": json.loads((folder / "metadata.json").read_text(encoding="utf-8")),
    }


def copied(name: str, original: dict[str, Any], copy: int) -> dict[str, Any]:
    """One copy of a problem as a row."""
    tests = original["input_output"]
    turn = copy % len(tests["inputs"])
    turned = {key: tests[key][turn:] + tests[key][:turn] for key in ("inputs", "outputs")}
    kept = set(_WORD.findall(f"{original['starter_code']} {tests.get('fn_name') or ''}"))
    metadata = original["metadata"]
    return {
        "problem_id": f"{name.replace('/', '-')}-{copy:04d}",
        "question": _WORD.sub(lambda word: word[0] if word[0] in kept else _other(word[0], copy), original["question"]),
        "solutions": json.dumps([f"{code.rstrip()}\n# copy {copy} of {name}\n" for code in original["solutions"]]),
        "input_output": json.dumps({**tests, **turned}),
        "starter_code": original["starter_code"],
        "difficulty": metadata.get("difficulty", ""),
        "url": f"{metadata['url']}?copy={copy}" if metadata.get("url") else "",
        "license": metadata.get("license", ""),
        "source": metadata.get("source", ""),
        "split": "test" if copy % TEST_SHARE == 0 else "train",
    }


def _other(word: str, copy: int) -> str:
    """Another word of the same length, always the same one in a copy."""
    digest = hashlib.blake2b(f"{copy} {word}".encode(), digest_size=min(len(word), 64)).digest()
    return "".join(_LETTERS[byte % 26] for byte in digest)


def candidates(data: Path) -> list[str]:
    """Problems of both I/O formats that may be cheap, spread evenly over the data."""
    found: dict[bool, list[str]] = {False: [], True: []}
    for folder in sorted((data / "apps").glob("t*/*")):
        if not (folder / "solutions.json").is_file() or not (folder / "input_output.json").is_file():
            continue
        problem = read(folder)
        tests = problem["input_output"]
        size = len(json.dumps(tests))
        if 1 <= len(problem["solutions"]) <= 5 and 3 <= len(tests.get("inputs", ())) <= 12 and size <= 12_000:
            found[bool(tests.get("fn_name"))].append(folder.relative_to(data / "apps").as_posix())
    counts = {kind: min(CANDIDATES, len(names)) for kind, names in found.items()}
    return [names[i * len(names) // counts[kind]] for kind, names in found.items() for i in range(counts[kind])]


def choose(data: Path) -> dict[str, Any]:
    """Build the candidates, and name those whose programs took little CPU time, with what it was."""
    from appsplus.engine import LocalEngine
    from appsplus.judge import Job, Report
    from appsplus.ledger import Ledger
    from appsplus.pipeline import build
    from appsplus.sources import open_sources

    spent: dict[str, float] = {}

    class Measuring(LocalEngine):
        def judge(self, jobs: Sequence[Job]) -> list[Report]:
            reports = super().judge(jobs)
            for job, report in zip(jobs, reports, strict=True):
                name = job.program.rstrip().rpartition(" ")[2]
                spent[name] = spent.get(name, 0.0) + sum(test.cpu_s for test in report.unit_tests) / report.scale
            return reports

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "candidates.jsonl"
        rows = [copied(name, read(data / "apps" / name), 0) for name in candidates(data)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        with Measuring(isolation="best-effort") as engine:
            build(open_sources([str(path)]), Path(folder) / "out", engine, Ledger())
    cheap = sorted(name for name, seconds in spent.items() if "/" in name and seconds <= MOST_CPU_S)
    mean = sum(spent[name] for name in cheap) / len(cheap)
    return {"cpu_s_at_most": MOST_CPU_S, "cpu_s_mean": round(mean, 3), "of": len(rows), "problems": _mixed(cheap)}


def _mixed(names: list[str]) -> list[str]:
    """In an order in which every stretch is like the whole."""
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())


def main() -> None:
    parser = argparse.ArgumentParser(description="A corpus of any size from a few real problems.")
    parser.add_argument("--data", type=Path, required=True, help="a folder with apps/train and apps/test")
    parser.add_argument("--problems", type=int, default=10_000, help="how many to write [%(default)s]")
    parser.add_argument("--out", type=Path, help="the JSON Lines file to write")
    parser.add_argument("--choose", action="store_true", help="choose the originals anew, into base.json")
    asked = parser.parse_args()
    if not (asked.data / "apps").is_dir():
        sys.exit(f"{asked.data} has no folder apps: give the data's folder with --data")
    if asked.choose:
        BASE.write_text(json.dumps(choose(asked.data), indent=1) + "\n")
    if asked.out:
        print(f"{write(asked.data, asked.problems, asked.out):,} bytes")


if __name__ == "__main__":
    main()
