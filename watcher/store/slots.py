"""The slots that were closed: each once, for ever."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import sqlalchemy as sa

from watcher.store.rows import scalar
from watcher.store.schema import slots


def last_slot_at(
    connection: sa.Connection, subscription_id: str, now: dt.datetime
) -> dt.datetime | None:
    """The latest recorded slot; one stamped in the future (a clock put back) does not count."""
    return scalar(connection, latest(subscription_id, now), dt.datetime)


def latest(
    subscription_id: str | sa.Column[str], now: dt.datetime
) -> sa.Select[tuple[dt.datetime | None]]:
    """The query for `last_slot_at`, for a subscription or for a column of them."""
    return sa.select(sa.func.max(slots.c.scheduled_at)).where(
        slots.c.subscription_id == subscription_id, slots.c.scheduled_at <= now
    )


def record_slot(
    connection: sa.Connection,
    subscription_id: str,
    slot_key: str,
    scheduled_at: dt.datetime,
    now: dt.datetime,
    digest_id: int | None,
) -> None:
    """Close a slot for good; a second time it is refused by the table itself."""
    connection.execute(
        slots.insert().values(
            subscription_id=subscription_id,
            slot_key=slot_key,
            scheduled_at=scheduled_at,
            recorded_at=now,
            digest_id=digest_id,
        )
    )


def record_empty(
    connection: sa.Connection, closed: Iterable[tuple[str, str, dt.datetime]], now: dt.datetime
) -> None:
    """Close slots (subscription id, key, scheduled at) that had nothing to mail, for good."""
    rows = [
        {"subscription_id": i, "slot_key": key, "scheduled_at": at, "recorded_at": now}
        for i, key, at in closed
    ]
    if rows:
        connection.execute(slots.insert(), rows)


def has_slot(connection: sa.Connection, subscription_id: str, slot_key: str) -> bool:
    """Whether the slot was closed before."""
    query = sa.select(slots.c.slot_key).where(
        slots.c.subscription_id == subscription_id, slots.c.slot_key == slot_key
    )
    return connection.scalar(query) is not None


def prune(connection: sa.Connection, before: dt.datetime) -> None:
    """Drop slots that had nothing to mail, but for the latest of each subscription."""
    latest = sa.select(slots.c.subscription_id, sa.func.max(slots.c.scheduled_at)).group_by(
        slots.c.subscription_id
    )
    connection.execute(
        slots.delete().where(
            slots.c.scheduled_at < before,
            slots.c.digest_id.is_(None),
            sa.tuple_(slots.c.subscription_id, slots.c.scheduled_at).not_in(latest),
        )
    )
