"""Ask the API for papers that a rule cannot be judged on for want of a field."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Callable, Collection
from typing import TypeVar

import sqlalchemy as sa
import structlog

from watcher.errors import BlockedError, FetchError, ParseError
from watcher.models import Paper
from watcher.pipeline.check import parse
from watcher.pipeline.context import Context
from watcher.pipeline.limits import fetch
from watcher.pipeline.match import Matched, settle
from watcher.store import papers

T = TypeVar("T")

log = structlog.get_logger(__name__)

AT_ONCE = 50
"""Papers asked for in one pass: a tenth of what the site allows an address in five minutes."""

AGAIN_AFTER = dt.timedelta(hours=2)


async def complete(
    context: Context, undecided: Collection[str], now: dt.datetime, *, until: float | None = None
) -> Matched | None:
    """Fetch what is missing and judge again; None where nothing could be asked.

    It ends by `until`, of the loop's clock. A paper is asked for again only after AGAIN_AFTER.
    Raises StoreError.
    """
    return await fill_in(
        context,
        undecided,
        now,
        lambda connection: settle(context, connection, now),
        until=until,
    )


async def fill_in(
    context: Context,
    undecided: Collection[str],
    now: dt.datetime,
    then: Callable[[sa.Connection], T],
    *,
    until: float | None = None,
) -> T | None:
    """`complete`, with something else done `then`, in the transaction that stores what came."""
    wanted = await context.read(
        lambda connection: papers.not_asked_since(connection, undecided, now - AGAIN_AFTER)
    )
    if not wanted or not context.sources:
        return None
    asked: list[str] = []
    found: list[Paper] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(until):
            await _ask(context, wanted[:AT_ONCE], asked, found, now)

    def store(connection: sa.Connection) -> T:
        papers.merge(connection, found, now)
        papers.mark_asked(connection, asked, now)
        return then(connection)

    return await context.write(store)


async def _ask(
    context: Context, wanted: list[str], asked: list[str], found: list[Paper], now: dt.datetime
) -> None:
    source = context.sources[0]
    for paper_id in wanted:
        request = source.paper_request(paper_id)
        try:
            page = await fetch(context, request)
            found += (await parse(context, source, page, now)).papers
        except BlockedError:
            return
        except FetchError as error:
            if error.retry_after is not None:
                return
            if error.status != 404:  # not indexed: nothing more will come of asking
                log.warning("paper not completed", paper=paper_id, error=str(error))
            asked.append(paper_id)  # next time the others come first
            if error.retryable:  # it was tried again already: leave a struggling site alone
                return
        except ParseError as error:
            log.warning("paper not completed", paper=paper_id, error=str(error))
            asked.append(paper_id)
        else:
            asked.append(paper_id)
