"""Charts as SVG text, by hand: no library, no script; colours are CSS classes, so that light and dark mode both work.

A chart's size is in its own units (`WIDTH` x `HEIGHT`); the page scales it. Values that are not finite are left out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

WIDTH, HEIGHT = 420, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 24
_PLOT_W, _PLOT_H = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
_SMALL_SHARE = 0.3  # shares that stay below have an axis of their own
_MOST_POINTS = 400  # of a line; more are thinned out to means

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """A line: its name, and (update, value) in order."""

    name: str
    points: Sequence[Point]


def line_chart(series: Sequence[Series], *, share: bool, label: str) -> str:
    """Lines over updates, each with its moving average; `share`: in per cent, the axis from 0."""
    shown = [Series(s.name, _thinned([p for p in s.points if math.isfinite(p[1])])) for s in series]
    points = [point for s in shown for point in s.points]
    if not points:
        return ""
    xs = _range([x for x, _ in points])
    top = max(y for _, y in points)
    ys = (
        (0.0, 1.0 if top > _SMALL_SHARE else max(1.2 * top, 0.01)) if share else _padded(_range([y for _, y in points]))
    )
    parts = [_frame(xs, ys, share=share)]
    for number, s in enumerate(shown):
        parts.append(_polyline(s.points, xs, ys, f"raw s{number}") if len(s.points) > 12 else "")
        parts.append(_polyline(smoothed(s.points), xs, ys, f"line s{number}"))
        x, y = s.points[-1] if s.points else (xs[1], ys[0])
        if s.points:
            cx, cy = _place(x, smoothed(s.points)[-1][1], xs, ys)
            title = f"{s.name}: {_number(y, share=share)} at update {x:g}"
            parts.append(
                f'<circle class="dot s{number}" cx="{cx}" cy="{cy}" r="3"><title>{escape(title)}</title></circle>'
            )
    return _svg("".join(parts), label)


def stacked_chart(series: Sequence[Series], *, label: str) -> str:
    """Shares that add up to 1, finite all, as areas on top of each other; each series has the same updates."""
    if not series or not series[0].points:
        return ""
    shown = [_thinned(s.points) for s in series]
    xs = _range([x for x, _ in shown[0]])
    base = [0.0] * len(shown[0])
    parts = []
    for number, points in enumerate(shown):
        if not any(y for _, y in points):
            continue
        top = [low + y for low, (_, y) in zip(base, points, strict=True)]
        updates = [x for x, _ in points]
        if len(updates) == 1:  # an area needs a width
            updates, base, top = [xs[0], xs[1]], base * 2, top * 2
        edge = [*zip(updates, top, strict=True), *reversed(list(zip(updates, base, strict=True)))]
        corners = " ".join(",".join(map(str, _place(x, min(y, 1.0), xs, (0.0, 1.0)))) for x, y in edge)
        parts.append(
            f'<polygon class="area a{number}" points="{corners}"><title>{escape(series[number].name)}</title></polygon>'
        )
        base = top[: len(points)]
    return _svg("".join(parts) + _frame(xs, (0.0, 1.0), share=True), label)


def bar_chart(groups: Sequence[tuple[str, Sequence[float | None]]], names: Sequence[str], *, label: str) -> str:
    """Shares side by side: a group has a title and a value for each of `names`, None where there is none."""
    if not any(value is not None for _, values in groups for value in values):
        return ""
    slot = _PLOT_W / len(groups)
    bar = slot / (len(names) + 1)
    parts = [_rules((0.0, 1.0), (0.0, 1.0), share=True)]
    for place, (title, values) in enumerate(groups):
        left = LEFT + place * slot
        parts.append(
            f'<text class="tick" x="{left + slot / 2:.2f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(title)}</text>'
        )
        for number, (name, value) in enumerate(zip(names, values, strict=True)):
            if value is None or not math.isfinite(value):
                continue
            _, y = _place(0.0, value, (0.0, 1.0), (0.0, 1.0))
            told = escape(f"{name}, {title}: {_number(value, share=True)}")
            parts.append(
                f'<rect class="bar a{number}" x="{left + (number + 0.5) * bar:.2f}" y="{y}" width="{0.9 * bar:.2f}" '
                f'height="{TOP + _PLOT_H - y:.2f}"><title>{told}</title></rect>'
            )
    return _svg("".join(parts), label)


def heat_map(columns: Sequence[tuple[str, Mapping[int, float]]], rows: Sequence[int], *, label: str) -> str:
    """Shares as cells: a column has a name and a share for each row; the largest row number is at the top."""
    if not columns or not rows:
        return ""
    width, height = 1100, 40 + 30 * len(rows)  # on the page as wide as three others
    cell_w, cell_h = (width - LEFT - RIGHT) / len(columns), (height - TOP - BOTTOM) / len(rows)
    parts = []
    for place, row in enumerate(sorted(rows, reverse=True)):
        y = TOP + place * cell_h
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y + cell_h / 2 + 4:.1f}" text-anchor="end">{row}</text>')
        for at, (name, shares) in enumerate(columns):
            value = shares.get(row, 0.0)
            title = escape(f"{name}, level {row}: {value:.0%} of problems")
            parts.append(
                f'<rect class="cell" x="{LEFT + at * cell_w:.2f}" y="{y:.2f}" width="{max(cell_w - 1, 0.5):.2f}" '
                f'height="{cell_h - 1:.2f}" fill-opacity="{value:.3f}"><title>{title}</title></rect>'
            )
    for at in sorted({round(i * (len(columns) - 1) / 5) for i in range(6)}):
        x = LEFT + (at + 0.5) * cell_w
        name = escape(columns[at][0].removeprefix("updates ").removeprefix("update ").partition("-")[0])
        parts.append(f'<text class="tick" x="{x:.1f}" y="{height - 6}" text-anchor="middle">{name}</text>')
    return _svg("".join(parts), label, width, height)


def smoothed(points: Sequence[Point]) -> list[Point]:
    """Each value as the mean of a window around it, a fifteenth of the line wide; short lines as they are."""
    half = len(points) // 30
    windows = [points[max(0, i - half) : i + half + 1] for i in range(len(points))]
    return [(x, sum(y for _, y in w) / len(w)) for (x, _), w in zip(points, windows, strict=True)]


def ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers within [low, high]."""
    span = high - low
    step = 10.0 ** math.floor(math.log10(span / 3))
    step *= next(factor for factor in (5, 2, 1) if span / (step * factor) >= 3 or factor == 1)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _svg(content: str, label: str, width: int = WIDTH, height: int = HEIGHT) -> str:
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label={quoteattr(label)}>{content}</svg>'


