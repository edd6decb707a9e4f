"""What pages without a period showed at the end of each day, and how a paper's votes went.

A day is one of UTC. Of each the last good listing counts, or the last one of a page that was read
in part.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from watcher.models import Outcome, VoteCount
from watcher.store.rows import scalar
from watcher.store.schema import checks, listing_papers, listings, papers, sightings

DAY = dt.timedelta(days=1)

MOST_COUNTS = 20_000
"""Votes of one paper that are read: the newest."""


@dataclass(frozen=True, slots=True)
class ShownPaper:
    """A paper on a page, with its votes as they were shown then."""

    id: str
    upvotes: int | None


@dataclass(frozen=True, slots=True)
class ShownDay:
    """What a page showed at the end of a day. `observed_at`: when it was first read like that."""

    on: dt.date
    observed_at: dt.datetime
    outcome: Outcome
    papers: tuple[ShownPaper, ...]


@dataclass(frozen=True, slots=True)
class Days:
    """The days on which it is known what a page showed, each with the listing; oldest first."""

    listing_ids: dict[dt.date, int]

    @property
    def oldest(self) -> dt.date | None:
        """The first of them."""
        return next(iter(self.listing_ids), None)

    @property
    def newest(self) -> dt.date | None:
        """The last of them."""
        return next(reversed(self.listing_ids), None)

    def before(self, day: dt.date) -> dt.date | None:
        """The one before that day."""
        return max((each for each in self.listing_ids if each < day), default=None)

    def after(self, day: dt.date) -> dt.date | None:
        """The one after that day."""
        return min((each for each in self.listing_ids if each > day), default=None)


@dataclass(frozen=True, slots=True)
class Tried:
    """How many checks there were in a time, and how many of them were good."""

    count: int
    good_count: int


def days(connection: sa.Connection, source: str) -> Days:
    """The days of which it is known what the source's page showed."""
    holds = sa.exists().where(listing_papers.c.listing_id == listings.c.id)
    query = (
        sa.select(listings.c.id, listings.c.observed_at, listings.c.outcome)
        .where(listings.c.source == source, listings.c.period == "")
        .where(sa.or_(holds, listings.c.outcome == Outcome.EMPTY))
    )
    found: dict[dt.date, tuple[bool, int]] = {}
    for row in connection.execute(query.order_by(listings.c.id)):
        day, rank = row.observed_at.date(), (Outcome(row.outcome).is_good, row.id)
        found[day] = max(found.get(day, rank), rank)
    by_day = {day: found[day][1] for day in sorted(found)}
    return Days(_with_unchanged(connection, source, by_day))


def _with_unchanged(
    connection: sa.Connection, source: str, by_day: dict[dt.date, int]
) -> dict[dt.date, int]:
    """Besides, the days of which every good check said that the page is as it was."""
    if not by_day:
        return {}
    day = sa.func.date(checks.c.started_at)
    if connection.dialect.name == "postgresql":
        day = sa.func.date(sa.func.timezone("UTC", checks.c.started_at))
    query = (
        sa.select(sa.cast(day, sa.Text), checks.c.outcome)
        .where(checks.c.source == source, checks.c.started_at >= _start(next(iter(by_day))))
        .where(checks.c.outcome.in_((Outcome.OK, Outcome.UNCHANGED, Outcome.EMPTY)))
        .distinct()
    )
    outcomes: dict[dt.date, set[str]] = {}
    for text, outcome in connection.execute(query):
        outcomes.setdefault(dt.date.fromisoformat(text), set()).add(outcome)
    whole: dict[dt.date, int] = {}
    last: int | None = None
    for each in sorted({*by_day, *outcomes}):
        if each in by_day:
            last = by_day[each]
        elif outcomes[each] != {Outcome.UNCHANGED}:
            last = None  # it was read, and what it showed was not kept
        if last is not None:
            whole[each] = last
    return whole


def day(connection: sa.Connection, known: Days, on: dt.date) -> ShownDay | None:
    """What was shown on one of the `known` days."""
    listing_id = known.listing_ids.get(on)
    row = connection.execute(sa.select(listings).where(listings.c.id == listing_id)).first()
    if row is None:
        return None
    ids = connection.scalars(
        sa.select(listing_papers.c.paper_id)
        .where(listing_papers.c.listing_id == row.id)
        .order_by(listing_papers.c.position)
    ).all()
    votes = _votes(connection, ids, row.source, row.observed_at)
    shown = tuple(ShownPaper(paper_id, votes.get(paper_id)) for paper_id in ids)
    return ShownDay(on, row.observed_at, Outcome(row.outcome), shown)


def _votes(
    connection: sa.Connection, paper_ids: Sequence[str], source: str, at: dt.datetime
) -> dict[str, int | None]:
    newest = (
        sa.select(sa.func.max(sightings.c.id))
        .where(
            sightings.c.paper_id.in_(paper_ids),
            sightings.c.source == source,
            sightings.c.seen_at <= at,
        )
        .group_by(sightings.c.paper_id)
    )
    query = sa.select(sightings.c.paper_id, sightings.c.upvotes).where(sightings.c.id.in_(newest))
    return {row.paper_id: row.upvotes for row in connection.execute(query)}


def tried(connection: sa.Connection, source: str, first: dt.date, last: dt.date) -> Tried:
    """The checks of a source from the first day to the last one, both included."""
    query = (
        sa.select(checks.c.outcome, sa.func.count())
        .where(
            checks.c.source == source,
            checks.c.started_at >= _start(first),
            checks.c.started_at < _start(last + DAY),
            checks.c.outcome.is_not(None),
        )
        .group_by(checks.c.outcome)
    )
    counts = Counter[str]()
    for outcome, count in connection.execute(query):
        counts[outcome] += count
    good = sum(count for outcome, count in counts.items() if Outcome(outcome).is_good)
    return Tried(counts.total(), good)


@dataclass(frozen=True, slots=True)
class SeenOn:
    """A source that showed a paper, first and last, as far as sightings are kept."""

    source: str
    first_at: dt.datetime
    last_at: dt.datetime


def seen_on(connection: sa.Connection, paper_id: str) -> list[SeenOn]:
    """The sources that showed the paper, the first one first."""
    first, last = sa.func.min(sightings.c.seen_at), sa.func.max(sightings.c.seen_at)
    query = (
        sa.select(sightings.c.source, first, last)
        .where(sightings.c.paper_id == paper_id)
        .group_by(sightings.c.source)
    )
    return sorted(
        (SeenOn(*row) for row in connection.execute(query)), key=lambda each: each.first_at
    )


def votes_of(connection: sa.Connection, paper_id: str) -> list[VoteCount]:
    """How many votes the paper had when, oldest first, whatever page said so."""
    query = (
        sa.select(sightings.c.upvotes, sightings.c.seen_at)
        .where(sightings.c.paper_id == paper_id, sightings.c.upvotes.is_not(None))
        .order_by(sightings.c.seen_at.desc(), sightings.c.id.desc())
        .limit(MOST_COUNTS)
    )
    return [VoteCount(count, at) for count, at in connection.execute(query)][::-1]


def pruned_at(connection: sa.Connection, paper_id: str) -> dt.datetime | None:
    """When the paper's abstract was let go."""
    return scalar(
        connection, sa.select(papers.c.pruned_at).where(papers.c.id == paper_id), dt.datetime
    )


def _start(on: dt.date) -> dt.datetime:
    return dt.datetime.combine(on, dt.time(), dt.UTC)
