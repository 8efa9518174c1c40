"""The review app in a real browser, as a reviewer uses it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browser_checks import UNNAMED, low_contrast
from playwright.sync_api import Browser, Page, expect, sync_playwright

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open an address in a browser of its own; a script error or a refused resource fails the test."""
    contexts: list[Any] = []
    faults: list[str] = []

    def opened(address: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1366, "height": 768}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda told: faults.append(told.text) if told.type == "error" else None)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def at(page: Page, problem_id: str) -> None:
    """Wait until the page shows this problem, judged."""
    expect(page.locator("h1")).to_have_text(problem_id)
    page.wait_for_selector("#tests-title")


def go(page: Page, served: Any, problem_id: str) -> None:
    page.goto(f"{served.address.partition('?')[0]}item/{problem_id}")
    at(page, problem_id)


def test_accepting_saves_a_decision_and_goes_on(serve: Callable[..., Any], open_page: Callable[..., Page]) -> None:
    served = serve()
    page = open_page(served.address)
    at(page, "small/wrong")
    page.get_by_role("button", name="Accept").click()
    at(page, "small/call")
    expect(page.get_by_role("status").first).to_contain_text("Accepted: small/wrong.")
    [decision] = served.decisions()
    assert (decision.problem_id, decision.action, decision.reviewer) == ("small/wrong", "accept", "ada")
    assert 0 <= decision.seconds < 60
    expect(page.locator("label[for=progress]")).to_contain_text("1 of 5")


def test_a_corrected_output_is_judged_at_once_and_then_saved(
    serve: Callable[..., Any], open_page: Callable[..., Page]
) -> None:
    served = serve()
    page = open_page(served.address)
    at(page, "small/wrong")
    expect(page.locator(".test.failing .diff .differs")).to_contain_text("-5")
    page.locator(".test.failing summary").click()
    field = page.get_by_label("Expected output of unit test 1")
    field.fill("-7\n")
    page.locator(".test.failing").get_by_role("button", name="Judge the correction").click()
    expect(page.locator("#trial h2")).to_have_text("The corrected problem does not pass")
    expect(page.get_by_role("button", name="Save the correction")).to_have_count(0)
    field.fill("-6\n")
    page.locator(".test.failing").get_by_role("button", name="Judge the correction").click()
    expect(page.locator("#trial h2")).to_have_text("The corrected problem passes")
    assert served.decisions() == []
    page.get_by_role("button", name="Save the correction").click()
    at(page, "small/call")
    [decision] = served.decisions()
    assert decision.action == "correct"
    assert decision.patch == ({"op": "replace", "path": "/outputs/1", "value": "-6\n"},)
    assert not decision.override
    go(page, served, "small/wrong")
    expect(page.locator("#solution-title")).to_have_text("Canonical solution")
    expect(page.locator("#tests-title + p")).to_contain_text("3 of 3 pass")


def test_rejecting_asks_for_a_reason(serve: Callable[..., Any], open_page: Callable[..., Page]) -> None:
    served = serve()
    page = open_page(served.address)
    at(page, "small/wrong")
    page.locator("#reject summary").click()
    page.get_by_label("duplicate").check()
    page.get_by_role("group").get_by_placeholder("Comment").fill("As small/fine.")
    page.get_by_role("button", name="Reject", exact=True).click()
    at(page, "small/call")
    [decision] = served.decisions()
    assert (decision.action, decision.reason, decision.comment) == ("reject", "duplicate", "As small/fine.")


def test_undo_takes_the_last_decision_back(serve: Callable[..., Any], open_page: Callable[..., Page]) -> None:
    served = serve()
    page = open_page(served.address)
    at(page, "small/wrong")
    page.keyboard.press("a")
    at(page, "small/call")
    page.keyboard.press("u")
    at(page, "small/wrong")
    expect(page.locator(".history .undone")).to_contain_text("accept")
    expect(page.locator("label[for=progress]")).to_contain_text("0 of 5")
    accept, undo = served.decisions()
    assert (undo.action, undo.undoes) == ("undo", accept.event_id)


