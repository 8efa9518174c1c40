"""The page of a reward model: its loss, and how well it tells good prefixes from bad on held-out problems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from appsplus.jsonl import write_atomically
from stepcoder.charts import Series, bar_chart, line_chart
from stepcoder.prm.measures import FIFTHS, TOLD
from stepcoder.report import read_lines

REPORT, TEMPLATE = "report.html", "prm_report.html.j2"
_MEASURES = (*TOLD, "squared_error", "neutral_error")
_SHARES = ("accuracy", "auroc")  # of the measures: what a chart may show from 0 to 100 %
_GROUPS = (
    ("by_position", "Place of the line"),
    ("by_difficulty", "Difficulty"),
    ("by_length", "Length of the response"),
)


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart of the page."""

    title: str
    svg: str
    legend: tuple[tuple[int, str], ...] = ()


def write_report(out: Path, facts: Mapping[str, Any]) -> Path:
    """Write PRM/report.html; returns where it is."""
    path = out / REPORT
    write_atomically(path, render(out, facts).encode())
    return path


def render(out: Path, facts: Mapping[str, Any]) -> str:
    """The page as text; the losses are those of PRM/train.jsonl."""
    losses = [(float(line["step"]), float(line["loss"])) for line in read_lines(out / "train.jsonl")]
    environment = Environment(
        loader=PackageLoader("stepcoder"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    held_out = facts["held_out"]
    return environment.get_template(TEMPLATE).render(
        name=out.resolve().name,
        facts=facts,
        figures=[
            (name.replace("_", " "), worded(held_out[name]), worded(facts["learned"][name])) for name in _MEASURES
        ],
        charts=[chart for chart in (_losses(losses), *_charts(held_out)) if chart.svg],
        tables=[(title, _table(held_out[key])) for key, title in _GROUPS],
        measures=[name.replace("_", " ") for name in _MEASURES],
    )


def _losses(points: Sequence[tuple[float, float]]) -> Chart:
    svg = (
        line_chart([Series("squared error", points)], share=False, label="Squared error of each step") if points else ""
    )
    return Chart("Squared error, by step", svg)


def _charts(held_out: Mapping[str, Any]) -> list[Chart]:
    bins = held_out["calibration"]
    ideal = Series("as predicted", [(0.0, 0.0), (100.0, 1.0)])
    seen = Series("share of +1", [(100 * mean, share) for mean, share, _ in bins])
    calibrated = line_chart([ideal, seen], share=True, label="Calibration") if bins else ""
    charts = [
        Chart("Calibration: probability of +1 in %, and share of +1", calibrated, ((0, ideal.name), (1, seen.name)))
    ]
    fifths = [(FIFTHS.index(name), measures) for name, measures in held_out["by_position"].items()]
    series = []
    for name in _SHARES:
        points = [(20.0 * i + 10, m[name]) for i, m in fifths if m[name] is not None]
        if points:
            series.append(Series(name, points))
    svg = line_chart(series, share=True, label="By place of the line") if series else ""
    charts.append(
        Chart("By place of the line in its response, %", svg, tuple((i, s.name) for i, s in enumerate(series)))
    )
    groups = [(name, [measures[m] for m in _SHARES]) for name, measures in held_out["by_difficulty"].items()]
    bars = bar_chart(groups, _SHARES, label="By difficulty")
    charts.append(Chart("By difficulty of the problem", bars, tuple(enumerate(_SHARES))))
    return charts


def _table(groups: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (name, f"{m['line_ends']:,}", worded(m["good_share"]), *(worded(m[measure]) for measure in _MEASURES))
        for name, m in groups.items()
    ]


def worded(value: float | None) -> str:
    """A measure; a dash where there is none: too few lines, or all of one kind."""
    return "-" if value is None else f"{value:.3f}"
