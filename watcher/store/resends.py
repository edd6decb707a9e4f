"""Mails that wait for a word of the operator, and mails that go again on it."""

from __future__ import annotations

import sqlalchemy as sa

from watcher.models import DeliveryState
from watcher.store.outbox import WAITING, Delivery
from watcher.store.rows import columns, records
from watcher.store.schema import deliveries


def cut_short(connection: sa.Connection) -> list[Delivery]:
    """The mails of digests that a process was sending when it ended."""
    query = sa.select(*columns(deliveries, Delivery)).where(
        deliveries.c.state == DeliveryState.SENDING, deliveries.c.digest_id.is_not(None)
    )
    return records(connection, query.order_by(deliveries.c.id), Delivery)


def park(connection: sa.Connection, delivery_id: int, answer: str) -> None:
    """Keep a mail that may have been taken, unless it came back: then it was."""
    connection.execute(
        deliveries.update()
        .where(deliveries.c.id == delivery_id, deliveries.c.state.in_(WAITING))
        .values(state=DeliveryState.PARKED, answer=answer, is_session_trouble=False)
    )