def test_everything_is_done_by_keys_alone(serve: Callable[..., Any], open_page: Callable[..., Page]) -> None:
    served = serve()
    page = open_page(served.address)
    at(page, "small/wrong")
    page.keyboard.press("1")  # the proposal of the first reason
    expect(page.locator("#save")).to_be_focused()
    page.keyboard.press("Enter")
    at(page, "small/call")
    page.keyboard.press("c")  # the field of the unit test that fails
    expect(page.get_by_label("Expected output of unit test 1")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("10")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#save")).to_be_focused()
    page.keyboard.press("Control+Enter")
    at(page, "small/hostile")
    page.keyboard.press("j")
    at(page, "small/fine")
    page.keyboard.press("k")
    at(page, "small/hostile")
    page.keyboard.press("s")
    at(page, "small/fine")
    page.keyboard.press("r")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    at(page, "small/last")
    page.keyboard.press("m")
    page.keyboard.type("aru?/")  # letters are text now
    page.keyboard.press("Enter")
    at(page, "small/last")
    page.keyboard.press("/")
    page.keyboard.type("call")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("1 problem")
    page.wait_for_load_state()
    page.keyboard.press("?")
    expect(page.locator("h1")).to_have_text("Help")
    made = sorted((d.problem_id, d.action, d.comment) for d in served.decisions())
    assert [(problem_id, action) for problem_id, action, _ in made] == [
        ("small/call", "correct"),
        ("small/fine", "reject"),
        ("small/hostile", "skip"),
        ("small/last", "comment"),
        ("small/wrong", "correct"),
    ]
    assert made[3][2] == "aru?/"


def test_a_reviewer_goes_on_where_the_last_session_stopped(
    serve: Callable[..., Any], open_page: Callable[..., Page]
) -> None:
    first = open_page(serve().address)
    at(first, "small/wrong")
    first.keyboard.press("a")
    at(first, "small/call")
    first.keyboard.press("s")
    at(first, "small/hostile")
    first.reload()
    at(first, "small/hostile")
    again = open_page(serve().address)
    at(again, "small/hostile")
    expect(again.locator("label[for=progress]")).to_contain_text("2 of 5")


def test_blind_reviewers_do_not_see_each_other_and_a_third_adjudicates(
    serve: Callable[..., Any], open_page: Callable[..., Page]
) -> None:
    ada = open_page(serve("ada", blind=True).address)
    at(ada, "small/wrong")
    ada.keyboard.press("1")
    expect(ada.locator("#save")).to_be_focused()
    ada.keyboard.press("Enter")
    at(ada, "small/call")
    ben = open_page(serve("ben", blind=True).address)
    at(ben, "small/wrong")
    expect(ben.locator("body")).not_to_contain_text("ada")
    expect(ben.locator(".test.failing .diff .differs")).to_contain_text("-5")  # without ada's correction
    ben.keyboard.press("r")
    ben.keyboard.press("Enter")
    ben.keyboard.press("Space")
    ben.keyboard.press("Enter")
    at(ben, "small/call")
    served = serve("cyd")
    cyd = open_page(served.address)
    cyd.get_by_role("link", name="Disagreements").click()
    expect(cyd.locator("article .history > li")).to_have_count(2)
    cyd.get_by_role("link", name="small/wrong").click()
    at(cyd, "small/wrong")
    expect(cyd.locator(".contested")).to_contain_text("Reviewers disagree")
    cyd.keyboard.press("1")
    expect(cyd.locator("#save")).to_be_focused()
    cyd.keyboard.press("Enter")
    at(cyd, "small/call")
    cyd.get_by_role("link", name="Disagreements").click()
    expect(cyd.locator("article")).to_have_count(0)
    by_ada, by_ben, by_cyd = sorted(served.decisions(), key=lambda d: d.time)
    assert set(by_cyd.resolves) == {by_ada.event_id, by_ben.event_id}


def test_a_script_in_a_description_stays_text(serve: Callable[..., Any], open_page: Callable[..., Page]) -> None:
    served = serve()
    page = open_page(served.address)
    go(page, served, "small/hostile")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    at(page, "small/hostile")
    assert page.title() == "small/hostile · APPS+ review"
    expect(page.locator(".prose")).to_contain_text("<script>document.title='owned'</script>")
    assert page.locator(".prose script, .prose img, .prose a[href^=javascript]").count() == 0
    assert all(url.startswith(served.address.partition("?")[0]) for url in asked)


def test_the_policy_stops_a_script_that_would_get_into_the_page(serve: Callable[..., Any], browser: Browser) -> None:
    page = browser.new_page()
    page.goto(serve().address)
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = \"document.title='owned'\";"
        " document.body.append(s); document.body.insertAdjacentHTML('beforeend',"
        " `<img src=x onerror=\"document.title='owned'\">`); }"
    )
    page.wait_for_timeout(200)
    assert page.title() == "small/wrong · APPS+ review"
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_fits_its_window(
    scheme: str, width: int, serve: Callable[..., Any], open_page: Callable[..., Page]
) -> None:
    served = serve()
    page = open_page(served.address, viewport={"width": width, "height": 800}, color_scheme=scheme)
    for problem_id in ("small/wrong", "small/call", "small/hostile"):
        go(page, served, problem_id)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(f"{served.address.partition('?')[0]}list")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(245, 246, 244)", "dark": "rgb(20, 24, 23)"}[scheme]


def test_text_stands_out_from_its_ground_in_both_schemes(
    serve: Callable[..., Any], open_page: Callable[..., Page]
) -> None:
    for scheme in ("light", "dark"):
        page = open_page(serve().address, color_scheme=scheme)
        at(page, "small/wrong")
        assert page.evaluate(low_contrast(".unseen, .skip, kbd, option")) == []


def test_landmarks_headings_and_labels_are_there(serve: Callable[..., Any], open_page: Callable[..., Page]) -> None:
    page = open_page(serve().address)
    at(page, "small/wrong")
    for landmark in ("banner", "main", "contentinfo", "search"):
        assert page.get_by_role(landmark).count() == 1, landmark  # type: ignore[arg-type]
    assert page.locator("h1").count() == 1
    assert page.evaluate(UNNAMED) == []
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the problem")).to_be_focused()


def test_without_javascript_a_correction_is_judged_and_saved(serve: Callable[..., Any], browser: Browser) -> None:
    served = serve()
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(served.address)
    page.get_by_role("link", name="Judge the solutions, and show the unit tests").click()
    page.locator(".test.failing summary").click()
    page.get_by_label("Expected output of unit test 1").fill("-6\n")
    page.locator(".test.failing").get_by_role("button", name="Judge the correction").click()
    expect(page.locator("#trial h2")).to_have_text("The corrected problem passes")
    page.get_by_role("button", name="Save the correction").click()
    expect(page.locator("h1")).to_have_text("small/call")
    [decision] = served.decisions()
    assert decision.patch == ({"op": "replace", "path": "/outputs/1", "value": "-6\n"},)
    page.context.close()
