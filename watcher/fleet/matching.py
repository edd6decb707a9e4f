"""Matching in shards: divided once, each shard matched by one worker, then all of it closed.

One matching at a time. What comes while it is under way has another one follow.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable

import sqlalchemy as sa

from watcher.engine import CHECKS_WITHIN
from watcher.fleet.dividing import MATCH, SETTLE, divide, is_left
from watcher.fleet.queue import Queue
from watcher.fleet.rules import ShardRules
from watcher.pipeline.complete import AGAIN_AFTER, fill_in
from watcher.pipeline.context import Context
from watcher.pipeline.match import Matched, match, settle
from watcher.steps import Step
from watcher.store import checks, lock, matches, papers, shards, subscriptions
from watcher.store.shards import Shard

AGAIN = "match-again"
"""In `meta` where something came that the matching under way may have missed."""


class Matching:
    """Matching over the rules of shards, of about `shard_size` subscriptions each."""

    def __init__(self, queue: Queue, rules: ShardRules, shard_size: int) -> None:
        self._queue, self._rules, self._shard_size = queue, rules, shard_size

    async def plan(self, context: Context, now: dt.datetime) -> None:
        """Divide the matching of all that was observed by now. Raises StoreError."""

        def step(connection: sa.Connection) -> None:
            if is_left(connection, MATCH, SETTLE):
                checks.put_meta(connection, AGAIN, "yes")
                return
            checks.put_meta(connection, AGAIN, None)
            self._divide(connection, MATCH, str(papers.newest_listing(connection)), now)

        await context.write(step)

    async def match(self, context: Context, listing: str, shard: Shard, now: dt.datetime) -> None:
        """Match a shard; whoever matches the last one has what follows done. Raises StoreError."""
        if not await self._work(context, MATCH, listing, shard, match, now):
            return

        def close(connection: sa.Connection) -> None:
            if is_left(connection, MATCH, SETTLE):
                return
            found = papers.unmatched(connection, upto=int(listing))
            papers.mark_matched(connection, found, now)
            undecided = matches.undecided_papers(connection)
            wanted = papers.not_asked_since(connection, undecided, now - AGAIN_AFTER)
            self._go_on(connection, "complete" if wanted else "compose")

        await context.write(close)

    async def complete(self, context: Context, now: dt.datetime) -> None:
        """Ask for what rules want to know, and have it settled. Raises StoreError."""
        until = asyncio.get_running_loop().time() + CHECKS_WITHIN.total_seconds()

        def then(connection: sa.Connection) -> bool:
            if is_left(connection, MATCH, SETTLE):  # some of it without what has come now
                checks.put_meta(connection, AGAIN, "yes")
            else:
                newest = str(papers.newest_listing(connection))
                self._divide(connection, SETTLE, newest, now)
            return True

        undecided = await context.read(matches.undecided_papers)
        if not await fill_in(context, undecided, now, then, until=until):
            await context.write(lambda connection: self._go_on(connection, "compose"))

    async def settle(self, context: Context, listing: str, shard: Shard, now: dt.datetime) -> None:
        """Judge a shard's undecided again; the last one has it composed. Raises StoreError."""
        if not await self._work(context, SETTLE, listing, shard, settle, now):
            return

        def close(connection: sa.Connection) -> None:
            if not is_left(connection, MATCH, SETTLE):
                self._go_on(connection, "compose")

        await context.write(close)

    def _divide(self, connection: sa.Connection, task: str, subject: str, now: dt.datetime) -> None:
        divide(self._queue, connection, task, subject, self._shard_size, now)

    def _go_on(self, connection: sa.Connection, task: str) -> None:
        if checks.get_meta(connection, AGAIN) or papers.has_unmatched(connection):
            task = MATCH
        self._queue.put(connection, task)

    async def _work(
        self,
        context: Context,
        task: str,
        subject: str,
        shard: Shard,
        work: Callable[[Context, sa.Connection, dt.datetime], Matched],
        now: dt.datetime,
    ) -> bool:
        """Work through a part that nobody else has; whether it was and none is left."""

        def is_there(connection: sa.Connection) -> bool:
            return shards.find(connection, task, subject, shard) is not None

        while await context.read(is_there):
            narrowed = await self._rules.narrowed(context, shard)

            def step(connection: sa.Connection, narrowed: Context = narrowed) -> bool:
                if shards.find(connection, task, subject, shard, is_taken=True) is None:
                    return True
                lock.hold_rules(connection)
                if subscriptions.version(connection) != narrowed.version:
                    return False
                work(narrowed, connection, now)
                shards.done(connection, task, subject, shard)
                return True

            if await context.write(step, Step.MATCHED, alone=False):
                return not await context.read(lambda found: is_left(found, task))
        return False
