"""The processes that work on one database, each with its sign of life."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from watcher.store.rows import columns, insert, records
from watcher.store.schema import replicas


@dataclass(frozen=True, slots=True)
class Replica:
    """One process, and when it last said that it is there. `id` is its lease token."""

    id: str
    role: str
    host: str
    pid: int
    version: str
    started_at: dt.datetime
    beat_at: dt.datetime


def put(connection: sa.Connection, replica: Replica) -> None:
    """Leave a sign of life."""
    row = insert(connection, replicas).values(asdict(replica))
    connection.execute(
        row.on_conflict_do_update(index_elements=[replicas.c.id], set_={"beat_at": replica.beat_at})
    )


def remove(connection: sa.Connection, replica_id: str) -> None:
    """It ends in order."""
    connection.execute(replicas.delete().where(replicas.c.id == replica_id))


def alive(connection: sa.Connection, since: dt.datetime) -> list[Replica]:
    """Those that gave a sign at or after `since`, the longest running first."""
    query = sa.select(*columns(replicas, Replica)).where(replicas.c.beat_at >= since)
    return records(connection, query.order_by(replicas.c.started_at, replicas.c.id), Replica)


def prune(connection: sa.Connection, before: dt.datetime) -> None:
    """Forget those that gave no sign since."""
    connection.execute(replicas.delete().where(replicas.c.beat_at < before))
