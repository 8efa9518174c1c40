"""Who may talk to the review app: the browser of the person who started it, and nobody else.

Covered:

- Other machines: the server listens on 127.0.0.1 only (`server`).
- Other users and programs of this machine: every start makes a token; it is in the printed address once, then in a cookie
  (HttpOnly, SameSite=Strict).
- DNS rebinding: a Host header that is not ours gets 403.
- Other web pages: a foreign Origin gets 403, and every write is a POST with a second token that only our pages know.
- Hostile problem text: templates escape it, and the Content-Security-Policy allows no script, style or address but ours.

Not covered: someone who can read this user's terminal, cookies or memory.
"""

import secrets
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers would hide the Origin of our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MAX_BODY_BYTES = 32 << 20
_READS = ("GET", "HEAD")


@dataclass(frozen=True)
class Keys:
    """The secrets of one start."""

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://127.0.0.1:{self.port}/?{urlencode({'token': self.token})}"

    @property
    def cookie(self) -> str:
        """Its name: cookies are shared among the ports of a host, two apps must not overwrite each other's."""
        return f"appsplus_review_{self.port}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The Host headers that are ours."""
        return (f"127.0.0.1:{self.port}", f"localhost:{self.port}")


class Guard:
    """Around the app: refuses what is not ours, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app, self._keys = app, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        answer = self._refusal(scope) or self._entry(scope)
        await (answer or self._app)(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, keys = Headers(scope=scope), self._keys
        if headers.get("host") not in keys.hosts:
            return _refused("this address is not the app's: open the one that `appsplus review` printed")
        if "origin" in headers and headers["origin"] not in [f"http://{host}" for host in keys.hosts]:
            return _refused("another web page may not use this app")
        if scope["method"] not in _READS and headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return _refused("another web page may not write here")
        return None

    def _entry(self, scope: Scope) -> Response | None:
        """Let in who has the cookie; give it to who has the token; refuse everyone else."""
        if _same(_cookies(scope).get(self._keys.cookie, ""), self._keys.token):
            return None
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if scope["path"] == "/" and scope["method"] in _READS and _same(query.get("token", ""), self._keys.token):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(self._keys.cookie, self._keys.token, path="/", httponly=True, samesite="strict")
            return answer
        return _refused("no valid token: open the address that `appsplus review` printed when it started")


def is_ours(form_token: str, keys: Keys) -> bool:
    """Whether a form was written by one of our pages."""
    return _same(form_token, keys.csrf)


def _same(given: str, expected: str) -> bool:
    return secrets.compare_digest(given.encode(), expected.encode())


def _cookies(scope: Scope) -> dict[str, str]:
    try:
        jar = SimpleCookie(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}


def _refused(why: str) -> Response:
    return PlainTextResponse(f"403: {why}\n", 403)
