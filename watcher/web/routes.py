"""Which page answers where, and what is said when something goes wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Lifespan

from watcher.errors import StoreError
from watcher.store import versions
from watcher.web import (
    archive,
    feedback,
    feeds,
    leaving,
    losing,
    managing,
    pages,
    searching,
    status,
    subscribing,
    trending,
)
from watcher.web.face import Face, Refused
from watcher.web.guard import TooLargeError, WithHeaders
from watcher.web.tongues import phrase

log = structlog.get_logger(__name__)

Handler = Callable[[Face, Request], Awaitable[Response]]

_GET, _POST = ["GET"], ["POST"]
_ROUTES: tuple[tuple[str, Handler, list[str]], ...] = (
    ("/", subscribing.start, _GET),
    ("/", subscribing.submit, _POST),
    ("/sent", subscribing.sent, _GET),
    ("/lost", losing.start, _GET),
    ("/lost", losing.submit, _POST),
    ("/lost/sent", losing.sent, _GET),
    ("/confirm/{token}", subscribing.ask, _GET),
    ("/confirm/{token}", subscribing.agree, _POST),
    ("/manage/{token}", managing.show, _GET),
    ("/manage/{token}", managing.act, _POST),
    ("/manage/{token}/papers.{form}", managing.export, _GET),
    ("/archive/{token}", archive.list_all, _GET),
    ("/archive/{token}/{digest:digest}", archive.show, _GET),
    ("/archive/{token}/{digest:digest}/papers", archive.show_papers, _GET),
    ("/archive/{token}/search", archive.search, _GET),
    ("/archive/{token}/papers/{id}", archive.paper, _GET),
    ("/feed/{token}/atom.xml", feeds.atom, _GET),
    ("/feed/{token}/feed.json", feeds.json_feed, _GET),
    ("/stop", leaving.ask, _GET),
    ("/stop", leaving.stop, _POST),
    ("/never/{token}", leaving.ask_never, _GET),
    ("/never/{token}", leaving.never, _POST),
    ("/status", status.show, _GET),
    ("/status.json", status.as_json, _GET),
    ("/more/{token}", feedback.ask, _GET),
    ("/more/{token}", feedback.say, _POST),
    ("/not/{token}", feedback.ask, _GET),
    ("/not/{token}", feedback.say, _POST),
    ("/search", searching.public_search, _GET),
    ("/papers/{id}", searching.public_paper, _GET),
    ("/trending", trending.newest, _GET),
    ("/trending/{day}", trending.on_day, _GET),
)

_WORDS = {
    status: (phrase("There is no such page"), phrase("Its address may have been mistyped."))
    for status in (404, 405)
}
_UNFORESEEN = phrase("This did not work")


def make_app(face: Face, lifespan: Lifespan[Starlette], *, is_https: bool) -> ASGIApp:
    """The pages as an ASGI application."""

    async def not_there(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headline, text = _WORDS.get(status, (_UNFORESEEN, phrase("Please try again.")))
        return _told(face, request, status, headline, text)

    async def refused(request: Request, error: Exception) -> Response:
        if not isinstance(error, Refused):  # it is registered for these alone
            raise error
        response = _told(face, request, error.status, error.headline, error.text, **error.facts)
        if error.wait is not None:
            response.headers["Retry-After"] = str(error.wait)
        return response

    async def too_large(request: Request, _: Exception) -> Response:
        text = phrase("What was sent is larger than any form here, or took too long to arrive.")
        response = _told(face, request, 413, phrase("This is too much"), text)
        response.headers["Connection"] = "close"  # or the rest would have to be read
        return response

    async def no_store(request: Request, error: Exception) -> Response:
        log.error("a page had no answer from the database", error=str(error))
        text = phrase("The database does not answer. Please try again in a few minutes.")
        return _told(face, request, 503, phrase("This does not work right now"), text)

    async def unforeseen(request: Request, _: Exception) -> Response:
        text = phrase("It was logged. Please try again.")
        return _told(face, request, 500, _UNFORESEEN, text)

    starlette = Starlette(
        routes=[
            *(Route(path, _bound(handler, face), methods=of) for path, handler, of in _ROUTES),
            Route("/style.css", _style, methods=_GET),
            Route("/icon.svg", _icon, methods=_GET),
            Route("/healthz", _healthy, methods=_GET),
            Route("/readyz", _bound(_ready, face), methods=_GET),
        ],
        exception_handlers={
            Refused: refused,
            TooLargeError: too_large,
            StoreError: no_store,
            HTTPException: not_there,
            500: unforeseen,
        },
        lifespan=lifespan,
    )
    # It would send people to wherever the header `Host` of their request says.
    starlette.router.redirect_slashes = False
    return WithHeaders(starlette, is_https=is_https)  # around the pages of errors, too


def _bound(handler: Handler, face: Face) -> Callable[[Request], Awaitable[Response]]:
    return partial(handler, face)


def _told(
    face: Face, request: Request, status: int, headline: str, text: str, **facts: object
) -> Response:
    say = face.tongue(request).say
    return face.page(
        request, "told.html.j2", status, headline=say(headline), text=say(text, **facts)
    )


async def _style(_: Request) -> Response:
    return _kept(pages.style()[0], "text/css; charset=utf-8")


async def _icon(_: Request) -> Response:
    return _kept(pages.icon()[0], "image/svg+xml")


def _kept(content: bytes, media_type: str) -> Response:
    """What browsers may keep: its URL changes with it."""
    cached = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(content, media_type=media_type, headers=cached)


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _ready(face: Face, _: Request) -> Response:
    """Whether the database answers, and is of this version."""
    try:
        await run_in_threadpool(versions.require_newest, face.reader)
    except StoreError:
        return PlainTextResponse("the database cannot be used\n", 503)
    return PlainTextResponse("ok\n")
