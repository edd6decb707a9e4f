"""Matching and composing in shards that workers share: everybody's once, by the rules of today."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.fakesite import faults, make_paper
from tests.fleet.nursery import Nursery
from tests.fleet.processes import leap, prepare
from tests.world import DAILY, TRENDING, ZORBLAX, World
from watcher import app
from watcher.errors import StoreError
from watcher.fleet import joined
from watcher.fleet.composing import LOOKED
from watcher.fleet.queue import Queue
from watcher.fleet.replica import Replica
from watcher.models import MatchState
from watcher.pipeline.compose import compose
from watcher.store import checks, matches, papers, shards, subscriptions
from watcher.store.database import Database
from watcher.store.shards import BUCKETS, Shard, bucket_of

SIZE = 2
COUNT = 7
WITHIN = 60.0
LOOK_EVERY = 0.05

READER = """
[[subscriptions]]
name = "s{number}"
to = ["r{number}@example.org"]
digest = "{digest}"
any = ["{word}"]
"""


def reader(number: int, *, digest: str = "each-check", word: str = "zorblax") -> str:
    return READER.format(number=number, digest=digest, word=word)


def address(number: int) -> str:
    return f"r{number}@example.org"


@pytest.fixture
def world(tmp_path: Path, postgres_url: str) -> Iterator[World]:
    with World(tmp_path, store=postgres_url) as running:
        running.configure(DAILY, *map(reader, range(COUNT)))
        running.fill()
        prepare(running)
        yield running


@contextlib.asynccontextmanager
async def replica(world: World, role: str, shard_size: int = SIZE) -> AsyncIterator[Replica]:
    """One that works, if that is its role."""
    async with (
        joined(world.config(), role, retry_wait=0.01, shard_size=shard_size) as made,
        made.working(),
    ):
        yield made


@contextlib.contextmanager
def looking(world: World) -> Iterator[sa.Connection]:
    database = Database(world.config().store_url, writable=False)
    try:
        with database.read() as connection:
            yield connection
    finally:
        database.close()


def until(world: World, holds: Callable[[sa.Connection], bool]) -> None:
    """Wait for what several processes come to: they have no event that this one could wait for."""
    end = time.monotonic() + WITHIN
    while True:
        with contextlib.suppress(StoreError), looking(world) as connection:
            if holds(connection):
                return
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(LOOK_EVERY)


def is_through(connection: sa.Connection) -> bool:
    return not shards.left(connection) and not papers.has_unmatched(connection)


def later(world: World, **delta: float) -> None:
    world.later(**delta)
    leap(world)


async def check(world: World, clock: Replica, number: int, title: str = ZORBLAX) -> None:
    """Half an hour later with a paper more; a clock finds out what is new, as the daemon does."""
    later(world, minutes=30)
    world.add(make_paper(number, world.now, title=title))
    await app.reload(clock, world.config)
    await clock.run_pass()


def got(world: World) -> Counter[tuple[str, str]]:
    """How often each address had each paper."""
    return Counter((mail.recipient, paper) for mail in world.mails for paper in mail.paper_ids)


def test_shards_of_every_count_hold_everybody_once() -> None:
    for count in (1, 2, 3, 7, 50, 1000, BUCKETS):
        held = [bucket for n in range(count) for bucket in Shard(n, count).buckets]
        assert held == list(range(BUCKETS)), count
    spread = Counter(bucket_of(f"file-{number}/papers") // 256 for number in range(10_000))
    assert min(spread.values()) > 2_300
    assert Shard.parse(str(Shard(3, 50))) == Shard(3, 50)


async def test_workers_share_the_shards_and_everybody_is_mailed_once(world: World) -> None:
    async with (
        replica(world, "clock") as clock,
        replica(world, "worker"),
        replica(world, "worker", shard_size=3),  # they may divide it differently
    ):
        await check(world, clock, 1)
        await asyncio.to_thread(world.smtp.wait_for, COUNT)
        await check(world, clock, 2)
        await asyncio.to_thread(world.smtp.wait_for, 2 * COUNT)
        await asyncio.to_thread(until, world, is_through)
    ids = ("2602.00001", "2602.00002")
    assert got(world) == {(address(n), each): 1 for n in range(COUNT) for each in ids}


async def test_a_shard_that_has_lost_its_job_is_done_all_the_same(world: World) -> None:
    async with replica(world, "clock") as clock:
        await check(world, clock, 1)
        async with replica(world, "worker"):
            await asyncio.to_thread(world.smtp.wait_for, COUNT)
            await asyncio.to_thread(until, world, is_through)
        # What is planned of another size and has no job, as where the queue was emptied.
        await clock.context.write(
            lambda connection: shards.divide(connection, "match", "1", 3, world.now)
        )
        async with replica(world, "worker"):
            later(world, minutes=1)
            await clock.run_slots()
            await asyncio.to_thread(until, world, is_through)
    assert set(got(world).values()) == {1}
    assert len(world.mails) == COUNT


async def test_it_is_done_by_a_clock_as_well_that_knows_nothing_of_shards(world: World) -> None:
    async with replica(world, "clock") as clock, replica(world, "worker"):
        queue = Queue(clock.context.database.url)

        def step(connection: sa.Connection) -> None:
            shards.divide(connection, "match", "1", SIZE, world.now)
            queue.put(connection, "reap")  # what every clock asks for each minute

        await clock.context.write(step)
        await asyncio.to_thread(until, world, is_through)


@pytest.mark.untraced
def test_a_worker_killed_within_a_shard_leaves_it_to_others(world: World) -> None:
    stuck = "s0"
    everybody = {f"s{number}" for number in range(COUNT)}
    apart = Shard(shard_of(stuck), shard_count())
    world.add(make_paper(1, world.now, title=ZORBLAX))

    def matched(connection: sa.Connection) -> set[str]:
        return {pair.subscription_id for pair in matches.in_state(connection, MatchState.PENDING)}

    def is_stuck(connection: sa.Connection) -> bool:
        return connection.scalar(WAITING) is not None

    with contextlib.ExitStack() as stack:
        nursery = stack.enter_context(Nursery(world, SIZE))
        pids = [nursery.start("clock")]
        stack.callback(end, pids)
        until(world, lambda found: len(subscriptions.known(found)) == COUNT)
        holder = stack.enter_context(psycopg.connect(world.store))
        holder.execute("SELECT 1 FROM subscriptions WHERE id = %s FOR UPDATE", [stuck])
        victim = nursery.start("worker")
        pids.append(victim)
        until(world, is_stuck)
        pids.append(nursery.start("worker"))
        # The other one goes on beside it, with all shards but the one that is stuck.
        until(world, lambda found: [part.shard for part in shards.left(found)] == [apart])
        with looking(world) as connection:
            assert matched(connection) == {n for n in everybody if shard_of(n) != apart.number}
        os.kill(victim, signal.SIGKILL)
        holder.rollback()
        until(
            world,
            lambda found: pass_time(world) and is_through(found) and len(world.mails) == COUNT,
        )
    assert got(world) == {(address(n), "2602.00001"): 1 for n in range(COUNT)}


WAITING = sa.text(
    "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT%'"
)


def shard_count() -> int:
    return -(-COUNT // SIZE)


def shard_of(name: str) -> int:
    return bucket_of(name) * shard_count() // BUCKETS


def pass_time(world: World) -> bool:
    later(world, seconds=5)
    return True


def end(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def test_changed_rules_reach_workers_by_the_next_check(world: World) -> None:
    async with replica(world, "clock") as clock, replica(world, "worker") as worker:
        await check(world, clock, 1)
        await asyncio.to_thread(world.smtp.wait_for, COUNT)
        assert worker.context.subscriptions == {}, "it has what counts from the store"
        # The worker's own file stays as it was read: s0 asks for something else, s1 is no more.
        kept = map(reader, range(2, COUNT))
        world.configure(DAILY, reader(0, word="vexil"), *kept, reader(COUNT))
        world.add(make_paper(3, world.now, title="Of vexil"))
        await check(world, clock, 2)
        await asyncio.to_thread(world.smtp.wait_for, 2 * COUNT)
        await asyncio.to_thread(until, world, is_through)
    second = got(world) - Counter({(address(n), "2602.00001"): 1 for n in range(COUNT)})
    expected = {(address(n), "2602.00002"): 1 for n in range(2, COUNT)}
    # Whoever is new has what is on the page.
    new = {(address(COUNT), f"2602.0000{number}"): 1 for number in (1, 2)}
    assert second == {(address(0), "2602.00003"): 1, **expected, **new}


async def test_what_rules_want_to_know_is_asked_once_and_settled_in_all_shards(
    world: World,
) -> None:
    """On a card without abstract, `none` cannot be ruled out before the API has told of it."""
    wary = (reader(n).replace("any =", 'none = ["survey"]\nany =') for n in range(COUNT))
    world.configure(TRENDING, *wary)
    world.site.without_json = True
    world.site.faults["/api/daily_papers*"] = faults.answering(404, '{"error": "not found"}')
    async with replica(world, "clock") as clock, replica(world, "worker"):
        await check(world, clock, 1)
        await asyncio.to_thread(world.smtp.wait_for, COUNT)
    assert set(got(world).values()) == {1}
    assert "without" not in world.mails[0].text
    assert world.site.paths().count("/api/papers/2602.00001") == 1


async def test_a_slot_is_composed_in_its_minute_and_a_missed_one_in_a_quarter_of_an_hour(
    world: World,
) -> None:
    world.configure(DAILY, *(reader(n, digest="daily 08:10") for n in range(COUNT)))
    world.add(make_paper(1, world.now, title=ZORBLAX))

    def pause(at: dt.datetime | None) -> Callable[[sa.Connection], None]:
        return lambda connection: subscriptions.pause(connection, "s0", at)

    def has_looked(connection: sa.Connection) -> bool:
        """Whether all slots were looked at since the latest check."""
        looked = checks.get_meta(connection, LOOKED)
        return looked is not None and looked >= f"{world.now:%Y-%m-%dT%H:%M}"

    async with replica(world, "clock") as clock, replica(world, "worker"):
        await clock.run_pass()
        await asyncio.to_thread(until, world, matches.has_pending)
        await clock.context.write(pause(world.now))
        later(world, minutes=65)
        await clock.run_pass()
        await asyncio.to_thread(until, world, has_looked)
        asked = len(world.site.requests)
        later(world, minutes=6)  # past the slot; the next check is far
        await clock.run_slots()
        await asyncio.to_thread(world.smtp.wait_for, COUNT - 1)
        await asyncio.to_thread(until, world, has_looked)
        await clock.context.write(pause(None))
        later(world, minutes=16)
        await clock.run_slots()
        await asyncio.to_thread(world.smtp.wait_for, COUNT)
    assert got(world) == {(address(n), "2602.00001"): 1 for n in range(COUNT)}
    assert len(world.site.requests) == asked


async def test_nothing_is_composed_by_rules_that_are_in_force_no_more(world: World) -> None:
    world.configure(DAILY, *(reader(n, digest="daily 08:10") for n in range(COUNT)))
    world.add(make_paper(1, world.now, title=ZORBLAX))
    async with replica(world, "clock") as clock:
        async with replica(world, "worker"):
            await clock.run_pass()
            await asyncio.to_thread(until, world, matches.has_pending)
            await asyncio.to_thread(until, world, is_through)  # the other shards as well
        version = await clock.context.read(subscriptions.version)
        later(world, minutes=71)
        for is_current in (False, True):
            narrowed = replace(
                clock.context, shard=Shard(0, 1), version=version if is_current else "yesterday's"
            )
            composed = await compose(narrowed, world.now, is_open=True)
            assert composed.is_outdated is not is_current
            assert composed.digest_count == (COUNT if is_current else 0)
