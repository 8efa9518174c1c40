"""Record a run of `stepcoder ablate`: python docs/make_ablation_page.py OUT.

The numbers and figures of OUT go to benchmarks/learning/SUITE/; benchmarks/learning/README.md gets the tables between the
marks of the suite, with the command, version, commit and seeds that they belong to.
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
    """The files, and the part of the page."""
    out = Path(sys.argv[1])
    numbers = json.loads((out / "table.json").read_text(encoding="utf-8"))
    suite = numbers["of"]["options"]["suite"]
    (FOLDER / suite).mkdir(exist_ok=True)
    for name in ("table.json", *FIGURES):
        shutil.copyfile(out / name, FOLDER / suite / name)
    PAGE.write_text(on_page(PAGE.read_text(encoding="utf-8"), suite, section(numbers)), encoding="utf-8")


if __name__ == "__main__":
    main()
