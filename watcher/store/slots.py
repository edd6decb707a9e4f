"""The slots that were closed: each once, for ever."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from watcher.store.rows import record, scalar
from watcher.store.schema import digests, slots


@dataclass(frozen=True, slots=True)
class Run:
    """A slot that was closed, and how many papers its digest had: 0 where there was none."""

    scheduled_at: dt.datetime
    paper_count: int


def last_run(connection: sa.Connection, subscription_id: str, now: dt.datetime) -> Run | None:
    """The latest slot of a subscription, as `last_slot_at` has it, and what came of it."""
    paper_count = sa.func.coalesce(digests.c.paper_count, 0).label("paper_count")
    query = (
        sa.select(slots.c.scheduled_at, paper_count)
        .select_from(slots.outerjoin(digests, slots.c.digest_id == digests.c.id))
        .where(slots.c.subscription_id == subscription_id, slots.c.scheduled_at <= now)
        .order_by(slots.c.scheduled_at.desc(), slots.c.recorded_at.desc())
        .limit(1)
    )
    return record(connection, query, Run)


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


def record_all(
    connection: sa.Connection,
    done: Iterable[tuple[str, str, dt.datetime, int | None]],
    now: dt.datetime,
) -> None:
    """Close slots (subscription id, key, scheduled at, digest id if there is one), for good."""
    rows = [
        {
            "subscription_id": subscription_id,
            "slot_key": key,
            "scheduled_at": at,
            "recorded_at": now,
            "digest_id": digest_id,
        }
        for subscription_id, key, at, digest_id in done
    ]
    if rows:
        connection.execute(slots.insert(), rows)


def record_empty(
    connection: sa.Connection, done: Iterable[tuple[str, str, dt.datetime]], now: dt.datetime
) -> None:
    """Close slots (subscription id, key, scheduled at) that had nothing to mail, for good."""
    record_all(connection, ((*slot, None) for slot in done), now)


def closed(
    connection: sa.Connection, wanted: Sequence[tuple[str, str]]
) -> frozenset[tuple[str, str]]:
    """Those of the slots (subscription id, key) that were closed before.

    No more of them than one `IN` takes.
    """
    query = sa.select(slots.c.subscription_id, slots.c.slot_key).where(
        slots.c.subscription_id.in_([subscription_id for subscription_id, _ in wanted]),
        slots.c.slot_key.in_({key for _, key in wanted}),
    )
    found = {(row.subscription_id, row.slot_key) for row in connection.execute(query)}
    return frozenset(found.intersection(wanted))


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
