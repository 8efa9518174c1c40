"""The routes of the review app, and what is around every request: tokens, forms, errors.

GET  /                     the next item to decide
GET  /list                 all items, by filter
GET  /item/PROBLEM_ID      one problem on one screen
GET  /judged/PROBLEM_ID    what the judge says of it: fetched by that screen, as it may take a while
POST /try/PROBLEM_ID       judge a correction, save nothing
POST /decide/PROBLEM_ID    save a decision; a correction only if the problem then passes, or with an override
POST /undo                 take the last decision back
GET  /disagreements        the adjudication queue
GET  /help                 keys and reasons
"""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from appsplus.errors import AppsplusError, DatasetError, SandboxError
from appsplus.review.desk import Desk
from appsplus.review.judgement import Judging
from appsplus.review.pages import Form, Pages
from appsplus.review.rendering import FOLDER
from appsplus.review.security import MAX_BODY_BYTES, Guard, Keys, is_ours


def make_app(desk: Desk, judging: Judging, keys: Keys) -> ASGIApp:
    """The app for one reviewer at one desk. `judging` says what a record is worth; it may take its time."""
    pages = Pages(desk, judging, keys)

    def failed(request: Request, error: Exception) -> Response:
        status = 404 if isinstance(error, DatasetError) else 500 if isinstance(error, SandboxError) else 409
        return pages.error(request, str(error), status)

    def missing(request: Request, _: Exception) -> Response:
        return pages.error(request, f"there is no page {request.url.path}", 404)

    routes = [
        Route("/", pages.start),
        Route("/list", pages.worklist),
        Route("/item/{problem_id:path}", pages.item),
        Route("/judged/{problem_id:path}", pages.judged),
        Route("/try/{problem_id:path}", _writing(pages.attempt, pages, keys), methods=["POST"]),
        Route("/decide/{problem_id:path}", _writing(pages.decide, pages, keys), methods=["POST"]),
        Route("/undo", _writing(pages.undo, pages, keys), methods=["POST"]),
        Route("/disagreements", pages.disagreements),
        Route("/help", pages.help),
        Mount("/static", StaticFiles(directory=FOLDER / "static")),
    ]
    app = Starlette(routes=routes, exception_handlers={AppsplusError: failed, 404: missing, 405: missing})
    return Guard(app, keys)


def _writing(
    handler: Callable[[Request, Form], Response], pages: Pages, keys: Keys
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for a form of ours: its fields are read, its token is checked, then a thread does the work."""

    async def endpoint(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return pages.error(
                    request, f"the form holds more than {MAX_BODY_BYTES >> 20} MiB; nothing was saved", 413
                )
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if not is_ours(form.get("csrf", ""), keys):
            return pages.error(request, "this form was not written by this start of the app; reload the page", 403)
        return await run_in_threadpool(handler, request, form)

    return endpoint
