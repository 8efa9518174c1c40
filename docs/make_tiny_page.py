"""Write docs/tiny.md from the recorded runs, and its picture from a run's report: python docs/make_tiny_page.py [RUN].

The numbers come from benchmarks/results/tiny.json (benchmarks/learning/tiny.py); RUN is one of its runs. With the extra
`test` and Chromium where a RUN is given.
"""

import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "tiny.json"
PAGE, PICTURE = ROOT / "docs" / "tiny.md", ROOT / "docs" / "tiny.png"
MARK = re.compile(r"(<!-- numbers -->\n).*?(<!-- end -->)", re.DOTALL)


def numbers(document: dict[str, Any]) -> str:
    """The part of the page that is made from the recorded runs."""
    runs, of = document["runs"], document["of"]
    head = (
        "seed",
        "problems",
        "passed after the warm-up",
        "in the end",
        "likeliest before",
        "in the end",
        "minutes",
        "CPU",
    )
    rows = [
        f"| {run['seed']} | {len(run['before'])} | {_rate(run['before']):.0%} | {_rate(run['after']):.0%} |"
        f" {_rate(run['likeliest_before']):.0%} | {_rate(run['likeliest_after']):.0%} | {run['wall_s'] / 60:.1f} |"
        f" {run['cpu_s'] / 60:.1f} |"
        for run in runs
    ]
    return "\n".join(
        (
            f"| {' | '.join(head)} |",
            "|---" * len(head) + "|",
            *rows,
            "",
            f"Passed: share of {document['completions_per_problem']} completions of each plain task, sampled as in training;"
            " likeliest: share of plain tasks whose likeliest completion passes. CPU: minutes, without the judge;"
            f" load before each, over 15 minutes: {', '.join(str(run['load']) for run in runs)}.",
            f"`{of['command']}`, N from 0 to {len(runs) - 1}; version {of['version']}, commit `{of['commit'][:10]}`,"
            f" torch {of['torch']}, transformers {of['transformers']}, Python {of['python']}.",
            "",
        )
    )


def _passed(outcomes: dict[str, int]) -> float:
    return outcomes.get("accepted", 0) / sum(outcomes.values())


def _rate(by_problem: dict[str, dict[str, int]]) -> float:
    return sum(_passed(outcomes) for outcomes in by_problem.values()) / len(by_problem)


def picture(run: Path) -> None:
    """The top of a run's report, under the names that the page's commands give to run and dataset."""
    from playwright.sync_api import sync_playwright

    from stepcoder.report import write_report

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        shown = Path(folder) / "tiny"
        shown.mkdir()
        for name in ("metrics.jsonl", "samples.jsonl"):
            shutil.copy(run / name, shown)
        config = json.loads((run / "config.json").read_text(encoding="utf-8")) | {"dataset": "out/appsplus"}
        (shown / "config.json").write_text(json.dumps(config), encoding="utf-8")
        page_of_run = write_report(shown)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1220, "height": 640})
        page.goto(page_of_run.as_uri())
        page.screenshot(path=PICTURE)
        browser.close()


def main() -> None:
    """The page, and the picture where a run is named."""
    made = numbers(json.loads(RESULT.read_text(encoding="utf-8")))
    PAGE.write_text(MARK.sub(lambda m: m[1] + made + m[2], PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    if sys.argv[1:]:
        picture(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
