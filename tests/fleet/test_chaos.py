"""Days of the site under replicas that are killed, stopped and cut off from their database."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
import sqlalchemy as sa

from tests.fakesite import make_paper
from tests.faults.ledger import settle
from tests.faults.rows import Tally
from tests.fleet.nursery import Nursery
from tests.fleet.processes import leap, prepare
from tests.postgres import PostgresServer
from tests.world import DAILY, World
from watcher.errors import StoreError
from watcher.fleet.composing import CHECK, COMPOSED_CHECK
from watcher.models import DeliveryState, MatchState
from watcher.store import checks, clock, matches, outbox, papers, ticks
from watcher.store.database import Database

ROLES = ("clock", "clock", "worker", "worker", "worker", "worker")
WORDS = ("zorblax", "vexil", "quibble", "wumpus", "frobnik")
SHARD_SIZE = 9
EVERY = dt.timedelta(hours=6)
QUIET_WITHIN = 90.0
LEASES_END = dt.timedelta(minutes=12)
LOOK_EVERY = 0.1
LONG_AGO = "/papers/date/2025-11-21"
GIVEN_UP_AFTER = 4.0

SUBSCRIPTION = """
[[subscriptions]]
name = "s{number}"
to = ["r{number}@example.org"]
digest = "{digest}"
any = ["{word}"]
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """A recipient, and the word that its papers have."""

    address: str
    word: str


class Fleet:
    """The replicas of a world; whoever is killed is started again, as a service manager does."""

    def __init__(self, world: World, nursery: Nursery, rng: random.Random) -> None:
        self._world, self._nursery, self._rng = world, nursery, rng
        self.blow_count = 0

    def __enter__(self) -> Self:
        start = self._nursery.start
        self._pids = {number: start(role) for number, role in enumerate(ROLES)}
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def disturb(self) -> None:
        """Kill one, or stop it for a moment that it does not notice."""
        number = self._rng.randrange(len(ROLES))
        pid = self._pids[number]
        self.blow_count += 1
        if self._rng.random() < 0.6:
            os.kill(pid, signal.SIGKILL)
            self._pids[number] = self._nursery.start(ROLES[number])
            return
        os.kill(pid, signal.SIGSTOP)
        try:
            # While it stands still, its leases end and others take over what it had.
            time.sleep(self._rng.uniform(0.5, 3))  # longer than others wait for a sign of life
            self._world.now += LEASES_END
            leap(self._world)
            time.sleep(self._rng.uniform(0, 1))  # and they are somewhere in the middle of it
        finally:
            os.kill(pid, signal.SIGCONT)


def is_quiet(connection: sa.Connection, *, is_end: bool) -> bool:
    """Whether all that was due by now is read, matched, composed and sent; at the end, just all."""
    slot_at = ticks.last(connection, CHECK)
    if slot_at is None or slot_at + EVERY <= clock.now(connection):
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
        and not counts[DeliveryState.QUEUED] + counts[DeliveryState.SENDING]
        and not (is_end and pending)
    )


def settle_down(world: World, *, is_end: bool = False) -> None:
    """Wait for quiet; what waits for the end of a lease meanwhile has it end."""
    until = time.monotonic() + QUIET_WITHIN
    leap_at = time.monotonic() + GIVEN_UP_AFTER
    database = Database(world.config().store_url, writable=False)
    try:
        while True:
            with contextlib.suppress(StoreError), database.read() as connection:
                if is_quiet(connection, is_end=is_end):
                    return
            assert time.monotonic() < until, "it does not come to rest"
            if time.monotonic() > leap_at:
                world.now += LEASES_END
                leap(world)
                leap_at = time.monotonic() + GIVEN_UP_AFTER
            time.sleep(LOOK_EVERY)  # six processes have no event that a seventh could wait for
    finally:
        database.close()


@pytest.fixture
def world(tmp_path: Path, postgres_url: str) -> Iterator[World]:
    with World(tmp_path, store=postgres_url) as running:
        yield running


def configure(world: World, count: int) -> list[Reader]:
    """As many subscriptions, of all cadences and words by turns."""
    digests = ("each-check", "daily 09:00", "each-check", "daily 18:30")
    readers, parts = [], []
    for number in range(count):
        word = WORDS[number % len(WORDS)]
        digest = digests[number % len(digests)]
        parts.append(SUBSCRIPTION.format(number=number, digest=digest, word=word))
        readers.append(Reader(f"r{number}@example.org", word))
    world.configure(DAILY, *parts)
    path = world.config_path
    text = path.read_text().replace("[schedule]", '[schedule]\ncheck = "0 */6 * * *"')
    path.write_text(text)
    return readers


@pytest.mark.long
@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("seed", [1])
def test_nothing_is_lost_and_nothing_comes_twice(
    world: World, postgres_server: PostgresServer, seed: int
) -> None:
    rng = random.Random(seed)
    readers = configure(world, 40)
    world.fill()
    prepare(world)
    start = world.now
    owed: set[tuple[str, str]] = set()
    number = 0
    asked_by_slot: list[Counter[str]] = []
    with Nursery(world, SHARD_SIZE) as nursery, Fleet(world, nursery, rng) as fleet:
        for slot in range(1, 9):
            seen = len(world.site.requests)
            world.now = max(world.now, start + slot * EVERY)
            for word in WORDS:
                number += 1
                world.add(make_paper(number, world.now, title=f"Of {word} number {number}"))
                owed |= {
                    (reader.address, world.site.papers[-1].id)
                    for reader in readers
                    if reader.word == word
                }
            leap(world)
            for _ in range(2):
                time.sleep(rng.uniform(0, 1.5))  # a blow may fall at any moment
                fleet.disturb()
            if slot in {3, 6}:
                postgres_server.restart()
            settle_down(world)
            asked_by_slot.append(Counter(r.target for r in world.site.requests[seen:]))
        world.now = start + 12 * EVERY  # the last daily digests
        leap(world)
        settle_down(world, is_end=True)
    tally = Tally()
    settle(tally, world.mails, owed, may_repeat=True)
    assert tally.unexpected == [], nursery.log[-3000:]
    assert tally.lost == 0
    assert tally.duplicated <= fleet.blow_count
    assert {page for asked in asked_by_slot for page, count in asked.items() if count > 1} <= {
        LONG_AGO  # where the site sends on whoever asks for a day without papers
    }
