"""How often the site and the mail server may be asked, as the configuration says."""

from __future__ import annotations

import asyncio
import datetime as dt
from urllib.parse import urlsplit

import sqlalchemy as sa

from watcher.models import Page, PageRequest
from watcher.pipeline.context import Context
from watcher.store import buckets
from watcher.store.buckets import Limit

PACED_UP_TO = dt.timedelta(seconds=5)
"""A mail that may go this soon is waited for; another is put off, and the next one has its turn."""


async def fetch(context: Context, request: PageRequest) -> Page:
    """Ask for a page as soon as `[http] per_minute` allows it. Raises SourceError, StoreError."""
    http = context.config.settings.http
    if http.per_minute:
        limits = {f"site:{urlsplit(http.base_url).netloc}": Limit(http.per_minute)}

        def take(connection: sa.Connection) -> dict[str, dt.timedelta]:
            return buckets.take(connection, limits, context.now(connection))

        # Others may take what has come meanwhile, so that it is asked for again.
        while waits := await context.write(take, alone=False):  # noqa: ASYNC110  # for time
            await asyncio.sleep(max(waits.values()).total_seconds())
    return await context.fetcher.fetch(request)


def has_for_mail(context: Context) -> bool:
    """Whether `[smtp]` limits how often mails go."""
    smtp = context.config.settings.smtp
    is_limited = bool(smtp.per_minute or smtp.per_minute_to_domain)
    return is_limited and context.config.settings.mail.transport == "smtp"


def until_mail(
    context: Context, connection: sa.Connection, recipient: str, now: dt.datetime
) -> dt.timedelta | None:
    """How long until a mail may go to that recipient by `[smtp]`; None: now, and it is counted.

    Where `has_for_mail`.
    """
    smtp = context.config.settings.smtp
    limits = {}
    if smtp.per_minute:
        limits[f"relay:{smtp.host}:{smtp.port}"] = Limit(smtp.per_minute)
    if smtp.per_minute_to_domain:
        domain = recipient.rpartition("@")[2].lower()
        limits[f"domain:{domain}"] = Limit(smtp.per_minute_to_domain, smtp.per_minute_to_domain)
    waits = buckets.take(connection, limits, now)
    return max(waits.values()) if waits else None
