"""Digests and mails into a SQLite file, many at once.

The driver's own `executemany` is given the statements, which takes half the time: what
SQLAlchemy does for each value of each row costs more than to write it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from watcher.models import DeliveryState
from watcher.store.column_types import storable
from watcher.store.schema import deliveries, digests

if TYPE_CHECKING:
    from watcher.store.outbox import Frozen, Message

_DIGEST = """
INSERT INTO digests (id, subscription_id, slot_key, composed_at, subject, html, paper_count)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_DELIVERY = """
INSERT INTO deliveries (id, digest_id, notice_id, sender, recipient, message_id, state, queued_at,
next_attempt_at, finished_at, answer, bounce_token) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_MESSAGE = "INSERT INTO messages (delivery_id, message) VALUES (?, ?)"


def add_digests(connection: sa.Connection, frozen: Sequence[Frozen], now: dt.datetime) -> list[int]:
    """Insert digests; their ids, in order."""
    if not frozen:
        return []
    at = _as_stored(connection, digests.c.composed_at, now)
    ids = _next_ids(connection, digests, len(frozen))
    rows = [
        (
            digest_id,
            storable(each.subscription_id),
            storable(each.slot_key),
            at,
            storable(each.subject),
            storable(each.html),
            len(each.paper_ids),
        )
        for digest_id, each in zip(ids, frozen, strict=True)
    ]
    connection.exec_driver_sql(_DIGEST, rows)
    return list(ids)


def add_mails(
    connection: sa.Connection,
    mails: Sequence[tuple[int | None, int | None, Message]],
    now: dt.datetime,
) -> None:
    """Insert deliveries, each with the id of its digest or of its notice, and their bytes."""
    if not mails:
        return
    at = _as_stored(connection, deliveries.c.queued_at, now)
    ids = _next_ids(connection, deliveries, len(mails))
    queued, dead = DeliveryState.QUEUED.value, DeliveryState.DEAD.value
    rows = [
        (
            delivery_id,
            digest_id,
            notice_id,
            storable(mail.sender),
            storable(mail.recipient),
            storable(mail.message_id),
            queued if mail.held_back is None else dead,
            at,
            at,
            None if mail.held_back is None else at,
            mail.held_back and storable(mail.held_back),
            mail.bounce_token,
        )
        for delivery_id, (digest_id, notice_id, mail) in zip(ids, mails, strict=True)
    ]
    connection.exec_driver_sql(_DELIVERY, rows)
    kept = [(delivery_id, mail.message) for delivery_id, (*_, mail) in zip(ids, mails, strict=True)]
    connection.exec_driver_sql(_MESSAGE, kept)


def _next_ids(connection: sa.Connection, table: sa.Table, count: int) -> range:
    """Ids as SQLite would give them: whoever writes is the only one."""
    last = connection.scalar(sa.select(sa.func.max(table.c.id))) or 0
    return range(last + 1, last + 1 + count)


def _as_stored(
    connection: sa.Connection, column: sa.Column[dt.datetime], value: dt.datetime
) -> object:
    process = column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    if process is None:
        raise AssertionError("a file has no instants of its own")
    return process(value)
