"""What a run of the suite found: records, and the JSON file that they are kept in, one case a line."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from appsplus import jsonl
from appsplus.conformance.case import Group
from appsplus.errors import InputError

OURS = "ours"  # the name of our judge among the judges


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one judge said of one case."""

    right: bool | None  # None: it was not asked; `detail` says why
    answer: str  # a verdict of ours; accepted, refused or "no answer" of a peer; "" where it was not asked
    detail: str = ""  # a line of evidence


@dataclass(frozen=True, slots=True)
class Row:
    """One case, and what each judge said."""

    name: str
    group: Group
    verdict: str  # that it must get
    outcomes: Mapping[str, Outcome]  # by judge, ours first


@dataclass(frozen=True, slots=True)
class Results:
    """A run of the suite."""

    machine: Mapping[str, Any]  # what verdicts may depend on: versions, kernel, CPUs, isolation
    peers: Mapping[str, str]  # name -> commit of the checkout
    rows: tuple[Row, ...]  # in the table's order
    leftovers: tuple[str, ...] | None  # what hostile programs left behind of ours; None: not looked

    @property
    def judges(self) -> tuple[str, ...]:
        """Ours and the peers, in the order of the table's columns."""
        return (OURS, *self.peers)

    def count(self, judge: str, group: Group | None = None) -> tuple[int, int, int]:
        """How many cases a judge got right, of how many that it was asked, and how many it was not."""
        outcomes = [row.outcomes[judge] for row in self.rows if group in (None, row.group)]
        asked = [outcome for outcome in outcomes if outcome.right is not None]
        return sum(outcome.right is True for outcome in asked), len(asked), len(outcomes) - len(asked)

    def failures(self) -> Iterator[Row]:
        """The cases that our judge got wrong."""
        return (row for row in self.rows if row.outcomes[OURS].right is False)

    @property
    def passed(self) -> bool:
        """Whether our judge got every case right that it was asked, and nothing was left behind."""
        return next(self.failures(), None) is None and not self.leftovers


def plain(results: Results) -> dict[str, Any]:
    """The results as plain data."""
    rows = [
        {**asdict(row), "outcomes": {judge: asdict(outcome) for judge, outcome in row.outcomes.items()}}
        for row in results.rows
    ]
    found = None if results.leftovers is None else list(results.leftovers)
    return {"machine": dict(results.machine), "peers": dict(results.peers), "leftovers": found, "cases": rows}


def write_results(path: Path, results: Results) -> None:
    """Write a JSON file whose differences can be read: one case a line."""
    data = plain(results)
    head = {key: value for key, value in data.items() if key != "cases"}
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=True) for row in data["cases"])
    text = json.dumps(head, indent=1)[:-2] + f',\n "cases": [\n{lines}\n ]\n}}\n'
    path.parent.mkdir(parents=True, exist_ok=True)
    jsonl.write_atomically(path, text.encode())


def read_results(path: Path) -> Results:
    """Read what `write_results` wrote. Raises InputError for a file that is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        rows = tuple(
            Row(r["name"], Group(r["group"]), r["verdict"], {j: Outcome(**o) for j, o in r["outcomes"].items()})
            for r in data["cases"]
        )
        left = data["leftovers"]
        return Results(data["machine"], data["peers"], rows, None if left is None else tuple(left))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} cannot be read as results of the conformance suite ({type(error).__name__}: {error});"
            f" write it with: appsplus judge-conformance --out {path}"
        ) from None
