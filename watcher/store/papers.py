"""Papers, what was seen of them when, and the listings that hold them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from watcher.models import (
    FieldCoverage,
    FirstSeen,
    Listing,
    MatchState,
    Outcome,
    Paper,
    Period,
    StoredPaper,
)
from watcher.store.rows import inserted_id, scalars
from watcher.store.schema import listing_papers, listings, matches, papers, sightings

T = TypeVar("T")

MEASURED = 10
"""Good listings that tell what is usual for a source."""

SEEN_AGAIN = dt.timedelta(hours=12)
"""A paper that stays as it is leaves a sighting this often: it has not gone and come back."""

CHUNK = 500
"""Ids in one `IN`, below SQLite's bound on variables in every build."""


@dataclass(frozen=True, slots=True)
class CurrentListing:
    """A listing as matching needs it: where it comes from and which papers it holds."""

    id: int
    check_id: int
    source: str
    period: Period | None
    outcome: Outcome
    paper_ids: tuple[str, ...]


def observe(
    connection: sa.Connection,
    listing: Listing,
    *,
    check_id: int,
    outcome: Outcome,
    is_whole: bool,
    coverage: FieldCoverage,
) -> int:
    """Store a listing, still unmatched, with its papers and sightings; how many papers were new."""
    now = listing.observed_at
    new_count = merge(connection, listing.papers, now)
    _sight(connection, listing)
    listing_id = inserted_id(
        connection,
        listings.insert()
        .values(
            check_id=check_id,
            source=listing.source,
            period=listing.period.key if listing.period else "",
            observed_at=now,
            outcome=outcome,
            is_whole=is_whole,
            coverage=_encode(coverage),
        )
        .returning(listings.c.id),
    )
    if listing.papers:
        connection.execute(
            listing_papers.insert(),
            [
                {"listing_id": listing_id, "paper_id": paper.id, "position": position}
                for position, paper in enumerate(listing.papers)
            ],
        )
    return new_count


def merge(connection: sa.Connection, seen: Iterable[Paper], now: dt.datetime) -> int:
    """Bring the stored facts up to date; how many papers were not known before."""
    by_id = {paper.id: paper for paper in seen}
    known = load(connection, by_id)
    fresh = [paper for paper in by_id.values() if paper.id not in known]
    if fresh:
        connection.execute(
            papers.insert(),
            [
                {
                    "id": paper.id,
                    "title": paper.title,
                    "facts": _encode(paper),
                    "first_facts": _encode(_first(paper)),
                    "first_seen_at": now,
                    "facts_at": now,
                }
                for paper in fresh
            ],
        )
    for paper_id, stored in known.items():
        merged = stored.paper.merged_with(by_id[paper_id])
        changes: dict[str, object] = {"facts_at": now}
        if merged != stored.paper:
            changes |= {"title": merged.title, "facts": _encode(merged), "pruned_at": None}
            if merged.texts != stored.paper.texts:
                changes["indexed_at"] = None
        # A card without votes is not a card with none: the first count seen is the first. But
        # what had no code had no stars either.
        was, first = stored.first_seen, _first(merged)
        had_stars = was.stars is not None or was.has_code is False
        filled = FirstSeen(
            upvotes=first.upvotes if was.upvotes is None else was.upvotes,
            stars=was.stars if had_stars else first.stars,
            has_code=first.has_code if was.has_code is None else was.has_code,
        )
        if filled != was:
            changes["first_facts"] = _encode(filled)
        if len(changes) > 1 or stored.facts_at != now:
            connection.execute(papers.update().where(papers.c.id == paper_id).values(changes))
    return len(fresh)


def _first(paper: Paper) -> FirstSeen:
    has_code = paper.code_url is not None
    return FirstSeen(
        paper.upvotes, paper.star_count, has_code if has_code or paper.is_full else None
    )


def _sight(connection: sa.Connection, listing: Listing) -> None:
    now = listing.observed_at
    latest: dict[str, tuple[int | None, ...]] = {}
    for chunk in chunks([paper.id for paper in listing.papers]):
        newest = (
            sa.select(sa.func.max(sightings.c.id))
            .where(sightings.c.paper_id.in_(chunk), sightings.c.source == listing.source)
            .group_by(sightings.c.paper_id)
        )
        rows = connection.execute(sa.select(sightings).where(sightings.c.id.in_(newest)))
        latest |= {
            r.paper_id: (r.upvotes, r.comment_count, r.star_count)
            for r in rows
            if now - SEEN_AGAIN < r.seen_at <= now
        }
    changed = [
        {
            "paper_id": paper.id,
            "source": listing.source,
            "seen_at": now,
            "upvotes": paper.upvotes,
            "comment_count": paper.comment_count,
            "star_count": paper.star_count,
        }
        for paper in listing.papers
        if latest.get(paper.id) != (paper.upvotes, paper.comment_count, paper.star_count)
    ]
    if changed:
        connection.execute(sightings.insert(), changed)


