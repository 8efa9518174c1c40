"""The card of the data set `appsplus-prm`: what a row is, and how it came to be. All numbers are from the manifest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from appsplus.jsonl import write_atomically
from stepcoder.prm.dataset import SPLITS

TEMPLATE = "prm_card.md.j2"


def write_card(out: Path, manifest: Mapping[str, Any]) -> None:
    """Write PRM_DATA/README.md, which `load_dataset` reads the configs from."""
    write_atomically(out / "README.md", card(out, manifest).encode())


def card(out: Path, manifest: Mapping[str, Any]) -> str:
    """The card as text."""
    environment = Environment(
        loader=PackageLoader("stepcoder"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, and no text of others
    )
    splits = [split for split in SPLITS if list((out / "lines").glob(f"{split}-*.parquet"))]
    return environment.get_template(TEMPLATE).render(
        splits=splits,
        options=manifest["options"],
        manifest=manifest,
        counts=manifest["counts"],
        labels=manifest["labels"],
    )
