"""Mails that came back after a server had taken them, and the recipients paused for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from watcher.models import DeliveryState
from watcher.store.outbox import Delivery
from watcher.store.papers import chunks
from watcher.store.rows import columns, record, records, scalar, scalars
from watcher.store.schema import bounces, deliveries, paused_recipients

_LOOKED_THROUGH = 100
"""Mails to a recipient looked through for those that came back in a row."""

# What may have left the house and is not known to have ended otherwise.
_UNDER_WAY = (
    DeliveryState.QUEUED,
    DeliveryState.SENDING,
    DeliveryState.DELIVERED,
    DeliveryState.EXPIRED,
    DeliveryState.PARKED,
)


@dataclass(frozen=True, slots=True)
class PausedRecipient:
    """An address that no digest is sent to, since when and why."""

    address: str
    paused_at: dt.datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """Mails to one recipient that came back, none between them that did not."""

    count: int
    first_at: dt.datetime


def by_token(connection: sa.Connection, token: str) -> Delivery | None:
    """The delivery whose envelope sender has that token."""
    query = sa.select(*columns(deliveries, Delivery)).where(deliveries.c.bounce_token == token)
    return record(connection, query, Delivery)


def put_off(
    connection: sa.Connection, delivery_id: int, status: str, text: str, now: dt.datetime
) -> bool:
    """Note that a server on the way still tries; the last such word stays.

    False where the mail has come back already.
    """
    theirs = bounces.c.delivery_id == delivery_id
    if connection.scalar(sa.select(bounces.c.is_final).where(theirs)):
        return False
    connection.execute(bounces.delete().where(theirs))
    _put(connection, delivery_id, status, text, now, is_final=False)
    return True


def come_back(
    connection: sa.Connection, delivery_id: int, status: str, text: str, now: dt.datetime
) -> bool:
    """Record that a mail will not arrive; False where it ended already, by this or otherwise."""
    # One statement: what the process that sends writes at the same time cannot come between.
    done = connection.execute(
        deliveries.update()
        .where(deliveries.c.id == delivery_id, deliveries.c.state.in_(_UNDER_WAY))
        .values(
            state=DeliveryState.DEAD,
            finished_at=now,
            answer=f"came back: {text}",
            is_session_trouble=False,
        )
    )
    if not done.rowcount:
        return False
    connection.execute(bounces.delete().where(bounces.c.delivery_id == delivery_id))
    _put(connection, delivery_id, status, text, now, is_final=True)
    return True


def _put(
    connection: sa.Connection,
    delivery_id: int,
    status: str,
    text: str,
    now: dt.datetime,
    *,
    is_final: bool,
) -> None:
    connection.execute(
        bounces.insert().values(
            delivery_id=delivery_id, is_final=is_final, status=status, text=text, reported_at=now
        )
    )


def in_a_row(connection: sa.Connection, delivery: Delivery) -> Run | None:
    """The mails that came back up to this one, since the recipient was last resumed, if at all.

    One that was taken and did not come back ends the row; one that was refused, or never sent,
    neither ends it nor counts.
    """
    query = (
        sa.select(deliveries.c.state, bounces.c.reported_at)
        .outerjoin(
            bounces, sa.and_(bounces.c.delivery_id == deliveries.c.id, bounces.c.is_final.is_(True))
        )
        .where(
            deliveries.c.recipient == delivery.recipient,
            deliveries.c.digest_id.is_not(None),
            deliveries.c.id <= delivery.id,
        )
    )
    resumed_at = last_resumed_at(connection, delivery.recipient)
    if resumed_at is not None:
        query = query.where(deliveries.c.queued_at > resumed_at)
    query = query.order_by(deliveries.c.id.desc()).limit(_LOOKED_THROUGH)
    reported = []
    for row in connection.execute(query):
        if row.state == DeliveryState.DELIVERED:
            break
        if row.reported_at is not None:
            reported.append(row.reported_at)
    return Run(len(reported), min(reported)) if reported else None


def pause(connection: sa.Connection, address: str, reason: str, now: dt.datetime) -> bool:
    """Send no more digests there, those that wait included; False where it was paused already."""
    if paused(connection, address):
        return False
    connection.execute(paused_recipients.delete().where(paused_recipients.c.address == address))
    connection.execute(
        paused_recipients.insert().values(address=address, paused_at=now, reason=reason)
    )
    connection.execute(
        deliveries.update()
        .where(
            deliveries.c.recipient == address,
            deliveries.c.digest_id.is_not(None),
            deliveries.c.state == DeliveryState.QUEUED,
        )
        .values(_ended(reason, now))
    )
    return True


def end_paused(connection: sa.Connection, delivery_ids: Sequence[int], now: dt.datetime) -> int:
    """End those of these digests' mails that wait and go to who is paused by now; how many."""
    count = 0
    for chunk in chunks(delivery_ids):
        theirs = (
            deliveries.c.id.in_(chunk),
            deliveries.c.digest_id.is_not(None),
            deliveries.c.state == DeliveryState.QUEUED,
        )
        to = scalars(connection, sa.select(deliveries.c.recipient).where(*theirs), str)
        for address, each in paused_of(connection, to).items():
            ended = deliveries.update().where(*theirs, deliveries.c.recipient == address)
            count += connection.execute(ended.values(_ended(each.reason, now))).rowcount
    return count


