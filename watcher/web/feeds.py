"""The feeds of a subscription: a piece for each paper that it was mailed, newest first."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from email.utils import format_datetime, parsedate_to_datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from watcher.links import Purpose
from watcher.store import archive
from watcher.store.buckets import Limit
from watcher.web import syndication
from watcher.web.face import Face
from watcher.web.readers import Readable, subscription_of
from watcher.web.syndication import Feed, fed_paper, feed_id

PAPERS_FED = 100

OF_NETWORK = Limit(30, 60)
"""How often a network may ask for feeds: each is a tenth of a second's work."""


async def atom(face: Face, request: Request) -> Response:
    """The feed as Atom."""
    return await _feed(face, request, syndication.atom, "application/atom+xml")


async def json_feed(face: Face, request: Request) -> Response:
    """The feed as JSON Feed."""
    return await _feed(face, request, syndication.json_feed, "application/feed+json")


async def _feed(
    face: Face, request: Request, write: Callable[[Feed], bytes], media_type: str
) -> Response:
    of = await subscription_of(face, request, Purpose.FEED)
    await face.count(request, "feed", OF_NETWORK)

    def made() -> tuple[bytes, dt.datetime]:
        feed = _made(face, of, request.url.path)
        return write(feed), feed.updated_at

    content, changed_at = await run_in_threadpool(made)
    headers = {
        "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        "Last-Modified": format_datetime(changed_at, usegmt=True),
        "Cache-Control": "private, no-cache",
    }
    if _is_known(request, headers["ETag"], changed_at):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=f"{media_type}; charset=utf-8")


def _made(face: Face, of: Readable, path: str) -> Feed:
    with face.reader.read() as connection:
        found = archive.mailed(connection, of.id, PAPERS_FED)
    hub_url = face.config().settings.http.base_url
    papers = tuple(
        fed_paper(of.id, mailed, at, hub_url=hub_url, language=of.language) for at, mailed in found
    )
    # One that is not taken up yet has no instant of its own.
    since = of.since or face.clock().replace(hour=0, minute=0, second=0)
    updated_at = max((each.mailed_at for each in papers), default=since)
    updated_at = updated_at.astimezone(dt.UTC).replace(microsecond=0)
    return Feed(
        id=feed_id(of.id),
        title=f"{of.name} · {of.language.say('Papers by mail')}",
        tag=of.language.tag,
        url=f"{face.config().settings.web.public_url}{path}",
        # Of that instant, or each answer would be another.
        home_url=face.links.at(updated_at).url(Purpose.ARCHIVE, of.id),
        updated_at=updated_at,
        papers=papers,
    )


def _is_known(request: Request, etag: str, changed_at: dt.datetime) -> bool:
    """Whether the reader has this already (RFC 9110, 13.2.2)."""
    known = request.headers.get("if-none-match")
    if known is not None:
        tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
        return bool(tags & {etag, "*"})
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except (ValueError, OverflowError):  # OverflowError: a year that no clock has
        return False
    return since.tzinfo is not None and changed_at <= since
