"""Make the pictures of docs/leaderboard.md: `python docs/make_leaderboard_pictures.py out/leaderboard`, a site that
`benchmarks/leaderboard/make.sh` made; with the extra `test` and Chromium.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
MODEL = "models/canonical-solutions-with-one-fault.html"


def main(site: Path) -> None:
    """Write leaderboard.png, and leaderboard_phone.png, which is dark."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 760})
        page.goto((site / "index.html").resolve().as_uri())
        page.screenshot(path=HERE / "leaderboard.png")
        phone = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark", device_scale_factor=1.5)
        phone.goto((site / MODEL).resolve().as_uri())
        phone.screenshot(path=HERE / "leaderboard_phone.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
