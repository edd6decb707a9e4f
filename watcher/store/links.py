"""What people did by links in mails: who is never to be written to, which were used up."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from watcher.store import bounces
from watcher.store.rows import insert
from watcher.store.schema import spent_links, suppressed_addresses

NEVER = "asked never to be written to again"


def suppress(connection: sa.Connection, address: str, now: dt.datetime) -> None:
    """Never write to that address again: no digest, no confirmation."""
    row = insert(connection, suppressed_addresses).values(
        address=address.lower(), suppressed_at=now
    )
    connection.execute(row.on_conflict_do_nothing())
    bounces.pause(connection, address, NEVER, now)


def is_suppressed(connection: sa.Connection, address: str) -> bool:
    """Whether that address, in whatever letters, is never to be written to."""
    query = sa.select(suppressed_addresses.c.address)
    query = query.where(suppressed_addresses.c.address == address.lower())
    return connection.scalar(query) is not None


def spend(connection: sa.Connection, digest: str, now: dt.datetime) -> bool:
    """Use a link that works once, by a hash of it; False where it was used before."""
    row = insert(connection, spent_links).values(digest=digest, spent_at=now)
    return bool(connection.execute(row.on_conflict_do_nothing()).rowcount)


def prune(connection: sa.Connection, before: dt.datetime) -> None:
    """Forget links that were used before then, which their age has ended since."""
    connection.execute(spent_links.delete().where(spent_links.c.spent_at < before))
