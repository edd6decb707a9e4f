"""The clock as the store last saw it: one that was put back must not leave anything waiting."""

from __future__ import annotations

import datetime as dt

import msgspec
import sqlalchemy as sa

from watcher.models import DeliveryState, MatchState
from watcher.store.checks import get_meta, put_meta
from watcher.store.schema import (
    backfills,
    checks,
    deliveries,
    letters,
    matches,
    meta,
    outages,
    papers,
    sources,
    subscriptions,
    ticks,
)

SEEN = "clock-at"
OFFSET = "clock-offset"
"""Seconds that are added to the server's time: for tests, which cannot wait for it."""

JOLT = dt.timedelta(minutes=1)
"""Up to this, a clock that goes back has been put right a little."""

_NOW = sa.select(
    sa.func.clock_timestamp().label("at"),
    sa.select(meta.c.value).where(meta.c.key == OFFSET).scalar_subquery().label("offset"),
)


def now(connection: sa.Connection) -> dt.datetime:
    """A server's time, which is the same for all who ask; aware UTC."""
    found = connection.execute(_NOW).one()
    at = msgspec.convert(found.at, dt.datetime)
    return at.astimezone(dt.UTC) + dt.timedelta(seconds=float(found.offset or 0))


def mind(connection: sa.Connection, now: dt.datetime) -> bool:
    """Note the time; whether it lies before the time noted last.

    If so, whatever a wait is counted from, or goes until, is moved to `now` where it lies ahead.
    """
    seen = get_meta(connection, SEEN)
    put_meta(connection, SEEN, now.isoformat())
    if seen is None or dt.datetime.fromisoformat(seen) <= now:
        return False
    queued = deliveries.c.state == DeliveryState.QUEUED
    undecided = matches.c.state == MatchState.UNDECIDED
    for column, concerned in (
        (subscriptions.c.known_at, sa.true()),
        (deliveries.c.queued_at, queued),
        (deliveries.c.next_attempt_at, queued),
        (matches.c.matched_at, undecided),
        (sources.c.last_good_at, sa.true()),
        (sources.c.read_at, sa.true()),
        (sources.c.trouble_at, sa.true()),
        (outages.c.until_at, sa.true()),
        (letters.c.created_at, sa.true()),
        (letters.c.next_attempt_at, sa.true()),
    ):
        connection.execute(
            sa.update(column.table).where(column > now, concerned).values({column.name: now})
        )
    connection.execute(backfills.delete().where(backfills.c.done_at > now))  # from a wrong day on
    connection.execute(papers.update().where(papers.c.asked_at > now).values(asked_at=None))
    # Those slots will come, and be due, once more; what is nearly due is not read twice for a jolt.
    ahead = now + JOLT
    connection.execute(ticks.delete().where(ticks.c.slot_at > ahead))
    connection.execute(checks.update().where(checks.c.slot_at > ahead).values(slot_at=None))
    return True
