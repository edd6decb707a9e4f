"""Who may only read: what a link to the archive or a feed is of, and whether it goes on."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from starlette.requests import Request

from watcher.digest import LANGUAGE_TAGS, dates
from watcher.digest.language import Language
from watcher.digest.text import clean
from watcher.links import Purpose
from watcher.settings import definition_of
from watcher.store import stored, subscriptions
from watcher.store.subscriptions import KnownSubscription
from watcher.web import tongues
from watcher.web.face import Face, Refused
from watcher.web.tongues import phrase, tongue


@dataclass(frozen=True, slots=True)
class Readable:
    """A subscription as its readers see it, on the pages at `archive` and in its feeds.

    `language` is that of its digests, `since` is when the daemon took it up; None where it has not
    yet.
    """

    id: str
    name: str
    zone: ZoneInfo
    language: Language
    since: dt.datetime | None

    def day(self, at: dt.datetime, language: Language) -> str:
        """`Thu 19 Feb 2026`, where they are."""
        return dates.long_day(at.astimezone(self.zone).date(), language)


class _Definition(msgspec.Struct):
    """What is read of a definition, whatever its rules are by now."""

    name: str = ""
    timezone: str = ""
    language: str = ""


async def subscription_of(face: Face, request: Request, purpose: Purpose) -> Readable:
    """The subscription that the link of this request is of; its own language is spoken.

    Raises Refused, StoreError.
    """
    [subscription_id] = face.told(request, purpose)
    looked = await face.look(lambda connection: _find(face, connection, subscription_id))
    if looked is None:
        raise Refused(
            410,
            phrase("This subscription has ended"),
            phrase("Its archive and its feeds ended with it."),
        )
    found, code = looked
    tongues.choose(request, code)
    return found


async def speak_as(face: Face, request: Request, subscription_id: str) -> None:
    """Answer in the language that the subscription says, if it says one. Raises StoreError."""

    tongues.choose(
        request, await face.look(lambda connection: language_of(face, connection, subscription_id))
    )


def language_of(face: Face, connection: sa.Connection, subscription_id: str) -> str:
    """The code of the language that it says itself; empty where it says none, or is not there."""
    _, told = _definition(face, connection, subscription_id)
    return told.language if told else ""


def _find(
    face: Face, connection: sa.Connection, subscription_id: str
) -> tuple[Readable, str] | None:
    """It, and the code of the language that it says itself."""
    config = face.config()
    row, told = _definition(face, connection, subscription_id)
    if told is None:
        return None
    code = told.language or config.settings.digest.language
    readable = Readable(
        subscription_id,
        clean(told.name) or "papers",
        config.zone_of(told.timezone),
        tongue(code if code in LANGUAGE_TAGS else "en"),
        row.known_at if row else None,
    )
    return readable, told.language


def _definition(
    face: Face, connection: sa.Connection, subscription_id: str
) -> tuple[KnownSubscription | None, _Definition | None]:
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
        return None, None
    return row, msgspec.json.decode(definition, type=_Definition)
