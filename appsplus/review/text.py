"""Descriptions as HTML: Markdown and LaTeX made legible, everything else escaped.

The text is hostile. HTML in it stays text, but for a few pairs of tags without attributes (`<sub>2</sub>`); pictures become
words, as nothing is loaded from outside; MathML is built anew from known elements and attributes only. What a description
may contain in HTML is what this module writes; the page's Content-Security-Policy stands behind it.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup, escape

_HEADING = re.compile(r"^-{3,} *([A-Z][\w /()'-]{0,60}?) *-{3,}[ \t]*$", re.MULTILINE)  # -----Input-----
_EXAMPLES = re.compile(r"(?:sample|example)s?\b.{0,20}", re.IGNORECASE)
_MATH = re.compile(
    r"\$\$\$(?P<a>[^$]{1,2000}?)\$\$\$|\$\$(?P<b>[^$]{1,2000}?)\$\$|\\\((?P<c>.{1,2000}?)\\\)|\\\[(?P<d>.{1,2000}?)\\\]"
    r"|\$(?!\s)(?P<e>(?:[^$\n\\]|\\.|\n(?!\s*\n)){1,2000}?)(?<!\s)\$(?!\d)|\$ (?P<f>[^$\n]{1,200}?) \$(?!\d)",
    re.DOTALL,
)
_PAIR = re.compile(r"<(sub|sup|b|i|em|strong|code|var)>([^<>]{0,2000})</\1>", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_MATHML = "{http://www.w3.org/1998/Math/MathML}"
_ELEMENTS = set(
    "math mrow mi mo mn ms mtext mspace msup msub msubsup munder mover munderover mfrac msqrt mroot mtable mtr mtd mpadded"
    " mphantom mstyle mfenced menclose".split()
)
_ATTRIBUTES = set(
    "display stretchy fence form separator largeop movablelimits mathvariant displaystyle width height depth lspace rspace"
    " linethickness columnalign accent accentunder minsize maxsize notation open close".split()
)
_VALUE = re.compile(r"[\w .,%#()\[\]{}|+-]{0,40}")


def description_html(text: str) -> Markup:
    """A description as HTML. Sections of examples keep their characters and lines as they are."""
    parts = _HEADING.split(text.replace("\r\n", "\n").replace("\r", "\n"))
    return Markup("").join([_markdown(parts[0]), *_sections(parts[1:])])


def _sections(parts: Sequence[str]) -> Iterator[Markup]:
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        yield Markup("<h3>{}</h3>").format(title)
        if _EXAMPLES.fullmatch(title):
            yield Markup("<pre>{}</pre>").format(body.strip("\n"))
        else:
            yield _markdown(body)


def _markdown(text: str) -> Markup:
    return Markup(_MARKDOWN.render(text))


@lru_cache(maxsize=4096)
def math_html(latex: str) -> Markup:
    """A formula as MathML; as code, where it is not one that we can read."""
    try:
        tree = ET.fromstring(convert(latex))
        _keep_known(tree)
        return Markup(ET.tostring(tree, encoding="unicode", method="html"))
    except Exception:  # whatever a formula does to the parser, the page shows it as it was written
        return Markup('<code class="latex">{}</code>').format(latex)


def _keep_known(tree: ET.Element) -> None:
    """Strip namespaces and unknown attributes. Raises ValueError for an element that is not MathML as we know it."""
    for element in tree.iter():
        element.tag = element.tag.removeprefix(_MATHML)
        if element.tag not in _ELEMENTS:
            raise ValueError(element.tag)
        for name, value in [*element.attrib.items()]:
            if name not in _ATTRIBUTES or not _VALUE.fullmatch(value):
                del element.attrib[name]


def _math_rule(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    found = _MATH.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.push("math", "", 0).content = next(group for group in found.groups() if group is not None)
    state.pos = found.end()
    return True


def _tag_rule(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "<":
        return False
    found = _PAIR.match(state.src, state.pos, state.posMax) or _BREAK.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        token = state.push("tag_pair", "", 0)
        token.tag, token.content = (found[1].lower(), found[2]) if found.lastindex else ("br", "")
    state.pos = found.end()
    return True


def _render_math(_: RendererHTML, tokens: Sequence[Token], index: int, __: Any, ___: Any) -> str:
    return math_html(tokens[index].content.strip())


def _render_pair(_: RendererHTML, tokens: Sequence[Token], index: int, __: Any, ___: Any) -> str:
    tag = tokens[index].tag
    return "<br>" if tag == "br" else f"<{tag}>{escape(tokens[index].content)}</{tag}>"


def _render_image(_: RendererHTML, tokens: Sequence[Token], index: int, __: Any, ___: Any) -> str:
    words = f"[picture: {tokens[index].content or 'without words'}, {tokens[index].attrGet('src')}]"
    return Markup('<span class="picture">{}</span>').format(words)


def _render_link(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer")
    tokens[index].attrSet("target", "_blank")
    return renderer.renderToken(tokens, index, options, env)


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 20}).enable("table")
    parser.inline.ruler.before("escape", "math", _math_rule)
    parser.inline.ruler.before("autolink", "tag_pair", _tag_rule)
    for name, render in (
        ("math", _render_math),
        ("tag_pair", _render_pair),
        ("image", _render_image),
        ("link_open", _render_link),
    ):
        parser.add_render_rule(name, render)
    return parser


_MARKDOWN = _parser()
