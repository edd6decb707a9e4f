"""Every mail has a state, and nobody waits for somebody else's trouble."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.fakesite import make_paper
from tests.modes import in_all_modes, in_both_modes
from tests.world import DAILY, THURSDAY, WEIGHTS, ZORBLAX, World
from watcher.errors import StoreError
from watcher.models import DeliveryState
from watcher.pipeline.deliver import wait_after
from watcher.store import forgetting, links, outbox, sending, subscriptions
from watcher.store.database import Database

pytestmark = pytest.mark.untraced  # what it reaches, others do as well

MINUTE = dt.timedelta(minutes=1)
TWO = WEIGHTS.replace('["ada@example.org"]', '["ada@example.org", "bob@example.org"]')


def deliveries(world: World) -> list[outbox.Delivery]:
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        found = outbox.in_state(connection, list(DeliveryState))
    database.close()
    return found


def ready(world: World, part: str = WEIGHTS) -> None:
    world.configure(DAILY, part)
    world.add(make_paper(1, world.now, title=ZORBLAX))


def one_at_a_time(world: World) -> None:
    text = world.config_path.read_text().replace("[smtp]\n", "[smtp]\nconnections = 1\n")
    world.config_path.write_text(text)


def test_waits_grow_from_a_minute_to_an_hour() -> None:
    waits = [wait_after(count) / MINUTE for count in (1, 2, 3, 6, 7, 8, 1000)]
    assert waits == [1, 2, 4, 32, 60, 60, 60]


@in_all_modes
async def test_one_of_two_refused_and_the_other_has_it_once(world: World) -> None:
    ready(world, TWO)
    world.smtp.fail("rcpt", "550 5.1.1 no such user", recipient="bob@example.org")
    result = await world.run_pass()
    assert (result.delivered_count, result.failed_count) == (1, 1)
    assert not result.is_well
    await world.run_pass()
    assert len(world.digests("ada@example.org")) == 1
    assert world.digests("bob@example.org") == []
    states = {d.recipient: d.state for d in deliveries(world) if d.digest_id}
    assert states["bob@example.org"] is DeliveryState.DEAD
    [notice] = world.notices()
    assert "bob@example.org" in notice.text
    assert "no such user" in notice.text
    world.smtp.heal()
    world.add(make_paper(2, world.now, title=ZORBLAX))
    await world.run_pass()
    assert [mail.paper_ids for mail in world.digests("bob@example.org")] == [["2602.00002"]]


async def test_each_mail_shows_that_the_task_gets_on(world: World) -> None:
    ready(world, TWO)
    one_at_a_time(world)
    world.smtp.fail("dot", "accept+hold", recipient="ada@example.org")
    world.smtp.fail("dot", "accept+hang", recipient="bob@example.org")
    async with world.engine() as engine:
        running = asyncio.create_task(engine.run_pass())
        await asyncio.to_thread(world.smtp.wait_for, 1)
        first = asyncio.get_running_loop().time()
        assert engine.running["deliver"] < first
        world.smtp.release()
        await asyncio.to_thread(world.smtp.wait_for, 2)
        assert engine.running["deliver"] > first
        states = {d.recipient: d.state for d in deliveries(world)}
        assert states == {
            "ada@example.org": DeliveryState.DELIVERED,
            "bob@example.org": DeliveryState.SENDING,
        }, "an end is recorded before the next mail goes"
        world.smtp.drop_connections()
        assert (await running).delivered_count == 1


async def test_a_mail_that_was_taken_is_recorded_though_the_next_cannot_begin(world: World) -> None:
    world.configure(DAILY, TWO)
    one_at_a_time(world)
    await world.run_pass()
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE UPDATE ON deliveries WHEN NEW.state = 'sending'"
            " AND NEW.recipient = 'bob@example.org' BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
    world.add(make_paper(1, world.now, title=ZORBLAX))
    world.later(hours=1)
    with pytest.raises(StoreError, match="refused"):
        await world.run_pass()
    with database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER refuse")
    database.close()
    world.later(minutes=1)
    await world.run_pass()
    assert [mail.recipient for mail in world.mails] == ["ada@example.org", "bob@example.org"]


@contextlib.contextmanager
def meanwhile(world: World) -> Iterator[sa.Connection]:
    """A transaction of somebody else."""
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        yield connection
    database.close()


@in_both_modes
async def test_who_is_paused_while_a_mail_is_under_way_is_not_tried_again(world: World) -> None:
    ready(world, TWO)
    world.smtp.fail("rcpt", "hold", recipient="bob@example.org", times=1)
    async with world.engine() as engine:
        running = asyncio.create_task(engine.run_pass())
        await asyncio.to_thread(world.smtp.wait_for_hang)
        with meanwhile(world) as connection:
            links.suppress(connection, "Bob@example.org", world.now)
        world.smtp.fail("data", "451 4.3.0 later", recipient="bob@example.org", times=1)
        world.smtp.release()
        await running
    world.later(hours=1)
    await world.run_pass()
    assert [mail.recipient for mail in world.mails] == ["ada@example.org"]
    ends = {each.recipient: (each.state, each.answer) for each in deliveries(world)}
    assert ends["bob@example.org"] == (
        DeliveryState.DEAD,
        "not sent, the recipient is paused: asked never to be written to again",
    )


async def test_what_a_dead_process_left_half_sent_goes_to_nobody_paused_since(
    world: World,
) -> None:
    ready(world, TWO)
    world.smtp.fail("rcpt", "450 4.2.0 greylisted")
    await world.run_pass()
    world.smtp.heal()
    world.later(minutes=1)
    with meanwhile(world) as connection:
        for each in sending.due(connection, world.now):
            sending.start(connection, each, world.now)
        links.suppress(connection, "bob@example.org", world.now)
    result = await world.run_pass()
    assert [mail.recipient for mail in world.mails] == ["ada@example.org"]
    assert result.pending_count == 0


@in_both_modes
async def test_who_deletes_everything_while_a_mail_is_under_way_holds_up_nobody(
    world: World,
) -> None:
    ready(world, WEIGHTS + WEIGHTS.replace("weights", "others").replace("ada@", "bob@"))
    one_at_a_time(world)
    world.smtp.fail("rcpt", "hold", recipient="ada@example.org", times=1)
    async with world.engine() as engine:
        running = asyncio.create_task(engine.run_pass())
        await asyncio.to_thread(world.smtp.wait_for_hang)
        with meanwhile(world) as connection:
            subscriptions.end(connection, "weights", world.now)
            forgetting.forget(connection, "weights")
        world.smtp.fail("data", "451 4.3.0 later", recipient="ada@example.org", times=1)
        world.smtp.release()
        await running
    world.smtp.wait_for(1)
    assert [mail.recipient for mail in world.mails] == ["bob@example.org"]
    assert [each.recipient for each in deliveries(world)] == ["bob@example.org"]


@in_both_modes
async def test_what_was_taken_while_its_recipient_was_removed_is_told_as_delivered(
    world: World,
) -> None:
    ready(world)
    world.smtp.fail("dot", "accept+hold")
    async with world.engine() as engine:
        running = asyncio.create_task(engine.run_pass())
        await asyncio.to_thread(world.smtp.wait_for, 1)
        with meanwhile(world) as connection:
            subscriptions.end(connection, "weights", world.now)
        world.smtp.release()
        await running
    assert [each.state for each in deliveries(world)] == [DeliveryState.DELIVERED]


async def test_a_temporary_refusal_is_tried_again_and_the_same_bytes_go(world: World) -> None:
    ready(world, TWO)
    world.smtp.fail("rcpt", "450 4.2.0 greylisted", recipient="bob@example.org", times=2)
    first = await world.run_pass()
    assert (first.delivered_count, first.pending_count, first.failed_count) == (1, 1, 0)
    assert first.is_well, "greylisting is no trouble"
    world.later(seconds=59)
    assert (await world.run_pass()).delivered_count == 0
    world.later(seconds=1)
    assert (await world.run_pass()).delivered_count == 0
    world.later(minutes=2)
    assert (await world.run_pass()).delivered_count == 1
    assert len(world.digests("bob@example.org")) == 1
    attempts = {d.recipient: d.attempt_count for d in deliveries(world)}
    assert attempts == {"ada@example.org": 1, "bob@example.org": 3}


async def test_a_mail_that_waits_for_more_than_an_hour_is_trouble(world: World) -> None:
    ready(world)
    world.smtp.fail("rcpt", "450 4.2.0 later")
    assert (await world.run_pass()).is_well
    world.later(hours=2)
    result = await world.run_pass()
    assert (result.late_count, result.is_well) == (1, False)


@pytest.mark.long
async def test_it_expires_only_after_five_days_and_thirty_attempts(world: World) -> None:
    ready(world)
    world.smtp.fail("rcpt", "450 4.2.0 later", recipient="ada@example.org")
    await world.run_pass()
    for _ in range(31):  # many attempts within five days
        world.later(hours=1)
        await world.run_pass()
    assert deliveries(world)[-1].state is DeliveryState.QUEUED
    world.now = THURSDAY + dt.timedelta(days=5)
    result = await world.run_pass()
    assert result.failed_count == 1
    expired = next(d for d in deliveries(world) if d.digest_id)
    assert expired.state is DeliveryState.EXPIRED
    await world.run_pass()
    assert any("ada@example.org" in notice.text for notice in world.notices())


async def test_five_days_alone_do_not_expire_a_mail(world: World) -> None:
    ready(world)
    world.smtp.fail("rcpt", "450 4.2.0 later", recipient="ada@example.org")
    await world.run_pass()
    world.later(days=10)
    await world.run_pass()
    assert deliveries(world)[0].state is DeliveryState.QUEUED


@in_both_modes
async def test_while_no_session_opens_nothing_is_composed_and_afterwards_one_digest_goes(
    world: World,
) -> None:
    world.configure(DAILY, WEIGHTS.replace("each-check", "daily 08:00"))
    world.add(make_paper(1, world.now, title=ZORBLAX))
    await world.run_pass()
    world.smtp.stop()
    for day in range(3):
        world.now = THURSDAY + dt.timedelta(days=day, hours=2)
        world.add(make_paper(10 + day, world.now, title=ZORBLAX))
        result = await world.run_pass()
        assert result.digest_count == 0
        assert result.mail_error is not None
        assert not result.is_well
        assert result.pending_count == day + 2
    assert all(delivery.notice_id for delivery in deliveries(world))
    world.smtp.start()
    world.later(hours=1)
    result = await world.run_pass()
    assert (result.digest_count, result.delivered_count) == (1, 1)
    [mail] = world.digests()
    assert len(mail.paper_ids) == 4
    [notice] = world.notices()
    assert "nothing listens there" in notice.text


async def test_after_an_outage_frozen_digests_go_first_and_unchanged(world: World) -> None:
    ready(world)
    world.smtp.fail("data", "451 4.3.0 disk", times=1)
    await world.run_pass()
    frozen = deliveries(world)[0]
    world.smtp.stop()
    world.later(minutes=5)
    assert (await world.run_pass()).mail_error is not None
    world.add(make_paper(2, world.now, title=ZORBLAX))
    world.later(minutes=5)
    assert (await world.run_pass()).mail_error is not None
    world.smtp.heal()
    world.smtp.start()
    world.later(minutes=1)
    await world.run_pass()
    first, second = world.digests()
    assert first.message_id == frozen.message_id
    assert [first.paper_ids, second.paper_ids] == [["2602.00001"], ["2602.00002"]]


@in_both_modes
async def test_silence_after_the_dot_sends_the_very_same_bytes_again(world: World) -> None:
    ready(world)
    world.smtp.fail("dot", "accept+drop", times=1)
    await world.run_pass()
    world.later(minutes=2)
    await world.run_pass()
    first, second = world.digests()
    assert first.raw == second.raw
    assert first.message_id == second.message_id
    world.later(minutes=2)
    await world.run_pass()
    assert len(world.digests()) == 2


async def test_a_failing_quit_means_sent(world: World) -> None:
    ready(world)
    world.smtp.fail("quit", "drop")
    assert (await world.run_pass()).delivered_count == 1
    world.later(hours=1)
    await world.run_pass()
    assert len(world.digests()) == 1


@in_both_modes
async def test_a_process_that_died_while_sending_sends_the_same_bytes(world: World) -> None:
    ready(world)
    world.smtp.fail("rcpt", "450 later", times=1)
    await world.run_pass()
    database = Database(world.config().store_url, writable=True)
    world.later(minutes=2)
    with database.write() as connection:
        [delivery_id] = sending.due(connection, world.now)
        envelope = sending.start(connection, delivery_id, world.now)
    database.close()
    assert envelope is not None
    await world.run_pass()
    assert [mail.raw for mail in world.digests()] == [envelope.message]


@in_both_modes
async def test_a_recipient_who_is_gone_gets_nothing_more(world: World) -> None:
    ready(world, TWO)
    world.smtp.fail("rcpt", "450 later", recipient="bob@example.org")
    await world.run_pass()
    world.smtp.heal()
    world.configure(DAILY, WEIGHTS)
    world.later(hours=1)
    await world.run_pass()
    assert world.digests("bob@example.org") == []
    states = {d.recipient: d.state for d in deliveries(world)}
    assert states["bob@example.org"] is DeliveryState.CANCELLED


async def test_many_recipients_over_a_few_kept_connections(world: World) -> None:
    people = ", ".join(f'"r{number}@example.org"' for number in range(40))
    ready(world, WEIGHTS.replace('"ada@example.org"', people))
    result = await world.run_pass()
    assert result.delivered_count == 40
    assert len({mail.recipient for mail in world.mails}) == 40
    assert world.smtp.connection_count <= 4 + 1, "four workers and the probe"


@in_both_modes
async def test_nobody_waits_for_one_recipients_trouble(world: World) -> None:
    people = ", ".join(f'"r{number}@example.org"' for number in range(6))
    ready(world, WEIGHTS.replace('"ada@example.org"', people))
    world.smtp.fail("dot", "drop", recipient="r2@example.org")
    await world.run_pass()
    assert {mail.recipient for mail in world.mails} == {
        f"r{n}@example.org" for n in (0, 1, 3, 4, 5)
    }


async def test_one_pass_delivers_all_there_is(world: World) -> None:
    people = ", ".join(f'"r{number}@example.org"' for number in range(501))
    ready(world, WEIGHTS.replace('"ada@example.org"', people))
    result = await world.run_pass()
    assert (result.delivered_count, result.pending_count) == (501, 0)


async def test_once_the_end_is_asked_for_no_mail_begins(world: World) -> None:
    people = ", ".join(f'"r{number}@example.org"' for number in range(20))
    ready(world, WEIGHTS.replace('"ada@example.org"', people))
    world.smtp.fail("rcpt", "450 later", times=20)
    await world.run_pass()
    world.later(minutes=5)
    world.add(make_paper(2, world.now, title=ZORBLAX))
    async with world.engine() as engine:
        engine.stopping.set()
        await engine.run_slots()
        await engine.run_pass()
    assert world.mails == []
    await world.run_pass()
    assert len(world.mails) == 40


async def test_a_server_that_refuses_the_sender_is_told_since_when(world: World) -> None:
    ready(world)
    world.smtp.fail("mail", "550 5.7.1 not you")
    for _ in range(4):  # each finds that a session opens
        world.add(make_paper(len(world.site.papers), world.now, title=ZORBLAX))
        result = await world.run_pass()
        world.later(minutes=30)
    assert result.mail_error is not None
    world.smtp.heal()
    await world.run_pass()
    [notice] = world.notices()
    assert "Since: Thu 19 Feb 2026, 07:00 UTC" in notice.text
    assert "not you" in notice.text
    assert [len(mail.paper_ids) for mail in world.digests()] == [2, 3]