def _frame(xs: Point, ys: Point, *, share: bool) -> str:
    parts = [_rules(xs, ys, share=share)]
    for x in (tick for tick in ticks(*xs) if tick == int(tick)):
        at, _ = _place(x, ys[0], xs, ys)
        parts.append(f'<text class="tick" x="{at}" y="{HEIGHT - 6}" text-anchor="middle">{x:,.0f}</text>')
    return "".join(parts)


def _rules(xs: Point, ys: Point, *, share: bool) -> str:
    parts = []
    for y in (0.0, 0.25, 0.5, 0.75, 1.0) if share and ys[1] == 1.0 else ticks(*ys):
        _, at = _place(xs[0], y, xs, ys)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(
            f'<text class="tick" x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{_number(y, share=share)}</text>'
        )
    return "".join(parts)


def _polyline(points: Sequence[Point], xs: Point, ys: Point, names: str) -> str:
    places = " ".join(",".join(map(str, _place(x, y, xs, ys))) for x, y in points)
    return f'<polyline class="{names}" points="{places}"/>'


def _place(x: float, y: float, xs: Point, ys: Point) -> Point:
    return (
        round(LEFT + (x - xs[0]) / (xs[1] - xs[0]) * _PLOT_W, 2),
        round(TOP + (ys[1] - y) / (ys[1] - ys[0]) * _PLOT_H, 2),
    )


def _range(values: Sequence[float]) -> Point:
    low, high = min(values), max(values)
    if high > low:
        return low, high
    return (low - abs(low) / 2, high + abs(low) / 2) if low else (0.0, 1.0)


def _padded(bounds: Point) -> Point:
    margin = 0.06 * (bounds[1] - bounds[0])
    return bounds[0] - margin, bounds[1] + margin


def _thinned(points: Sequence[Point]) -> list[Point]:
    size = math.ceil(len(points) / _MOST_POINTS)
    groups = [points[i : i + size] for i in range(0, len(points), size)] if points else []
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def _number(value: float, *, share: bool) -> str:
    if share:
        return f"{100 * value:.3g}%"
    if value and (abs(value) >= 100_000 or abs(value) < 0.001):
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:,.4g}" if abs(value) < 100 else f"{value:,.0f}"
