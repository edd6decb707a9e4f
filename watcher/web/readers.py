"""Who may only read: what a link to the archive or a feed is of, and whether it goes on."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from watcher.digest import LANGUAGE_TAGS
from watcher.digest.language import Language, language
from watcher.digest.text import clean
from watcher.links import Purpose
from watcher.settings import definition_of
from watcher.store import stored, subscriptions
from watcher.web.face import Face, Refused


@dataclass(frozen=True, slots=True)
class Readable:
    """A subscription as its readers see it, on the pages at `archive` and in its feeds.

    `since` is when the daemon took it up; None where it has not yet.
    """

    id: str
    name: str
    zone: ZoneInfo
    language: Language
    since: dt.datetime | None

    def day(self, at: dt.datetime) -> str:
        """`Thu 19 Feb 2026`, where they are."""
        return f"{at.astimezone(self.zone):%a %d %b %Y}"


class _Definition(msgspec.Struct):
    """What is read of a definition, whatever its rules are by now."""

    name: str = ""
    timezone: str = ""
    language: str = ""


async def subscription_of(face: Face, request: Request, purpose: Purpose) -> Readable:
    """The subscription that the link of this request is of. Raises Refused, StoreError."""
    [subscription_id] = face.told(request, purpose)

    def look() -> Readable | None:
        with face.reader.read() as connection:
            return _find(face, connection, subscription_id)

    found = await run_in_threadpool(look)
    if found is None:
        raise Refused(
            410,
            "This subscription has ended",
            "Its archive and its feeds ended with it.",
        )
    return found


def _find(face: Face, connection: sa.Connection, subscription_id: str) -> Readable | None:
    """As the daemon took it up, or as it is to be."""
    config = face.config()
    row = subscriptions.get(connection, subscription_id)
    if row is not None and row.removed_at is None:
        definition: str | None = row.definition
    else:
        row, definition = None, stored.definition(connection, subscription_id)
        for each in config.settings.subscriptions:
            if each.id == subscription_id and each.id in config.origins:
                definition = definition_of(each)
    if definition is None:
        return None
    told = msgspec.json.decode(definition, type=_Definition)
    code = told.language or config.settings.digest.language
    return Readable(
        subscription_id,
        clean(told.name) or "papers",
        config.zone_of(told.timezone),
        language(code if code in LANGUAGE_TAGS else "en"),
        row.known_at if row else None,
    )
