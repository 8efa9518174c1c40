"""Descriptions: legible, and harmless."""

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appsplus.review.text import description_html, math_html


def test_markdown_is_markdown() -> None:
    html = description_html("A *list*:\n\n- `one`\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    assert "<em>list</em>" in html
    assert "<li><code>one</code></li>" in html
    assert "<td>1</td>" in html


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"1 \leq n \leq 10^5", "1≤n≤105"),
        (r"a_i \times b", "ai×b"),
        (r"\frac{1}{2}", "12"),
        (r"\left\lfloor x \right\rfloor", "⌊x⌋"),
        (r"\sum_{i=1}^{n} i", "∑i=1ni"),
    ],
)
def test_formulas_become_mathml(latex: str, shown: str) -> None:
    html = math_html(latex)
    assert html.startswith("<math")
    assert re.sub("<[^>]*>", "", html) == shown


@pytest.mark.parametrize("text", ["$n$", "$$n$$", "$$$n$$$", r"\(n\)", r"\[n\]", "$ n $"])
def test_a_formula_is_found_in_every_notation(text: str) -> None:
    assert "<mi>n</mi>" in description_html(f"Read {text} here")


def test_prices_are_no_formulas() -> None:
    assert "<math" not in description_html("It costs $5, then $6 more, or $7.")


def test_a_formula_that_cannot_be_read_is_shown_as_it_is_written() -> None:
    assert math_html(r"\frac{") == r'<code class="latex">\frac{</code>'


def test_headings_of_apps_are_headings_and_examples_keep_their_characters() -> None:
    html = description_html("Do it.\n\n-----Input-----\n\nA number\n\n-----Examples-----\nInput\n4 *.*\n\n#__\n")
    assert "<h3>Input</h3><p>A number</p>" in html
    assert "<h3>Examples</h3><pre>Input\n4 *.*\n\n#__</pre>" in html


def test_simple_tags_are_kept_and_all_others_are_text() -> None:
    html = description_html("10<sup>5</sup> x<br/>y <div onclick=z>w</div> <sub>a<script></sub>")
    assert "10<sup>5</sup>" in html
    assert "&lt;div onclick=z&gt;" in html
    assert "<script" not in html


def test_a_picture_becomes_words() -> None:
    html = description_html("![a graph](https://example.org/x.png)")
    assert "<img" not in html
    assert "[picture: a graph, https://example.org/x.png]" in html


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    r"$\text{<script>alert(1)</script>}$",
    r"$\href{javascript:alert(1)}{x}$",
    r"$\style{background:url(//evil)}{x}$",
    r"$\class{x\" onmouseover=\"alert(1)}{y}$",
    "[x](javascript:alert(1))",
    "[x](data:text/html,<script>)",
    '![x](x" onerror="alert(1))',
    '<https://x/" onclick="alert(1)>',
    "-----<script>-----",
    "<sub><script>alert(1)</script></sub>",
    "```<script>\nalert(1)\n```",
    "[x]: javascript:alert(1)\n\n[x]",
    "<sup onclick=alert(1)>2</sup>",
    "$$</math><script>alert(1)</script>$$",
]
ALLOWED = set(
    "p em strong code pre h1 h2 h3 h4 h5 h6 ul ol li blockquote hr br a span sub sup b i var table thead tbody tr th td"
    " math mrow mi mo mn ms mtext mspace msup msub msubsup munder mover munderover mfrac msqrt mroot mtable mtr mtd"
    " mpadded mphantom mstyle mfenced menclose".split()
)


ATTRIBUTES = {"class", "href", "rel", "target", "title", "start"}


class Reader(HTMLParser):
    """As a browser reads it: every element, every attribute."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self._math = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._math += tag == "math"
        if tag not in ALLOWED:
            self.faults.append(tag)
        for name, value in attrs:
            if name == "href" and not re.match(r"https?:|mailto:|/|#|[\w.%-]*$", value or ""):
                self.faults.append(f"{name}={value}")
            if name.startswith(("on", "style", "src")) or (not self._math and name not in ATTRIBUTES):
                self.faults.append(name)

    def handle_endtag(self, tag: str) -> None:
        self._math -= tag == "math"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    assert Reader(description_html(text)).faults == []


@given(st.lists(st.sampled_from([*HOSTILE, "$", "<", ">", '"', "\n", "\\", "{", "}", "`", "*", "x "]), max_size=12))
def test_hostile_text_stays_text_in_any_mixture(parts: list[str]) -> None:
    assert Reader(description_html("".join(parts))).faults == []


@pytest.mark.parametrize(
    "text", ["$" * 20_000, "\\(" * 10_000, "<sub>" * 5_000, "[" * 5_000, "*a " * 5_000, "> " * 2_000]
)
def test_text_made_to_be_slow_is_not(text: str) -> None:
    started = time.process_time()
    description_html(text)
    assert time.process_time() - started < 5
