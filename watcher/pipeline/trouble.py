"""What a check's outcome means for people: the operator's mails, what digests tell."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import sqlalchemy as sa
import structlog

from watcher.digest import PapersSkipped, SourceDegraded, SourceRecovered
from watcher.models import Listing, Outage, Outcome, PageRequest
from watcher.pipeline.context import Context
from watcher.pipeline.notify import notify
from watcher.sources import Source
from watcher.store import checks, outages

log = structlog.get_logger(__name__)

GAP = dt.timedelta(hours=24)
"""A source without dates that was not read for this long may have shown papers nobody saw."""

DEGRADED_CHECKS = 3
FAILED_FOR = dt.timedelta(hours=6)


def follow(before: checks.SourceState, outcome: Outcome, now: dt.datetime) -> checks.SourceState:
    """How the source fares after one more check."""
    if outcome.is_good:
        return checks.SourceState(before.name, last_good_at=now, read_at=before.read_at)
    is_degraded = outcome is Outcome.DEGRADED
    return replace(
        before,
        trouble_at=before.trouble_at or now,
        trouble_count=before.trouble_count + 1,
        degraded_count=before.degraded_count + 1 if is_degraded else 0,
    )


def is_telling(state: checks.SourceState, outcome: Outcome, now: dt.datetime) -> bool:
    """Whether the operator should hear of it: a changed page soon, an outage when it lasts.

    Of each kind of trouble they hear once until the source is well: the notice's key sees to it.
    """
    if state.trouble_at is None:
        return False
    if outcome is Outcome.DEGRADED:
        return state.degraded_count >= DEGRADED_CHECKS
    if outcome is Outcome.BLOCKED:
        return state.trouble_count >= DEGRADED_CHECKS
    return state.trouble_count >= DEGRADED_CHECKS and state.trouble_at + FAILED_FOR <= now


def tell(
    context: Context,
    connection: sa.Connection,
    source: Source,
    outcome: Outcome,
    error: str | None,
    before: checks.SourceState,
    after: checks.SourceState,
    now: dt.datetime,
) -> checks.SourceState:
    """Write to the operator when trouble lasts, and when it is over; how the source stands then."""
    since = before.trouble_at or now
    key = f"{source.name}:{since:%Y-%m-%dT%H:%M:%S}"
    if outcome.is_good:
        if before.told_at is not None:
            well = SourceRecovered(source.name, since, now)
            notify(context, connection, f"recovered:{key}", well, now)
        return after
    if is_telling(after, outcome, now):
        trouble = SourceDegraded(
            source=source.name,
            outcome=outcome,
            since_at=after.trouble_at or now,
            reasons=(error or "no reason given",),
            check_count=after.trouble_count,
        )
        notify(context, connection, f"{outcome}:{key}", trouble, now)
        return replace(after, told_at=after.told_at or now)
    return after


def tell_of_skipped(
    context: Context, connection: sa.Connection, listing: Listing, now: dt.datetime
) -> None:
    """Write to the operator, once a day, of records that could not become papers."""
    for skipped in listing.skipped:
        log.warning(
            "record skipped",
            source=listing.source,
            position=skipped.position,
            reason=skipped.reason,
        )
    notice = PapersSkipped(listing.source, listing.url, listing.skipped)
    notify(context, connection, f"skipped:{listing.source}:{now:%Y-%m-%d}", notice, now)


def keep_outage(
    connection: sa.Connection,
    source: Source,
    before: checks.SourceState,
    requests: tuple[PageRequest, ...],
    now: dt.datetime,
) -> None:
    """Where a check ends an outage, keep that for the digests."""
    last = before.read_at
    if last is None or last + GAP > now:
        return
    if not source.is_dated:
        outages.keep(connection, Outage(source.name, last, now))
        return
    caught_up = [
        r.period
        for r in requests
        if r.period and last < r.period.start_at and r.period.end_at <= now
    ]
    if caught_up:
        unit = caught_up[0].kind
        outages.keep(connection, Outage(source.name, last, now, unit, len(caught_up)))
