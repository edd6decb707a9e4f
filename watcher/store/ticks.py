"""What was due when, taken on once: whoever writes the tick first has it to do."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from watcher.store.rows import insert, scalar
from watcher.store.schema import ticks


def take(connection: sa.Connection, job: str, slot_at: dt.datetime, now: dt.datetime) -> bool:
    """Take a job's slot on; False where somebody did before."""
    row = insert(connection, ticks).values(job=job, slot_at=slot_at, ticked_at=now)
    return connection.scalar(row.on_conflict_do_nothing().returning(ticks.c.job)) is not None


def taken_at(connection: sa.Connection, job: str, slot_at: dt.datetime) -> dt.datetime | None:
    """When a job's slot was taken on; None where it was not yet."""
    query = sa.select(ticks.c.ticked_at).where(ticks.c.job == job, ticks.c.slot_at == slot_at)
    return scalar(connection, query, dt.datetime)


def last(connection: sa.Connection, job: str) -> dt.datetime | None:
    """The latest slot of a job that was taken on."""
    query = sa.select(sa.func.max(ticks.c.slot_at)).where(ticks.c.job == job)
    return scalar(connection, query, dt.datetime)


def prune(connection: sa.Connection, before: dt.datetime) -> None:
    """Drop ticks from before then; the latest of each job stays."""
    newest = sa.select(ticks.c.job, sa.func.max(ticks.c.slot_at)).group_by(ticks.c.job)
    connection.execute(
        ticks.delete().where(
            ticks.c.slot_at < before, sa.tuple_(ticks.c.job, ticks.c.slot_at).not_in(newest)
        )
    )
