"""Write what README's first runs cost and found into docs/methods/prm.md: python docs/make_prm_page.py.

The numbers come from benchmarks/results/first_runs.json (benchmarks/learning/first_runs.py).
"""

import json
import re
from pathlib import Path
from typing import Any

from tables import text

from stepcoder.prm.measures import TOLD
from stepcoder.prm.report import worded
from stepcoder.report import AVERAGED

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "first_runs.json"
PAGE = ROOT / "docs" / "methods" / "prm.md"
MARK = re.compile(r"(<!-- first runs -->\n).*?(<!-- end of first runs -->)", re.DOTALL)
KINDS, LABELS = ("correct", "revised", "wrong"), ("+1", "-1", "+0")


def numbers(document: dict[str, Any]) -> str:
    """The part of the page that is made from the recorded commands."""
    commands, labels, model = document["commands"], document["labels"], document["reward_model"]
    rates = document["plain_pass_rate"]
    first = next(iter(commands.values()))
    commits = ", ".join(dict.fromkeys(f"`{cost['of']['commit'][:10]}`" for cost in commands.values()))
    rows = [
        f"| `{command}` | {cost['wall_s'] / 60:.1f} | {cost['cpu_s'] / 60:.1f} |" for command, cost in commands.items()
    ]
    total = sum(cost["wall_s"] for cost in commands.values()) / 60
    completions = sum(cost["completions"] for cost in labels["cost"].values())
    return "\n".join(
        (
            "| command | minutes | CPU minutes, without the judge |",
            "|---|---|---|",
            *rows,
            "",
            text(
                f"{total:.0f} minutes in all on {first['of']['cpus']} CPUs, whose load before the first was",
                f"{first['load']:.1f}; version {first['of']['version']}, commit {commits}, torch {first['of']['torch']},",
                f"Python {first['of']['python']}.",
            ),
            "| | |",
            "|---|---|",
            f"| `runs/tiny`: plain completions that pass, the first and the last {AVERAGED} updates |"
            f" {rates['first']:.0%}, {rates['last']:.0%} |",
            f"| problems, policies, responses | {labels['problems']}, {len(labels['cost'])}, {_all(labels['counts']):,} |",
            f"| of the responses {', '.join(KINDS)} | {_told(labels['counts'], KINDS)} |",
            f"| completions written to label them | {completions:,} |",
            f"| line ends labelled +1, -1, 0 | {_told(labels['labels'], LABELS)} |",
            f"| learned responses: accuracy, AUROC, calibration error | {_measures(model['learned'])} |",
            f"| held-out problems: the same, on {model['held_out']['line_ends']:,} line ends |"
            f" {_measures(model['held_out'])} |",
            "",
        )
    )


def _all(counts: dict[str, int]) -> int:
    return sum(counts[kind] for kind in KINDS if kind in counts)


def _told(counts: dict[str, int], names: tuple[str, ...]) -> str:
    return ", ".join(f"{counts.get(name, 0):,}" for name in names)


def _measures(found: dict[str, float | None]) -> str:
    return ", ".join(worded(found[name]) for name in TOLD)


def page() -> str:
    """The page with the numbers of now."""
    made = numbers(json.loads(RESULT.read_text(encoding="utf-8")))
    return MARK.sub(lambda m: m[1] + made + m[2], PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
