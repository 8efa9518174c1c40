"""Templates and what they need: one environment, autoescape always on, an undefined name is an error."""

import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from appsplus.evaluation.leaderboard.names import shown_text

FOLDER = Path(__file__).parent
_LONGEST_TEXT = 300  # characters of others' prose


def page(template: str, **values: Any) -> bytes:
    """A template filled in, as UTF-8; a lone surrogate becomes a question mark."""
    return _environment().get_template(template).render(values).encode("utf-8", "replace")


def percent(share: float) -> str:
    """A share as percent, without the sign."""
    return f"{100 * share:.1f}"


def size(num_bytes: int) -> str:
    """A size as people say it."""
    units = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
    return next((f"{num_bytes / unit:.1f} {name}" for unit, name in units if num_bytes >= unit), f"{num_bytes} bytes")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "place": lambda share: f"{100 * share:.2f}",
        "exact": "{:.9g}".format,
        "number": "{:,}".format,
        "words": lambda slug: slug.replace("_", " "),
        "shown": lambda text: shown_text(text, _LONGEST_TEXT),
        "size": size,
        "slug": lambda text: re.sub(r"[^a-z]+", "-", text.lower()),
    }
    environment.tests["web_address"] = _is_web_address
    return environment


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
