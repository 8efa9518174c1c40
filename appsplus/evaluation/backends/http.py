"""One JSON document posted over HTTP, with the standard library: sampling from a server needs nothing installed.

A connection of its own for every request costs little beside the seconds that an answer takes, so there is no pool. Proxies
and certificates are those of the environment, as urllib reads them; a server on this machine is never asked through a proxy.
"""

import http.client
import json
import ssl
import urllib.request
from dataclasses import dataclass
from importlib import metadata
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from appsplus.errors import InputError

CONNECT_S = 10.0  # to reach the server; what it then takes to answer is another matter
MOST_BYTES = 64 * 2**20  # of an answer
_HERE = ("localhost", "127.0.0.1", "::1")

TRANSPORT_ERRORS = (OSError, http.client.HTTPException)  # no connection, a dropped one, a timeout, half an answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    body: bytes
    retry_after: str  # as the server wrote it; empty where it did not


def check_url(url: str) -> str:
    """The URL of a server without a slash at its end. Raises InputError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise InputError(f"--base-url {url!r} is no address; expected one such as http://127.0.0.1:8000/v1")
    if parts.username is not None or parts.query or parts.fragment:
        raise InputError(
            f"--base-url has a user, a query or a fragment; expected scheme://host:port/path, such as {parts.scheme}://"
            f"{parts.hostname}/v1; a token goes into the variable that --api-key-env names"
        )
    return url.rstrip("/")


def post(url: str, document: Any, token: str, timeout_s: float) -> Answer:
    """Post a document. Raises one of TRANSPORT_ERRORS where no whole answer comes within `timeout_s` of silence."""
    headers = {"Content-Type": "application/json", "User-Agent": f"appsplus/{metadata.version('appsplus')}"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, json.dumps(document).encode(), headers)
    handlers: list[urllib.request.BaseHandler] = [_Plain(), _Secure(), _NoRedirect()]
    if urlsplit(url).hostname in _HERE:
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=timeout_s) as answer:
            return Answer(answer.status, answer.read(MOST_BYTES), "")
    except HTTPError as error:
        with error:
            return Answer(error.code, error.read(MOST_BYTES), error.headers.get("Retry-After") or "")


class _Connecting(http.client.HTTPConnection):
    def connect(self) -> None:
        allowed = self.timeout
        self.timeout = min(CONNECT_S, allowed) if allowed else CONNECT_S
        try:
            super().connect()
        finally:
            self.timeout = allowed
        self.sock.settimeout(allowed)


class _SecureConnecting(_Connecting, http.client.HTTPSConnection):
    pass


class _Plain(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connecting, req)


class _Secure(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnecting, req, context=ssl.create_default_context())


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET, and the token would go to another server."""

    def redirect_request(self, *_: Any) -> None:
        return None
