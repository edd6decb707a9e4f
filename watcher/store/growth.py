"""How many votes papers had some time ago, and since: read off the sightings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import sqlalchemy as sa

from watcher.models import VoteCount
from watcher.store.papers import chunks
from watcher.store.schema import sightings


def votes_at(
    connection: sa.Connection, paper_ids: Iterable[str], at: dt.datetime
) -> dict[str, VoteCount]:
    """The newest count seen by `at`, on whatever page; else the oldest one that was ever seen."""
    by_then = sa.func.max(sa.case((sightings.c.seen_at <= at, sightings.c.id)))
    found: dict[str, VoteCount] = {}
    for chunk in chunks(list(paper_ids)):
        chosen = (
            sa.select(sa.func.coalesce(by_then, sa.func.min(sightings.c.id)))
            .where(sightings.c.paper_id.in_(chunk), sightings.c.upvotes.is_not(None))
            .group_by(sightings.c.paper_id)
        )
        for row in connection.execute(sa.select(sightings).where(sightings.c.id.in_(chosen))):
            found[row.paper_id] = VoteCount(row.upvotes, row.seen_at)
    return found


def votes_since(
    connection: sa.Connection, paper_ids: Iterable[str], since: dt.datetime
) -> dict[str, tuple[VoteCount, ...]]:
    """The last count seen on each day (of UTC) since then, the oldest first."""
    by_day: dict[str, dict[dt.date, VoteCount]] = {}
    for chunk in chunks(list(paper_ids)):
        seen = sa.select(sightings).where(
            sightings.c.paper_id.in_(chunk),
            sightings.c.upvotes.is_not(None),
            sightings.c.seen_at >= since,
        )
        for row in connection.execute(seen.order_by(sightings.c.seen_at, sightings.c.id)):
            days = by_day.setdefault(row.paper_id, {})
            days[row.seen_at.date()] = VoteCount(row.upvotes, row.seen_at)
    return {paper_id: tuple(days.values()) for paper_id, days in by_day.items()}
