"""What people did by links in mails: who is never to be written to, which were used up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from watcher.models import DeliveryState
from watcher.store import bounces, letters
from watcher.store.papers import chunks
from watcher.store.rows import columns, insert, is_inserted, records, scalars
from watcher.store.schema import (
    deliveries,
    paused_recipients,
    spent_links,
    suppressed_addresses,
)

NEVER = "asked never to be written to again"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An address, in small letters, that is never to be written to."""

    address: str
    suppressed_at: dt.datetime


def suppress(connection: sa.Connection, address: str, now: dt.datetime) -> bool:
    """Never write to that address again: no digest, no confirmation; False where it was so before.

    However it is written: what waits for it in other letters is not sent either. Nor is what the
    pages would still have sent there, or to a mailbox that is the same.
    """
    low = address.lower()
    letters.cancel(connection, lambda to: low in {to.lower(), mailbox_of(to)})
    row = insert(connection, suppressed_addresses).values(address=low, suppressed_at=now)
    is_new = is_inserted(connection, row, suppressed_addresses.c.address)
    waiting = sa.select(deliveries.c.recipient).distinct()
    waiting = waiting.where(
        deliveries.c.state == DeliveryState.QUEUED, sa.func.lower(deliveries.c.recipient) == low
    )
    for each in {low, *scalars(connection, waiting, str)}:
        if is_new:
            bounces.resume(connection, each, now)  # from a pause for another reason
        bounces.pause(connection, each, NEVER, now)
    return is_new


def unsuppress(connection: sa.Connection, address: str, now: dt.datetime) -> bool:
    """Let that address be written to again; False where it might be."""
    low = address.lower()
    gone = suppressed_addresses.delete().where(suppressed_addresses.c.address == low)
    if not connection.execute(gone).rowcount:
        return False
    connection.execute(
        paused_recipients.update()
        .where(sa.func.lower(paused_recipients.c.address) == low)
        .where(paused_recipients.c.reason == NEVER)
        .values(resumed_at=now)
    )
    return True


def suppressed(connection: sa.Connection) -> list[Suppressed]:
    """All of them, by address."""
    query = sa.select(*columns(suppressed_addresses, Suppressed))
    return list(records(connection, query.order_by(suppressed_addresses.c.address), Suppressed))


def suppressed_of(connection: sa.Connection, addresses: Iterable[str]) -> list[str]:
    """Those of `addresses` that are never to be written to, as they are written here."""
    wanted = {address: address.lower() for address in addresses}
    found: set[str] = set()
    for chunk in chunks(sorted(set(wanted.values()))):
        query = sa.select(suppressed_addresses.c.address)
        found.update(
            scalars(connection, query.where(suppressed_addresses.c.address.in_(chunk)), str)
        )
    return [address for address, low in wanted.items() if low in found]


def is_suppressed(connection: sa.Connection, address: str) -> bool:
    """Whether that address, in whatever letters, is never to be written to."""
    query = sa.select(suppressed_addresses.c.address)
    query = query.where(suppressed_addresses.c.address == address.lower())
    return connection.scalar(query) is not None


def mailbox_of(address: str) -> str:
    """The address, in small letters, without what stands behind a + in it (RFC 5233): with many
    servers all such addresses are one mailbox, and anybody can think of more of them.
    """
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def may_be_asked(connection: sa.Connection, address: str) -> bool:
    """Whether a mail may go to that address because somebody asked: not to who wants none."""
    return not suppressed_of(connection, (address, mailbox_of(address)))


def spend(connection: sa.Connection, digest: str, now: dt.datetime) -> bool:
    """Use a link that works once, by a hash of it; False where it was used before."""
    row = insert(connection, spent_links).values(digest=digest, spent_at=now)
    return is_inserted(connection, row, spent_links.c.digest)


def prune(connection: sa.Connection, before: dt.datetime) -> None:
    """Forget links that were used before then, which their age has ended since."""
    connection.execute(spent_links.delete().where(spent_links.c.spent_at < before))
