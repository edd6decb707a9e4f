"""Who has left which subscription by a click: for good, whatever becomes of either."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa

from watcher.models import DeliveryState
from watcher.store.outbox import WAITING
from watcher.store.papers import chunks
from watcher.store.rows import columns, insert, is_inserted, records
from watcher.store.schema import deliveries, digests, left_recipients
from watcher.store.shards import Shard, within

PAUSED_BY_CLICK = "unsubscribed at a click from "
"""How the reason of a pause begins that a click made when only addresses could be paused; behind it
stands the subscription's id."""


@dataclass(frozen=True, slots=True)
class LeftRecipient:
    """An address that a subscription is sent to no more, since when."""

    subscription_id: str
    address: str
    left_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Left:
    """Who has left, by subscription id and address in small letters."""

    by_pair: Mapping[tuple[str, str], LeftRecipient]

    def among(self, subscription_id: str, addresses: Iterable[str]) -> tuple[LeftRecipient, ...]:
        """Those of `addresses`, as they are written here, that have left that subscription."""
        found = ((each, self.by_pair.get((subscription_id, each.lower()))) for each in addresses)
        return tuple(replace(one, address=address) for address, one in found if one)

    def remaining(self, subscription_id: str, addresses: Iterable[str]) -> tuple[str, ...]:
        """Those of `addresses` that have not."""
        return tuple(
            each for each in addresses if (subscription_id, each.lower()) not in self.by_pair
        )


NOBODY = Left({})


def leave(connection: sa.Connection, subscription_id: str, address: str, now: dt.datetime) -> bool:
    """Send that subscription there no more, what waits included; False where it was so before.

    For who holds the subscription's row (`subscriptions.hold`): whoever composes for it meanwhile
    has either committed, or will find that this one has left.
    """
    low = address.lower()
    row = insert(connection, left_recipients).values(
        subscription_id=subscription_id, address=low, left_at=now
    )
    is_new = is_inserted(connection, row, left_recipients.c.address)
    theirs = sa.select(digests.c.id).where(digests.c.subscription_id == subscription_id)
    waiting = sa.select(deliveries.c.id, deliveries.c.recipient).where(
        deliveries.c.digest_id.in_(theirs),
        deliveries.c.state.in_((*WAITING, DeliveryState.PARKED)),
    )
    # SQLite's own lower() knows of ASCII alone.
    lost = [row.id for row in connection.execute(waiting) if row.recipient.lower() == low]
    for chunk in chunks(lost):
        connection.execute(
            deliveries.update()
            .where(deliveries.c.id.in_(chunk))
            .values(
                state=DeliveryState.CANCELLED, finished_at=now, answer="unsubscribed at a click"
            )
        )
    return is_new


def take_back(connection: sa.Connection, subscription_id: str, address: str) -> bool:
    """Send it there again, from the next digest on; False where nobody had left."""
    gone = left_recipients.delete().where(
        left_recipients.c.subscription_id == subscription_id,
        left_recipients.c.address == address.lower(),
    )
    return bool(connection.execute(gone).rowcount)


def left(connection: sa.Connection, shard: Shard | None = None) -> Left:
    """All who have left a subscription (of a shard, or any)."""
    return _where(connection, within(left_recipients.c.subscription_id, shard))


def left_of(connection: sa.Connection, subscription_ids: Collection[str]) -> Left:
    """Who has left one of these."""
    found: dict[tuple[str, str], LeftRecipient] = {}
    for chunk in chunks(list(subscription_ids)):
        found |= _where(connection, left_recipients.c.subscription_id.in_(chunk)).by_pair
    return Left(found)


def lists_left_by(connection: sa.Connection, address: str) -> tuple[str, ...]:
    """The ids of the subscriptions that this address, in whatever letters, has left."""
    found = _where(connection, left_recipients.c.address == address.lower())
    return tuple(subscription_id for subscription_id, _ in found.by_pair)


def carry_over(connection: sa.Connection, old_id: str, new_id: str) -> None:
    """Whoever has left the one has left the other as well."""
    for each in left_of(connection, [old_id]).by_pair.values():
        row = insert(connection, left_recipients).values(
            subscription_id=new_id, address=each.address, left_at=each.left_at
        )
        connection.execute(row.on_conflict_do_nothing())


def _where(connection: sa.Connection, wanted: sa.ColumnElement[bool]) -> Left:
    query = sa.select(*columns(left_recipients, LeftRecipient)).where(wanted)
    query = query.order_by(left_recipients.c.subscription_id, left_recipients.c.address)
    found = records(connection, query, LeftRecipient)
    return Left({(each.subscription_id, each.address): each for each in found})
