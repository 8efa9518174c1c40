"""Hold the list of false verdicts against a run, and write the page that shows it.

    python -m benchmarks.verdicts.false_verdicts RUN.jsonl [MORE.jsonl ...]

A verdict is false where it contradicts what the source of a submission records: refused, though known as accepted; or
accepted, though known as wrong, too slow, crashing or partial. `benchmarks/results/false_verdicts.jsonl` gives each its
class and reason, written by hand; this script says which are missing or no longer there (exit status 1), and writes
`docs/false_verdicts.md` and `benchmarks/results/verdicts.json`. Programs that RUN left out are taken from the runs after it.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from appsplus import jsonl
from appsplus.errors import AppsplusError, InputError
from benchmarks.verdicts.run import read_run

ROOT = Path(__file__).resolve().parents[2]
LIST = ROOT / "benchmarks" / "results" / "false_verdicts.jsonl"
COUNTS = ROOT / "benchmarks" / "results" / "verdicts.json"
PAGE = ROOT / "docs" / "false_verdicts.md"
ACCEPTED, UNKNOWN, LEFT_OUT = "accepted", "unknown", "left_out"
FIELDS = ("id", "problem", "expected", "ours", "class", "reason", "evidence", "basis")
BASES = ("read", "tested", "rule")
CLASSES = {
    "several_answers": "The source accepts several answers; the tests hold one, and no checker knows the others.",
    "letter_case": "The source's judge compares without regard to case; ours does not.",
    "float_tolerance": "The source accepts a larger error, or a float where the test's number is written as an integer.",
    "value_type": "The source converts the returned value (1 to true), or compares 1 and 1.0 as equal; ours does not.",
    "broken_test": "The unit test is wrong or damaged, mostly an input that breaks the statement's constraints.",
    "wrong_label": "The program is wrong, or belongs to another problem, whatever the source says.",
    "damaged_program": "The program lost a part, or was wrapped or changed, when the data were collected.",
    "other_interface": "The program expects another form of the problem, or files that are not there.",
    "python_version": "The program is Python 2, a faulty conversion from it, or uses what Python has removed since.",
    "missing_module": "The program imports a package that the judge does not offer.",
    "time_limit": "The program needs more CPU time than our limit, and less than the source's, or the reverse.",
    "memory_limit": "The program needs more memory than our limit, and less than the source's, or the reverse.",
    "tests_dropped": "The data lack tests of the source, among them those that show what is wrong.",
    "weak_tests": "No unit test shows what is wrong.",
    "our_bug": "The judge is wrong.",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    options = parser.parse_args()
    try:
        head, rows = joined(options.runs)
        entries = read_list(LIST)
    except AppsplusError as error:
        print(error, file=sys.stderr)
        return 1
    wrong = disagreements(rows, entries)
    for line in wrong:
        print(line, file=sys.stderr)
    counts = counted(head, rows)
    jsonl.write_atomically(COUNTS, (json.dumps(counts, indent=1, sort_keys=True) + "\n").encode())
    jsonl.write_atomically(PAGE, page(counts, entries).encode())
    return 1 if wrong else 0


def joined(paths: list[Path]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How the first run was made, and its programs, each that it left out as the first run that did not has it.

    Raises InputError for runs of another judge or other limits.
    """
    runs = [read_run(path) for path in paths]
    head = runs[0][0]
    for path, (other, _) in zip(paths, runs, strict=True):
        for name in ("judge", "limits"):
            if other[name] != head[name]:
                raise InputError(f"{path} has {name} {other[name]}, {paths[0]} has {head[name]}; join like runs")
    judged = {row["id"]: row for _, rows in reversed(runs) for row in rows if LEFT_OUT not in row}
    return head, [judged.get(row["id"], row) for row in runs[0][1]]


def read_list(path: Path) -> list[dict[str, str]]:
    """The entries of the list. Raises InputError, with the line, for one that is not whole."""
    entries = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        entry = json.loads(line)
        if tuple(entry) != FIELDS:
            raise InputError(f"{path}:{number} has the fields {', '.join(entry)}; expected {', '.join(FIELDS)}")
        if entry["class"] not in CLASSES or entry["basis"] not in BASES:
            raise InputError(
                f"{path}:{number} has class {entry['class']!r}, basis {entry['basis']!r}; expected one known"
            )
        entries.append(entry)
    return entries


def is_false(expected: str, verdict: str) -> bool:
    """Whether a verdict contradicts what is known. Which way of being wrong a program was seen in does not matter."""
    return expected != UNKNOWN and (expected == ACCEPTED) != (verdict == ACCEPTED)


