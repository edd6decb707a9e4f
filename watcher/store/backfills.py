"""Which rules have looked back: once each, as they are worded now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence

import sqlalchemy as sa

from watcher.store.papers import chunks
from watcher.store.rows import scalars
from watcher.store.schema import backfills, papers, sightings
from watcher.store.shards import Shard, within


def done(connection: sa.Connection, shard: Shard | None = None) -> set[tuple[str, str]]:
    """The (subscription id, wording) pairs (of a shard, or all) of the rules that looked back."""
    query = sa.select(backfills.c.subscription_id, backfills.c.wording)
    rows = connection.execute(query.where(within(backfills.c.subscription_id, shard)))
    return {(row.subscription_id, row.wording) for row in rows}


def mark_done(
    connection: sa.Connection, looked: Iterable[tuple[str, str]], now: dt.datetime
) -> None:
    """Note that these have."""
    rows = [{"subscription_id": s, "wording": w, "done_at": now} for s, w in looked]
    if rows:
        connection.execute(backfills.insert(), rows)


def forget(connection: sa.Connection, gone: Iterable[tuple[str, str]]) -> None:
    """Drop wordings that are no longer in force: a rule that is put back looks back again."""
    for subscription_id, wording in gone:
        connection.execute(
            backfills.delete().where(
                backfills.c.subscription_id == subscription_id, backfills.c.wording == wording
            )
        )


def ids_since(connection: sa.Connection, since: dt.datetime) -> Sequence[str]:
    """The papers first seen at or after `since`, oldest first."""
    query = sa.select(papers.c.id).where(papers.c.first_seen_at >= since)
    return scalars(connection, query.order_by(papers.c.first_seen_at, papers.c.id), str)


def seen_on(connection: sa.Connection, paper_ids: Collection[str]) -> dict[str, set[str]]:
    """The sources on which papers were seen, as far as sightings are kept."""
    found: dict[str, set[str]] = {}
    for chunk in chunks(list(paper_ids)):
        query = sa.select(sightings.c.paper_id, sightings.c.source).distinct()
        for row in connection.execute(query.where(sightings.c.paper_id.in_(chunk))):
            found.setdefault(row.paper_id, set()).add(row.source)
    return found
