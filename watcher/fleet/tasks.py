"""What the named tasks do: the steps of a pass, each by whichever worker is free.

A task may run twice, or again after its worker died in the middle: the store sees to it that
nothing is done twice by that. What a task leaves undone, a later tick has done.
"""

from __future__ import annotations

import asyncio
import datetime as dt

import sqlalchemy as sa
import structlog

from watcher.engine import CHECKS_WITHIN
from watcher.fleet.clock import StoreClock
from watcher.fleet.queue import Queue, Task
from watcher.pipeline import upkeep
from watcher.pipeline.check import check_slot, give_up
from watcher.pipeline.complete import complete
from watcher.pipeline.compose import compose
from watcher.pipeline.context import Context
from watcher.pipeline.deliver import CLAIMED, deliver
from watcher.pipeline.match import match
from watcher.steps import Step
from watcher.store import checks, papers, sending, ticks

log = structlog.get_logger(__name__)

CHECK = "check"
COMPOSED_CHECK = "composed-check"
"""The newest check that digests for each check were composed after."""

SOON = dt.timedelta(seconds=1)

DELIVERING = 8
"""Jobs that deliver at once, of all workers together."""


class Tasks:
    """The tasks over the parts in use; `stopping` is set to end between two mails."""

    def __init__(self, context: Context, queue: Queue, stopping: asyncio.Event) -> None:
        self.context = context
        self._queue, self._stopping = queue, stopping

    def by_name(self) -> dict[str, Task]:
        """What the queue calls."""
        return {
            "check": self.check,
            "match": self.match,
            "compose": self.compose,
            "deliver": self.deliver,
            "reap": self.reap,
        }

    async def _now(self) -> dt.datetime:
        clock = self.context.clock
        if isinstance(clock, StoreClock):
            return await self.context.read(clock.ask)
        return clock()

    async def check(self, source: str, slot: str) -> None:
        """Read a source once for its slot, and have what it shows matched."""
        context, slot_at = self.context, dt.datetime.fromisoformat(slot)
        now = await self._now()
        chosen = next((s for s in context.sources if s.name == source), None)
        if chosen is None:
            log.warning("asked to read a source that is not configured here", source=source)
            return
        until = asyncio.get_running_loop().time() + CHECKS_WITHIN.total_seconds()
        async with context.reader:  # one process for all pages
            checked = await check_slot(context, chosen, slot_at, now, until=until)
        if checked is None:
            # Who began it is gone, or so slow that it was taken for that. The site is not asked
            # twice for a slot: what was missed, the next one makes good.
            await give_up(context, chosen, slot_at, now)
        await context.write(lambda connection: self._queue.put(connection, "match"))

    async def match(self) -> None:
        """Match what was observed, and have it composed."""
        context = self.context
        now = await self._now()
        until = asyncio.get_running_loop().time() + CHECKS_WITHIN.total_seconds()
        matched = await context.write(lambda found: match(context, found, now), Step.MATCHED)
        if matched.undecided and not self._stopping.is_set():
            await complete(context, matched.undecided, now, until=until)
        await context.write(lambda connection: self._queue.put(connection, "compose"))

    async def compose(self) -> None:
        """Close the slots that have come, once the checks that were due by then are through."""
        context = self.context
        now = await self._now()
        check_id, is_ready = await context.read(lambda found: _readiness(context, found, now))
        if not is_ready:
            await context.write(
                lambda connection: self._queue.put(connection, "compose", after=SOON)
            )
            return
        composed = await compose(context, now, check_id=check_id, stop=self._stopping)
        if check_id is not None and not composed.mail_error and not self._stopping.is_set():
            await context.write(
                lambda connection: checks.put_meta(connection, COMPOSED_CHECK, str(check_id))
            )
        await context.write(lambda connection: upkeep.prune(context, connection, now), Step.PRUNED)
        await context.write(lambda connection: upkeep.reassure(context, connection, now))
        await context.write(lambda connection: put_deliveries(self._queue, connection, now))

    async def deliver(self) -> None:
        """Send what is due."""
        await self._now()
        await deliver(self.context, self._stopping)

    async def reap(self) -> None:
        """Have done what workers that died had begun."""
        count = await self._queue.give_on()
        if count:
            log.warning("jobs of workers that gave no sign any more are done again", count=count)


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
    is_matched = not papers.has_unmatched(connection)
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