def load(connection: sa.Connection, paper_ids: Iterable[str]) -> dict[str, StoredPaper]:
    """The stored papers among `paper_ids`, by id."""
    found: dict[str, StoredPaper] = {}
    for chunk in chunks(list(paper_ids)):
        for row in connection.execute(sa.select(papers).where(papers.c.id.in_(chunk))):
            found[row.id] = _stored(row)
    return found


def find(connection: sa.Connection, words: Sequence[str], limit: int = 10) -> list[StoredPaper]:
    """Papers whose title holds all the words, whatever their case; newest first."""
    conditions = [papers.c.title.icontains(word, autoescape=True) for word in words]
    query = sa.select(papers).where(*conditions).order_by(papers.c.first_seen_at.desc())
    return [_stored(row) for row in connection.execute(query.limit(limit))]


def seen_since(connection: sa.Connection, since: dt.datetime, limit: int) -> list[StoredPaper]:
    """Papers first stored at or after `since`, newest first."""
    query = sa.select(papers).where(papers.c.first_seen_at >= since)
    rows = connection.execute(query.order_by(papers.c.first_seen_at.desc()).limit(limit))
    return [_stored(row) for row in rows]


def sources_since(connection: sa.Connection, since: dt.datetime) -> dict[str, frozenset[str]]:
    """Which sources have shown a paper at or after `since`, by the paper's id."""
    query = sa.select(sightings.c.paper_id, sightings.c.source).where(sightings.c.seen_at >= since)
    shown: dict[str, set[str]] = {}
    for row in connection.execute(query.distinct()):
        shown.setdefault(row.paper_id, set()).add(row.source)
    return {paper_id: frozenset(names) for paper_id, names in shown.items()}


def count_since(connection: sa.Connection, since: dt.datetime | None = None) -> int:
    """How many papers were first stored at or after `since` (None: ever)."""
    query = sa.select(sa.func.count()).select_from(papers)
    if since is not None:
        query = query.where(papers.c.first_seen_at >= since)
    return int(connection.scalar(query) or 0)


def mark_asked(connection: sa.Connection, paper_ids: Iterable[str], now: dt.datetime) -> None:
    """Note that the API was asked for these papers one by one."""
    for chunk in chunks(list(paper_ids)):
        connection.execute(papers.update().where(papers.c.id.in_(chunk)).values(asked_at=now))


def not_asked_since(
    connection: sa.Connection, paper_ids: Iterable[str], since: dt.datetime
) -> list[str]:
    """Those of `paper_ids` for which the API was not asked since."""
    found: list[str] = []
    for chunk in chunks(sorted(paper_ids)):
        query = sa.select(papers.c.id).where(
            papers.c.id.in_(chunk), sa.or_(papers.c.asked_at.is_(None), papers.c.asked_at < since)
        )
        found += connection.scalars(query.order_by(papers.c.id))
    return found


def listings_to_match(
    connection: sa.Connection, now: dt.datetime, tail: dt.timedelta, *, leftover_only: bool = False
) -> list[CurrentListing]:
    """The unmatched listings, and the current ones: of each source and period the latest.

    A dated source's listing is current until `tail` after its period ended. Oldest first.
    """
    latest = sa.select(sa.func.max(listings.c.id)).group_by(listings.c.source, listings.c.period)
    unmatched = listings.c.matched_at.is_(None)
    query = sa.select(listings).where(
        unmatched if leftover_only else sa.or_(unmatched, listings.c.id.in_(latest))
    )
    found = []
    for row in connection.execute(query.order_by(listings.c.id)).all():
        period = Period.parse(row.period) if row.period else None
        if row.matched_at is not None and period is not None and period.end_at + tail <= now:
            continue
        ids = connection.scalars(
            sa.select(listing_papers.c.paper_id)
            .where(listing_papers.c.listing_id == row.id)
            .order_by(listing_papers.c.position)
        )
        found.append(
            CurrentListing(
                row.id, row.check_id, row.source, period, Outcome(row.outcome), tuple(ids)
            )
        )
    return found


def has_unmatched(connection: sa.Connection) -> bool:
    """Whether any listing was observed and not matched yet."""
    query = sa.select(listings.c.id).where(listings.c.matched_at.is_(None)).limit(1)
    return connection.scalar(query) is not None


def newest_listing(connection: sa.Connection) -> int:
    """The id of the listing that was observed last; 0 before the first."""
    return int(connection.scalar(sa.select(sa.func.max(listings.c.id))) or 0)


def unmatched(connection: sa.Connection, *, upto: int) -> list[int]:
    """The ids of the listings that were observed and not matched yet, `upto` that id."""
    query = sa.select(listings.c.id).where(listings.c.matched_at.is_(None), listings.c.id <= upto)
    return list(scalars(connection, query.order_by(listings.c.id), int))


