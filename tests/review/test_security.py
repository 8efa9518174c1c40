"""Who may talk to the review app, and what is refused."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from appsplus.review import app
from appsplus.review.security import Keys

Start = Callable[..., Any]


@pytest.fixture
def stranger(start: Start) -> TestClient:
    """A client without the token."""
    client = start().client
    client.cookies.clear()
    return client


def test_without_the_token_every_address_is_refused(stranger: TestClient) -> None:
    for address in ("/", "/list", "/item/small/wrong", "/static/review.css", "/?token=wrong", "/list?token="):
        assert stranger.get(address).status_code == 403, address


def test_the_printed_address_gives_a_cookie_that_scripts_and_other_sites_do_not_get(start: Start) -> None:
    started = start()
    client = started.client
    client.cookies.clear()
    answer = client.get(started.keys.address, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/list").status_code == 200


def test_every_start_has_its_own_token() -> None:
    assert Keys(8000).token != Keys(8000).token
    assert Keys(8000).token not in repr(Keys(8000))


@pytest.mark.parametrize("host", ["evil.example:8000", "127.0.0.1:8001", "127.0.0.1", "evil.example", ""])
def test_a_foreign_host_header_is_refused(host: str, start: Start) -> None:
    assert start().client.get("/list", headers={"host": host}).status_code == 403


def test_localhost_is_ours_too(start: Start) -> None:
    started = start()
    headers = {"host": "localhost:8000", "cookie": f"{started.keys.cookie}={started.keys.token}"}
    assert started.client.get("/list", headers=headers).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:8001", "null"])
def test_another_origin_is_refused(origin: str, start: Start) -> None:
    started = start()
    assert started.client.get("/list", headers={"origin": origin}).status_code == 403
    answer = started.client.post("/undo", data={"csrf": started.keys.csrf}, headers={"origin": origin})
    assert answer.status_code == 403


def test_a_browser_that_says_cross_site_may_not_write(start: Start) -> None:
    started = start()
    headers = {"sec-fetch-site": "cross-site"}
    assert started.client.post("/undo", data={"csrf": started.keys.csrf}, headers=headers).status_code == 403


@pytest.mark.parametrize("csrf", ["", "wrong", "\udce4"])
def test_a_form_without_our_token_saves_nothing(csrf: str, start: Start) -> None:
    started = start()
    case = started.desk.case("small/wrong")
    data = {"csrf": csrf.encode("utf-8", "replace").decode(), "action": "accept", "seen_hash": case.content.seen_hash}
    answer = started.client.post("/decide/small/wrong", data=data)
    assert answer.status_code == 403
    assert started.decisions() == []


def test_nothing_is_written_by_a_get(start: Start) -> None:
    started = start()
    for address in ("/decide/small/wrong?action=accept", "/undo", "/try/small/wrong"):
        assert started.client.get(address).status_code == 404
    assert started.decisions() == []


def test_every_answer_carries_the_policy(start: Start) -> None:
    client = start().client
    for address in ("/list", "/static/review.js", "/item/none", "/help"):
        headers = client.get(address).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_a_form_that_is_too_large_is_refused(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MAX_BODY_BYTES", 1000)
    answer = start().post("/decide/small/wrong", action="accept", comment="x" * 2000)
    assert answer.status_code == 413


def test_pages_load_nothing_from_elsewhere(start: Start) -> None:
    client = start().client
    for address in ("/list", "/help", "/item/small/wrong", "/item/small/hostile"):
        page = client.get(address).text
        assert "<script>" not in page
        assert " style=" not in page
        assert 'src="http' not in page
        assert not re.search(r"<[^>]*\son\w+=", page)
