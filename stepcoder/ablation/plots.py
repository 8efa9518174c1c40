"""The figures of the experiment, as SVG: legible on white and on black paper, the same bytes for the same numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from stepcoder.ablation.table import KINDS

_TEXT = "#767d86"
_COLORS = {
    "sft": "#767d86",
    "ppo": "#3f86d1",
    "ppo+cccs": "#8f6fd6",
    "ppo+r3": "#17a2b8",
    "ppo+adaback": "#b8860b",
    "ppo+fgo": "#2f9a68",
    "stepcoder": "#d2691e",
    "grpo": "#17a2b8",
    "rloo": "#6c8f1f",
    "ppocoder": "#b8860b",
    "coderl": "#9b5a3c",
    "coderl-rl": "#cf9a80",
    "rltf": "#7a5cb8",
    "rltf-rl": "#b7a3dc",
    "prm-dense": "#e0569b",
    "prm-value": "#b03060",
    "prm-both": "#d62728",
    "stepcoder+prm": "#8c1d18",
}
_KIND_COLORS = dict(zip(KINDS, ("#2f9a68", "#3f86d1", "#d2691e", "#767d86"), strict=True))
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "stepcoder",
    "svg.fonttype": "path",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 10.0,
    "text.color": _TEXT,
    "axes.edgecolor": _TEXT,
    "axes.labelcolor": _TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
    "legend.frameon": False,
}


def draw(folder: Path, numbers: Mapping[str, Any]) -> list[Path]:
    """Draw the figures of a summary into a folder; returns where they are."""
    with matplotlib.rc_context(_STYLE):
        return [
            _saved(folder / "curves.svg", numbers, _curves),
            _saved(folder / "by_group.svg", numbers, _by_group),
            _saved(folder / "outcomes.svg", numbers, _outcomes),
        ]


def _saved(path: Path, numbers: Mapping[str, Any], drawn: Any) -> Path:
    many = max(0, len(numbers["methods"]) - 5)  # more bars
    figure = Figure(figsize=(8.0, 3.4 + 0.2 * many), layout="constrained")
    FigureCanvasSVG(figure)
    drawn(figure.subplots(), numbers)
    figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})
    return path


def _curves(axes: Axes, numbers: Mapping[str, Any]) -> None:
    """pass@1 on held-out problems over completions: the mean of the seeds, and the range of them."""
    methods = numbers["methods"]
    counted = all(m["completions"] for method, m in methods.items() if method != "sft" and m["curve"])
    for method, m in methods.items():
        points = m["curve"]
        if method == "sft":
            axes.axhline(100 * m["pass@1"]["value"], color=_COLORS[method], linestyle=":", label=m["name"])
        elif points:
            first, step = (m["completions"]["before"], m["completions"]["an_update"]) if counted else (0, 1)
            updates = [first + step * update for update, _ in points]
            values = [[100 * value for value in of_seeds] for _, of_seeds in points]
            axes.plot(updates, [sum(v) / len(v) for v in values], color=_COLORS[method], label=m["name"])
            axes.fill_between(
                updates, [min(v) for v in values], [max(v) for v in values], color=_COLORS[method], alpha=0.15, lw=0
            )
    along = "completions, those for labels included" if counted else "update"
    axes.set(xlabel=along, ylabel="pass@1, held out, %", ylim=(0, None))
    _legend_beside(axes)


def _by_group(axes: Axes, numbers: Mapping[str, Any]) -> None:
    """pass@1 by the number of branches, or by difficulty, with its intervals."""
    methods = numbers["methods"]
    names = list(next(iter(methods.values()))["by_group"]) if methods else []
    for i, (method, m) in enumerate(methods.items()):
        found = list(m["by_group"].values())
        at = [place + min(0.07, 0.8 / len(methods)) * (i - (len(methods) - 1) / 2) for place in range(len(found))]
        values = [100 * f["value"] for f in found]
        down = [max(0.0, 100 * (f["value"] - f["low"])) for f in found]
        up = [max(0.0, 100 * (f["high"] - f["value"])) for f in found]
        axes.errorbar(at, values, yerr=[down, up], color=_COLORS[method], marker="o", ms=3, lw=1, label=m["name"])
    axes.set_xticks(range(len(names)), names)
    along = "branches that must be right, k" if numbers["grouped_by"] == "k" else "difficulty"
    axes.set(xlabel=along, ylabel="pass@1, held out, %", ylim=(0, 100))
    _legend_beside(axes)


def _legend_beside(axes: Axes) -> None:
    """Where no line runs through it."""
    axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _outcomes(axes: Axes, numbers: Mapping[str, Any]) -> None:
    """How completions end."""
    methods = numbers["methods"]
    names = [m["name"] for m in methods.values()]
    left = [0.0] * len(names)
    for kind, color in _KIND_COLORS.items():
        shares = [100 * m["outcomes"][kind] for m in methods.values()]
        axes.barh(names, shares, left=left, color=color, label=kind)
        left = [a + b for a, b in zip(left, shares, strict=True)]
    axes.invert_yaxis()
    axes.set(xlabel="completions of held-out problems, %", xlim=(0, 100))
    axes.legend(fontsize="small", ncols=len(KINDS), loc="upper center", bbox_to_anchor=(0.5, 1.15))
