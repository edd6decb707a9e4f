"""When sources could not be read, for the digests of those who read them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import asdict

import sqlalchemy as sa

from watcher.models import Failure, Outage, Outcome
from watcher.store.rows import columns, records
from watcher.store.schema import checks, outages

_BAD = [outcome.value for outcome in Outcome if not outcome.is_good]


def keep(connection: sa.Connection, outage: Outage) -> None:
    """Keep an outage that has ended, for the next digests."""
    connection.execute(outages.insert().values(asdict(outage)))


def ended_since(
    connection: sa.Connection, names: Collection[str], since: dt.datetime
) -> tuple[Outage, ...]:
    """The outages of these sources that ended after `since`, oldest first."""
    query = sa.select(*columns(outages, Outage)).where(
        outages.c.source.in_(names), outages.c.until_at > since
    )
    return tuple(records(connection, query.order_by(outages.c.id), Outage))


def failures_since(
    connection: sa.Connection, names: Collection[str], since: dt.datetime
) -> tuple[Failure, ...]:
    """The stretches of checks after `since` none of which was good, by source, oldest first."""
    concerned = (checks.c.source.in_(names), checks.c.started_at > since)
    bad = sa.select(checks.c.source).where(*concerned, checks.c.outcome.in_(_BAD)).distinct()
    troubled = connection.scalars(bad).all()
    if not troubled:
        return ()
    query = (
        sa.select(checks.c.source, checks.c.started_at, checks.c.outcome)
        .where(*concerned, checks.c.source.in_(troubled), checks.c.outcome.is_not(None))
        .order_by(checks.c.source, checks.c.id)
    )
    found: list[Failure] = []
    for source, at, outcome in connection.execute(query):
        last = found[-1] if found and found[-1].source == source else None
        if last is not None and last.until_at is None:
            if Outcome(outcome).is_good:
                found[-1] = Failure(source, last.since_at, at, is_degraded=last.is_degraded)
            elif last.is_degraded and outcome != Outcome.DEGRADED:
                found[-1] = Failure(source, last.since_at)
        elif not Outcome(outcome).is_good:
            found.append(Failure(source, at, is_degraded=outcome == Outcome.DEGRADED))
    return tuple(found)


def prune(connection: sa.Connection, before: dt.datetime) -> None:
    """Drop the outages that ended before then."""
    connection.execute(outages.delete().where(outages.c.until_at < before))
