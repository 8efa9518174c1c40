"""Templates and what they need: one environment, autoescape always on, an undefined name is an error."""

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from appsplus.review.code import code_lines
from appsplus.review.corrections import shown, value_text
from appsplus.review.text import description_html

FOLDER = Path(__file__).parent
_UNENCODABLE = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")  # lone surrogates


def page(template: str, **values: Any) -> str:
    """A template filled in, as text that UTF-8 can hold."""
    return _environment().get_template(template).render(values).translate(_UNENCODABLE)


def quoted(problem_id: str) -> str:
    """An id as part of an address."""
    return quote(problem_id, safe="/")


def json_text(value: Any) -> str:
    """JSON for people."""
    return json.dumps(value, ensure_ascii=False)


def duration(seconds: float) -> str:
    """A length of time as people say it."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{round(seconds)} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


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
        "description": description_html,
        "duration": duration,
        "path": quoted,
        "shown": shown,
        "json": json_text,
        "when": lambda time: time.strftime("%Y-%m-%d %H:%M"),
        "words": lambda slug: slug.replace("_", " "),
        "code_lines": code_lines,
        "value_text": value_text,
    }
    environment.tests["table"] = _is_table
    environment.globals["now"] = lambda: datetime.now(UTC).timestamp()
    return environment


def _is_table(value: Any) -> bool:
    """A list of objects with the same simple fields, which reads best as a table."""
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(row, dict) and row.keys() == value[0].keys() for row in value)
        and all(not isinstance(cell, dict | list) for row in value for cell in row.values())
    )
