"""Make the pictures of docs/review.md: `python docs/make_screenshots.py out/appsplus`, with the extra `test` and Chromium.

Starts the review app on a dataset of the embedded problems, with a ledger of its own, and does what the pictures show.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
WINDOW = {"width": 1280, "height": 800}
MISMATCH = "corpus/train/0919"  # a planted problem: its solutions agree on another output


def main(dataset: Path) -> None:
    """Write review.png, review_correction.png and review_dark.png."""
    chromium = shutil.which("chromium")
    with tempfile.TemporaryDirectory() as ledger, sync_playwright() as playwright:
        app = subprocess.Popen(
            ["appsplus", "review", dataset, "--reviewer", "ada", "--ledger", ledger], stdout=subprocess.PIPE, text=True
        )
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            assert app.stdout is not None
            app.stdout.readline()
            address = app.stdout.readline().split()[-1]
            light = browser.new_page(viewport=WINDOW)
            light.goto(address)
            _go(light, address)
            light.screenshot(path=HERE / "review.png")
            light.keyboard.press("1")
            light.wait_for_selector("#save")
            light.wait_for_timeout(300)
            light.screenshot(path=HERE / "review_correction.png")
            dark = browser.new_page(viewport=WINDOW, color_scheme="dark")
            dark.goto(address)
            _go(dark, address)
            dark.locator("#tests-title").scroll_into_view_if_needed()
            dark.evaluate("document.querySelector('#solution-title').scrollIntoView()")
            dark.screenshot(path=HERE / "review_dark.png")
        finally:
            browser.close()
            app.terminate()
            app.communicate()


def _go(page: Page, address: str) -> None:
    page.goto(f"{address.partition('?')[0]}item/{MISMATCH}")
    page.wait_for_selector("#tests-title")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
