"""Which slots have come and are not closed yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from functools import cache
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from watcher import schedule
from watcher.pipeline.context import Context
from watcher.pipeline.freezing import DueSlot
from watcher.settings import SubscriptionSettings
from watcher.store import bounces, leaving, matches, slots, subscriptions
from watcher.store.subscriptions import ActiveSubscription

_LONG_AGO = dt.datetime.min.replace(tzinfo=dt.UTC)


def due_slots(
    context: Context,
    connection: sa.Connection,
    now: dt.datetime,
    *,
    check_id: int | None = None,
    manual_run: str | None = None,
    only: Collection[str] | None = None,
) -> list[DueSlot]:
    """The slots to be closed at `now`: of several missed ones, the latest."""
    active = subscriptions.active(connection, now, context.shard)
    calendar = _Calendar(now)
    found = []
    for subscription in context.subscriptions.values():
        row = active.get(subscription.id)
        if row is None or (only is not None and subscription.id not in only):
            continue
        zone = context.config.zone(subscription)
        slot = _slot(subscription, zone, row, calendar, check_id, manual_run)
        if slot is not None:
            found.append((subscription, slot))
    if not found:
        return []
    pending = matches.awaiting_digest(connection, shard=context.shard)
    addresses = (address for subscription, _ in found for address in subscription.to)
    paused = bounces.paused_of(connection, addresses).keys()
    left = leaving.left(connection, context.shard)
    all_are_reached = not (paused or left.by_pair)
    return [
        DueSlot(subscription, *slot, has_pending=subscription.id in pending)
        for subscription, slot in found
        # What matches for nobody who can be reached waits for somebody.
        if all_are_reached or not paused >= set(left.remaining(subscription.id, subscription.to))
    ]


class _Calendar:
    """What the cadences say at `now`, each looked at once: thousands have the same."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now
        self.cadence = cache(schedule.parse_cadence)
        self.latest = cache(self._latest)

    def _latest(self, digest: str, zone: ZoneInfo) -> dt.datetime | None:
        return schedule.latest_slot(self.cadence(digest), zone, after=_LONG_AGO, now=self.now)


def _slot(
    subscription: SubscriptionSettings,
    zone: ZoneInfo,
    row: ActiveSubscription,
    calendar: _Calendar,
    check_id: int | None,
    manual_run: str | None,
) -> tuple[str, dt.datetime] | None:
    now = calendar.now
    if manual_run is not None:
        return f"manual:{manual_run}", now
    if calendar.cadence(subscription.digest).is_each_check:
        return None if check_id is None else (f"check:{check_id}", now)
    at = calendar.latest(subscription.digest, zone)
    if at is None or at <= _closed_until(row.last_slot_at, row.known_at, now):
        return None
    return f"{at:%Y-%m-%dT%H:%M:%SZ}", at


def due_slot(
    connection: sa.Connection,
    subscription: SubscriptionSettings,
    zone: ZoneInfo,
    known_at: dt.datetime,
    now: dt.datetime,
) -> dt.datetime | None:
    """The latest scheduled slot that has come by `now` and is not closed yet."""
    after = _closed_until(slots.last_slot_at(connection, subscription.id, now), known_at, now)
    cadence = schedule.parse_cadence(subscription.digest)
    return schedule.latest_slot(cadence, zone, after=after, now=now)


def _closed_until(
    last_slot_at: dt.datetime | None, known_at: dt.datetime, now: dt.datetime
) -> dt.datetime:
    # A clock that was put back must not make a subscription wait for its own registration.
    return max(last_slot_at or min(known_at, now), min(known_at, now))
