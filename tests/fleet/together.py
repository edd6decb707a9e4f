"""Replicas that a test drives like one engine: its pass is what a slot sets going in all of them.

A clock and two workers share this process, and nothing else: each has its own sessions, its own
lease token and its own jobs, which come by the queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from watcher import app, schedule
from watcher.engine import Engine, Request, Result, waiting
from watcher.errors import StoreError
from watcher.fleet import joined
from watcher.fleet.composing import CHECK
from watcher.fleet.queue import TABLE, Queue
from watcher.fleet.replica import Replica
from watcher.models import DeliveryState, MatchState
from watcher.pipeline.check import Checked
from watcher.pipeline.stuck import TROUBLE, TROUBLE_TEXT
from watcher.settings import Config
from watcher.store import checks, clock, ticks
from watcher.store.database import Database
from watcher.store.schema import deliveries, digests, matches

T = TypeVar("T")

WORKERS = 2
LOOK_EVERY = 0.05
QUIET_WITHIN = 30.0
SECOND = dt.timedelta(seconds=1)


class StoreTime:
    """Keeps the store's clock where a world's clock is; in between it runs on by itself."""

    def __init__(self) -> None:
        self._shown: dt.datetime | None = None

    def show(self, connection: sa.Connection, now: dt.datetime) -> None:
        """Show `now` from here on, unless that is what it was last told to show."""
        if now != self._shown:
            offset = (now - dt.datetime.now(dt.UTC)).total_seconds()
            checks.put_meta(connection, clock.OFFSET, str(offset))
            self._shown = now

    def pass_second(self, connection: sa.Connection) -> None:
        """Let a second pass."""
        offset = float(checks.get_meta(connection, clock.OFFSET) or 0)
        checks.put_meta(connection, clock.OFFSET, str(offset + 1))


@dataclass(frozen=True, slots=True)
class _Count:
    """What there is by now: of the pairs, the digests, and the digests' mails."""

    matched: int
    composed: int
    delivered: int
    failed: int

    @classmethod
    def of(cls, connection: sa.Connection) -> _Count:
        def count(*which: sa.ColumnElement[bool]) -> int:
            query = sa.select(sa.func.count()).where(*which)
            return int(connection.scalar(query) or 0)

        is_mail, state = deliveries.c.digest_id.is_not(None), deliveries.c.state
        return cls(
            matched=count(matches.c.state.in_((MatchState.PENDING, MatchState.COMPOSED))),
            composed=count(digests.c.id.is_not(None)),
            delivered=count(is_mail, state == DeliveryState.DELIVERED),
            failed=count(is_mail, state.in_((DeliveryState.DEAD, DeliveryState.EXPIRED))),
        )


class Together(Engine):
    """The replicas, as one engine to a test. Counts of a result are of what the store has more."""

    def __init__(
        self,
        replica: Replica,
        database: Database,
        time: StoreTime,
        world_now: Callable[[], dt.datetime],
    ) -> None:
        super().__init__(replica.context)
        self._clock, self._database = replica, database
        self._queue = Queue(database.url)
        self._time, self._world_now = time, world_now

    async def run_pass(self, request: Request = Request()) -> Result:  # noqa: B008  # frozen
        """Have everything read now, and wait until nothing that follows from it is left to do."""
        if request != Request():
            raise AssertionError("replicas do all there is")
        return await self._until_quiet(is_asked=True)

    async def run_slots(self) -> Result:
        """Have done what this minute brings, and wait until nothing is left to do."""
        return await self._until_quiet(is_asked=False)

    async def _until_quiet(self, *, is_asked: bool) -> Result:
        def step(connection: sa.Connection) -> _Count:
            self._time.show(connection, self._world_now())
            now = clock.now(connection)
            while is_asked and ticks.taken_at(connection, CHECK, now.replace(microsecond=0)):
                self._time.pass_second(connection)
                now += SECOND
            config = self._clock.context.config
            due = schedule.previous_check(config.settings.schedule.check, config.zone(), now)
            if is_asked and due != now.replace(microsecond=0):
                ticks.take(connection, CHECK, due, now)  # or two slots would be read at once
            return _Count.of(connection)

        before = await asyncio.to_thread(self._in_write, step)
        if is_asked:
            await self._clock.run_pass(Request(is_asked=True))
        else:
            await self._clock.run_slots()
        await self._quiet()
        return await asyncio.to_thread(self._since, before, is_asked=is_asked)

    def _has_jobs(self) -> bool:
        try:
            return self._in_write(self._jobs_left)
        except StoreError:  # a server that is away has them still
            return True

    def _in_write(self, step: Callable[[sa.Connection], T]) -> T:
        with self._database.write() as connection:
            return step(connection)

    async def _quiet(self) -> None:
        """Wait until the queue is empty: a job that has others follow puts them there itself."""
        async with asyncio.timeout(QUIET_WITHIN):
            # The queue tells nobody that it is empty.
            while await asyncio.to_thread(self._has_jobs):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_EVERY)

    def _jobs_left(self, connection: sa.Connection) -> bool:
        """Whether there are jobs; where all are put off, their time has come."""
        columns = "task_name, queueing_lock, args, status = 'todo' AND scheduled_at > now()"
        jobs = connection.execute(sa.text(f"SELECT {columns} FROM {TABLE}")).all()
        if jobs and all(is_put_off for *_, is_put_off in jobs):
            connection.execute(sa.text(f"DELETE FROM {TABLE} WHERE status = 'todo'"))
            for task, lock, arguments, _ in jobs:
                key = lock.removeprefix(f"{task}:")
                self._queue.put(connection, task, key=key, **arguments)
        return bool(jobs)

    def _since(self, before: _Count, *, is_asked: bool) -> Result:
        def step(connection: sa.Connection) -> Result:
            now, slot_at = clock.now(connection), ticks.last(connection, CHECK)
            done = checks.at_slot(connection, slot_at) if is_asked and slot_at else []
            after = _Count.of(connection)
            pending_count, late_count = waiting(connection, now)
            is_stuck = checks.get_meta(connection, TROUBLE) is not None
            return Result(
                sources=tuple(
                    Checked(c.source, c.outcome, c.paper_count, c.new_count, c.error, id=c.id)
                    for c in done
                    if c.outcome is not None
                ),
                match_count=max(0, after.matched - before.matched),
                digest_count=after.composed - before.composed,
                delivered_count=after.delivered - before.delivered,
                failed_count=after.failed - before.failed,
                pending_count=pending_count,
                late_count=late_count,
                mail_error=checks.get_meta(connection, TROUBLE_TEXT) if is_stuck else None,
            )

        with self._database.read() as connection:
            return step(connection)


@contextlib.asynccontextmanager
async def together(
    config: Config, time: StoreTime, world_now: Callable[[], dt.datetime]
) -> AsyncIterator[Engine]:
    """A clock and workers that have just started. Raises WatcherError."""
    with app.sharing(config, "migrate", world_now()) as database:
        with database.write() as connection:
            time.show(connection, world_now())
        async with contextlib.AsyncExitStack() as stack:
            replica = await stack.enter_async_context(joined(config, "clock", retry_wait=0.01))
            for _ in range(WORKERS):
                worker = await stack.enter_async_context(joined(config, "worker", retry_wait=0.01))
                await stack.enter_async_context(worker.working())
            yield Together(replica, database, time, world_now)
