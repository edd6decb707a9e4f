"""A process that stands still while others go on: what it had is theirs, and it is told in time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from pydantic import ValidationError

from tests.fakesite import make_paper
from tests.fleet.processes import leap
from tests.smtpserver import Stage
from tests.world import DAILY, WEIGHTS, ZORBLAX, World
from watcher.fleet import joined
from watcher.mail.smtp import MESSAGE_SECONDS
from watcher.models import DeliveryState
from watcher.pipeline.context import Context
from watcher.pipeline.deliver import Delivered, deliver
from watcher.settings import SmtpSettings
from watcher.store import outbox
from watcher.store.database import Database
from watcher.store.sending import SENT_WITHIN


async def put_off(world: World) -> None:
    """Have a digest composed, and its mail put off."""
    world.add(make_paper(1, world.now, title=ZORBLAX))
    world.smtp.fail("rcpt", "450 4.2.0 later")
    async with joined(world.config(), "all", retry_wait=0.01) as replica:
        await replica.run_pass()
        async with replica.working():
            await asyncio.to_thread(world.smtp.wait_for_command, "RCPT")
            await asyncio.to_thread(world.smtp.wait_for_idle)
    world.smtp.heal()
    later(world, 2)


def later(world: World, minutes: float) -> None:
    world.later(minutes=minutes)
    leap(world)


def states(world: World) -> list[DeliveryState]:
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        found = [each.state for each in outbox.in_state(connection, list(DeliveryState))]
    database.close()
    return found


@contextlib.asynccontextmanager
async def standing_still(world: World, stage: Stage, answer: str) -> AsyncIterator[Still]:
    """A worker that a mail server lets wait, in the middle of a mail that was put off before."""
    await put_off(world)
    async with (
        joined(world.config(), "worker") as first,
        joined(world.config(), "worker") as second,
    ):
        world.smtp.fail(stage, answer, times=1)
        sending = asyncio.create_task(deliver(first.context))
        await asyncio.to_thread(world.smtp.wait_for_hang)
        yield Still(world, sending, second.context)


@dataclass(frozen=True, slots=True)
class Still:
    """What the worker is at, and the parts of another one that goes on."""

    world: World
    sending: asyncio.Task[Delivered]
    other: Context

    async def go_on(self) -> Delivered:
        """Let it have its answer; what came of it."""
        self.world.smtp.release()
        return await self.sending


def test_a_transport_gives_up_before_its_lease_ends() -> None:
    lease = SENT_WITHIN.total_seconds()
    assert lease > MESSAGE_SECONDS  # in all, whatever the time limit for each answer is
    with pytest.raises(ValidationError):  # it is that of a `sendmail` in all
        SmtpSettings(host="localhost", timeout=lease)


async def test_a_mail_that_another_took_over_is_not_sent_by_the_first(world: World) -> None:
    async with standing_still(world, "ehlo", "hold") as first:
        assert (await deliver(first.other)).delivered_count == 0, "it is the first one's"
        later(world, 12)
        assert (await deliver(first.other)).delivered_count == 1
        assert (await first.go_on()).delivered_count == 0
    assert len(world.digests()) == 1
    assert states(world) == [DeliveryState.DELIVERED]


async def test_what_was_claimed_and_taken_over_is_not_begun(world: World) -> None:
    world.configure(
        DAILY, WEIGHTS.replace('["ada@example.org"]', '["a@example.org", "b@example.org"]')
    )
    path = world.config_path
    path.write_text(path.read_text().replace("[smtp]", "[smtp]\nconnections = 1"))
    async with standing_still(world, "ehlo", "hold") as first:
        later(world, 3)  # it has begun with one of the two, and claimed the other
        assert (await deliver(first.other)).delivered_count == 1
        assert (await first.go_on()).delivered_count == 1
    assert sorted(mail.recipient for mail in world.mails) == ["a@example.org", "b@example.org"]
    assert states(world) == [DeliveryState.DELIVERED] * 2


async def test_only_what_was_handed_over_may_come_twice_and_then_it_is_the_same(
    world: World,
) -> None:
    async with standing_still(world, "dot", "accept+hold") as first:
        later(world, 12)
        assert (await deliver(first.other)).delivered_count == 1
        await first.go_on()
    one, two = world.digests()
    assert one.raw == two.raw
    assert states(world) == [DeliveryState.DELIVERED]


async def test_an_answer_that_comes_late_spares_a_second_mail(world: World) -> None:
    async with standing_still(world, "dot", "accept+hold") as first:
        later(world, 12)
        world.smtp.fail("rcpt", "450 4.2.0 later", times=1)
        assert (await deliver(first.other)).deferred_count == 1
        await first.go_on()
        later(world, 60)
        assert (await deliver(first.other)).delivered_count == 0
    assert len(world.digests()) == 1
    assert states(world) == [DeliveryState.DELIVERED]
