"""Charts are SVG that a browser takes, with the right points in the right places."""

import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepcoder.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Series,
    bar_chart,
    heat_map,
    line_chart,
    smoothed,
    stacked_chart,
    ticks,
)


def elements(svg: str, tag: str) -> list[ET.Element]:
    return ET.fromstring(svg).findall(f".//{tag}")


def test_a_line_goes_from_corner_to_corner_of_its_range() -> None:
    svg = line_chart([Series("Pass rate", [(1, 0.0), (2, 0.5), (3, 1.0)])], share=True, label="Pass rate")
    [line] = elements(svg, "polyline")
    middle = f"{LEFT + (WIDTH - LEFT - RIGHT) / 2},{TOP + (HEIGHT - TOP - BOTTOM) / 2}"
    assert line.get("points") == f"{LEFT}.0,{HEIGHT - BOTTOM}.0 {middle} {WIDTH - RIGHT}.0,{TOP}.0"
    assert "".join(elements(svg, "title")[0].itertext()) == "Pass rate: 100% at update 3"
    assert [t.text for t in elements(svg, "text")] == ["0%", "25%", "50%", "75%", "100%", "1", "2", "3"]


def test_values_that_are_not_finite_are_left_out() -> None:
    svg = line_chart([Series("a", [(1, math.nan), (2, 1.0), (3, math.inf), (4, 2.0)])], share=False, label="a")
    assert len(elements(svg, "polyline")[0].get("points", "").split()) == 2
    assert "nan" not in svg
    assert "inf" not in svg
    assert line_chart([Series("a", [(1, math.nan)])], share=False, label="a") == ""
    assert line_chart([], share=False, label="a") == ""


def test_a_small_share_has_an_axis_of_its_own() -> None:
    svg = line_chart([Series("a", [(1, 0.01), (2, 0.05)])], share=True, label="a")
    assert [t.text for t in elements(svg, "text")][:4] == ["0%", "2%", "4%", "6%"]


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0, 1e-9, 1e12])
def test_one_update_or_a_constant_is_a_chart_too(value: float) -> None:
    for points in ([(1, value)], [(1, value), (2, value)]):
        assert len(elements(line_chart([Series("a", points)], share=False, label="a"), "circle")) == 1


def test_names_and_labels_are_escaped() -> None:
    svg = line_chart([Series("</title><script>", [(1, 1.0), (2, 2.0)])], share=False, label='"><script>')
    assert ET.fromstring(svg).get("aria-label") == '"><script>'
    assert elements(svg, "script") == []
    assert elements(stacked_chart([Series("<b>", [(1, 1.0)])], label=""), "b") == []
    assert elements(heat_map([("<b>", {1: 1.0})], [1], label=""), "b") == []


def test_areas_stand_on_each_other_and_reach_the_top() -> None:
    svg = stacked_chart([Series("a", [(1, 0.25), (2, 0.5)]), Series("b", [(1, 0.75), (2, 0.5)])], label="x")
    height = HEIGHT - TOP - BOTTOM
    below, above = (
        [tuple(map(float, corner.split(","))) for corner in str(p.get("points")).split()]
        for p in elements(svg, "polygon")
    )
    assert [y for _, y in below] == [TOP + height * 0.75, TOP + height / 2, TOP + height, TOP + height]
    assert [y for _, y in above] == [TOP, TOP, TOP + height / 2, TOP + height * 0.75]


def test_a_single_update_has_areas_with_a_width() -> None:
    [area] = elements(stacked_chart([Series("a", [(7, 1.0)])], label="x"), "polygon")
    assert len({corner.split(",")[0] for corner in str(area.get("points")).split()}) == 2


def test_a_heat_map_has_a_cell_for_each_level_and_column() -> None:
    svg = heat_map([("update 1", {1: 1.0}), ("update 2", {1: 0.25, 3: 0.75})], [1, 3], label="x")
    cells = {"".join(cell.itertext()): cell.get("fill-opacity") for cell in elements(svg, "rect")}
    assert cells == {
        "update 1, level 1: 100% of problems": "1.000",
        "update 1, level 3: 0% of problems": "0.000",
        "update 2, level 1: 25% of problems": "0.250",
        "update 2, level 3: 75% of problems": "0.750",
    }
    assert heat_map([], [], label="x") == ""


def test_bars_stand_side_by_side_on_the_ground_and_are_as_high_as_their_shares() -> None:
    svg = bar_chart([("easy", [1.0, 0.5]), ("<hard>", [None, 0.25])], ["a", "b"], label="x")
    bars = {"".join(bar.itertext()): bar for bar in elements(svg, "rect")}
    assert list(bars) == ["a, easy: 100%", "b, easy: 50%", "b, <hard>: 25%"]
    ground, whole = HEIGHT - BOTTOM, HEIGHT - TOP - BOTTOM
    for bar, share in zip(bars.values(), (1.0, 0.5, 0.25), strict=True):
        assert float(str(bar.get("height"))) == pytest.approx(share * whole)
        assert float(str(bar.get("y"))) + float(str(bar.get("height"))) == pytest.approx(ground)
    lefts = [float(str(bar.get("x"))) for bar in bars.values()]
    widths = [float(str(bar.get("width"))) for bar in bars.values()]
    assert all(left + width < then for left, width, then in zip(lefts, widths, lefts[1:], strict=False))
    assert lefts[0] > LEFT and lefts[-1] + widths[-1] < WIDTH - RIGHT
    assert bar_chart([], [], label="x") == bar_chart([("easy", [None])], ["a"], label="x") == ""


def test_long_lines_are_thinned_out_and_the_mean_stays() -> None:
    svg = line_chart([Series("a", [(i, float(i % 2)) for i in range(100_000)])], share=True, label="a")
    assert len(svg) < 60_000
    raw, _ = elements(svg, "polyline")
    assert {corner.split(",")[1] for corner in str(raw.get("points")).split()} == {
        str(TOP + (HEIGHT - TOP - BOTTOM) / 2)
    }


def test_a_moving_average_of_a_fifteenth_of_the_line() -> None:
    points = [(float(i), float(i == 30)) for i in range(60)]  # a window of two to each side
    assert [y for _, y in smoothed(points)][27:34] == [0, 0.2, 0.2, 0.2, 0.2, 0.2, 0]
    assert smoothed([(1.0, 1.0), (2.0, 5.0)]) == [(1.0, 1.0), (2.0, 5.0)]


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_a_few_round_numbers_within_the_range(low: float, span: float) -> None:
    high = low + span
    if high - low < 1e-6 * max(1, abs(low)):
        return
    found = ticks(low, high)
    assert 2 <= len(found) <= 8
    margin = 1e-6 * span + 1e-9 * abs(low)
    assert all(low - margin <= tick <= high + margin for tick in found)


def test_ticks_of_common_ranges() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(-0.3, 1) == [-0.2, 0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(1, 300) == [50, 100, 150, 200, 250, 300]
    assert ticks(0.01, 0.05) == [0.01, 0.02, 0.03, 0.04, 0.05]
