"""The page of a run: what it shows, and that hostile completions stay text."""

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import InputError
from stepcoder.report import SAMPLES, render, visible, write_report


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.runs: list[tuple[str, str]] = []  # (class, text) of spans
        self._span: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._span = str(dict(attrs).get("class")) if tag == "span" else None

    def handle_endtag(self, _tag: str) -> None:
        self._span = None

    def handle_data(self, data: str) -> None:
        if self._span is not None:
            self.runs.append((self._span, data))

    def tokens(self) -> list[tuple[str, str]]:
        return [run for run in self.runs if run[0] in ("k", "m")]


def line(update: int, **numbers: Any) -> dict[str, Any]:
    return {"update": update, "reward_mean": 0.1, "pass_rate": 0.5, "kl": 0.01, "levels": {"1": 3, "2": 1}} | numbers


def sample(completion: str = "a()\nb()", **changes: Any) -> dict[str, Any]:
    return {
        "update": 1,
        "problem_id": "p/1",
        "level": 2,
        "prefix_chars": 7,
        "completion": completion,
        "verdict": "wrong_answer",
        "reward": -0.3,
        "executed_lines": [1],
        "token_offsets": [[0, 4], [4, 7], [7, 7]],
        "keep": [1.0, 0.0, 1.0],
    } | changes


