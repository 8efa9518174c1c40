"""The figures: the same bytes for the same numbers, colours for both kinds of page, bars that add up."""

import re
import xml.etree.ElementTree as ET

import matplotlib
import pytest

from appsplus.release import FunnelStage, Statistics, figures
from appsplus.release.figures import Bar, draw_figures, draw_funnel, histogram_bars, percent_bars

NAMES = ["conditionals", "coverage", "difficulty", "funnel", "lines_per_problem", "tests_per_problem"]


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("page", ["#ffffff", "#0d1117"])
def test_colours_can_be_told_from_a_white_and_a_dark_page(page):
    assert contrast(figures.TEXT, page) > 4.1  # between large text (3) and small text (4.5), on both pages at once
    for color in (figures.KEPT, figures.REJECTED, *figures.SPLIT_COLORS.values()):
        assert contrast(color, page) > 3  # graphical objects


def test_all_figures_are_drawn_twice_with_the_same_bytes(tmp_path, make_problem):
    statistics = Statistics()
    statistics.add(make_problem(), "train")
    funnel = (FunnelStage("complete", 3, 2, {"missing_tests": 1}), FunnelStage("passing", 2, 1, {"wrong_answer": 1}))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        draw_figures(tmp_path / name, statistics.counts(), funnel)
    paths = sorted((tmp_path / "one/figures").iterdir())
    assert [path.stem for path in paths] == NAMES
    for path in paths:
        assert path.read_bytes() == (tmp_path / "two/figures" / path.name).read_bytes()


def test_an_svg_has_no_date_no_background_and_no_font(tmp_path):
    draw_funnel(tmp_path / "funnel.svg", [FunnelStage("complete", 3, 2, {"missing_tests": 1})])
    text = (tmp_path / "funnel.svg").read_text()
    assert ET.fromstring(text).tag.endswith("svg")
    assert "<dc:date>" not in text
    assert "<text" not in text
    assert not re.search(r'<g id="patch_1">\s*<path[^>]*fill: #fff', text)


def test_the_users_matplotlib_settings_do_not_matter_and_are_left_alone(tmp_path):
    funnel = [FunnelStage("complete", 3, 3, {})]
    draw_funnel(tmp_path / "one.svg", funnel)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        draw_funnel(tmp_path / "two.svg", funnel)
        assert matplotlib.rcParams["font.size"] == 30
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_nothing_at_all_can_be_drawn(tmp_path):
    draw_figures(tmp_path, Statistics().counts(), ())
    assert len(list((tmp_path / "figures").iterdir())) == 6


def test_few_values_have_a_bar_each():
    assert histogram_bars({1: 5, 3: 2}) == [Bar(1, 1, 5), Bar(2, 2, 0), Bar(3, 3, 2)]


def test_many_values_share_bars_of_equal_width():
    bars = histogram_bars(dict.fromkeys(range(1, 11), 1), max_bars=4)  # 10 values, 4 bars: 3 a bar
    assert bars == [Bar(1, 3, 3), Bar(4, 6, 3), Bar(7, 9, 3), Bar(10, 12, 1)]


def test_a_long_tail_is_gathered_in_the_last_bar():
    bars = histogram_bars({1: 60, 2: 39, 500: 1})
    assert bars == [Bar(1, 1, 60), Bar(2, 2, 39), Bar(3, 500, 1, open_end=True)]


def test_percent_bars_set_the_full_hundred_apart():
    bars = percent_bars({0: 1, 4: 1, 5: 1, 99: 2, 100: 7})
    assert len(bars) == 21
    assert [bars[0], bars[1], bars[19], bars[20]] == [Bar(0, 4, 2), Bar(5, 9, 1), Bar(95, 99, 2), Bar(100, 100, 7)]


def test_the_funnel_names_three_reasons_and_counts_the_rest():
    stage = FunnelStage("passing", 2000, 985, {"b": 5, "a": 5, "python2": 1000, "x": 2, "y": 3})
    assert figures._reasons(stage) == "−1,015: python2 1,000, a 5, b 5 and 2 more"
    assert figures._reasons(FunnelStage("passing", 3, 3, {})) == ""