def _ended(reason: str, now: dt.datetime) -> dict[str, object]:
    """How a delivery stands that a pause has ended."""
    return {
        "state": DeliveryState.DEAD,
        "finished_at": now,
        "answer": not_sent(reason),
        "is_session_trouble": False,
    }


def not_sent(reason: str) -> str:
    """What a delivery says that a pause has ended before it began."""
    return f"not sent, the recipient is paused: {reason}"


def resume(connection: sa.Connection, address: str, now: dt.datetime) -> None:
    """Send digests there again, from the next one on."""
    connection.execute(
        paused_recipients.update()
        .where(paused_recipients.c.address == address)
        .values(resumed_at=now)
    )


def paused_of(connection: sa.Connection, addresses: Iterable[str]) -> dict[str, PausedRecipient]:
    """Who of these is paused now, by address as it is written here.

    A pause of an address in small letters counts however it is written.
    """
    wanted = set(addresses)
    query = sa.select(*columns(paused_recipients, PausedRecipient)).where(
        paused_recipients.c.resumed_at.is_(None)
    )
    found = {
        each.address: each
        for chunk in chunks(sorted(wanted | {address.lower() for address in wanted}))
        for each in records(
            connection, query.where(paused_recipients.c.address.in_(chunk)), PausedRecipient
        )
    }
    return {each.address: each for each in among(found, wanted)}


def among(paused: Mapping[str, PausedRecipient], addresses: Iterable[str]) -> list[PausedRecipient]:
    """Those of `addresses` that are paused, as `paused_of` has it; `paused` are all by address."""
    found = ((each, paused.get(each) or paused.get(each.lower())) for each in addresses)
    return [replace(one, address=address) for address, one in found if one]


def paused(connection: sa.Connection, address: str | None = None) -> dict[str, PausedRecipient]:
    """Who is paused now (of one address, or all), by address."""
    query = sa.select(*columns(paused_recipients, PausedRecipient)).where(
        paused_recipients.c.resumed_at.is_(None)
    )
    if address is not None:
        query = query.where(paused_recipients.c.address == address)
    found = records(connection, query.order_by(paused_recipients.c.address), PausedRecipient)
    return {each.address: each for each in found}


def last_resumed_at(connection: sa.Connection, address: str) -> dt.datetime | None:
    """When digests to this address were last let go again; None where that never was, or is not."""
    query = sa.select(paused_recipients.c.resumed_at).where(paused_recipients.c.address == address)
    return scalar(connection, query, dt.datetime)
