"""Write what was measured into benchmarks/learning/README.md: python docs/make_learning_page.py [OUT].

OUT is a finished run of `stepcoder ablate`: its numbers and figures go to benchmarks/learning/SUITE/, and the tables to the
page between the marks of the suite, with the command, version, commit and seeds that they belong to. The speed of
generation comes from benchmarks/results/generation.json.
"""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from stepcoder.ablation.markdown import markdown
from stepcoder.ablation.plan import PRESETS, AblationConfig
from stepcoder.config import configured, flag

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks" / "learning"
PAGE = FOLDER / "README.md"
SPEED = ROOT / "benchmarks" / "results" / "generation.json"
FIGURES = ("curves.svg", "by_k.svg", "outcomes.svg")
_ANYWHERE = frozenset(
    {"dataset", "preset", "workers", "judge_workers", "not_the_papers"}
)  # no part of what was measured


def section(numbers: dict[str, Any]) -> str:
    """What the page has between the marks of a suite: what the numbers are of, the tables and the figures."""
    of = numbers["of"]
    suite = of["options"]["suite"]
    figures = "\n\n".join(f"![{Path(name).stem.replace('_', ' ')}]({suite}/{name})" for name in FIGURES)
    told = (
        f"`{command(of['options'])}`, seeds 0 to {of['options']['seeds'] - 1}; version {of['version']}, commit"
        f" `{of['commit'][:10]}`, torch {of['torch']}, transformers {of['transformers']}, Python {of['python']},"
        f" {of['cpus']} CPUs; all numbers: [table.json]({suite}/table.json)."
    )
    return f"{told}\n\n{markdown(numbers)}\n{figures}\n"


def command(options: dict[str, Any]) -> str:
    """The command that has these options: the preset, and what differs from it."""
    plain = configured(AblationConfig, options["preset"], {}, PRESETS)
    words = [
        f"{flag(name)} {value}"
        for name, value in options.items()
        if name not in _ANYWHERE and value != getattr(plain, name, value)
    ]
    return " ".join(["stepcoder ablate", *words, "--out OUT"])


def speed(found: dict[str, Any]) -> str:
    """What the page has of the speed of generation."""
    of, batches = found["machine"], found["batches"]
    rows = [
        f"| {batch} | " + " | ".join(f"{way['tokens_per_cpu_s']:,}" for way in ways.values()) + " |"
        for batch, ways in batches.items()
    ]
    names = [name.replace("_", " ") for name in next(iter(batches.values()))]
    repeat = len(next(iter(next(iter(batches.values())).values()))["all"])
    head = [f"| prompts | {' | '.join(names)} |", "| ---: " * (len(names) + 1) + "|", *rows]
    told = (
        f"Tokens per CPU second, medians of {repeat}: `{of['command']}`; commit `{of['commit'][:10]}`, torch {of['torch']},"
        f" transformers {of['transformers']}, {of['cpu']}, one thread."
    )
    return "\n".join([told, "", *head, ""])


def on_page(page: str, suite: str, made: str) -> str:
    """The page with this between the marks of the suite. Raises ValueError where it has none."""
    begin, end = f"<!-- {suite} -->\n", f"<!-- end of {suite} -->"
    changed, count = re.subn(
        re.escape(begin) + ".*?" + re.escape(end), lambda _: begin + "\n" + made + "\n" + end, page, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"expected one pair of marks {begin.strip()} and {end}; got {count}")
    return changed


def main() -> None:
    """The files of a run, if one is named, and the page."""
    page = on_page(PAGE.read_text(encoding="utf-8"), "generation", speed(json.loads(SPEED.read_text(encoding="utf-8"))))
    for out in map(Path, sys.argv[1:]):
        numbers = json.loads((out / "table.json").read_text(encoding="utf-8"))
        suite = numbers["of"]["options"]["suite"]
        (FOLDER / suite).mkdir(exist_ok=True)
        for name in ("table.json", *FIGURES):
            shutil.copyfile(out / name, FOLDER / suite / name)
        page = on_page(page, suite, section(numbers))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
