"""The site in a real browser: from the disk and from a server, large and small, light, dark and printed, by keyboard."""

import http.server
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from browser_checks import UNNAMED, low_contrast
from playwright.sync_api import Browser, Page, expect, sync_playwright

from appsplus.evaluation.leaderboard import write_site

from .conftest import IDS, RIGHT, WRONG, BelievingJudge, board_of, submit

pytestmark = pytest.mark.browser

LONG = "a-model-with-a-very-long-name-without-any-space-in-it-so-that-it-has-to-break-somewhere"
HOSTILE = "<img src=http://127.0.0.1:1/x onerror=\"document.title='owned'\"> & Söhne"
PAGES = (
    "index.html",
    "interview-call.html",
    "models/middle.html",
    "problems.html",
    "problems/small-test-3.html",
    "submit.html",
    "refused.html",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    some = {problem_id: [RIGHT] * i + [WRONG] * (5 - i) for i, problem_id in enumerate(IDS)}
    mixed = {i: [RIGHT, "# run_time_error\n", "# compile_error\n", "# time_limit_exceeded\n", " \n"] for i in IDS}
    paths = [
        submit(folder / "a", [RIGHT], name="best"),
        submit(folder / "b", some, name="middle", ks=(1, 5)),
        submit(folder / "c", mixed, name=LONG, ks=(1, 5)),
        submit(folder / "d", [WRONG], name=HOSTILE),
        submit(folder / "e", [WRONG], name="cheat", judge=BelievingJudge(lies={WRONG: RIGHT})),
    ]
    write_site(board_of(*paths), folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, site: Path) -> Iterator[Callable[..., Page]]:
    """Open a page of the site; a script error, a refused resource or a request to anywhere else fails the test."""
    contexts: list[Any] = []
    faults: list[str] = []

    def opened(name: str = "index.html", base: str = "", **options: Any) -> Page:
        base = base or site.as_uri()
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda told: faults.append(told.text))
        page.on("request", lambda asked: None if asked.url.startswith(base) else faults.append(asked.url))
        page.on("requestfailed", lambda asked: faults.append(f"failed: {asked.url}"))
        page.goto(f"{base}/{name}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def names(page: Page) -> list[str]:
    """The models in the table that can be seen, from the top."""
    return page.locator("#models tbody tr:visible .name bdi").all_inner_texts()


def header(page: Page, name: str) -> Any:
    return page.get_by_role("columnheader", name=name)


def test_every_page_opens_from_the_disk_without_a_fault(open_page: Callable[..., Page]) -> None:
    for name in PAGES:
        page = open_page(name)
        assert page.locator("h1").count() == 1, name
        assert page.title().endswith("· APPS+ leaderboard"), name


def test_every_page_opens_from_a_server_without_a_fault(open_page: Callable[..., Page], site: Path) -> None:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            for name in PAGES:
                page = open_page(name, f"http://127.0.0.1:{server.server_port}")
                expect(page.locator("h1")).to_be_visible()
        finally:
            server.shutdown()
            thread.join()


def test_the_best_model_stands_first_and_a_hostile_name_is_text(open_page: Callable[..., Page]) -> None:
    page = open_page()
    assert names(page) == ["best", "middle", LONG[:79] + "…", HOSTILE]
    assert header(page, "pass@1").get_attribute("aria-sort") == "descending"
    page.get_by_role("link", name=HOSTILE).click()
    expect(page.locator("h1")).to_have_text(HOSTILE)
    assert page.title().startswith(HOSTILE)


def test_columns_sort_by_click_and_say_so(open_page: Callable[..., Page]) -> None:
    page = open_page()
    rows = [*names(page)]
    best, middle, long, hostile = rows
    header(page, "model").get_by_role("button").click()
    assert header(page, "model").get_attribute("aria-sort") == "ascending"
    assert header(page, "pass@1").get_attribute("aria-sort") is None
    assert names(page) == [hostile, long, best, middle]
    header(page, "model").get_by_role("button").click()
    assert header(page, "model").get_attribute("aria-sort") == "descending"
    assert names(page) == [middle, best, long, hostile]
    expect(page.get_by_role("status")).to_have_text("Sorted by model, descending.")


def test_what_was_not_measured_goes_last_in_both_directions(open_page: Callable[..., Page]) -> None:
    page = open_page()
    best, middle, long, hostile = names(page)
    header(page, "pass@5").get_by_role("button").click()
    assert names(page) == [long, middle, best, hostile]  # 100.0, 83.3, not measured
    header(page, "pass@5").get_by_role("button").click()
    assert names(page) == [middle, long, best, hostile]


def test_columns_sort_by_keyboard(open_page: Callable[..., Page]) -> None:
    page = open_page()
    header(page, "rank").get_by_role("button").focus()
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(header(page, "pass@1").get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")
    assert header(page, "pass@1").get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert header(page, "pass@1").get_attribute("aria-sort") == "descending"


def test_filters_lead_to_the_problems_chosen_and_keep_the_order(open_page: Callable[..., Page]) -> None:
    page = open_page()
    assert page.locator(".segments [aria-current]").all_inner_texts() == ["all 6", "all 6"]
    header(page, "model").get_by_role("button").click()
    page.get_by_role("navigation", name="Difficulty").get_by_role("link", name="interview").click()
    expect(page.locator("h1")).to_have_text("Leaderboard: interview")
    page.get_by_role("navigation", name="I/O format").get_by_role("link", name="call").click()
    expect(page.locator("h1")).to_have_text("Leaderboard: interview, call")
    assert page.locator(".segments [aria-current]").all_inner_texts() == ["interview 1", "call 1"]
    expect(page.get_by_role("row", name="middle")).to_contain_text("60.0")  # of small/test/3
    assert header(page, "model").get_attribute("aria-sort") == "ascending"
    assert names(page)[-1] == "middle"
    page.get_by_role("navigation", name="Difficulty").get_by_role("link", name="all").click()
    expect(page.locator("h1")).to_have_text("Leaderboard: call")


def test_a_model_is_found_by_a_part_of_its_name(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.get_by_label("Find").fill("MID")
    assert names(page) == ["middle"]
    expect(page.get_by_role("status")).to_have_text("1 of 4 rows shown.")
    page.get_by_label("Find").fill("nobody")
    assert names(page) == []
    expect(page.get_by_text("No model has such a name.")).to_be_visible()
    page.get_by_label("Find").fill("")
    assert len(names(page)) == 4


def test_problems_are_filtered_and_sorted(open_page: Callable[..., Page]) -> None:
    page = open_page("problems.html")
    rows = page.locator("#problem-table tbody tr:visible .name a")
    assert rows.all_inner_texts() == list(IDS)
    page.get_by_label("Difficulty").select_option("competition")
    assert rows.all_inner_texts() == list(IDS[4:])
    page.get_by_label("I/O format").select_option("call")
    assert rows.all_inner_texts() == [IDS[5]]
    page.get_by_label("Difficulty").select_option("")
    header(page, "rate").get_by_role("button").click()
    assert rows.all_inner_texts() == [IDS[5], IDS[3], IDS[1]]
    header(page, "difficulty").get_by_role("button").click()
    assert rows.all_inner_texts() == [IDS[1], IDS[3], IDS[5]]  # from easy to hard, not by the alphabet


def test_pointing_at_a_row_shows_which_rows_it_is_tied_with(open_page: Callable[..., Page]) -> None:
    page = open_page("introductory-stdin.html")  # of one problem alone, which tells nobody from anybody
    tied = page.get_by_role("row", name="middle")
    tied.hover()
    expect(page.locator("tr.with")).to_have_count(page.locator("tbody tr").count() - 1)
    page.locator("h1").hover()
    expect(page.locator("tr.with")).to_have_count(0)


@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_the_window(name: str, open_page: Callable[..., Page]) -> None:
    page = open_page(name)
    cut = "e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'auto'"
    for width in (1280, 1024, 820, 700, 390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(f"[...document.querySelectorAll('.card, .tile')].filter({cut}).length") == 0, width


def test_on_a_phone_a_row_names_its_figures_and_can_be_sorted(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    row = page.locator("#models tbody tr", has_text="middle")
    labels = row.locator("td.n").evaluate_all("cells => cells.map(c => getComputedStyle(c, '::before').content)")
    assert labels == ['"pass@5"', '"test cases"', '"introductory"', '"interview"', '"competition"']
    header(page, "test cases").get_by_role("button").tap()
    assert header(page, "test cases").get_attribute("aria-sort") == "descending"
    small = page.locator("thead button").evaluate_all("found => found.filter(b => b.offsetHeight < 24).length")
    assert small == 0  # WCAG 2.2, 2.5.8


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(name: str, scheme: str, open_page: Callable[..., Page]) -> None:
    page = open_page(name, color_scheme=scheme)
    assert page.evaluate(low_contrast(".unseen, .skip, option")) == []


def test_dark_is_dark(open_page: Callable[..., Page]) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    assert open_page(color_scheme="light").evaluate(ground) == "rgb(246, 247, 245)"
    assert open_page(color_scheme="dark").evaluate(ground) == "rgb(18, 22, 21)"


def test_print_is_black_on_white_without_controls(open_page: Callable[..., Page]) -> None:
    page = open_page(color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    expect(page.locator(".controls")).to_be_hidden()
    page.set_viewport_size({"width": 794, "height": 1123})  # A4
    assert page.evaluate("document.querySelector('#models').offsetWidth") <= 794
    assert page.evaluate("getComputedStyle(document.querySelector('#models')).display") == "table"
    expect(page.get_by_role("row", name="middle")).to_be_visible()
    assert page.evaluate(low_contrast(".unseen, .skip, option")) == []


@pytest.mark.parametrize("name", PAGES)
def test_landmarks_headings_and_names_are_there(name: str, open_page: Callable[..., Page]) -> None:
    page = open_page(name)
    for landmark in ("banner", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1, landmark  # type: ignore[arg-type]
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate("[...document.querySelectorAll('th')].filter(h => !h.scope).length") == 0
    levels = page.locator("h1, h2, h3").evaluate_all("found => found.map(h => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()


def test_without_javascript_everything_can_be_read(browser: Browser, site: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{site.as_uri()}/index.html")
    assert len(page.locator("#models tbody tr:visible").all()) == 4
    assert page.locator("thead button").count() == 0
    expect(page.get_by_role("search")).to_be_hidden()
    page.get_by_role("link", name="interview").click()
    expect(page.locator("h1")).to_have_text("Leaderboard: interview")
    page.get_by_role("link", name="Problems").click()
    assert len(page.locator("#problem-table tbody tr:visible").all()) == 6
    page.context.close()


def test_the_evidence_of_a_refusal_is_shown(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.get_by_role("link", name="The reasons, with the evidence").click()
    expect(page.get_by_role("article")).to_contain_text("cheat")
    expect(page.get_by_role("row", name="small/test/0, sample 0")).to_contain_text("accepted, 4 of 4")