def disagreements(rows: list[dict[str, Any]], entries: list[dict[str, str]]) -> list[str]:
    """What the list lacks, or has and should not, by a run. Programs that the run left out count for nothing."""
    judged = {row["id"]: row["verdict"] for row in rows if LEFT_OUT not in row}
    listed = {entry["id"]: entry["ours"] for entry in entries}
    found = {
        row["id"]: row["verdict"] for row in rows if LEFT_OUT not in row and is_false(row["expected"], row["verdict"])
    }
    lines = [
        f"{name}: {verdict} is false, and not in the list" for name, verdict in found.items() if name not in listed
    ]
    lines += [f"{name}: in the list, and not false" for name in listed if name in judged and name not in found]
    return lines + [
        f"{name}: {verdict}, the list has {listed[name]}"
        for name, verdict in found.items()
        if name in listed and listed[name] != verdict
    ]


def counted(head: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Verdicts by what is known, and what the run cost."""
    table: dict[str, Counter[str]] = {}
    for row in rows:
        table.setdefault(row["expected"], Counter())[row.get("verdict", LEFT_OUT)] += 1
    judged = [row for row in rows if LEFT_OUT not in row and "cpu_s_all" in row]
    solutions = [row for row in judged if row["is_solution"]]
    return {
        "run": head,
        "programs": len(rows),
        "verdicts": {expected: dict(sorted(counts.items())) for expected, counts in sorted(table.items())},
        "cpu_s": {
            "all": round(sum(row["cpu_s_all"] for row in judged)),
            "solutions": round(sum(row["cpu_s_all"] for row in solutions)),
        },
        "solutions": len(solutions),
        "near_the_limit": sorted(row["id"] for row in judged if any(r >= 0.7 for r in finished(row))),
    }


def finished(row: dict[str, Any]) -> list[float]:
    """The CPU time, as a share of the limit, of the unit tests that came to their end within it."""
    return [ratio for ratio in row["near"].values() if ratio < 1.0]


def _left_out(verdicts: dict[str, dict[str, int]]) -> list[str]:
    """Who was not judged, in words; nothing where everybody was."""
    left = {expected: found[LEFT_OUT] for expected, found in verdicts.items() if LEFT_OUT in found}
    words = ", ".join(f"{number} {expected}" for expected, number in left.items())
    return [f"Of the slowest, {sum(left.values())} were not reached; recorded as: {words}."] if left else []


def page(counts: dict[str, Any], entries: list[dict[str, str]]) -> str:
    """The page, in Markdown."""
    verdicts = sorted({verdict for found in counts["verdicts"].values() for verdict in found})
    lines = [
        "# False verdicts",
        "",
        "Generated by `python -m benchmarks.verdicts.false_verdicts RUN.jsonl`; the entries are those of",
        "`benchmarks/results/false_verdicts.jsonl`: edit that file, not this page.",
        "",
        f"{counts['programs']:,} programs were judged (judge `{counts['run']['judge'][:8]}`), without any checker, with",
        f"{counts['run']['limits']['cpu_s']:g} CPU seconds a unit test: on all of its problem's, or up to a failure.",
        *_left_out(counts["verdicts"]),
        *([counts["run"]["note"]] if "note" in counts["run"] else []),
        "Rows: what the program's source records. Columns: our verdict.",
        "",
        _row(["recorded", *verdicts]),
        _row(["---", *["---:"] * len(verdicts)]),
        *(_row([e, *(str(found.get(v, "")) for v in verdicts)]) for e, found in counts["verdicts"].items()),
        "",
        f"{len(entries):,} verdicts contradict the record, for these reasons. Basis `tested`: the cause was removed and the",
        "verdict changed (a package offered, the meaning of Python 2, a checker of the statement's rules as in",
        "`benchmarks/verdicts/answers.py`, more time), or every failed input was found to break the constraints. Basis",
        "`read`: a failed unit test and the output were looked at, and the statement or the program where these left a",
        "doubt. Basis `rule`: the class follows from what the source says of its tests; the program was not read.",
        "",
        _row(["class", "refused", "accepted", *BASES, "meaning"]),
        _row(["---", *["---:"] * (2 + len(BASES)), "---"]),
    ]
    for name, meaning in CLASSES.items():
        mine = [entry for entry in entries if entry["class"] == name]
        refused = sum(entry["expected"] == ACCEPTED for entry in mine)
        bases = [sum(entry["basis"] == basis for entry in mine) for basis in BASES]
        lines.append(_row([name, *map(str, (refused, len(mine) - refused, *bases)), meaning]))
    for name in CLASSES:
        mine = [entry for entry in entries if entry["class"] == name]
        if mine:
            lines += ["", f"## {name}", "", _row(["program", "recorded", "ours", "reason", "basis"]), _row(["---"] * 5)]
            lines += [_row([e[field] for field in ("id", "expected", "ours", "reason", "basis")]) for e in mine]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
