"""What every step works with."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TypeVar

import sqlalchemy as sa

from watcher.fetch import Fetcher
from watcher.mail import Mailer, Signer
from watcher.rules import Ruleset
from watcher.settings import Config, SubscriptionSettings
from watcher.sources import Source
from watcher.steps import Step, reached
from watcher.store.database import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Context:
    """The parts in use, exchanged as a whole when the configuration changes.

    `writer` has one thread: all that writes stands in one queue. `clock` gives aware UTC.
    `is_rehearsal`: the database is a copy to be thrown away, and nothing leaves the house.
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
    subscriptions: Mapping[str, SubscriptionSettings] = field(init=False, repr=False)
    """The configured subscriptions by id."""

    def __post_init__(self) -> None:
        by_id = {s.id: s for s in self.config.settings.subscriptions}
        object.__setattr__(self, "subscriptions", by_id)  # it is frozen from here on

    def sources_of(self, subscription: SubscriptionSettings) -> tuple[str, ...]:
        """The names of the sources a subscription reads."""
        return subscription.sources or tuple(source.name for source in self.sources)

    async def write(self, step: Callable[[sa.Connection], T], name: Step | None = None) -> T:
        """Run a step in one transaction on the writer's thread. Raises StoreError."""
        if name is None:
            return await self._run(self.database.write, step)

        def run(connection: sa.Connection) -> T:
            result = step(connection)
            reached(name, is_committed=False)
            return result

        result = await self._run(self.database.write, run)
        reached(name)
        return result

    async def read(self, step: Callable[[sa.Connection], T]) -> T:
        """Run a step on a consistent view. Raises StoreError."""
        return await self._run(self.database.read, step)

    async def _run(
        self,
        transaction: Callable[[], AbstractContextManager[sa.Connection]],
        step: Callable[[sa.Connection], T],
    ) -> T:
        def run() -> T:
            with transaction() as connection:
                return step(connection)

        return await asyncio.get_running_loop().run_in_executor(self.writer, run)
