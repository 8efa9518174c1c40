"""The figures of the dataset card, as SVG: legible on white and on black paper, the same bytes for the same numbers.

The background is transparent, and each colour has enough contrast on white and on GitHub's dark page (#0d1117). Text
is drawn as paths, so no font is needed to show it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from appsplus.release.manifest import FunnelStage
from appsplus.release.schema import SPLITS

TEXT = "#767d86"
KEPT = "#3f86d1"
REJECTED = "#d2691e"
SPLIT_COLORS = dict(zip(SPLITS, (KEPT, "#8f6fd6", "#2f9a68"), strict=True))

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "appsplus",
    "svg.fonttype": "path",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 11.0,
    "text.color": TEXT,
    "axes.edgecolor": TEXT,
    "axes.labelcolor": TEXT,
    "axes.titlesize": 12.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "legend.frameon": False,
}
_WIDTH = 8.0  # inches
_MAX_BARS = 30
_LABEL_CHARS = 75  # that fit below a figure, with 3 between labels


class Bar(NamedTuple):
    """One bar of a histogram."""

    low: int
    high: int  # inclusive
    problems: int
    open_end: bool = False  # holds everything from `low` up


def draw_figures(folder: Path, counts: Mapping[str, Any], funnel: Sequence[FunnelStage]) -> None:
    """Draw all figures of a dataset below `folder`/figures. `counts` is that of the manifest."""
    (folder / "figures").mkdir(exist_ok=True)
    draw_funnel(folder / "figures" / "funnel.svg", funnel)
    _draw(folder / "figures" / "difficulty.svg", lambda axes: _difficulty(axes, counts["difficulty"]), height=2.4)
    histograms = {
        name: {int(value): n for value, n in histogram.items()} for name, histogram in counts["histograms"].items()
    }
    for name, bars, title, label in (
        ("tests_per_problem", histogram_bars(histograms["unit_tests"]), "Unit tests per problem", "unit tests"),
        (
            "lines_per_problem",
            histogram_bars(histograms["executable_lines"]),
            "Length of the canonical solution",
            "executable lines",
        ),
        (
            "conditionals",
            histogram_bars(histograms["conditionals"]),
            "Conditional statements per canonical solution",
            "if, for and while statements",
        ),
        (
            "coverage",
            percent_bars(histograms["covered_percent"]),
            "Coverage of the canonical solution",
            "% of its executable lines that some unit test executes",
        ),
    ):
        _draw(folder / "figures" / f"{name}.svg", partial(_histogram, bars=bars, title=title, label=label))


def draw_funnel(path: Path, funnel: Sequence[FunnelStage]) -> None:
    """Draw what each stage kept (bar), rejected (its end) and why (below it), as an SVG file."""
    _draw(path, lambda axes: _funnel(axes, funnel), height=0.9 + 0.62 * max(len(funnel), 1))


def histogram_bars(histogram: Mapping[int, int], max_bars: int = _MAX_BARS) -> list[Bar]:
    """Bars of equal width for a {value: problems} histogram; a long tail is gathered in the last one.

    The bars reach to the value that 99 % of the problems do not exceed, in at most `max_bars` steps of a whole width.
    """
    if not histogram:
        return []
    low, high = min(histogram), max(histogram)
    total, seen, reach = sum(histogram.values()), 0, low
    for value in sorted(histogram):
        seen, reach = seen + histogram[value], value
        if seen >= 0.99 * total:
            break
    width = -(-(reach - low + 1) // max_bars)
    starts = range(low, reach + 1, width)
    bars = [
        Bar(start, start + width - 1, sum(n for value, n in histogram.items() if start <= value < start + width))
        for start in starts
    ]
    beyond = sum(n for value, n in histogram.items() if value > bars[-1].high)
    if beyond:
        bars.append(Bar(bars[-1].high + 1, high, beyond, open_end=True))
    return bars


def percent_bars(histogram: Mapping[int, int]) -> list[Bar]:
    """Bars of five percent each from 0 to 99, and one for exactly 100."""
    edges = [*((low, low + 4) for low in range(0, 100, 5)), (100, 100)]
    return [Bar(low, high, sum(histogram.get(value, 0) for value in range(low, high + 1))) for low, high in edges]


def _draw(path: Path, plot: Callable[[Axes], None], height: float = 2.8) -> None:
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever the user's matplotlibrc says
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        plot(figure.add_subplot())
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


def _funnel(axes: Axes, funnel: Sequence[FunnelStage]) -> None:
    names = [stage.stage for stage in funnel]
    given = max((stage.given for stage in funnel), default=0) or 1
    for y, stage in enumerate(funnel):
        axes.barh(y, stage.kept, height=0.46, color=KEPT)
        axes.barh(y, stage.given - stage.kept, left=stage.kept, height=0.46, color=REJECTED)
        axes.text(stage.given + 0.012 * given, y, f"{stage.kept:,}", va="center", fontweight="bold")
        axes.text(0, y + 0.26, _reasons(stage), va="top", fontsize=9)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(max(len(names), 1) - 0.25, -0.5)
    axes.set_xlim(0, 1.13 * given)
    axes.set_title("Problems kept (blue) and rejected (orange) by each stage")
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.spines[["bottom", "left"]].set_visible(False)


def _reasons(stage: FunnelStage, shown: int = 3) -> str:
    if not stage.rejected:
        return ""
    common = sorted(stage.rejected.items(), key=lambda item: (-item[1], item[0]))
    text = ", ".join(f"{reason} {n:,}" for reason, n in common[:shown])
    rest = len(common) - shown
    return f"−{stage.given - stage.kept:,}: {text}" + (f" and {rest} more" if rest > 0 else "")


def _difficulty(axes: Axes, by_difficulty: Mapping[str, Mapping[str, int]]) -> None:
    order = [name for name in ("introductory", "interview", "competition", "unknown") if name in by_difficulty]
    left = [0] * len(order)
    for split in SPLITS:
        numbers = [by_difficulty[name][split] for name in order]
        axes.barh(range(len(order)), numbers, left=left, height=0.6, color=SPLIT_COLORS[split], label=split)
        left = [start + n for start, n in zip(left, numbers, strict=True)]
    for y, total in enumerate(left):
        axes.text(total + 0.012 * max(left), y, f"{total:,}", va="center", fontweight="bold")
    axes.set_yticks(range(len(order)), order)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.13 * max(left, default=0) or 1)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.set_title("Problems by difficulty and split")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=len(SPLITS))


def _histogram(axes: Axes, bars: Sequence[Bar], title: str, label: str) -> None:
    axes.bar(range(len(bars)), [bar.problems for bar in bars], width=0.85, color=KEPT)
    labels = [_bar_label(bar) for bar in bars]
    step = -(-len(bars) * (max(map(len, labels), default=0) + 3) // _LABEL_CHARS) or 1
    last = len(bars) - 1
    shown = [i for i in range(len(bars)) if i == last or (i % step == 0 and last - i >= step)]
    axes.set_xticks(shown, [labels[i] for i in shown])
    axes.set_xlim(-0.6, max(len(bars), 8) - 0.4)  # few bars stay slim
    axes.set_title(title)
    axes.set_xlabel(label)
    axes.set_ylabel("problems")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.set_ylim(0, 1.05 * max([1, *(bar.problems for bar in bars)]))


def _bar_label(bar: Bar) -> str:
    if bar.open_end:
        return f"{bar.low}+"
    return str(bar.low) if bar.low == bar.high else f"{bar.low}–{bar.high}"
