"""When several processes have nothing left to do."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Callable

import sqlalchemy as sa

from tests.world import World
from watcher.errors import StoreError
from watcher.fleet.composing import CHECK, COMPOSED_CHECK
from watcher.models import MatchState
from watcher.store import checks, clock, matches, outbox, papers, ticks
from watcher.store.database import Database

QUIET_WITHIN = 180.0
GIVEN_UP_AFTER = 4.0
LOOK_EVERY = 0.5


def is_quiet(connection: sa.Connection, every: dt.timedelta, *, is_end: bool) -> bool:
    """Whether all that was due by now is read, matched, composed and sent; at the end, just all.

    `every` is the time from one check to the next.
    """
    slot_at = ticks.last(connection, CHECK)
    if slot_at is None or slot_at + every <= clock.now(connection):
        return False
    done = checks.at_slot(connection, slot_at)
    if not done or any(check.finished_at is None for check in done):
        return False
    newest = max(check.id for check in done)
    counts = outbox.counts(connection)
    pending = matches.in_state(connection, MatchState.PENDING)
    return (
        not papers.has_unmatched(connection)
        and int(checks.get_meta(connection, COMPOSED_CHECK) or 0) >= newest
        and not any(counts[state] for state in outbox.WAITING)
        and not (is_end and pending)
    )


def settle_down(
    world: World, every: dt.timedelta, pass_time: Callable[[], None], *, is_end: bool = False
) -> None:
    """Wait for quiet; `pass_time` ends the leases that something waits for."""
    until = time.monotonic() + QUIET_WITHIN
    waits_until = time.monotonic() + GIVEN_UP_AFTER
    with contextlib.closing(Database(world.config().store_url, writable=False)) as database:
        while True:
            with contextlib.suppress(StoreError), database.read() as connection:
                if is_quiet(connection, every, is_end=is_end):
                    return
            assert time.monotonic() < until, "it does not come to rest"
            if time.monotonic() > waits_until:
                pass_time()
                waits_until = time.monotonic() + GIVEN_UP_AFTER
            time.sleep(LOOK_EVERY)  # six processes have no event that a seventh could wait for
