"""What the named tasks do: the steps of a pass, each by whichever worker is free.

A task may run twice, or again after its worker died in the middle: the store sees to it that
nothing is done twice by that. What a task leaves undone, a later tick has done.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
from collections.abc import Callable, Iterator

import structlog

from watcher.engine import CHECKS_WITHIN, Engine
from watcher.fleet.clock import StoreClock
from watcher.fleet.composing import Composing
from watcher.fleet.dividing import COMPLETE, COMPOSE, MATCH, SETTLE, put_left
from watcher.fleet.matching import Matching
from watcher.fleet.queue import Queue, Task
from watcher.fleet.rules import ShardRules
from watcher.pipeline.check import check_slot, give_up
from watcher.pipeline.deliver import deliver
from watcher.store.shards import Shard

log = structlog.get_logger(__name__)


class Tasks:
    """The tasks of an engine, over the parts that it has in use when each begins.

    Those under way are among its `running`. Shards have about `shard_size` subscriptions.
    """

    def __init__(self, engine: Engine, queue: Queue, shard_size: int) -> None:
        self._engine, self._queue = engine, queue
        rules = ShardRules()
        self._matching = Matching(queue, rules, shard_size)
        self._composing = Composing(queue, rules, shard_size)
        self._numbers = itertools.count(1)

    def by_name(self) -> dict[str, Task]:
        """What the queue calls."""
        return {
            "check": self.check,
            MATCH: self.match,
            COMPLETE: self.complete,
            SETTLE: self.settle,
            COMPOSE: self.compose,
            "deliver": self.deliver,
            "reap": self.reap,
        }

    @contextlib.contextmanager
    def _named(self, task: str, *which: str) -> Iterator[Callable[[], None]]:
        # The same may run twice at once, where it was taken for lost.
        with self._engine.named(" ".join((task, *which, f"#{next(self._numbers)}"))) as progressed:
            yield progressed

    async def _now(self) -> dt.datetime:
        context = self._engine.context
        clock = context.clock
        if isinstance(clock, StoreClock):
            return await context.read(clock.ask)
        return clock()

    async def check(self, source: str, slot: str) -> None:
        """Read a source once for its slot, and have what it shows matched."""
        with self._named("check", source, slot):
            context, slot_at = self._engine.context, dt.datetime.fromisoformat(slot)
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
            await context.write(lambda connection: self._queue.put(connection, MATCH))

    async def match(self, listing: str = "", shard: str = "") -> None:
        """Match a shard of what was observed up to a listing; without these, divide it."""
        with self._named(MATCH, listing, shard):
            now = await self._now()
            if not shard:
                await self._matching.plan(self._engine.context, now)
                return
            await self._matching.match(self._engine.context, listing, Shard.parse(shard), now)

    async def complete(self, listing: str, shard: str) -> None:
        """Ask the API for what rules want to know of papers."""
        with self._named(COMPLETE, listing, shard):
            if not self._engine.stopping.is_set():
                await self._matching.complete(self._engine.context, listing, await self._now())

    async def settle(self, listing: str, shard: str) -> None:
        """Judge again what was undecided in a shard."""
        with self._named(SETTLE, listing, shard):
            now = await self._now()
            await self._matching.settle(self._engine.context, listing, Shard.parse(shard), now)

    async def compose(self, slot: str = "", shard: str = "") -> None:
        """Close the slots of a shard that have come; without these, divide it where any has."""
        with self._named(COMPOSE, slot, shard) as progressed:
            context, now = self._engine.context, await self._now()
            if not shard:
                await self._composing.plan(context, now)
                return
            stop = self._engine.stopping
            part = Shard.parse(shard)
            await self._composing.compose(context, slot, part, now, stop, progressed)

    async def deliver(self) -> None:
        """Send what is due."""
        with self._named("deliver") as progressed:
            await self._now()
            await deliver(self._engine.context, self._engine.stopping, progressed)

    async def reap(self) -> None:
        """Have done what workers that died had begun, or what others do not know how to do."""
        with self._named("reap"):
            count = await self._queue.give_on()
            # A clock does so too, but during an upgrade none may know of shards yet.
            await self._engine.context.write(lambda connection: put_left(self._queue, connection))
        if count:
            log.warning("jobs of workers that gave no sign any more are done again", count=count)
