"""Draw README's figure from a dataset folder: `python docs/make_figures.py out/appsplus`.

Writes funnel.svg and, beside it, the numbers it shows; a test compares these with a build of the embedded problems.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from appsplus.release import read_manifest
from appsplus.release.figures import draw_funnel

HERE = Path(__file__).parent


def main(dataset: Path) -> None:
    """Draw the funnel of a build."""
    funnel = read_manifest(dataset).funnel
    draw_funnel(HERE / "funnel.svg", funnel)
    rows = ",\n".join(f" {json.dumps(asdict(stage))}" for stage in funnel)
    (HERE / "funnel.json").write_text(f"[\n{rows}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
