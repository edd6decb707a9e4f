"""Composing in shards: after a check, and where the slot of some cadence has come."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable

import sqlalchemy as sa

from watcher import schedule
from watcher.engine import CHECKS_WITHIN
from watcher.fleet.dividing import COMPLETE, COMPOSE, MATCH, SETTLE, divide, is_left
from watcher.fleet.queue import Queue
from watcher.fleet.rules import ShardRules
from watcher.pipeline import upkeep
from watcher.pipeline.compose import compose, open_session
from watcher.pipeline.context import Context
from watcher.pipeline.deliver import CLAIMED
from watcher.pipeline.indexing import index
from watcher.steps import Step
from watcher.store import checks, matches, papers, sending, shards, subscriptions, ticks
from watcher.store.shards import Shard

CHECK = "check"
COMPOSED_CHECK = "composed-check"
"""The newest check that digests for each check were composed after."""

LOOKED = "composed-at"
"""In `meta`: all slots that had come by then are closed."""

FAILED = "composed-not"
"""In `meta` where the composing under way has left some slot open."""

LOOK_EVERY = dt.timedelta(minutes=15)
"""What is not due by its cadence alone, after a pause say, is looked for so often."""

SOON = dt.timedelta(seconds=1)

DELIVERING = 8
"""Jobs that deliver at once, of all workers together."""

OF_CHECK = "check:"


class Composing:
    """Composing over the rules of shards, of about `shard_size` subscriptions each."""

    def __init__(self, queue: Queue, rules: ShardRules, shard_size: int) -> None:
        self._queue, self._rules, self._shard_size = queue, rules, shard_size

    async def plan(self, context: Context, now: dt.datetime) -> None:
        """Divide the composing of what has come by now, if anything has. Raises StoreError.

        While no mail can be sent, and until the checks that were due are through, there is none.
        """

        def look(connection: sa.Connection) -> tuple[bool, int | None, bool]:
            check_id, is_ready = _readiness(context, connection, now)
            is_due = check_id is not None or _has_come(context, connection, now)
            is_wanted = is_due and not is_left(connection, COMPOSE)
            return is_wanted, check_id, is_ready

        is_wanted, check_id, is_ready = await context.read(look)
        if not is_wanted:
            return
        if not is_ready:
            await context.write(lambda found: self._queue.put(found, COMPOSE, after=SOON))
            return
        if await context.read(matches.has_pending) and await open_session(context, now):
            return
        slot = f"{now:%Y-%m-%dT%H:%M:%SZ}" if check_id is None else f"{OF_CHECK}{check_id}"

        def step(connection: sa.Connection) -> None:
            if not is_left(connection, COMPOSE):
                checks.put_meta(connection, FAILED, None)
                divide(self._queue, connection, COMPOSE, slot, self._shard_size, now)

        await context.write(step)

    async def compose(
        self,
        context: Context,
        slot: str,
        shard: Shard,
        now: dt.datetime,
        stop: asyncio.Event,
        progressed: Callable[[], None],
    ) -> None:
        """Close the slots of a shard that have come. Raises StoreError."""
        part = await context.read(lambda found: shards.find(found, COMPOSE, slot, shard))
        if part is None:
            return
        check_id = int(slot.removeprefix(OF_CHECK)) if slot.startswith(OF_CHECK) else None
        while True:
            narrowed = await self._rules.narrowed(context, shard)
            composed = await compose(
                narrowed, now, check_id=check_id, is_open=True, stop=stop, progressed=progressed
            )
            if stop.is_set():  # the part is left, for others
                return
            if not composed.is_outdated:
                break

        def end(connection: sa.Connection) -> None:
            shards.done(connection, COMPOSE, slot, shard)
            if composed.failed:
                checks.put_meta(connection, FAILED, "yes")
            put_deliveries(self._queue, connection, now)

        await context.write(end, alone=False)
        if shard.number == 0:
            await context.write(
                lambda connection: upkeep.prune(context, connection, now), Step.PRUNED
            )
            await context.write(lambda connection: upkeep.reassure(narrowed, connection, now))
            await index(context)
        if not await context.read(lambda found: is_left(found, COMPOSE)):
            await context.write(lambda found: self._close(found, check_id, part.planned_at))

    def _close(
        self, connection: sa.Connection, check_id: int | None, planned_at: dt.datetime
    ) -> None:
        """Note that all shards are through."""
        if is_left(connection, COMPOSE):
            return
        if check_id is not None:
            checks.put_meta(connection, COMPOSED_CHECK, str(check_id))
        if checks.get_meta(connection, FAILED) is None:  # else a later minute tries again
            checks.put_meta(connection, LOOKED, planned_at.isoformat())
            self._queue.put(connection, COMPOSE)  # for what has come meanwhile


def _has_come(context: Context, connection: sa.Connection, now: dt.datetime) -> bool:
    """Whether a slot of some cadence has come since all were looked at, or that is long ago."""
    looked = checks.get_meta(connection, LOOKED)
    looked_at = dt.datetime.fromisoformat(looked) if looked else None
    if looked_at is None or not looked_at <= now < looked_at + LOOK_EVERY:
        return True
    cadences = subscriptions.cadences(connection)
    if cadences is None:  # a clock of an older version took over
        return True
    for digest, timezone in cadences:
        cadence = schedule.parse_cadence(digest)
        zone = context.config.zone_of(timezone)
        if cadence.is_each_check:
            continue
        if schedule.latest_slot(cadence, zone, after=looked_at, now=now) is not None:
            return True
    return False


def _readiness(
    context: Context, connection: sa.Connection, now: dt.datetime
) -> tuple[int | None, bool]:
    """The check that digests are to be composed after, if it is new, and whether all is read."""
    slot_at = ticks.last(connection, CHECK)
    if slot_at is None:
        return None, True
    ticked_at = ticks.taken_at(connection, CHECK, slot_at) or slot_at
    done = checks.at_slot(connection, slot_at)
    finished = {check.source for check in done if check.finished_at is not None}
    is_read = finished >= {source.name for source in context.sources}
    is_matched = not (
        papers.has_unmatched(connection) or is_left(connection, MATCH, COMPLETE, SETTLE)
    )
    is_late = ticked_at + CHECKS_WITHIN <= now
    check_id = max((check.id for check in done), default=None)
    composed = checks.get_meta(connection, COMPOSED_CHECK)
    if check_id is not None and composed is not None and check_id <= int(composed):
        check_id = None
    return check_id, (is_read and is_matched) or is_late


def put_deliveries(queue: Queue, connection: sa.Connection, now: dt.datetime) -> None:
    """Have delivered what is due, by as many jobs as there is work for."""
    count = sending.due_count(connection, now)
    for number in range(min(DELIVERING, -(-count // CLAIMED))):
        queue.put(connection, "deliver", key=str(number))