def run_of(folder: Path, lines: list[dict[str, Any]], samples: list[dict[str, Any]] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in lines))
    if samples is not None:
        (folder / "samples.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in samples))
    return folder


def test_the_page_stands_alone_and_holds_no_script(tmp_path: Path) -> None:
    path = write_report(run_of(tmp_path, [line(1), line(2)], [sample()]))
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert path == tmp_path / "report.html"
    assert not {"script", "link", "img", "iframe", "object"}.intersection(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]
    assert "default-src 'none'; style-src 'unsafe-inline'" in html.unescape(text)
    assert "prefers-color-scheme: dark" in text
    assert "http" not in re.sub(r"http-equiv", "", text)


def test_tokens_are_coloured_by_whether_they_stayed_in_the_loss(tmp_path: Path) -> None:
    page = Page(render(run_of(tmp_path, [line(1)], [sample()])))
    assert page.tokens() == [("k", "a()\n"), ("m", "b()")]
    assert "2 of 3 tokens" in "".join(text for _, text in page.runs)


def test_neighbours_of_one_kind_are_one_run_and_text_without_a_token_is_kept(tmp_path: Path) -> None:
    offsets = [[0, 1], [1, 2], [3, 5], [5, 6]]
    page = Page(render(run_of(tmp_path, [line(1)], [sample("abcdefg", token_offsets=offsets, keep=[0, 0, 1, 0])])))
    assert page.tokens() == [("m", "ab"), ("k", "cde"), ("m", "f"), ("k", "g")]


HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(1)> & \"q\" 'q' {{ 7 * 7 }} "
HOSTILE += "\x00\x1b[31m\u202eevil\ud800\r\n"


def test_hostile_completions_ids_and_options_stay_text(tmp_path: Path) -> None:
    run = run_of(
        tmp_path / "a<b>&'\"",
        [line(1, **{"<script>": 1.0})],
        [sample(HOSTILE, problem_id=HOSTILE, verdict='"><script>', token_offsets=[[0, len(HOSTILE)]], keep=[1.0])],
    )
    (run / "config.json").write_text(json.dumps({"method": HOSTILE, "model": "<script>x</script>"}))
    text = write_report(run).read_text(encoding="utf-8")
    page = Page(text)
    assert not {"script", "img"}.intersection(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    shown = "".join(part for _, part in page.tokens())
    assert shown == visible(HOSTILE)
    assert "{{ 7 * 7 }}" in shown
    assert not set("\x00\x1b\u202e").intersection(text)


def test_what_cannot_be_seen_is_shown_as_its_escape() -> None:
    assert visible("a\tb\n\r\x00\u202e\u200b\ud800é漢🎉") == "a\tb\n\\r\\u0000\\u202e\\u200b\\ud800é漢🎉"


def test_a_long_completion_is_cut_and_the_page_says_so(tmp_path: Path) -> None:
    page = Page(render(run_of(tmp_path, [line(1)], [sample("x" * 9000, token_offsets=[[0, 9000]], keep=[0.0])])))
    assert page.tokens() == [("m", "x" * 4000)]
    assert any("and so on" in text for _, text in page.runs)


def test_samples_are_from_the_start_the_middle_and_the_end(tmp_path: Path) -> None:
    many = [sample(update=update, problem_id=f"<{update}>") for update in range(1, 301)]
    text = render(run_of(tmp_path, [line(1)], many))
    updates = [int(found) for found in re.findall(r"update (\d+), &lt;", text)]
    assert len(updates) == SAMPLES
    assert (updates[0], updates[-1]) == (1, 300)
    assert 149 in updates
    assert updates == sorted(updates)


def test_figures_are_means_of_the_first_and_the_last_updates(tmp_path: Path) -> None:
    rates = [0.0, 0.1, 0.2, *[0.5] * 20, 0.6, 0.8]
    text = render(run_of(tmp_path, [line(u, pass_rate=rate) for u, rate in enumerate(rates, 1)]))
    # first ten: (0.3 + 7 * 0.5) / 10; last ten: (8 * 0.5 + 1.4) / 10
    assert re.search(r'Pass rate</div><div class="last">54.0%</div><div class="first">at the start 38.0%', text)


def test_the_heat_map_counts_problems_by_level(tmp_path: Path) -> None:
    text = render(run_of(tmp_path, [line(1), line(2, levels={"2": 4})]))
    assert "update 1, level 1: 75% of problems" in text
    assert "update 2, level 2: 100% of problems" in text
    many = [line(update) for update in range(1, 801)]
    assert "updates 1-10, level 1: 75% of problems" in render(run_of(tmp_path, many))


def test_every_number_has_a_chart_also_one_that_the_glossary_lacks(tmp_path: Path) -> None:
    text = render(run_of(tmp_path, [line(1, gradient_norm=1.0, new_number=2.0, share_accepted=1.0)]))
    assert {"Gradient norm", "new_number", "Outcomes", "Pass rate"} <= set(re.findall(r'aria-label="([^"]*)"', text))


def test_a_run_that_was_cut_off_or_has_odd_lines_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    run = run_of(tmp_path, [line(1, kl=float("nan"), levels=None), line(2, reward_mean=None)])
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(b'[1]\n"x"\n\xff\xfe\n{"update": 3, "reward_')
    (run / "samples.jsonl").write_text('{"update": 1}\n{"completion": "x", "token_offsets": null}\n{"com')
    (run / "config.json").write_text("{")
    text = render(run)
    assert "2 updates" in " ".join(text.split())
    assert text.count("<summary>") == 2


def test_a_run_without_samples_says_so(tmp_path: Path) -> None:
    assert "No samples were written." in render(run_of(tmp_path, [line(1)]))


def test_a_folder_without_metrics_is_an_error_that_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no metrics yet; expected metrics\.jsonl"):
        render(tmp_path)
    run_of(tmp_path, [])
    with pytest.raises(InputError, match="has no metrics yet"):
        render(tmp_path)


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be written .*name another file with --out"):
        write_report(run_of(tmp_path, [line(1)]), tmp_path / "no" / "such" / "report.html")


def test_supervised_training_alone_has_a_page_too(tmp_path: Path) -> None:
    (tmp_path / "sft.jsonl").write_text("".join(json.dumps({"step": i, "loss": 3.0 / i}) + "\n" for i in range(1, 5)))
    page = render(tmp_path)
    assert "4 steps of supervised training." in page
    assert page.count("<svg") == 1
    assert "Learning curves" not in page
    assert "Samples" not in page
