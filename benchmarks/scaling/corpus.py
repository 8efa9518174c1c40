"""A corpus of any size from a few real problems: copies with other ids, descriptions, programs and orders of unit tests.

    python benchmarks/scaling/corpus.py --data ../shared/data --problems 10000 --out corpus.jsonl

A copy is as much work as its original, and no cache knows it: every program says in a comment which copy it is, and the unit
tests are in another order. It is no duplicate either: every word of five letters or more is another one in each copy, which
leaves a Jaccard similarity of word triples far below that at which the build compares closer; URLs differ, too. All follows
from the number of the copy, so that the same command gives the same bytes, and a corpus of 1,000 is the first tenth of one of
10,000.

The originals are ORIGINALS of each I/O format of those that `benchmarks/speed` uses for short programs (the judge has
accepted their first solution; its selection says how they were chosen), each with its first SOLUTIONS solutions and
UNIT_TESTS unit tests, where these are at most 12 kB. So a problem costs little, and 10,000 can be built in an hour; APPS has
more of everything, which makes what is not judging a smaller part of the whole.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SELECTION = Path(__file__).resolve().parents[1] / "speed" / "selection.json"
ORIGINALS, SOLUTIONS, UNIT_TESTS, MOST_CHARS = 50, 4, 10, 12_000
TEST_SHARE = 4  # every fourth copy is in test
_WORD = re.compile(r"\b[a-z]{5,}\b")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def corpus(data: Path, count: int) -> Iterator[dict[str, Any]]:
    """The rows of so many problems, with the columns of APPS."""
    copied_ones = [(name, read(data / "apps" / name)) for name in originals(data)]
    for number in range(count):
        copy, which = divmod(number, len(copied_ones))
        name, original = copied_ones[which]
        yield copied(name, original, copy)


def write(data: Path, count: int, path: Path) -> int:
    """Write so many problems as JSON Lines; returns the bytes."""
    with path.open("w", encoding="utf-8") as file:
        for row in corpus(data, count):
            file.write(json.dumps(row) + "\n")
    return path.stat().st_size


def read(folder: Path) -> dict[str, Any]:
    """A problem of the APPS layout, cut to a small one."""
    tests = json.loads((folder / "input_output.json").read_text(encoding="utf-8"))
    starter = folder / "starter_code.py"
    return {
        "question": (folder / "question.txt").read_text(encoding="utf-8"),
        "solutions": json.loads((folder / "solutions.json").read_text(encoding="utf-8"))[:SOLUTIONS],
        "input_output": tests | {name: tests[name][:UNIT_TESTS] for name in ("inputs", "outputs")},
        "starter_code": starter.read_text(encoding="utf-8") if starter.is_file() else "",
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


def originals(data: Path) -> list[str]:
    """The problems that are copied, in an order in which every stretch is like the whole."""
    selection = json.loads(SELECTION.read_text())
    found: list[str] = []
    for groups in (("stdin-tiny", "stdin-imports"), ("call-tiny",)):
        names = [name for group in groups for name in selection[group] if _is_small(read(data / "apps" / name))]
        found += sorted(names, key=_shuffled)[:ORIGINALS]
    return sorted(found, key=_shuffled)


def _is_small(problem: dict[str, Any]) -> bool:
    return len(problem["input_output"]["inputs"]) >= 3 and len(json.dumps(problem["input_output"])) <= MOST_CHARS


def _shuffled(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description="A corpus of any size from a few real problems.")
    parser.add_argument("--data", type=Path, required=True, help="a folder with apps/train and apps/test")
    parser.add_argument("--problems", type=int, default=10_000, help="how many to write [%(default)s]")
    parser.add_argument("--out", type=Path, required=True, help="the JSON Lines file to write")
    asked = parser.parse_args()
    if not (asked.data / "apps").is_dir():
        sys.exit(f"{asked.data} has no folder apps: give the data's folder with --data")
    print(f"{write(asked.data, asked.problems, asked.out):,} bytes, copies of {len(originals(asked.data))} problems")


if __name__ == "__main__":
    main()
