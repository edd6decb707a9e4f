"""Deleting what is kept of somebody: addresses, mails, what was mailed when."""

from __future__ import annotations

import json

import msgspec
import sqlalchemy as sa

from watcher.models import DeliveryState
from watcher.store.schema import (
    bounces,
    deliveries,
    digests,
    feedback,
    matches,
    messages,
    paused_recipients,
    slots,
    stored_subscriptions,
    subscriptions,
)


def forget(connection: sa.Connection, subscription_id: str) -> None:
    """Delete the mails of a subscription that has ended, its digests, what was said in
    answer to them, and what its row tells.

    The row itself stays, without an address: a pass that has begun may still refer to it. So does
    a mail that is being sent at this moment.
    """
    theirs = sa.select(digests.c.id).where(digests.c.subscription_id == subscription_id)
    gone = sa.select(deliveries.c.id).where(
        deliveries.c.digest_id.in_(theirs), deliveries.c.state != DeliveryState.SENDING
    )
    for table in (messages, bounces):
        connection.execute(table.delete().where(table.c.delivery_id.in_(gone)))
    connection.execute(deliveries.delete().where(deliveries.c.id.in_(gone)))
    kept = sa.select(deliveries.c.digest_id).where(deliveries.c.digest_id.in_(theirs))
    unsent = theirs.where(digests.c.id.not_in(kept))
    for referring in (matches, slots):
        row = referring.update().where(referring.c.digest_id.in_(unsent))
        connection.execute(row.values(digest_id=None))
    connection.execute(
        digests.delete().where(
            digests.c.subscription_id == subscription_id, digests.c.id.not_in(kept)
        )
    )
    connection.execute(feedback.delete().where(feedback.c.subscription_id == subscription_id))
    nobody = msgspec.json.encode({"id": subscription_id, "name": "forgotten", "to": []}).decode()
    connection.execute(
        subscriptions.update()
        .where(subscriptions.c.id == subscription_id)
        .values(definition=nobody, fingerprint="")
    )


def forget_address(connection: sa.Connection, address: str) -> None:
    """Delete that an address is paused, or was, unless something else is sent there still."""
    low = address.lower()
    quoted = json.dumps(low, ensure_ascii=False)
    for table, here in (
        (subscriptions, subscriptions.c.removed_at.is_(None)),
        (stored_subscriptions, sa.true()),
    ):
        is_theirs = sa.func.lower(table.c.definition).contains(quoted, autoescape=True)
        if connection.scalar(sa.select(table.c.id).where(here, is_theirs).limit(1)) is not None:
            return
    connection.execute(
        paused_recipients.delete().where(sa.func.lower(paused_recipients.c.address) == low)
    )
