"""Mails that wait for a word of the operator, and mails that go again on it."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from watcher.models import DeliveryState
from watcher.store import mail_bytes
from watcher.store.outbox import WAITING, Delivery, of_digests
from watcher.store.rows import inserted_id
from watcher.store.schema import deliveries


def park(connection: sa.Connection, delivery_id: int, answer: str) -> None:
    """Keep a mail that may have been taken, unless it came back: then it was."""
    connection.execute(
        deliveries.update()
        .where(deliveries.c.id == delivery_id, deliveries.c.state.in_(WAITING))
        .values(
            state=DeliveryState.PARKED,
            answer=answer,
            is_session_trouble=False,
            lease_token=None,
            leased_until=None,
        )
    )


def drop(connection: sa.Connection, delivery_id: int, reason: str, now: dt.datetime) -> None:
    """Let go of a parked mail; what was known of it stands behind the reason."""
    connection.execute(
        deliveries.update()
        .where(deliveries.c.id == delivery_id, deliveries.c.state == DeliveryState.PARKED)
        .values(
            state=DeliveryState.CANCELLED,
            finished_at=now,
            answer=sa.literal(f"{reason}: ") + sa.func.coalesce(deliveries.c.answer, "?"),
        )
    )


def last_of_digest(connection: sa.Connection, digest_id: int) -> list[Delivery]:
    """The last delivery to each recipient of a digest: as composed, or sent again."""
    last: dict[str, Delivery] = {}
    for delivery in of_digests(connection, [digest_id]):
        last[delivery.recipient] = delivery
    return list(last.values())


def has_bytes(connection: sa.Connection, delivery_id: int) -> bool:
    """Whether the mail itself is still there; `prune` drops it after a time."""
    query = sa.select(mail_bytes.KEPT.is_not(None)).where(deliveries.c.id == delivery_id)
    return bool(connection.scalar(query))


def again(
    connection: sa.Connection,
    delivery: Delivery,
    *,
    sender: str,
    bounce_token: str | None,
    now: dt.datetime,
) -> int:
    """Queue the same bytes once more, as a delivery of its own; its id.

    `sender` is the envelope's, and has the `bounce_token` in it where there is one.
    """
    is_apart = mail_bytes.are_apart(connection)
    message = mail_bytes.of_delivery(connection, delivery.id)
    row = deliveries.insert().values(
        digest_id=delivery.digest_id,
        recipient=delivery.recipient,
        message_id=delivery.message_id,
        message=None if is_apart else message,
        sender=sender,
        bounce_token=bounce_token,
        state=DeliveryState.QUEUED,
        queued_at=now,
        next_attempt_at=now,
        resend_number=delivery.resend_number + 1,
    )
    delivery_id = inserted_id(connection, row.returning(deliveries.c.id))
    if is_apart and message is not None:
        mail_bytes.add(connection, [(delivery_id, message)])
    return delivery_id
