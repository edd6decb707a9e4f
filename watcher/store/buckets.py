"""Rate limits: a bucket for each thing that may be done so often, which all processes share.

A bucket fills by its rate up to what it holds, and each time takes one out (the token bucket of
RFC 2697's kind, with one rate).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from watcher.store.rows import insert
from watcher.store.schema import buckets

MINUTE = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many a minute, and how many at once after a time without any."""

    per_minute: float
    at_once: int = 1


def take(
    connection: sa.Connection, limits: Mapping[str, Limit], now: dt.datetime
) -> dict[str, dt.timedelta]:
    """Take one from each of these buckets; or from none, and how long each that is empty needs."""
    filled: dict[str, float] = {}
    waits: dict[str, dt.timedelta] = {}
    for key, limit in sorted(limits.items()):  # in one order, or two would wait for each other
        row = insert(connection, buckets).values(key=key, level=limit.at_once, filled_at=now)
        connection.execute(row.on_conflict_do_nothing())
        found = sa.select(buckets.c.level, buckets.c.filled_at).where(buckets.c.key == key)
        level, filled_at = connection.execute(found.with_for_update()).one()
        filled[key] = _filled(level, filled_at, limit, now)
        if filled[key] < 1:
            waits[key] = (1 - filled[key]) * MINUTE / limit.per_minute
    if not waits:
        for key, level in filled.items():
            connection.execute(
                buckets.update().where(buckets.c.key == key).values(level=level - 1, filled_at=now)
            )
    return waits


def wait(
    connection: sa.Connection, key: str, limit: Limit, now: dt.datetime
) -> dt.timedelta | None:
    """How long until one can be taken from that bucket; None: at once. Nothing is taken."""
    found = sa.select(buckets.c.level, buckets.c.filled_at).where(buckets.c.key == key)
    row = connection.execute(found).one_or_none()
    if row is None:
        return None
    level = _filled(row.level, row.filled_at, limit, now)
    return None if level >= 1 else (1 - level) * MINUTE / limit.per_minute


def _filled(level: float, filled_at: dt.datetime, limit: Limit, now: dt.datetime) -> float:
    since = max(now - filled_at, dt.timedelta())  # a clock may be put back
    return min(level + since / MINUTE * limit.per_minute, limit.at_once)


def prune(connection: sa.Connection, before: dt.datetime) -> None:
    """Forget buckets that nothing was taken from since: they are full."""
    connection.execute(buckets.delete().where(buckets.c.filled_at < before))
