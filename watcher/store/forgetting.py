"""Deleting what is kept of somebody: addresses, mails, what was mailed when."""

from __future__ import annotations

import json

import msgspec
import sqlalchemy as sa

from watcher.models import DeliveryState
from watcher.store.schema import (
    backfills,
    bounces,
    deliveries,
    digests,
    feedback,
    letters,
    matches,
    messages,
    paused_recipients,
    slots,
    stored_subscriptions,
    subscriptions,
    suppressed_addresses,
)


def forget(connection: sa.Connection, subscription_id: str) -> None:
    """Delete the mails of a subscription that has ended, its digests, what was said in
    answer to them, what its row tells, and what its pairs do of its rules.

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
    for table in (feedback, backfills):
        connection.execute(table.delete().where(table.c.subscription_id == subscription_id))
    # They name the rules and the words that were looked for.
    theirs_too = matches.update().where(matches.c.subscription_id == subscription_id)
    connection.execute(theirs_too.values(reasons="[]"))
    nobody = msgspec.json.encode({"id": subscription_id, "name": "forgotten", "to": []}).decode()
    connection.execute(
        subscriptions.update()
        .where(subscriptions.c.id == subscription_id)
        .values(definition=nobody, fingerprint="")
    )


def forget_address(connection: sa.Connection, address: str) -> None:
    """Delete that an address is paused, and what the pages would still have sent there, where
    nothing is kept of it besides.

    Who has left a list of the operator's stays known: a file may name them again at any time.
    """
    low = address.lower()
    told = json.dumps(low, ensure_ascii=False)  # as in a definition
    spellings = sorted({address, low})
    kept = sa.or_(
        sa.exists().where(suppressed_addresses.c.address == low),
        sa.exists().where(deliveries.c.recipient.in_(spellings)),
        *(
            sa.exists().where(sa.func.lower(table.c.definition).contains(told, autoescape=True))
            for table in (subscriptions, stored_subscriptions)
        ),
    )
    connection.execute(letters.delete().where(sa.func.lower(letters.c.recipient) == low, ~kept))
    connection.execute(
        paused_recipients.delete().where(paused_recipients.c.address.in_(spellings), ~kept)
    )
