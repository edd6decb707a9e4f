"""How a process becomes one of several: its lease token, its queue, the clock they share."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator

from watcher import app
from watcher.fleet.clock import StoreClock
from watcher.fleet.dividing import SHARD_SIZE
from watcher.fleet.queue import STALLED_AFTER, Queue
from watcher.fleet.replica import Replica, Role
from watcher.pipeline.context import Context
from watcher.settings import Config
from watcher.store import clock
from watcher.store.lock import take_turn


@contextlib.asynccontextmanager
async def joined(
    config: Config,
    role: str,
    *,
    retry_wait: float = 1.0,
    stalled_after: float = STALLED_AFTER,
    shard_size: int = SHARD_SIZE,
) -> AsyncIterator[Replica]:
    """A replica on the server's database. Raises StoreError, BusyError where one instance writes.

    `retry_wait` is about how many seconds pass before a page that failed is asked for again,
    `stalled_after` how many until a worker that gives no sign is taken for dead. `shard_size`
    subscriptions, about, are matched and composed by one worker at once.
    """
    with app.sharing(config, "run", app.utc_now()) as database:
        queue = Queue(database.url, stalled_after=stalled_after)
        with database.write() as connection:
            take_turn(connection)
            queue.prepare(connection)
            store_clock = StoreClock(clock.now(connection))

        def make(context: Context) -> Replica:
            return Replica(context, queue, Role(role), shard_size)

        running = app.running(
            config,
            database,
            clock=store_clock,
            retry_wait=retry_wait,
            token=secrets.token_hex(8),
            make_engine=make,
            is_bare=Role(role) is Role.WORKER,
        )
        async with running as engine:
            if not isinstance(engine, Replica):
                raise AssertionError("it was made above")  # noqa: TRY004  # a bug, not a wrong argument
            yield engine
