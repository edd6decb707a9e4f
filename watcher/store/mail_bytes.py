"""The bytes of mails: in a table of their own on SQLite, beside their delivery on a server.

SQLite writes a row anew with all that is in it, and a delivery's row changes as it goes its way. A
server keeps what is large apart by itself. Both places are looked at: a database may come from the
other kind, or from a version that had one place only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import sqlalchemy as sa

from watcher.store.rows import scalar
from watcher.store.schema import deliveries, messages

_APART = sa.select(messages.c.message).where(messages.c.delivery_id == deliveries.c.id)

KEPT: sa.ColumnElement[bytes | None] = sa.func.coalesce(
    deliveries.c.message, _APART.scalar_subquery()
)
"""A delivery's bytes, in a query of deliveries; null once they were dropped."""


def are_apart(connection: sa.Connection) -> bool:
    """Whether new ones go into the table of their own."""
    return connection.dialect.name == "sqlite"


def add(connection: sa.Connection, kept: Iterable[tuple[int, bytes]]) -> None:
    """Put the bytes of deliveries, by their ids, into the table."""
    rows = [{"delivery_id": delivery_id, "message": message} for delivery_id, message in kept]
    if rows:
        connection.execute(messages.insert(), rows)


def of_delivery(connection: sa.Connection, delivery_id: int) -> bytes | None:
    """The bytes of one mail; None once they were dropped."""
    return scalar(connection, sa.select(KEPT).where(deliveries.c.id == delivery_id), bytes)


def drop(connection: sa.Connection, before: dt.datetime) -> int:
    """Drop the bytes of mails that ended before then; of how many."""
    has_ended = deliveries.c.finished_at < before
    beside = connection.execute(
        deliveries.update().where(has_ended, deliveries.c.message.is_not(None)).values(message=None)
    )
    ended = sa.select(deliveries.c.id).where(has_ended)
    apart = connection.execute(messages.delete().where(messages.c.delivery_id.in_(ended)))
    return beside.rowcount + apart.rowcount
