"""Write docs/metrics.md from the glossary: python docs/make_metrics_page.py."""

from pathlib import Path

from stepcoder.glossary import markdown

if __name__ == "__main__":
    Path(__file__).with_name("metrics.md").write_text(markdown(), encoding="utf-8")
