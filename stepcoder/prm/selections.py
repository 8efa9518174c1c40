"""Which labelled responses a reward model learns from: the data selections of arXiv:2410.17621, by name.

| selection | responses |
|---|---|
| `full` | all |
| `remove-hard` | all but those to hard problems |
| `medium-only` | those to medium problems |
| `revised-only` | those that fail, and have a prefix that can be completed |

A response is *correct* (passes as it is), *revised* (fails, but some prefix can be completed) or *wrong* (its first line
already cannot). A problem is *easy* where all its responses are correct, *hard* where all are wrong, else *medium*.

Responses without a program have no lines, are not labelled, and make no problem harder.

The names are the paper's, and `revised-only` means there what it means here. What makes a problem hard or medium we could not
read in any source: those two definitions are ours.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from appsplus.errors import InputError
from appsplus.problem import Verdict
from stepcoder.prm.options import SELECTIONS

Row = Mapping[str, Any]


def kind_of(row: Row) -> str:
    """What a response is: correct, revised or wrong."""
    if row["verdict"] == Verdict.ACCEPTED:
        return "correct"
    return "revised" if row["transition"] else "wrong"


def hardness(rows: Sequence[Row]) -> dict[str, str]:
    """What each problem is: easy, medium or hard; by the responses of all checkpoints."""
    kinds: dict[str, set[str]] = {}
    for row in rows:
        kinds.setdefault(row["problem_id"], set()).add(kind_of(row))
    return {
        problem_id: "easy" if found == {"correct"} else "hard" if found == {"wrong"} else "medium"
        for problem_id, found in kinds.items()
    }


def selected(rows: Sequence[Row], selection: str) -> list[Row]:
    """The responses of a selection. Raises InputError where there are none."""
    assert selection in SELECTIONS
    of_problem = hardness(rows)
    kept = [row for row in rows if _is_in(selection, kind_of(row), of_problem[row["problem_id"]])]
    if not kept:
        raise InputError(
            f"--selection {selection} selects none of the {len(rows)} labelled responses; give --selection full, or label"
            " more by `stepcoder prm label` (more --responses, or a policy that is neither perfect nor hopeless)"
        )
    return kept


def _is_in(selection: str, kind: str, problem: str) -> bool:
    if selection == "remove-hard":
        return problem != "hard"
    if selection == "medium-only":
        return problem == "medium"
    return selection == "full" or kind == "revised"
