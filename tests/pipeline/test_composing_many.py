"""Digests that are composed together: each stands for itself, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import sqlalchemy as sa

from tests.fakesite import make_paper
from tests.modes import on_both_stores
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher.models import DeliveryState, MatchState
from watcher.pipeline.compose import TOGETHER, Composed, compose
from watcher.store import bounces, leaving, matches, outbox, slots, subscriptions
from watcher.store.database import Database
from watcher.store.schema import digests
from watcher.store.schema import matches as matches_table

SLOT = "2026-02-19T08:00:00Z"
AT_EIGHT = WEIGHTS.replace("each-check", "daily 08:00")


def everybody(count: int) -> list[str]:
    return [
        AT_EIGHT.replace('"weights"', f'"s{number}"').replace("ada@", f"{number}@")
        for number in range(count)
    ]


async def composed(world: World, meanwhile: Callable[[], None] = lambda: None) -> Composed:
    """Match, and compose at eight; `meanwhile` is done once all is looked up."""
    calls = count()

    def progressed() -> None:
        if next(calls) == 0:
            meanwhile()

    async with world.engine() as engine:
        await engine.run_pass()
        world.later(hours=1)
        result = await compose(engine.context, world.now, progressed=progressed)
        await engine.run_slots()
        return result


def mailed(database: Database) -> list[str]:
    with database.read() as connection:
        found = connection.scalars(sa.select(digests.c.subscription_id))
        return sorted(found)


async def test_many_have_a_digest_each_and_once(world: World) -> None:
    world.configure(DAILY, *everybody(TOGETHER + 1))
    world.add(make_paper(1, world.now, title=ZORBLAX))
    assert (await composed(world)).digest_count == TOGETHER + 1
    assert len({mail.recipient for mail in world.mails}) == len(world.mails) == TOGETHER + 1
    assert {tuple(mail.paper_ids) for mail in world.mails} == {("2602.00001",)}


async def test_a_digest_that_cannot_be_stored_holds_up_no_other(world: World) -> None:
    world.configure(DAILY, *everybody(9))
    await world.run_pass()
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON digests WHEN NEW.subscription_id = 's7'"
            " BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
    world.add(make_paper(1, world.now, title=ZORBLAX))
    result = await composed(world)
    assert (result.digest_count, result.failed) == (8, ("s7",))
    with database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER refuse")
    database.close()
    await world.run_pass()
    assert sorted(mail.recipient for mail in world.mails) == [f"{n}@example.org" for n in range(9)]


@on_both_stores
async def test_what_changes_while_digests_are_put_into_words_counts(world: World) -> None:
    two = '["6@example.org", "Six@example.org"]'
    world.configure(DAILY, *everybody(6), everybody(7)[6].replace('["6@example.org"]', two))
    world.add(make_paper(1, world.now, title=ZORBLAX), make_paper(2, world.now, title=ZORBLAX))
    database = Database(world.config().store_url, writable=True)

    def meanwhile() -> None:
        with database.write() as connection:
            slots.record_slot(connection, "s0", SLOT, world.now, world.now, None)
            bounces.pause(connection, "1@example.org", "mails come back", world.now)
            connection.execute(
                matches_table.update()
                .where(matches_table.c.subscription_id == "s2")
                .where(matches_table.c.paper_id == "2602.00001")
                .values(state=MatchState.WITHDRAWN)
            )
            matches.withdraw_unsent(connection, "s3")
            leaving.leave(connection, "s5", "5@example.org", world.now)
            leaving.leave(connection, "s6", "six@example.org", world.now)

    result = await composed(world, meanwhile)
    assert (result.digest_count, result.failed) == (4, ())
    closed = "s0 was closed, of s3 nothing is pending, of s5 nobody is left"
    assert mailed(database) == ["s1", "s2", "s4", "s6"], closed
    with database.read() as connection:
        states = {d.recipient: d.state for d in outbox.in_state(connection, list(DeliveryState))}
        assert slots.has_slot(connection, "s3", SLOT)
        assert subscriptions.told_until(connection, ["s3", "s4"])["s4"] == world.now
    database.close()
    assert states == {
        "1@example.org": DeliveryState.DEAD,
        "2@example.org": DeliveryState.DELIVERED,
        "4@example.org": DeliveryState.DELIVERED,
        "6@example.org": DeliveryState.DELIVERED,
    }
    assert {mail.recipient: mail.paper_ids for mail in world.mails} == {
        "2@example.org": ["2602.00002"],
        "4@example.org": ["2602.00001", "2602.00002"],
        "6@example.org": ["2602.00001", "2602.00002"],
    }
