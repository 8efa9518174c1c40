"""Print one of README's two commands, so that CI runs what a new user runs: `build` or `test`."""

import re
import sys
from pathlib import Path

MARKS = {"build": "appsplus build", "test": "pytest"}


def command(which: str) -> str:
    """The line of README's code blocks that installs and then does `which`."""
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```bash\n(.*?)```", readme, re.DOTALL) for line in block.splitlines()]
    found = [line for line in lines if "pip install" in line and MARKS[which] in line]
    if len(found) != 1:
        sys.exit(f"README.md should have one command that installs and runs {MARKS[which]!r}; found {len(found)}")
    return found[0]


if __name__ == "__main__":
    print(command(sys.argv[1]))
