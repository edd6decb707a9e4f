"""One of several processes on a database, on the timers of the daemon: clock, worker, or both."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import replace
from enum import StrEnum

import sqlalchemy as sa
import structlog

from watcher import schedule
from watcher.engine import Engine, Request, Result, waiting
from watcher.fleet import dividing, queue
from watcher.fleet.composing import CHECK, put_deliveries
from watcher.fleet.dividing import MATCH, is_left, put_left
from watcher.fleet.queue import Queue
from watcher.fleet.tasks import Tasks
from watcher.pipeline import deliver
from watcher.pipeline.check import Checked
from watcher.pipeline.context import Context
from watcher.store import checks, clock, heartbeat, papers, replicas, ticks
from watcher.store.heartbeat import Heartbeat
from watcher.store.replicas import Replica as Sign

log = structlog.get_logger(__name__)

MINUTE = "minute"
CONCURRENCY = {queue.LINE: 4, dividing.LINE: 1}
"""Jobs of each line that a worker does at once."""

DRAIN_WITHIN = 8.0
"""Seconds for the mails in flight after SIGTERM."""

FORGET_AFTER = dt.timedelta(days=1)


class Role(StrEnum):
    """What a process of several does: say what is due, do it, or both."""

    ALL = "all"
    CLOCK = "clock"
    WORKER = "worker"


class Replica(Engine):
    """The engine of one process of several: its passes put jobs into the queue.

    However many clocks there are, each slot is taken on once.
    """

    def __init__(self, context: Context, queue: Queue, role: Role, shard_size: int) -> None:
        super().__init__(context)
        self._queue, self.role = queue, role
        self.leads = role is not Role.WORKER
        self._tasks = Tasks(self, queue, shard_size)

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Do jobs for as long as this lasts, if that is its role."""
        if self.role is Role.CLOCK:
            yield
            return
        work = asyncio.create_task(
            self._queue.work(
                self._tasks.by_name(),
                self.stopping,
                concurrency=CONCURRENCY,
                drain_within=DRAIN_WITHIN,
            )
        )
        try:
            yield
        finally:
            self.stopping.set()
            await work

    async def run_pass(self, request: Request = Request()) -> Result:  # noqa: B008  # frozen
        """Have the sources read, if nobody had it done for that slot; how the last reading went."""
        return await self._tick(is_asked=request.is_asked)

    async def run_slots(self) -> Result:
        """Have done what is due at this minute, if nobody had."""
        return await self._tick(is_asked=False)

    async def _tick(self, *, is_asked: bool) -> Result:
        context = self.context
        if not self.leads:
            return Result()

        def step(connection: sa.Connection) -> Result:
            now = clock.now(connection)
            clock.mind(connection, now)
            last = self._last_result(connection, now)
            due = schedule.previous_check(
                context.config.settings.schedule.check, context.config.zone(), now
            )
            slots = {due} | ({now.replace(microsecond=0)} if is_asked else set())
            for slot_at in sorted(slots):
                if ticks.take(connection, CHECK, slot_at, now):
                    for source in context.sources:
                        key = f"{source.name}:{slot_at.isoformat()}"
                        self._queue.put(
                            connection,
                            "check",
                            key=key,
                            source=source.name,
                            slot=slot_at.isoformat(),
                        )
            if ticks.take(connection, MINUTE, now.replace(second=0, microsecond=0), now):
                self._queue.put(connection, "reap")
                self._queue.put(connection, "compose")
                put_left(self._queue, connection)
                if papers.has_unmatched(connection) and not is_left(connection, MATCH):
                    self._queue.put(connection, MATCH)
                deliver.recover(context, connection, now)
                put_deliveries(self._queue, connection, now)
                ticks.prune(connection, now - FORGET_AFTER)
                replicas.prune(connection, now - FORGET_AFTER)
            return last

        return await context.write(step)

    def _last_result(self, connection: sa.Connection, now: dt.datetime) -> Result:
        """How the checks of the latest slot went, as far as they are through."""
        slot_at = ticks.last(connection, CHECK)
        done = [] if slot_at is None else checks.at_slot(connection, slot_at)
        pending_count, late_count = waiting(connection, now)
        return Result(
            sources=tuple(
                Checked(c.source, c.outcome, c.paper_count, c.new_count, c.error, id=c.id)
                for c in done
                if c.outcome is not None
            ),
            pending_count=pending_count,
            late_count=late_count,
        )

    def beat(self, connection: sa.Connection, beat: Heartbeat | None) -> None:
        """Leave a sign of life; of the clock's, commands that look take it for the daemon's."""
        token, now = self.context.token or "", clock.now(connection)
        if beat is None:
            replicas.remove(connection, token)
            beat = _another_clock(connection, now)
        else:
            beat = replace(beat, beat_at=now)
            sign = Sign(token, self.role, beat.host, beat.pid, beat.version, beat.started_at, now)
            replicas.put(connection, sign)
        if self.leads:
            heartbeat.put(connection, beat)


def _another_clock(connection: sa.Connection, now: dt.datetime) -> Heartbeat | None:
    """The last sign of a clock that goes on."""
    for sign in replicas.alive(connection, now - heartbeat.SILENT_AFTER):
        if sign.role != Role.WORKER:
            return Heartbeat(sign.pid, sign.host, sign.started_at, sign.beat_at, sign.version)
    return None
