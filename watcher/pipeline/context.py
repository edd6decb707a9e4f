"""What every step works with."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TypeVar

import sqlalchemy as sa
import stamina

from watcher.errors import StoreError
from watcher.fetch import Fetcher
from watcher.isolation import Reader
from watcher.mail import Mailer, Signer
from watcher.rules import Ruleset
from watcher.settings import Config, SubscriptionSettings
from watcher.sources import Source
from watcher.steps import Step, reached
from watcher.store import clock, lock, reserve
from watcher.store.database import Database
from watcher.store.shards import Shard
from watcher.store.taking_over import Taken

T = TypeVar("T")

RECORD_WITHIN = 60.0
"""Seconds; a server that is started again is back by then."""


@dataclass(frozen=True, slots=True)
class Context:
    """The parts in use, exchanged as a whole when the configuration changes.

    `writer` has one thread: all that writes stands in one queue. `clock` gives aware UTC.
    `is_rehearsal`: the database is a copy to be thrown away, and nothing leaves the house.
    `record_within` are the seconds that the store has to take down what has happened elsewhere.
    `token` names this process among several on one database; None where it is the only one.
    `reader` reads the pages; whoever enters it shares one process among them. `shard`: the
    configuration has the subscriptions of that one only, as of that `version` of all; None: it has
    all there are. `taken` tells what later differs from it, once it was taken over.
    """

    config: Config
    database: Database
    ruleset: Ruleset
    sources: tuple[Source, ...]
    fetcher: Fetcher
    mailer: Mailer
    signer: Signer
    writer: Executor
    clock: Callable[[], dt.datetime]
    is_rehearsal: bool = False
    record_within: float = RECORD_WITHIN
    token: str | None = None
    reader: Reader = field(default_factory=Reader, repr=False)
    shard: Shard | None = None
    version: str | None = None
    taken: Taken | None = field(default=None, repr=False)

    @property
    def subscriptions(self) -> Mapping[str, SubscriptionSettings]:
        """The configured subscriptions by id."""
        return self.ruleset.subscriptions

    def sources_of(self, subscription: SubscriptionSettings) -> tuple[str, ...]:
        """The names of the sources a subscription reads."""
        return subscription.sources or tuple(source.name for source in self.sources)

    @property
    def is_alone(self) -> bool:
        """Whether this is the only process that writes."""
        return self.token is None

    def now(self, connection: sa.Connection) -> dt.datetime:
        """The time by which leases go: of several processes, the store's."""
        return self.clock() if self.is_alone else clock.now(connection)

    async def write(
        self, step: Callable[[sa.Connection], T], name: Step | None = None, *, alone: bool = True
    ) -> T:
        """Run a step in one transaction on the writer's thread. Raises StoreError.

        Where several processes write, only one takes such a step at a time. Not so with `alone`
        False: what the step relies on, it has locked itself.
        """
        return await self._in_turn(lambda: self._commit(step, name, alone=alone), name)

    async def record(self, step: Callable[[sa.Connection], T], name: Step | None = None) -> T:
        """`write`, of what has happened elsewhere and is not undone: it may use the reserve.

        And it is tried again for a while: what was answered and not recorded would go again, or be
        taken for unanswered.
        """
        patiently = stamina.AsyncRetryingCaller(
            attempts=None, timeout=self.record_within, wait_initial=0.1, wait_max=5.0
        ).on(StoreError)

        def commit() -> T:
            try:
                return self._commit(step, name, alone=False)
            except StoreError:
                if not reserve.give_up(self.database):
                    raise
                return self._commit(
                    step, name, alone=False
                )  # at once, before anybody else takes the room

        return await patiently(self._in_turn, commit, name)

    async def read(self, step: Callable[[sa.Connection], T]) -> T:
        """Run a step on a consistent view. Raises StoreError."""

        def look() -> T:
            with self.database.read() as connection:
                return step(connection)

        return await self._in_turn(look)

    async def work(self, step: Callable[[], T]) -> T:
        """Run a step that takes long and no database, while the loop goes on."""
        return await self._in_turn(step)

    def _commit(self, step: Callable[[sa.Connection], T], name: Step | None, *, alone: bool) -> T:
        with self.database.write() as connection:
            if alone and not self.is_alone:
                lock.take_turn(connection)
            result = step(connection)
            if name is not None:
                reached(name, is_committed=False)
            return result

    async def _in_turn(self, work: Callable[[], T], name: Step | None = None) -> T:
        result = await asyncio.get_running_loop().run_in_executor(self.writer, work)
        if name is not None:
            reached(name)
        return result
