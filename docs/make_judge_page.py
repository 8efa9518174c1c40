"""Make docs/judge.md again from the recorded results: `python docs/make_judge_page.py`. Runs no program."""

from pathlib import Path

from appsplus.conformance import CASES, read_results
from appsplus.conformance.page import make_page

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "benchmarks" / "results" / "conformance.json"


def main() -> None:
    """Write the page."""
    page = make_page(read_results(RECORDED), CASES)
    (ROOT / "docs" / "judge.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
