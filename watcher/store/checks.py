"""Checks of sources, how the sources fare, and what their pages last said."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from watcher.models import Outcome
from watcher.store.rows import columns, insert, inserted_id, record, records, scalar, scalars
from watcher.store.schema import checks, listings, meta, pages, sources


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a source; `outcome` None: under way, or cut short."""

    id: int
    source: str
    started_at: dt.datetime
    finished_at: dt.datetime | None
    outcome: Outcome | None
    paper_count: int
    new_count: int
    error: str | None


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source fares: since when it is in trouble, and what the operator was told.

    `read_at` is when it last gave its papers, be it on a degraded page: what is missed since is
    caught up.
    """

    name: str
    last_good_at: dt.datetime | None = None
    read_at: dt.datetime | None = None
    trouble_at: dt.datetime | None = None
    trouble_count: int = 0
    degraded_count: int = 0
    told_at: dt.datetime | None = None
    not_before_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class KnownPage:
    """What a URL said when it was last read well."""

    url: str
    source: str
    etag: str | None
    last_modified: str | None
    body_hash: str
    fetched_at: dt.datetime
    paper_count: int
    outcome: Outcome


def start(
    connection: sa.Connection, source: str, now: dt.datetime, slot_at: dt.datetime | None = None
) -> int:
    """Record that a check begins, at the slot it was due where it is known; its id."""
    row = checks.insert().values(source=source, started_at=now, slot_at=slot_at)
    return inserted_id(connection, row.returning(checks.c.id))


def at_slot(connection: sa.Connection, slot_at: dt.datetime) -> list[Check]:
    """The checks that were due then and have begun."""
    query = sa.select(*columns(checks, Check)).where(checks.c.slot_at == slot_at)
    return records(connection, query.order_by(checks.c.id), Check)


def finish(
    connection: sa.Connection,
    check_id: int,
    outcome: Outcome,
    *,
    paper_count: int,
    new_count: int,
    error: str | None,
    now: dt.datetime,
) -> None:
    """Record what became of a check."""
    connection.execute(
        checks.update()
        .where(checks.c.id == check_id)
        .values(
            finished_at=now,
            outcome=outcome,
            paper_count=paper_count,
            new_count=new_count,
            error=error,
        )
    )


def good(connection: sa.Connection, check_ids: Iterable[int]) -> set[int]:
    """Those of the checks that ended well."""
    query = sa.select(checks.c.id, checks.c.outcome).where(checks.c.id.in_(list(check_ids)))
    return {
        row.id for row in connection.execute(query) if row.outcome and Outcome(row.outcome).is_good
    }


def recent(connection: sa.Connection, source: str | None = None, limit: int = 50) -> list[Check]:
    """Checks, newest first."""
    query = sa.select(*columns(checks, Check))
    if source is not None:
        query = query.where(checks.c.source == source)
    return records(connection, query.order_by(checks.c.id.desc()).limit(limit), Check)


def state(connection: sa.Connection, source: str) -> SourceState:
    """How the source fares; a blank state where it was never checked."""
    query = sa.select(*columns(sources, SourceState)).where(sources.c.name == source)
    return record(connection, query, SourceState) or SourceState(source)


def well(connection: sa.Connection) -> set[str]:
    """The names of the sources whose last check was good."""
    query = sa.select(sources.c.name).where(
        sources.c.last_good_at.is_not(None), sources.c.trouble_at.is_(None)
    )
    return set(scalars(connection, query, str))


def put_state(connection: sa.Connection, new: SourceState) -> None:
    """Store how the source fares."""
    connection.execute(sources.delete().where(sources.c.name == new.name))
    connection.execute(sources.insert().values(asdict(new)))


def page(connection: sa.Connection, url: str) -> KnownPage | None:
    """What the URL last said."""
    query = sa.select(*columns(pages, KnownPage)).where(pages.c.url == url)
    return record(connection, query, KnownPage)


def put_page(connection: sa.Connection, new: KnownPage) -> None:
    """Remember what a URL says."""
    forget_page(connection, new.url)
    connection.execute(pages.insert().values(asdict(new)))


def forget_page(connection: sa.Connection, url: str) -> None:
    """Ask for the whole page next time."""
    connection.execute(pages.delete().where(pages.c.url == url))


def get_meta(connection: sa.Connection, key: str) -> str | None:
    """One of the few facts that belong to no table."""
    return scalar(connection, sa.select(meta.c.value).where(meta.c.key == key), str)


def put_meta(connection: sa.Connection, key: str, value: str | None) -> None:
    """Set such a fact; None forgets it."""
    if value is None:
        connection.execute(meta.delete().where(meta.c.key == key))
    else:
        row = insert(connection, meta).values(key=key, value=value)
        connection.execute(
            row.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": value})
        )


def prune(connection: sa.Connection, before: dt.datetime) -> None:
    """Drop checks and pages from before then; checks that listings hang on stay."""
    # The newest stays in any case: an id must not come twice, slots are named by it.
    newest = sa.select(sa.func.max(checks.c.id)).group_by(checks.c.source)
    connection.execute(
        checks.delete().where(
            checks.c.started_at < before,
            checks.c.id.not_in(newest),
            checks.c.id.not_in(sa.select(listings.c.check_id)),
        )
    )
    connection.execute(pages.delete().where(pages.c.fetched_at < before))