def mark_matched(connection: sa.Connection, matched: Iterable[int], now: dt.datetime) -> None:
    """Close listings; those that a later one of their source and period replaced are let go.

    Of each outcome the newest stay without their papers: `baseline` measures by them. What a page
    without a period showed at the end of each day (of UTC) stays whole.
    """
    ids = list(matched)
    for chunk in chunks(ids):
        connection.execute(
            listings.update()
            .where(listings.c.id.in_(chunk), listings.c.matched_at.is_(None))
            .values(matched_at=now)
        )
    kinds: set[tuple[str, str]] = set()
    for chunk in chunks(ids):
        query = sa.select(listings.c.source, listings.c.period).where(listings.c.id.in_(chunk))
        kinds |= {(row.source, row.period) for row in connection.execute(query)}
    for source, period in kinds:
        _let_go(connection, source, period)


def _let_go(connection: sa.Connection, source: str, period: str) -> None:
    query = sa.select(
        listings.c.id, listings.c.outcome, listings.c.matched_at, listings.c.observed_at
    ).where(listings.c.source == source, listings.c.period == period)
    kept: Counter[str] = Counter()
    ended: set[tuple[dt.date, str]] = set()
    for number, row in enumerate(connection.execute(query.order_by(listings.c.id.desc())).all()):
        day = row.observed_at.date(), row.outcome
        is_last = not period and day not in ended
        ended.add(day)
        if number == 0 or row.matched_at is None:
            continue
        kept[row.outcome] += 1
        if is_last:
            continue
        if kept[row.outcome] > (1 if period else MEASURED):
            connection.execute(listings.delete().where(listings.c.id == row.id))
        else:
            of_it = listing_papers.c.listing_id == row.id
            connection.execute(listing_papers.delete().where(of_it))


def baseline(
    connection: sa.Connection, source: str, *, whole_only: bool, since: dt.datetime
) -> list[FieldCoverage]:
    """What the source's good listings looked like since then, newest first.

    One per period for a dated source (its latest), so that a day read fifty times counts once.
    """
    query = sa.select(listings.c.coverage).where(
        listings.c.source == source,
        listings.c.outcome == Outcome.OK,
        listings.c.observed_at >= since,
    )
    if whole_only:
        query = query.where(listings.c.is_whole)
    dated = query.where(
        listings.c.id.in_(
            sa.select(sa.func.max(listings.c.id))
            .where(listings.c.outcome == Outcome.OK)
            .group_by(listings.c.source, listings.c.period)
        ),
        listings.c.period != "",
    )
    undated = query.where(listings.c.period == "")
    for chosen in (dated, undated):
        rows = connection.scalars(chosen.order_by(listings.c.id.desc()).limit(MEASURED)).all()
        if rows:
            return [msgspec.json.decode(row, type=FieldCoverage) for row in rows]
    return []


def prune(connection: sa.Connection, before: dt.datetime, now: dt.datetime) -> int:
    """Drop abstracts and sightings older than `before`; ids and titles stay for ever.

    What still waits for its digest stays whole: the rules will be asked again.
    """
    latest = sa.select(sa.func.max(listings.c.id)).group_by(listings.c.source)
    connection.execute(
        listings.delete().where(
            listings.c.observed_at < before,
            listings.c.matched_at.is_not(None),
            listings.c.id.not_in(latest),
        )
    )
    connection.execute(sightings.delete().where(sightings.c.seen_at < before))
    waiting = sa.select(matches.c.paper_id).where(
        matches.c.state.in_((MatchState.PENDING, MatchState.UNDECIDED))
    )
    rows = connection.execute(
        sa.select(papers).where(
            papers.c.facts_at < before, papers.c.pruned_at.is_(None), papers.c.id.not_in(waiting)
        )
    ).all()
    for row in rows:
        bare = replace(_stored(row).paper, abstract=None, summary=None)
        connection.execute(
            papers.update()
            .where(papers.c.id == row.id)
            .values(facts=_encode(bare), pruned_at=now, indexed_at=None)
        )
    return len(rows)


def _stored(row: sa.Row[tuple[object, ...]]) -> StoredPaper:
    return StoredPaper(
        paper=msgspec.json.decode(row.facts, type=Paper),
        first_seen=msgspec.json.decode(row.first_facts, type=FirstSeen),
        first_seen_at=row.first_seen_at,
        facts_at=row.facts_at,
    )


def _encode(record: Paper | FirstSeen | FieldCoverage) -> str:
    return msgspec.json.encode(record).decode()


def chunks(ids: Sequence[T]) -> Iterable[Sequence[T]]:
    """The ids in parts that fit into one `IN`."""
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
